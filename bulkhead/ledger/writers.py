"""One writer after the other, and never an earlier one again: what keeps a thread that was given up off the ledger.

A writer that hangs inside an append may come back long after another has taken its place. Whether its records reached
the disk must be settled before the next one reads what is there, and nothing of it may be written afterwards.
"""

from collections.abc import Sequence
from threading import Lock

from bulkhead.ledger.port import Entry, LedgerPort, LedgerUnavailable
from messages.records import LedgerEvent, RecoveryLoaded


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
