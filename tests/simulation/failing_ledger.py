"""A ledger that can be told to fail."""

from collections.abc import Callable, Iterator, Sequence

from bulkhead.ledger.port import Entry, LedgerPort, LedgerTaken, LedgerUnavailable
from messages.records import FillRecorded, LedgerEvent, RecoveryLoaded, Stream
from messages.risk_history import LoadRiskHistory, RiskHistoryLoaded


class FailingLedger:
    """Refuses every group while `fails` says so of it."""

    def __init__(self, ledger: LedgerPort) -> None:
        self._ledger = ledger
        self.fails: Callable[[Sequence[Entry]], bool] = lambda _: False
        self.refused = 0
        self.is_taken = False

    def fail(self, *, is_full: bool) -> None:
        self.fails = lambda _: is_full

    def fail_once_over_a_fill(self) -> None:
        def holds_a_fill(entries: Sequence[Entry]) -> bool:
            is_it = any(isinstance(entry.record, FillRecorded) for entry in entries)
            if is_it:
                self.fail(is_full=False)
            return is_it

        self.fails = holds_a_fill

    def append(self, entries: Sequence[Entry]) -> tuple[LedgerEvent, ...]:
        if self.fails(entries):
            self.refused += 1
            raise LedgerUnavailable("no space left on device")
        return self._ledger.append(entries)

    def check_owner(self) -> None:
        if self.is_taken:
            raise LedgerTaken("somebody else has written into it")
        self._ledger.check_owner()

    def load_recovery(self, tombstone_count: int = 1000) -> RecoveryLoaded:
        return self._ledger.load_recovery(tombstone_count)

    def load_risk_history(self, asked: LoadRiskHistory) -> RiskHistoryLoaded:
        return self._ledger.load_risk_history(asked)

    def events(self, after_seq: int = 0, streams: Sequence[Stream] = ()) -> Iterator[LedgerEvent]:
        return self._ledger.events(after_seq, streams)

    def close(self) -> None:
        self._ledger.close()
