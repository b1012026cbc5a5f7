"""`bulkhead status`: what the run says of itself, and whether there still is a run.

Exit code 0 only when it lives; 7 when its process exists but has fallen silent; 3 when it is not running.
"""

from pathlib import Path

from bulkhead.app.commands.output import QuietConsole, write_json
from bulkhead.app.commands.places import find_session, latched, reason_words, status_of
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.monitor.status import Liveness, StatusView
from bulkhead.monitor.status_view import render_status
from messages.failure import StopReason

_CODES = {Liveness.LIVE: ExitCode.OK, Liveness.STALE: ExitCode.STUCK}


def run(logs_dir: Path, session_id: str | None, as_json: bool) -> ExitCode:
    view = _view(logs_dir, session_id)
    told = {reason.reason_id for reason in view.report.reasons} if view.report and view.is_running else set()
    reasons = latched(logs_dir / "stop")
    if as_json:
        latched_json = [reason.model_dump(mode="json") for reason in reasons]
        write_json({"running": view.is_running, **view.model_dump(mode="json"), "latched": latched_json})
    else:
        console = QuietConsole()
        console.print(render_status(view), soft_wrap=False)
        _show_latched(console, [reason for reason in reasons if reason.reason_id not in told])
    return _CODES.get(view.liveness, ExitCode.NOT_RUNNING)


def _view(logs_dir: Path, session_id: str | None) -> StatusView:
    try:
        return status_of(find_session(logs_dir, session_id))
    except Stopped as stopped:
        if session_id is not None:
            raise
        return StatusView(liveness=Liveness.ABSENT, detail=stopped.sentence)


def _show_latched(console: QuietConsole, reasons: list[StopReason]) -> None:
    if not reasons:
        return
    console.print(
        "\nLatched: no entry is sent until an operator lifts these (`bulkhead resume --reason …`)", style="red"
    )
    for reason in reasons:
        console.print(f"  {reason_words(reason)}", markup=False)
