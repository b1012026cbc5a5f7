"""The port of the ledger: durable truth, written by one owner, read by anyone."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from messages.records import LedgerEvent, Record, RecoveryLoaded, Stream
from messages.risk_history import LoadRiskHistory, RiskHistoryLoaded


class Entry(NamedTuple):
    """A record with what the chain needs to know about it."""

    record: Record
    at_ns: int
    session_id: str
    correlation_id: str
    causation_id: str | None


class LedgerUnavailable(OSError):
    """A commit or its sync failed (disk full, file gone, lock lost): nothing of it happened."""


class LedgerTaken(LedgerUnavailable):
    """The lock is another's, or another has written into the file: the account's lease is not ours any more."""


class DuplicateRecord(ValueError):
    """A unique key of the ledger was violated (fill id, action key, client order id): nothing of the batch happened."""


class LedgerNewer(RuntimeError):
    """The file was written by a newer version of Bulkhead; it is not touched."""


class LedgerInUse(RuntimeError):
    """Another owner holds the ledger's lock; `holder_pid` is who, where the lock file says so."""

    def __init__(self, message: str, holder_pid: int | None) -> None:
        super().__init__(message)
        self.holder_pid = holder_pid


class LedgerPort(Protocol):
    """The single writer. All methods are called from one thread."""

    def append(self, entries: Sequence[Entry]) -> tuple[LedgerEvent, ...]:
        """Write all entries in one transaction and sync it. Raises LedgerUnavailable or DuplicateRecord."""

    def load_recovery(self, tombstone_count: int = 1000) -> RecoveryLoaded:
        """What is unfinished, plus the latest ended orders."""

    def load_risk_history(self, asked: LoadRiskHistory) -> RiskHistoryLoaded:
        """The day's counts, and what the rows and rates of the risk guard are counted over."""

    def events(self, after_seq: int = 0, streams: Sequence[Stream] = ()) -> Iterator[LedgerEvent]:
        """Events in order, from `after_seq` + 1 on; all streams when none is named."""

    def check_owner(self) -> None:
        """Raises LedgerTaken when this is no longer the only one that writes, as far as the file itself can tell."""

    def close(self) -> None: ...
