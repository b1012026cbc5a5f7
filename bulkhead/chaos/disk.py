"""The disk under the ledger: real SQLite, and what can go wrong with it.

It outlives the process. Each write is seen before it happens, and again when it is on disk.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bulkhead.chaos.eyes import Eyes, Watcher
from bulkhead.ledger.port import Entry, LedgerPort, LedgerUnavailable
from messages.records import LedgerEvent, RecoveryLoaded, Stream
from messages.risk_history import LoadRiskHistory, RiskHistoryLoaded


class Disk:
    def __init__(self, eyes: Eyes, fired: Counter[str]) -> None:
        self._eyes, self._fired = eyes, fired
        self.refusal: str | None = None
        """Why each write fails, as the system would say it; None: it works."""
        self.refusal_name = ""
        """Of the fault."""
        self.is_writing = False

    def over(self, ledger: LedgerPort) -> LedgerPort:
        return WatchedLedger(ledger, self)

    @contextmanager
    def writing(self) -> Iterator[None]:
        self.is_writing = True
        try:
            yield
        finally:
            self.is_writing = False

    def before(self, entries: Sequence[Entry]) -> None:
        """Raises LedgerUnavailable."""
        self._eyes.tell(Watcher.committing, entries)
        if self.refusal is not None:
            self._fired[self.refusal_name] += 1
            raise LedgerUnavailable(self.refusal)

    def after(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        self._eyes.tell(Watcher.committed, entries, events)

    def mend_after_a_cut(self, folder: Path) -> None:
        """What a cut has left behind on disk, before anybody reads it."""


class WatchedLedger:
    """A ledger whose writes are seen, and may fail."""

    def __init__(self, ledger: LedgerPort, disk: Disk) -> None:
        self._ledger, self._disk = ledger, disk

    def append(self, entries: Sequence[Entry]) -> tuple[LedgerEvent, ...]:
        with self._disk.writing():
            self._disk.before(entries)
            events = self._ledger.append(entries)
            self._disk.after(entries, events)
            return events

    def check_owner(self) -> None:
        self._ledger.check_owner()

    def load_recovery(self, tombstone_count: int = 1000) -> RecoveryLoaded:
        return self._ledger.load_recovery(tombstone_count)

    def load_risk_history(self, asked: LoadRiskHistory) -> RiskHistoryLoaded:
        return self._ledger.load_risk_history(asked)

    def events(self, after_seq: int = 0, streams: Sequence[Stream] = ()) -> Iterator[LedgerEvent]:
        return self._ledger.events(after_seq, streams)

    def close(self) -> None:
        self._ledger.close()
