"""The ledger in one SQLite file: a single writer, and readers that cannot change it.

    SqliteLedger   owns the file (lock, connection, head of the chain) and appends
    LedgerReader   reads beside it, from any process, at any time

Rules: a batch is one transaction, synced before `append` returns; when it raises, nothing of the batch happened and the
head of the chain is where it was. WAL with synchronous=FULL: what was acknowledged survives the power cut.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from bulkhead.ledger import chain, migrate, recovery, recovery_earlier, recovery_risk
from bulkhead.ledger.apply import apply
from bulkhead.ledger.connect import close, open_reader, open_writer, snapshot, transaction
from bulkhead.ledger.inbox_port import KnownIntent
from bulkhead.ledger.lock import OwnerLock
from bulkhead.ledger.port import DuplicateRecord, Entry, LedgerTaken, LedgerUnavailable
from bulkhead.ledger.prepared import Prepared, scalar
from bulkhead.ledger.schema import events, leases
from messages.catalogue import canonical, record_to_json
from messages.instruments import Instrument
from messages.records import DeadlineSet, LedgerEvent, RecoveryLoaded, Stream
from messages.risk_history import LoadRiskHistory, RiskHistoryLoaded

READ_CHUNK = 1_000
"""Events fetched at a time, so that a long read neither fills the memory nor holds the file."""
_insert_event = Prepared(insert(events))


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """The driver's errors, by the names of the port."""
    try:
        yield
    except IntegrityError as error:
        if "UNIQUE constraint failed" in str(error.orig):
            raise DuplicateRecord(str(error.orig)) from error
        raise
    except DBAPIError as error:
        raise LedgerUnavailable(f"{path}: {error.orig}") from error


class SqliteLedger:
    """The owner of a ledger file; creates it, or brings an older one up to date.

    Raises LedgerInUse, LedgerNewer (the file is untouched) or LedgerUnavailable. One thread at a time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = OwnerLock(path)
        self._connection: Connection | None = None
        try:
            self._connection = _open_current(path)
            self._identity = _identity(path)
            with named_errors(path):
                self._head = read_head(self._connection)
                self._version = self._data_version()
        except BaseException:
            self.close()
            raise

    @property
    def head(self) -> chain.Head:
        """Seq and hash of the last event."""
        return self._head

    @property
    def connection(self) -> Connection:
        """For the rebuild and for backups; writing through it breaks the chain's promise."""
        if self._connection is None:
            raise LedgerUnavailable(f"{self.path} is closed")
        return self._connection

    def append(self, entries: Sequence[Entry]) -> tuple[LedgerEvent, ...]:
        """Write all entries in one transaction and sync it. Raises LedgerUnavailable or DuplicateRecord."""
        if not entries:
            return ()
        connection = self.connection
        if _identity(self.path) != self._identity:
            raise LedgerUnavailable(f"{self.path} was removed or replaced while it was open")
        self.check_owner()
        fields = [record_to_json(entry.record) for entry in entries]
        written: list[LedgerEvent] = []
        head = self._head
        for entry, data in zip(entries, fields, strict=True):
            event = _link(head, entry, data)
            head = chain.Head(event.seq, event.hash)
            written.append(event)
        with named_errors(self.path), transaction(connection):
            _insert_event.many(connection, [event_row(event) for event in written])
            for entry, data, event in zip(entries, fields, written, strict=True):
                apply(connection, entry.record, data, event)
        self._head = head
        return tuple(written)

    def check_owner(self) -> None:
        """Raises LedgerTaken. SQLite counts the commits of others in a number of its own (`PRAGMA data_version`)."""
        if not self._lock.is_held():
            raise LedgerTaken(f"{self._lock.path} is not the file that this process has locked")
        if self._data_version() != self._version:
            raise LedgerTaken(f"somebody else has written into {self.path}")

    def _data_version(self) -> int:
        with named_errors(self.path):
            return int(scalar(self.connection, "PRAGMA data_version"))

    def load_recovery(self, tombstone_count: int = 1000) -> RecoveryLoaded:
        """What is unfinished, plus the latest ended orders.

        `balance_changes` has three kinds of key: `<symbol>:base` and `<symbol>:quote`, the exact sums of every fill
        before fees (taxes are in the quote), and the plain name of each asset with its adjustments less the fees paid
        in it.
        """
        with named_errors(self.path), snapshot(self.connection):
            return recovery.load(self.connection, tombstone_count)

    def load_risk_history(self, asked: LoadRiskHistory) -> RiskHistoryLoaded:
        with named_errors(self.path), snapshot(self.connection):
            return recovery_risk.load(self.connection, asked)

    def load_instruments(self) -> dict[str, Instrument]:
        """By symbol, the latest trading rules on record. Raises LedgerUnavailable."""
        with named_errors(self.path):
            return recovery_earlier.load_instruments(self.connection)

    def load_booked_symbols(self) -> frozenset[str]:
        """Symbols of fills and positions. Raises LedgerUnavailable."""
        with named_errors(self.path):
            return recovery_earlier.load_booked_symbols(self.connection)

    def load_owners(self) -> frozenset[str]:
        """Strategies that have ever held something. Raises LedgerUnavailable."""
        with named_errors(self.path):
            return recovery_earlier.load_owners(self.connection)

    def load_last_config(self) -> str | None:
        """The settings, as JSON, of the newest session; None before there is one. Raises LedgerUnavailable."""
        with named_errors(self.path):
            return recovery_earlier.load_last_config(self.connection)

    def load_audit_ids(self) -> frozenset[str]:
        """Lines of the audit file that are in the ledger. Raises LedgerUnavailable."""
        with named_errors(self.path):
            return recovery_earlier.load_audit_ids(self.connection)

    def events(
        self, after_seq: int = 0, streams: Sequence[Stream] = (), session_id: str | None = None
    ) -> Iterator[LedgerEvent]:
        """Events in order, from `after_seq` + 1 on; all streams and sessions when none is named."""
        with named_errors(self.path):
            yield from read_events(self.connection, after_seq, streams, session_id)

    def load_deadlines(self) -> tuple[DeadlineSet, ...]:
        """What is set and not cleared, the earliest first. Raises LedgerUnavailable."""
        with named_errors(self.path):
            return recovery.load_deadlines(self.connection)

    def find_intent(self, action_key: str, intent_id: str) -> KnownIntent | None:
        """The intent with this action key, else the one with this id. Raises LedgerUnavailable."""
        with named_errors(self.path):
            return recovery.find_intent(self.connection, action_key, intent_id)

    def lease_epoch(self, venue: str, account: str) -> int:
        """The highest epoch under which the account was ever traded; 0 for none. Raises LedgerUnavailable."""
        query = select(leases.c.epoch).where(leases.c.venue == venue, leases.c.account == account)
        with named_errors(self.path):
            return self.connection.scalar(query) or 0

    def close(self) -> None:
        """Idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None:
            close(connection)
        self._lock.release()


class LedgerReader:
    """Reads a ledger file, opened read-only, beside its owner or without one. Raises LedgerUnavailable, LedgerNewer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = open_reader(path)
        try:
            with named_errors(path):
                if migrate.check(self.connection, str(path)) is None:
                    raise LedgerUnavailable(f"{path} is empty")
        except BaseException:
            self.close()
            raise

    def events(
        self, after_seq: int = 0, streams: Sequence[Stream] = (), session_id: str | None = None
    ) -> Iterator[LedgerEvent]:
        """As SqliteLedger.events."""
        with named_errors(self.path):
            yield from read_events(self.connection, after_seq, streams, session_id)

    def find_intent(self, action_key: str, intent_id: str) -> KnownIntent | None:
        """As SqliteLedger.find_intent."""
        with named_errors(self.path):
            return recovery.find_intent(self.connection, action_key, intent_id)

    def held(self) -> list[dict[str, str]]:
        """Every position that is not flat, by the books: strategy, symbol, quantity."""
        with named_errors(self.path):
            return recovery_earlier.load_held(self.connection)

    def close(self) -> None:
        close(self.connection)


