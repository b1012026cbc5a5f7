"""The disk under the ledger: real SQLite, and what can go wrong with it.

It outlives the process. Each write is seen before it happens, and again when it is on disk. What was acknowledged is
never lost; of a write that was cut, or whose sync failed, all may be found again after the process has ended, or none.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

from bulkhead.chaos.eyes import Eyes, Watcher
from bulkhead.chaos.watched_host import PowerCut
from bulkhead.ledger.port import DuplicateRecord, Entry, LedgerPort, LedgerUnavailable
from bulkhead.ledger.sqlite import SqliteLedger
from messages.records import LedgerEvent, RecoveryLoaded, Stream
from messages.risk_history import LoadRiskHistory, RiskHistoryLoaded

DATABASE, WAL, SHARED = "ledger.db", "ledger.db-wal", "ledger.db-shm"
Written = tuple[Sequence[Entry], tuple[LedgerEvent, ...]]
BLOCK_BYTES = 4096


class Tear(NamedTuple):
    """The next write is cut in its middle, and the process with it."""

    share: float
    """Of its bytes that reach the disk."""
    pause_s: float
    struck: Callable[[], None]


class Torn(NamedTuple):
    """What a cut has left on disk."""

    database: bytes
    wal: bytes
    written: Written
    """On disk if the cut came late enough."""


class Disk:
    def __init__(self, eyes: Eyes, fired: Counter[str], folder: Path, rng: Random) -> None:
        self._eyes, self._fired, self._folder, self._rng = eyes, fired, folder, rng
        self.refusal: str | None = None
        """Why each write fails, as the system would say it; None: it works."""
        self.refusal_name = ""
        """Of the fault."""
        self.refusal_keeps = False
        """What was refused may be found on disk, as after a sync that has failed."""
        self.is_writing = False
        self.tear: Tear | None = None
        self._torn: Torn | None = None
        self._unsynced: Sequence[Entry] = ()
        """Refused last, with nothing written since."""

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
            self._unsynced = entries if self.refusal_keeps and not self._unsynced else self._unsynced
            raise LedgerUnavailable(self.refusal)

    def after(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        self._unsynced = ()
        self._eyes.tell(Watcher.committed, entries, events)

    def write_and_tear(self, tear: Tear, ledger: LedgerPort, entries: Sequence[Entry]) -> None:
        """Write it, and keep what a cut in the middle of the writing would have left. Raises PowerCut."""
        self.tear = None
        database, before = ((self._folder / name).read_bytes() for name in (DATABASE, WAL))
        events = ledger.append(entries)
        after = (self._folder / WAL).read_bytes()
        first, last = _changed(before, after)
        cut = first + round((last - first) * tear.share)
        self._torn = Torn(database, after[:cut] + before[cut:], (entries, events))
        tear.struck()
        raise PowerCut(tear.pause_s)

    def mend_after_a_cut(self, folder: Path) -> tuple[Written, ...]:
        """What a cut has left behind is on disk, before anybody reads it. Returns what nobody was told of, and is."""
        torn, self._torn = self._torn, None
        unsynced, self._unsynced = self._unsynced, ()
        if torn is not None:
            (folder / SHARED).unlink(missing_ok=True)
            (folder / DATABASE).write_bytes(torn.database)
            (folder / WAL).write_bytes(torn.wal)
            events = torn.written[1]
            return (torn.written,) if events and _last_seq(folder / DATABASE) >= events[-1].seq else ()
        if unsynced and self._rng.random() < 0.5:
            return self._found_after_all(folder / DATABASE, unsynced)
        return ()

    @staticmethod
    def _found_after_all(path: Path, entries: Sequence[Entry]) -> tuple[Written, ...]:
        ledger = SqliteLedger(path)
        try:
            return ((entries, ledger.append(entries)),)
        except DuplicateRecord:
            return ()  # it would have been refused
        finally:
            ledger.close()


def _changed(before: bytes, after: bytes) -> tuple[int, int]:
    """From which byte to which one they differ, to the block."""
    blocks = range(0, len(after), BLOCK_BYTES)
    differing = [at for at in blocks if before[at : at + BLOCK_BYTES] != after[at : at + BLOCK_BYTES]]
    return (differing[0], min(len(after), differing[-1] + BLOCK_BYTES)) if differing else (len(after), len(after))


def _last_seq(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("select coalesce(max(seq), 0) from events").fetchone()[0])
    finally:
        connection.close()


class WatchedLedger:
    """A ledger whose writes are seen, and may fail."""

    def __init__(self, ledger: LedgerPort, disk: Disk) -> None:
        self._ledger, self._disk = ledger, disk

    def append(self, entries: Sequence[Entry]) -> tuple[LedgerEvent, ...]:
        with self._disk.writing():
            self._disk.before(entries)
            if self._disk.tear is not None:
                self._disk.write_and_tear(self._disk.tear, self._ledger, entries)
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
