"""Where a run leaves its files, seen from a command that only reads them."""

import json
import os
import time
from pathlib import Path
from typing import Any

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.ledger.jsonl import read_lines
from bulkhead.ledger.session import SessionFolder, SessionFolderError
from bulkhead.monitor.guard_log import FILE_NAME as GUARD_LOG
from bulkhead.monitor.guard_log import GaveUp, gave_up
from bulkhead.monitor.lines import current_session
from bulkhead.monitor.status import FILE_NAME, StatusReport, StatusView, read_status
from messages.failure import StopReason
from messages.records import ConfigSnapshotRecorded, Stream
from supervisor.latch import StopLatch

LOOKED_AT = 50
"""Sessions that are asked whether they live; an older one that still does is named with --session."""


def sessions_dir(logs_dir: Path) -> Path:
    return logs_dir / "sessions"


def find_session(logs_dir: Path, session_id: str | None) -> Path:
    """The named session's folder, or the current one's. Raises Stopped (exit code 2)."""
    sessions = sessions_dir(logs_dir)
    if session_id is None:
        folder = current_session(sessions)
        if folder is None:
            sentence = f"nothing has run under {logs_dir} yet; start with `bulkhead run`, or name another --logs-dir"
            raise Stopped(ExitCode.NOT_FOUND, sentence)
        return folder
    folder = sessions / session_id
    if folder.parent != sessions or not folder.is_dir() or session_id.startswith("."):
        raise Stopped(ExitCode.NOT_FOUND, f"there is no session {session_id!r} in {sessions}; `ls {sessions}` has them")
    return folder


def shown_session(logs_dir: Path) -> Path:
    """The current session's folder; once that has ended, the newest that lives beside it: a short replay does not hide
    the run that goes on. Raises Stopped (exit code 2)."""
    current = find_session(logs_dir, None)
    if status_of(current).is_running:
        return current
    return next(iter(living_sessions(logs_dir)), current)


def live_session(logs_dir: Path, session_id: str | None = None, advice: str = "") -> tuple[Path, StatusReport]:
    """The folder of the run that lives, and its report. Raises Stopped (exit code 3), with `advice` at the end, and
    (exit code 1) rather than choose between two; exit code 2 for a `session_id` that is none."""
    try:
        folder = shown_session(logs_dir) if session_id is None else find_session(logs_dir, session_id)
    except Stopped as none:
        if session_id is not None:
            raise
        raise Stopped(ExitCode.NOT_RUNNING, none.sentence) from None
    living = living_sessions(logs_dir) if session_id is None else []
    if len(living) > 1:
        names = ", ".join(path.name for path in living)
        raise Stopped(ExitCode.ERROR, f"{len(living)} sessions are live: say which with --session: {names}")
    view = status_of(folder)
    if not view.is_running or view.report is None:
        raise Stopped(ExitCode.NOT_RUNNING, f"nothing runs: {view.detail}{advice}")
    return folder, view.report


def living_sessions(logs_dir: Path) -> list[Path]:
    """The newest first, by their names, which begin with the time. Raises OSError."""
    folders = sorted((path for path in sessions_dir(logs_dir).iterdir() if path.is_dir()), reverse=True)
    return [path for path in folders[:LOOKED_AT] if status_of(path).is_running]


def status_of(folder: Path) -> StatusView:
    """What a session last said of itself, and whether to believe it."""
    return read_status(folder / FILE_NAME, time.time_ns())


def guard_gave_up(logs_dir: Path, view: StatusView) -> GaveUp | None:
    """What the guard said when it gave up, unless the run in `view` was started after that."""
    return gave_up(logs_dir / GUARD_LOG, None if view.report is None else view.report.started_at_ns)


def latched(stop_dir: Path) -> tuple[StopReason, ...]:
    """Stop reasons on disk: in force at every start until an operator lifts them."""
    return StopLatch(stop_dir).load(time.time_ns())


def stop_dir_of(folder: Path, logs_dir: Path) -> Path:
    """Where a session latches its stops, seen from where its process stands."""
    try:
        stop_dir = Path(settings_of(folder, logs_dir)["session"]["stop_dir"])
    except (Stopped, KeyError, TypeError):
        return logs_dir / "stop"
    report = status_of(folder).report
    if stop_dir.is_absolute() or report is None:
        return stop_dir
    try:
        return Path(os.readlink(f"/proc/{report.pid}/cwd")) / stop_dir
    except OSError:
        return stop_dir


def reason_words(reason: StopReason) -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(reason.since_ns / 1e9))
    return f"{reason.level.name}  {reason.cause}  ({reason.reason_id}, {reason.scope}, since {since} UTC)"


def ledger_of(folder: Path, logs_dir: Path) -> Path:
    """The ledger that a session wrote to, by the snapshot of its configuration; else the usual one."""
    try:
        return Path(settings_of(folder, logs_dir)["session"]["ledger_file"])
    except (Stopped, KeyError, TypeError):
        return logs_dir / "ledger.db"


def settings_of(folder: Path, logs_dir: Path) -> dict[str, Any]:
    """What a session ran with: from the audit folder, else from its own record. Raises Stopped (exit code 2)."""
    try:
        snapshot_id = SessionFolder.open(folder).metadata.config_snapshot_id
        snapshot: dict[str, Any] = json.loads((logs_dir / "audit" / f"config_{snapshot_id}.json").read_bytes())
        return dict(snapshot["values"])
    except (SessionFolderError, OSError, ValueError, KeyError, TypeError):
        return _recorded_settings(folder)


def _recorded_settings(folder: Path) -> dict[str, Any]:
    try:
        for line in read_lines(folder / f"{Stream.OPS.value}.jsonl"):
            event = json.loads(line.data)
            if event["type"] == ConfigSnapshotRecorded.__name__:
                return dict(json.loads(event["payload"]["content"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass  # as if there were none: the sentence is the same
    raise Stopped(ExitCode.NOT_FOUND, f"session {folder.name} has left no settings that can be read")


def usual_ledger(logs_dir: Path) -> Path:
    """That of the current session; where nothing has run under `logs_dir`, the usual place."""
    try:
        return ledger_of(find_session(logs_dir, None), logs_dir)
    except Stopped:
        return logs_dir / "ledger.db"


def free_bytes(folder: Path) -> int:
    """Space left for us on the file system that holds `folder`. Raises OSError."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
