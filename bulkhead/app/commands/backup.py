"""`bulkhead backup`: a checked copy of the ledger, at any time, also while a session runs."""

import sys
import time
from pathlib import Path

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bulkhead.app.commands.output import QuietConsole, write_json
from bulkhead.app.commands.places import find_session, ledger_of
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.ledger.backup import BackupFailed, BackupRefused, BackupReport, back_up
from bulkhead.ledger.port import LedgerNewer, LedgerUnavailable


def run(dest: Path, ledger: Path | None, logs_dir: Path, as_json: bool) -> ExitCode:
    """0 when the copy was made and holds. Raises Stopped otherwise: 6 for a copy that does not hold."""
    source = ledger or _usual_ledger(logs_dir)
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
    if as_json:
        write_json(report)
    else:
        _show(report, time.monotonic() - began)
    return ExitCode.OK


def _usual_ledger(logs_dir: Path) -> Path:
    """That of the current session; where nothing has run under `logs_dir`, the usual place."""
    try:
        return ledger_of(find_session(logs_dir, None), logs_dir)
    except Stopped:
        return logs_dir / "ledger.db"


def _back_up(source: Path, dest: Path) -> BackupReport:
    """Shows on stderr, in a terminal, how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    console = RichConsole(file=sys.stderr)
    with Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        tasks: dict[str, TaskID] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

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
