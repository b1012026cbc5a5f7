"""`bulkhead status`: what the run says of itself, and whether there still is a run.

Exit code 0 only when it lives; 7 when its process exists but has fallen silent; 3 when it is not running.
"""

from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from bulkhead.app.commands.output import QuietConsole, write_json
from bulkhead.app.commands.places import find_session, latched, reason_words, status_of
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.monitor.status import Liveness, StatusView
from bulkhead.monitor.status_view import render_status
from messages.failure import StopReason

_CODES = {Liveness.LIVE: ExitCode.OK, Liveness.STALE: ExitCode.STUCK}


def run(logs_dir: Path, session_id: str | None, as_json: bool) -> ExitCode:
    view = view_of(logs_dir, session_id)
    reasons = latched(logs_dir / "stop")
    if as_json:
        write_json(as_data(view, reasons))
    else:
        console = QuietConsole()
        console.print(as_screen(view, reasons), soft_wrap=False)
    return _CODES.get(view.liveness, ExitCode.NOT_RUNNING)


def view_of(logs_dir: Path, session_id: str | None) -> StatusView:
    """Of the named session, or of the current one. Raises Stopped for a name that is none."""
    try:
        return status_of(find_session(logs_dir, session_id))
    except Stopped as stopped:
        if session_id is not None:
            raise
        return StatusView(liveness=Liveness.ABSENT, detail=stopped.sentence)


def as_data(view: StatusView, reasons: tuple[StopReason, ...]) -> dict[str, object]:
    """For programs; `reasons` are those that are latched."""
    latched_json = [reason.model_dump(mode="json") for reason in reasons]
    return {"running": view.is_running, **view.model_dump(mode="json"), "latched": latched_json}


def as_screen(view: StatusView, reasons: tuple[StopReason, ...]) -> RenderableType:
    """For people. Of what is latched, only what the run has not told by itself."""
    told = {reason.reason_id for reason in view.report.reasons} if view.report and view.is_running else set()
    untold = [reason for reason in reasons if reason.reason_id not in told]
    if not untold:
        return render_status(view)
    head = "\nLatched: no entry is sent until an operator lifts these (`bulkhead resume --reason …`)"
    return Group(render_status(view), Text(head, style="red"), *(Text(f"  {reason_words(each)}") for each in untold))
