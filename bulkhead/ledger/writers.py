"""One writer after the other, and never an earlier one again: what keeps a thread that was given up off the ledger.

A writer that hangs inside an append may come back long after another has taken its place. Whether its records reached
the disk must be settled before the next one reads what is there, and nothing of it may be written afterwards.
"""

from collections.abc import Sequence
from itertools import islice
from threading import Lock

from bulkhead.ledger.port import Entry, LedgerPort, LedgerUnavailable
from messages.records import LedgerEvent, RecoveryLoaded
from messages.risk_history import LoadRiskHistory, RiskHistoryLoaded


class WriterReplaced(LedgerUnavailable):
    """Another writer has been admitted since: nothing of it happened."""


class Writers:
    """The door of a ledger. Thread-safe."""

    def __init__(self, ledger: LedgerPort) -> None:
        self._ledger = ledger
        self._lock = Lock()
        self._admitted = 0

    def admit(self, epoch: int) -> "Writer":
        """From now on only this one writes. Waits for an append that is under way.

        Raises WriterReplaced when a later one was admitted already.
        """
        with self._lock:
            self._check(epoch)
            self._admitted = epoch
        return Writer(self, epoch)

    def append(self, epoch: int, entries: Sequence[Entry]) -> tuple[LedgerEvent, ...]:
        with self._lock:
            self._check(epoch)
            return self._ledger.append(entries)

    def load_recovery(self, epoch: int) -> RecoveryLoaded:
        with self._lock:
            self._check(epoch)
            return self._ledger.load_recovery()

    def load_risk_history(self, epoch: int, asked: LoadRiskHistory) -> RiskHistoryLoaded:
        with self._lock:
            self._check(epoch)
            return self._ledger.load_risk_history(asked)

    def check_owner(self, epoch: int) -> None:
        with self._lock:
            self._check(epoch)
            self._ledger.check_owner()

    def read_back(self, epoch: int, written: Sequence[LedgerEvent]) -> None:
        with self._lock:
            self._check(epoch)
            found = islice(self._ledger.events(written[0].seq - 1), len(written))
            if tuple(found) != tuple(written):
                raise LedgerUnavailable(f"event {written[0].seq} and those after it do not read as they were written")

    def _check(self, epoch: int) -> None:
        if epoch < self._admitted:
            raise WriterReplaced(f"writer {epoch} of the ledger was replaced by {self._admitted}")


class Writer:
    """One incarnation's hand on the ledger."""

    def __init__(self, writers: Writers, epoch: int) -> None:
        self._writers, self._epoch = writers, epoch

    def append(self, entries: Sequence[Entry]) -> tuple[LedgerEvent, ...]:
        """As LedgerPort.append; WriterReplaced (a LedgerUnavailable) too."""
        return self._writers.append(self._epoch, entries)

    def load_recovery(self) -> RecoveryLoaded:
        """As LedgerPort.load_recovery."""
        return self._writers.load_recovery(self._epoch)

    def load_risk_history(self, asked: LoadRiskHistory) -> RiskHistoryLoaded:
        """As LedgerPort.load_risk_history."""
        return self._writers.load_risk_history(self._epoch, asked)

    def check_owner(self) -> None:
        """As LedgerPort.check_owner."""
        self._writers.check_owner(self._epoch)

    def read_back(self, written: Sequence[LedgerEvent]) -> None:
        """Raises LedgerUnavailable when what was just written is not what the file holds."""
        self._writers.read_back(self._epoch, written)
