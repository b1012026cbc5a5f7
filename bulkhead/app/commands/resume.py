"""`bulkhead resume`: an operator lifts what is latched, while nothing runs.

The ledger's lock is held meanwhile, so no run can start between the look and the lifting. Who, why and when stand in
the audit file, synced, before anything is lifted.
"""

import json
import os
import pwd
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bulkhead.app.commands.output import write, write_json
from bulkhead.app.commands.places import UNREADABLE, latched, reason_words
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import Settings
from bulkhead.ledger.jsonl import JsonlFile, iso_text
from bulkhead.ledger.lock import OwnerLock
from bulkhead.ledger.port import LedgerInUse, LedgerUnavailable
from messages.failure import StopReason
from supervisor.latch import StopLatch

AUDIT_FILE = "operator_actions.jsonl"


def run(settings: Settings, why: str, operator: str | None, as_json: bool) -> ExitCode:
    """Raises Stopped when a run is live, when no reason was given, or when the record cannot be written."""
    if not why.strip():
        raise Stopped(ExitCode.ERROR, "--reason needs words: why may trading go on?")
    with _nothing_runs(settings.session.ledger_file):
        reasons = latched(settings.session.stop_dir)
        mine = [reason for reason in reasons if not reason.reason_id.startswith(UNREADABLE)]
        unreadable = [reason for reason in reasons if reason.reason_id.startswith(UNREADABLE)]
        if not as_json:
            for reason in reasons:
                write(reason_words(reason))
        if mine:
            audit = settings.session.logs_dir / "audit" / AUDIT_FILE
            _lift(StopLatch(settings.session.stop_dir), mine, audit, why, operator or current_user())
    if as_json:
        write_json({"lifted": _dump(mine), "left": _dump(unreadable)})
    else:
        write(f"lifted: {len(mine)}" if mine else "nothing to lift: no stop reason is latched" if not reasons else "")
    if unreadable:
        folder = settings.session.stop_dir
        sentence = f"{len(unreadable)} stop reasons cannot be read and stay in force; look at the files in {folder}"
        raise Stopped(ExitCode.ERROR, f"{sentence}, then remove them by hand")
    return ExitCode.OK


@contextmanager
def _nothing_runs(ledger_file: Path) -> Iterator[None]:
    if not ledger_file.parent.is_dir():
        yield  # no run can have this ledger open
        return
    try:
        lock = OwnerLock(ledger_file)
    except LedgerInUse as error:
        who = "a run" if error.holder_pid is None else f"the run of process {error.holder_pid}"
        sentence = f"{who} is live: this command lifts stop reasons only while nothing runs; stop it first"
        raise Stopped(ExitCode.ERROR, sentence) from None
    except LedgerUnavailable as error:
        raise Stopped(ExitCode.ERROR, f"it cannot be made sure that nothing runs: {error}") from None
    try:
        yield
    finally:
        lock.release()


def _lift(latch: StopLatch, reasons: Sequence[StopReason], audit: Path, why: str, operator: str) -> None:
    common = {"action": "resume", "operator": operator, "reason": why, "pid": os.getpid()}
    record(audit, {**common, "state": "asked", "reasons": _dump(reasons)})
    done: list[str] = []
    try:
        for reason in reasons:
            latch.remove(reason.reason_id)
            done.append(reason.reason_id)
    except OSError as error:
        record(audit, {**common, "state": "failed", "lifted": done, "error": str(error)})
        sentence = f"lifted {len(done)} of {len(reasons)} stop reasons, then: {error}; the rest stays in force"
        raise Stopped(ExitCode.ERROR, sentence) from None
    record(audit, {**common, "state": "done", "lifted": done})


def record(audit: Path, action: dict[str, object]) -> None:
    """Append one line, synced. Raises Stopped: what cannot be recorded is not done."""
    now_ns = time.time_ns()
    try:
        audit.parent.mkdir(parents=True, exist_ok=True)
        file = JsonlFile(audit)
        try:
            file.write(json.dumps({"at": iso_text(now_ns), "at_ns": now_ns, **action}, ensure_ascii=False))
        finally:
            file.close()
        with audit.open("rb") as written:
            os.fsync(written.fileno())
    except OSError as error:
        sentence = f"cannot record it in {audit} ({error.strerror or error}), and nothing is lifted unrecorded"
        raise Stopped(ExitCode.ERROR, sentence) from None


def current_user() -> str:
    """$USER, else the account's name, else its number."""
    name = os.environ.get("USER")
    if name:
        return name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _dump(reasons: Sequence[StopReason]) -> list[dict[str, object]]:
    return [reason.model_dump(mode="json") for reason in reasons]
