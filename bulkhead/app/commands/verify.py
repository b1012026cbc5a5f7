"""`bulkhead verify`: are the files of a session what its ledger says, to the last line?"""

import sys
import time
from pathlib import Path

from rich.console import Console as RichConsole
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bulkhead.app.commands.audit_check import NAME, audit_findings
from bulkhead.app.commands.output import QuietConsole, write_json
from bulkhead.app.commands.places import find_session, ledger_of, status_of
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.ledger.port import LedgerNewer, LedgerUnavailable
from bulkhead.ledger.session import SessionFolder, SessionFolderError
from bulkhead.ledger.sqlite import LedgerReader
from bulkhead.ledger.verify import Finding, VerifyReport, verify_session

UNFINISHED = "the session did not end in order; the next `bulkhead run` completes its files from the ledger"


def run(logs_dir: Path, session_id: str | None, ledger: Path | None, as_json: bool) -> ExitCode:
    """0 when everything holds, 6 with findings when something does not. Raises Stopped when it cannot be checked."""
    folder = find_session(logs_dir, session_id)
    if status_of(folder).is_running:
        sentence = f"session {folder.name} is running, and its files are always a little behind: verify it when it ends"
        raise Stopped(ExitCode.ERROR, sentence)
    chosen = ledger or ledger_of(folder, logs_dir)
    if ledger is not None and not ledger.is_file():
        raise Stopped(
            ExitCode.NOT_FOUND, f"there is no ledger {ledger}; without --ledger it is {ledger_of(folder, logs_dir)}"
        )
    began = time.monotonic()
    try:
        compared = chosen if ledger is not None or _knows(chosen, folder.name) else None
        report = _verify(folder, compared)
        audit_lines, audit = audit_findings(logs_dir, compared, folder.name)
    except LedgerNewer as error:
        raise Stopped(ExitCode.CONFIG, str(error)) from None
    except LedgerUnavailable as error:
        raise Stopped(ExitCode.ERROR, str(error)) from None
    took_s = time.monotonic() - began
    notes = [] if compared else [f"{chosen} does not know this session: its files were compared with each other only"]
    if not report.ok and not _ended(folder):
        notes.append(UNFINISHED)
    report = _with_audit(report, audit_lines, audit)
    if as_json:
        write_json({**report.model_dump(mode="json"), "ledger": compared and str(compared), "notes": notes})
    else:
        _show(report, compared, notes, took_s)
    return ExitCode.OK if report.ok else ExitCode.VERDICT_FAILED


def _with_audit(report: VerifyReport, lines: int, findings: list[Finding]) -> VerifyReport:
    counts = {**report.counts, NAME: lines} if lines else report.counts
    more = {"ok": report.ok and not findings, "findings": (*report.findings, *findings), "counts": counts}
    return report.model_copy(update=more)


def _knows(ledger: Path, session_id: str) -> bool:
    """A replay's ledger begins anew each time, so an older session may have none."""
    if not ledger.is_file():
        return False
    reader = LedgerReader(ledger)
    try:
        return next(reader.events(session_id=session_id), None) is not None
    finally:
        reader.close()


def _verify(folder: Path, ledger: Path | None) -> VerifyReport:
    """Shows on stderr, in a terminal, that it works."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = RichConsole(file=sys.stderr)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        progress.add_task(f"reading {_megabytes(folder, ledger):,.0f} MB of session {folder.name}", total=None)
        return verify_session(folder, ledger)


def _megabytes(folder: Path, ledger: Path | None) -> float:
    files = [*folder.glob("*.jsonl"), *([ledger] if ledger else [])]
    return sum(file.stat().st_size for file in files) / 1e6


def _ended(folder: Path) -> bool:
    try:
        return SessionFolder.open(folder).metadata.stopped_ns is not None
    except SessionFolderError:
        return True


def _show(report: VerifyReport, ledger: Path | None, notes: list[str], took_s: float) -> None:
    console = QuietConsole()
    for finding in report.findings:
        at = "" if finding.line is None else f", line {finding.line}"
        console.print(f"{finding.file}{at}: {finding.what}", markup=False)
    left_off = report.counts.get("findings_left_off", 0)
    if left_off:
        console.print(f"… and {left_off} more")
    lines = sum(count for name, count in report.counts.items() if name.endswith(".jsonl"))
    beside = f" against {ledger}" if ledger else ""
    verdict = "everything holds" if report.ok else f"{len(report.findings) + left_off} findings"
    console.print(
        f"session {report.session_id}: {verdict}; {lines:,} lines{beside}, {took_s:.1f} s",
        style="bold green" if report.ok else "bold red",
        markup=False,
    )
    for note in notes:
        console.print(f"note: {note}", style="yellow", markup=False)
