"""`bulkhead rebuild`: are the ledger's tables what its events give, and what the exported files give? To the last row.

The original is only read, and only while no run uses it: the files are always a little behind a run. What differs is
named; with --to a new ledger is written beside it, and which of the two is used is for a person to decide.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from bulkhead.app.commands.output import QuietConsole, write_json
from bulkhead.app.commands.places import ledger_of, usual_ledger
from bulkhead.app.commands.progress import progress_on_stderr
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.ledger.lock import check_unowned
from bulkhead.ledger.port import LedgerInUse, LedgerNewer, LedgerUnavailable
from bulkhead.ledger.rebuilding import Made, RebuildReport, Source, rebuild_ledger
from bulkhead.ledger.session import SessionFolder, SessionFolderError, session_paths

MAX_LINES = 20
"""Of differences shown to a person; --json has more."""


def run(ledger: Path | None, logs_dir: Path, source: str, dest: Path | None, as_json: bool) -> ExitCode:
    """0 when both agree with the tables, 6 with the differences when not. Raises Stopped when it cannot be done."""
    original = ledger or usual_ledger(logs_dir)
    sources = _sources(source)
    if not original.exists() and not (sources == (Source.FILES,) and dest is not None):
        hint = "name it with --ledger; if it is lost, `--from files --to NEW` makes it again"
        raise Stopped(ExitCode.NOT_FOUND, f"there is no ledger {original}: {hint}")
    folders = _folders(logs_dir, original)
    began = time.monotonic()
    try:
        check_unowned(original)
        with progress_on_stderr() as show:
            report = rebuild_ledger(original, folders, sources, dest, show)
    except LedgerInUse as error:
        raise Stopped(ExitCode.FENCED, f"a run is going on: {error}, then rebuild") from None
    except LedgerNewer as error:
        raise Stopped(ExitCode.CONFIG, str(error)) from None
    except LedgerUnavailable as error:
        raise Stopped(ExitCode.ERROR, str(error)) from None
    except OSError as error:
        where = "the rebuilt tables cannot be written" if dest is None else f"cannot write {dest}"
        raise Stopped(ExitCode.ERROR, f"{where}: {error.strerror or error}") from None
    notes = _notes(report, folders)
    if as_json:
        write_json({"ok": report.ok, **report.model_dump(mode="json"), "notes": notes})
    else:
        _show(report, notes, time.monotonic() - began)
    return ExitCode.OK if report.ok else ExitCode.VERDICT_FAILED


def _sources(text: str) -> tuple[Source, ...]:
    if text == "both":
        return (Source.EVENTS, Source.FILES)
    try:
        return (Source(text),)
    except ValueError:
        raise Stopped(ExitCode.CONFIG, f"--from takes events, files or both, not {text!r}") from None


def _folders(logs_dir: Path, ledger: Path) -> Sequence[Path]:
    """Every session that may have written to the ledger. One that is there says by itself which it has."""
    paths = session_paths(logs_dir)
    if ledger.exists():
        return paths
    return [path for path in paths if ledger_of(path, logs_dir).resolve() == ledger.resolve()]


def _notes(report: RebuildReport, folders: Sequence[Path]) -> list[str]:
    notes = []
    if report.head_seq is None:
        notes.append("there is no ledger to compare with: nothing says whether the files have its last events")
    is_cut = any(made.source is Source.FILES and not made.ok for made in report.made)
    if is_cut and folders and not _ended(folders[-1]):
        notes.append(
            f"session {folders[-1].name} did not end in order; the next `bulkhead run` completes its files from the"
            " ledger"
        )
    return notes


def _ended(folder: Path) -> bool:
    try:
        return SessionFolder.open(folder).metadata.stopped_ns is not None
    except SessionFolderError:
        return True


def _show(report: RebuildReport, notes: Sequence[str], took_s: float) -> None:
    console = QuietConsole()
    for made in report.made:
        for found in made.differences[:MAX_LINES]:
            console.print(f"table {found.table}, row {found.key}: {found.what}", markup=False)
        if len(made.differences) > MAX_LINES:
            console.print(f"… and at least {len(made.differences) - MAX_LINES} more; --json has the first of them")
        console.print(_verdict(made, report), style="bold green" if made.ok else "bold red", markup=False)
    if report.written:
        console.print(f"written: {report.written}; the original was not touched", markup=False)
    for note in notes:
        console.print(f"note: {note}", style="yellow", markup=False)
    console.print(f"{report.ledger}: {took_s:.1f} s", style="dim", markup=False)


def _verdict(made: Made, report: RebuildReport) -> str:
    if made.error is not None:
        return f"from the {made.source.value}: {made.error}"
    rows = sum(made.rows.values())
    said = f"from the {made.source.value}: {made.events:,} events give {rows:,} rows in {len(made.rows)} tables"
    if report.head_seq is None:
        return said
    return f"{said}, {'all as they are' if made.ok else f'{len(made.differences)} differences or more'}"
