"""`bulkhead backup`: a checked copy of the ledger, at any time, also while a session runs."""

import time
from pathlib import Path

from loguru import logger

from bulkhead.app.commands.output import QuietConsole, write_json
from bulkhead.app.commands.places import usual_ledger
from bulkhead.app.commands.progress import progress_on_stderr
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.ledger.backup import BackupFailed, BackupRefused, BackupReport, back_up
from bulkhead.ledger.files import replace_text
from bulkhead.ledger.port import LedgerNewer, LedgerUnavailable
from messages.values import Value


def run(dest: Path, ledger: Path | None, logs_dir: Path, as_json: bool) -> ExitCode:
    """0 when the copy was made and holds. Raises Stopped otherwise: 6 for a copy that does not hold."""
    source = ledger or usual_ledger(logs_dir)
    if not source.is_file():
        raise Stopped(ExitCode.NOT_FOUND, f"there is no ledger {source}; name it with --ledger")
    began = time.monotonic()
    try:
        report = _back_up(source, dest)
    except BackupRefused as error:
        raise Stopped(ExitCode.ERROR, str(error)) from None
    except BackupFailed as error:
        raise Stopped(ExitCode.VERDICT_FAILED, f"{error}; no copy was left") from None
    except LedgerNewer as error:
        raise Stopped(ExitCode.CONFIG, str(error)) from None
    except LedgerUnavailable as error:
        raise Stopped(ExitCode.ERROR, str(error)) from None
    except OSError as error:
        raise Stopped(ExitCode.ERROR, f"cannot write {dest}: {error.strerror or error}") from None
    _note(logs_dir, source, dest)
    if as_json:
        write_json(report)
    else:
        _show(report, time.monotonic() - began)
    return ExitCode.OK


class LastBackup(Value):
    """Of one ledger: kept in the audit folder, for whoever asks later whether there is one."""

    ledger: str
    backup: str
    at_ns: int


def last_backup(logs_dir: Path, ledger: Path) -> LastBackup | None:
    """None: none was made with these logs, or what was kept of it cannot be read."""
    try:
        found = LastBackup.model_validate_json(_note_path(logs_dir, ledger).read_bytes())
    except (OSError, ValueError):
        return None
    return found if found.ledger == str(ledger.resolve()) else None


def _note_path(logs_dir: Path, ledger: Path) -> Path:
    return logs_dir / "audit" / f"backup_{ledger.name}.json"


def _note(logs_dir: Path, ledger: Path, dest: Path) -> None:
    if not logs_dir.is_dir():
        return
    made = LastBackup(ledger=str(ledger.resolve()), backup=str(dest.resolve()), at_ns=time.time_ns())
    path = _note_path(logs_dir, ledger)
    try:
        path.parent.mkdir(exist_ok=True)
        replace_text(path, made.model_dump_json(indent=2) + "\n")
    except OSError as error:
        logger.warning("the backup is made, and {} cannot be written: {}", path, error.strerror or error)


def _back_up(source: Path, dest: Path) -> BackupReport:
    with progress_on_stderr() as show:
        return back_up(source, dest, show)


def _show(report: BackupReport, took_s: float) -> None:
    console = QuietConsole()
    size = f"{report.size_bytes / 1e6:,.1f} MB"
    behind = report.live_seq - report.head_seq
    since = f"; {behind:,} came since" if behind else ""
    console.print(
        f"{report.backup}: {size}, events 1 to {report.head_seq:,} of {report.ledger}{since}; checked, {took_s:.1f} s",
        style="bold green",
        markup=False,
    )
