"""The audit file's one writer: what an operator does stands in it, synced, before it is done.

Several processes write to it (a run, `resume`, `kill`), so each line is chained and written under a lock of its own.
A line that a crash left torn is cut off by the next writer, which says how much it was.
"""

import fcntl
import hashlib
import os
import pwd
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.ledger import audit_file
from bulkhead.ledger.audit_file import AuditLine
from bulkhead.ledger.chain import GENESIS_HASH
from bulkhead.ledger.files import sync_folder
from bulkhead.ledger.jsonl import JsonlFile, iso_text
from bulkhead.ledger.port import LedgerNewer, LedgerUnavailable
from bulkhead.ledger.sqlite import LedgerReader

LOCK_TIMEOUT_S = 2.0
"""A writer holds the lock for one write and one sync; who waits longer waits for a disk that hangs."""
_LOOK_EVERY_S = 0.01
_KEPT_WORDS = frozenset({"schema_version", "seq", "at", "at_ns", "prev_hash", "hash"})


class NotRecorded(Stopped):
    """It could not be put on record. Whoever asked decides: only a stop is done all the same."""


def record(audit: Path, action: Mapping[str, object]) -> AuditLine:
    """Append one line, synced, and return it. Raises NotRecorded: what cannot be recorded is not done.

    `action` says at least `action`, `operator` and `reason`; time, process, number and chain are added here.
    """
    try:
        is_new = not audit.exists()
        audit.parent.mkdir(parents=True, exist_ok=True)
        with _locked(audit):
            line = _append(audit, action)
        if is_new:
            sync_folder(audit.parent)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise NotRecorded(
            ExitCode.ERROR, f"cannot record it in {audit} ({said}), and nothing is done unrecorded"
        ) from None
    return line


def _append(audit: Path, action: Mapping[str, object]) -> AuditLine:
    missing = [name for name in ("action", "operator", "reason") if not str(action.get(name) or "").strip()]
    if missing or action.keys() & _KEPT_WORDS:
        raise ValueError(f"the record lacks {', '.join(missing) or 'nothing, but uses a word of the file'}")
    now_ns = time.time_ns()
    file = JsonlFile(audit)
    try:
        seq, prev_hash = _end_of(audit, file.last_line)
        fields: dict[str, object] = {"at": iso_text(now_ns), "at_ns": now_ns, "pid": os.getpid(), **action}
        if file.torn_bytes:
            fields["healed_bytes"] = file.torn_bytes
        line = audit_file.make_line(seq, prev_hash, fields)
        file.write(line.text)
        file.sync()
    finally:
        file.close()
    return line.line


def _end_of(audit: Path, last: bytes | None) -> tuple[int, str]:
    """Number of the next line, and what it is chained to."""
    if last is None:
        return 1, GENESIS_HASH
    line = audit_file.line_of(last)
    if line is not None:
        return line.seq + 1, line.hash
    data = audit.read_bytes()
    return data.count(b"\n") + 1, hashlib.sha256(data).hexdigest()


@contextmanager
def _locked(audit: Path) -> Iterator[None]:
    """Raises TimeoutError; the kernel frees the lock of a process that has died."""
    fd = os.open(audit, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while not _try_lock(fd):
            if time.monotonic() > deadline:
                raise TimeoutError(f"another process holds it for more than {LOCK_TIMEOUT_S:.0f} s")
            time.sleep(_LOOK_EVERY_S)
        yield
    finally:
        os.close(fd)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def positions_then(ledger_file: Path) -> list[dict[str, str]] | str:
    """What the books hold, for a record; in words why that is not known. Raises nothing: a stop waits for nobody."""
    if not ledger_file.exists():
        return []
    try:
        reader = LedgerReader(ledger_file)
    except (LedgerUnavailable, LedgerNewer) as error:
        return f"unknown: {error}"
    try:
        return reader.held()
    except LedgerUnavailable as error:
        return f"unknown: {error}"
    finally:
        reader.close()


def current_user() -> str:
    """$USER, else the account's name, else its number."""
    name = os.environ.get("USER")
    if name:
        return name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
