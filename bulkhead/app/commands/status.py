"""`bulkhead status`: what the run says of itself, whether there still is a run, and whether its guard has given up.

Exit code 0 only when it lives; 7 when its process exists but has fallen silent; 3 when it is not running.
"""

from pathlib import Path
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.text import Text

from bulkhead.app.commands.output import QuietConsole, write_json
from bulkhead.app.commands.places import find_session, guard_gave_up, latched, reason_words, shown_session, status_of
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.monitor.guard_log import GaveUp
from bulkhead.monitor.status import Liveness, StatusView
from bulkhead.monitor.status_view import render_status
from bulkhead.monitor.words import date_and_clock, one_line
from messages.failure import StopReason

_MAX_SENTENCE = 1_000
_CODES = {Liveness.LIVE: ExitCode.OK, Liveness.STALE: ExitCode.STUCK}


class Look(NamedTuple):
    """All that there is to see at one moment."""

    view: StatusView
    latched: tuple[StopReason, ...]
    gave_up: GaveUp | None
    """The guard's last word; None: there is no guard, or it has not given up, or a run was started since."""


def run(logs_dir: Path, session_id: str | None, as_json: bool) -> ExitCode:
    seen = look(logs_dir, session_id)
    if as_json:
        write_json(as_data(seen))
    else:
        console = QuietConsole()
        console.print(as_screen(seen), soft_wrap=False)
    return _CODES.get(seen.view.liveness, ExitCode.NOT_RUNNING)


def look(logs_dir: Path, session_id: str | None) -> Look:
    """At the named session, or at the one that `shown_session` chooses. Raises Stopped for a name that is none."""
    view = _view_of(logs_dir, session_id)
    return Look(view, latched(logs_dir / "stop"), None if session_id else guard_gave_up(logs_dir, view))


def _view_of(logs_dir: Path, session_id: str | None) -> StatusView:
    try:
        return status_of(shown_session(logs_dir) if session_id is None else find_session(logs_dir, session_id))
    except Stopped as stopped:
        if session_id is not None:
            raise
        return StatusView(liveness=Liveness.ABSENT, detail=stopped.sentence)


def as_data(seen: Look) -> dict[str, object]:
    """For programs."""
    return {
        "running": seen.view.is_running,
        **seen.view.model_dump(mode="json"),
        "latched": [reason.model_dump(mode="json") for reason in seen.latched],
        "guard_gave_up": None if seen.gave_up is None else seen.gave_up.model_dump(mode="json"),
    }


def as_screen(seen: Look) -> RenderableType:
    """For people. Of what is latched, only what the run has not told by itself."""
    view = seen.view
    told = {reason.reason_id for reason in view.report.reasons} if view.report and view.is_running else set()
    untold = [reason for reason in seen.latched if reason.reason_id not in told]
    parts: list[RenderableType] = []
    if seen.gave_up is not None:
        at, why = date_and_clock(seen.gave_up.at_ns), one_line(seen.gave_up.sentence, limit=_MAX_SENTENCE)
        parts.append(Text(f"The guard gave up at {at} UTC: {why}.\n", style="bold red"))
    parts.append(render_status(view))
    if untold:
        head = "\nLatched: no entry is sent until an operator lifts these (`bulkhead resume --reason …`)"
        parts += [Text(head, style="red"), *(Text(f"  {reason_words(each)}") for each in untold)]
    return Group(*parts)