def read_head(connection: Connection) -> chain.Head:
    row = connection.execute(select(events.c.seq, events.c.hash).order_by(events.c.seq.desc()).limit(1)).first()
    return chain.GENESIS if row is None else chain.Head(row.seq, row.hash)


def read_events(
    connection: Connection, after_seq: int, streams: Sequence[Stream], session_id: str | None
) -> Iterator[LedgerEvent]:
    query = select(events).order_by(events.c.seq).limit(READ_CHUNK)
    if streams:
        query = query.where(events.c.stream.in_([stream.value for stream in streams]))
    if session_id is not None:
        query = query.where(events.c.session_id == session_id)
    while True:
        rows = connection.execute(query.where(events.c.seq > after_seq)).mappings().all()
        for row in rows:
            yield LedgerEvent.model_validate(dict(row))
        if len(rows) < READ_CHUNK:
            return
        after_seq = rows[-1]["seq"]


def _identity(path: Path) -> tuple[int, int]:
    """Which file the name leads to. SQLite itself would go on writing into a file that has lost its name."""
    try:
        found = path.stat()
    except OSError as error:
        raise LedgerUnavailable(f"{path} is gone: {error.strerror}") from error
    return found.st_dev, found.st_ino


def event_row(event: LedgerEvent) -> dict[str, Any]:
    return {**dict(event), "stream": event.stream.value}


def _link(head: chain.Head, entry: Entry, data: dict[str, Any]) -> LedgerEvent:
    return chain.link(
        head,
        at_ns=entry.at_ns,
        stream=entry.record.stream,
        type_name=data["type"],
        session_id=entry.session_id,
        correlation_id=entry.correlation_id,
        causation_id=entry.causation_id,
        payload=canonical(data),
    )


def _open_current(path: Path) -> Connection:
    """A writing connection to a file with today's tables. A file that is refused was only ever opened for reading."""
    revision = _peek(path) if path.exists() and path.stat().st_size else None
    connection = open_writer(path)
    if revision == migrate.HEAD:
        return connection
    try:
        with named_errors(path), transaction(connection):
            migrate.upgrade(connection)
    except BaseException:
        close(connection)
        raise
    return connection


def _peek(path: Path) -> str | None:
    reader = open_reader(path)
    try:
        with named_errors(path):
            return migrate.check(reader, str(path))
    finally:
        close(reader)
