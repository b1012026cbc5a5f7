"""The audit file as one ledger sees it: what of it this ledger has, and what it has to be told still.

Acts reach the file when nothing runs (`resume`), and beside a run that may hang (`kill`); the run that is live, or else
the next one, takes them into its ledger. Each is known by its line's hash, so it is taken once.
"""

from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any

from loguru import logger

from bulkhead.app.audit import positions_then, record
from bulkhead.ledger import audit_file
from bulkhead.ledger.audit_file import AuditLine
from messages.records import OperatorActed

DONE_BEFORE = "asked"
"""The state of a line that was written before its act; it needs no word of its own."""


class AuditTrail:
    """`known`: the hashes that the ledger has. `since_ns`: what was done before that is not its own."""

    def __init__(self, logs_dir: Path, ledger_file: Path, known: Iterable[str] = (), *, since_ns: int = 0) -> None:
        self.path = audit_file.path_in(logs_dir)
        self.ledger_file = ledger_file
        self._lock = Lock()
        self._read_bytes = 0
        self._taken = set(known)
        self._since_ns = since_ns

    def record(self, action: str, operator: str, reason: str, **more: object) -> OperatorActed:
        """Write the act of a live run down, and give the record for the ledger. Raises NotRecorded."""
        then = {"positions": positions_then(self.ledger_file)} if more.get("state", DONE_BEFORE) == DONE_BEFORE else {}
        said = {"action": action, "operator": operator, "reason": reason, **about(self.ledger_file), **then, **more}
        with self._lock:
            line = record(self.path, said)
            self._taken.add(line.hash)
        return acted(line)

    def take(self) -> tuple[OperatorActed, ...]:
        """What has been added by others since the last look. Raises OSError."""
        with self._lock:
            new = [line for line in self._new_lines() if line.hash not in self._taken]
            self._taken.update(line.hash for line in new)
        return tuple(acted(line) for line in new)

    def take_all_but(self, known: Iterable[str]) -> tuple[OperatorActed, ...]:
        """At the end: what the ledger lacks, though it may have been told. Raises OSError."""
        with self._lock:
            self._taken, self._read_bytes = set(known), 0
        return self.take()

    def _new_lines(self) -> list[AuditLine]:
        """Whole lines behind those that were read, and of this ledger or of none."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return []
        if size < self._read_bytes:  # somebody put it aside, and another one has begun
            self._read_bytes = 0
        if size == self._read_bytes:
            return []
        with self.path.open("rb") as file:
            file.seek(self._read_bytes)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        lines = [line for each in whole.split(b"\n") if (line := self._line(each)) is not None]
        return [line for line in lines if self._is_ours(line.fields)]

    def _line(self, data: bytes) -> AuditLine | None:
        line = audit_file.line_of(data)
        if line is None:
            return None
        if not audit_file.is_intact(data, line) or not _says_enough(line.fields):
            logger.warning("line {} of {} was changed and is not taken into the ledger", line.seq, self.path)
            return None
        return line

    def _is_ours(self, fields: dict[str, Any]) -> bool:
        if fields["at_ns"] < self._since_ns:
            return False
        named = fields.get("ledger")
        return named is None or named == about(self.ledger_file)["ledger"]


def about(ledger_file: Path) -> dict[str, object]:
    """Which ledger an act is about; an act that names none is every ledger's."""
    return {"ledger": str(ledger_file.resolve())}


def acted(line: AuditLine) -> OperatorActed:
    fields = line.fields
    state = fields.get("state", DONE_BEFORE)
    words = fields["action"] if state == DONE_BEFORE else f"{fields['action']} {state}"
    return OperatorActed(
        operator=fields["operator"],
        action=words,
        reason=fields["reason"],
        at_ns=fields["at_ns"],
        audit_id=line.hash,
    )


def _says_enough(fields: dict[str, Any]) -> bool:
    words = all(isinstance(fields.get(name), str) for name in ("action", "operator", "reason"))
    return words and isinstance(fields.get("at_ns"), int)
