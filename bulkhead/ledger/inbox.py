"""The intent inbox in a SQLite file of its own, beside the ledger: any process may insert, this one answers.

It is a letter box, not the truth: what was taken from it and approved is in the ledger. Nothing that happens to it may
hold up trading, hence:

- taking only reads, so a writer elsewhere neither waits for it nor holds it up, even with a transaction left open;
- an answer is one short transaction; where another process is writing, it waits in memory for the next `flush`;
- what is lost in memory is taken again after a restart, and the ledger knows it (inbox_port.answer_at_once);
- the file may be replaced, removed, locked or damaged at any time: that is an error of one call, and the next call
  looks at the name anew. A file that is no inbox is never written to.

Not guarded against: somebody with write access who means harm. The file is made for its owner alone (mode 0600); who
may write to it may trade, up to the limits of the risk guard.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from bulkhead.ledger.inbox_port import (
    ANSWERS,
    InboxAnswer,
    InboxBusy,
    InboxNewer,
    InboxRow,
    InboxUnavailable,
    RowKey,
    Settled,
)
from bulkhead.ledger.inbox_read import COLUMNS, MAX_FIELD_BYTES, RawRow, read_row
from bulkhead.ledger.inbox_schema import APPLICATION_ID, STATEMENTS, VERSION

FILE_NAME = "inbox.db"
BUSY_TIMEOUT_MS = 100
"""How long another process is waited for. The caller is an actor, and has other things to do."""
MAX_TAKE = 100
"""Rows given out by one call."""
MAX_TAKEN = 1_000
"""Rows given out and not answered; beyond it nothing is taken, and whoever inserts waits in the file."""
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

_fields = ", ".join(f"substr(CAST({name} AS BLOB), 1, {MAX_FIELD_BYTES + 1})" for name in COLUMNS)
_twin = (
    "min((SELECT min(row_id) FROM order_intents AS e WHERE e.action_key = o.action_key), "
    "(SELECT min(row_id) FROM order_intents AS e WHERE e.intent_id = o.intent_id))"
)
_SELECT = f"SELECT o.row_id, {_twin}, {_fields} FROM order_intents AS o WHERE "  # noqa: S608 (names of our own)
_SELECT_NEW = f"{_SELECT} o.status = 'NEW' ORDER BY o.row_id LIMIT ?"
_SELECT_ONE = f"{_SELECT} o.status = 'NEW' AND o.row_id = ?"
_UPDATE = "UPDATE order_intents SET status = ?, code = ?, answer = ?, answered_ns = ? WHERE row_id = ?"


class _Waiting(NamedTuple):
    answer: InboxAnswer
    answered_ns: int


class Inbox:
    """See inbox_port.InboxPort. Opens the file or creates it; raises InboxUnavailable, InboxBusy or InboxNewer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._taken: dict[RowKey, RawRow] = {}
        self._waiting: dict[RowKey, _Waiting] = {}
        with self._named_errors():
            self._current()

    @property
    def waiting(self) -> int:
        """Answers that are not written yet."""
        return len(self._waiting)

    @property
    def unanswered(self) -> int:
        """Rows given out whose answer is not written yet."""
        return len(self._taken)

    def take(self, now_ns: int) -> tuple[InboxRow, ...]:
        with self._named_errors():
            connection = self._current()
            room = min(MAX_TAKE, MAX_TAKEN - len(self._taken))
            found = connection.execute(_SELECT_NEW, (len(self._taken) + room,)).fetchall()
        rows: list[InboxRow] = []
        for raw in map(_raw, found):
            row = read_row(raw, now_ns)
            if row.key not in self._taken and len(rows) < room:
                self._taken[row.key] = raw
                rows.append(row)
        return tuple(rows)

    def answer(self, row: InboxRow, answer: InboxAnswer, now_ns: int) -> Settled:
        if answer.status not in ANSWERS:
            raise ValueError(f"{answer.status} is no answer to an intent")
        if row.key not in self._taken:
            return Settled.LOST
        self._waiting.setdefault(row.key, _Waiting(answer, now_ns))
        return self.flush()[row.key]

    def flush(self) -> dict[RowKey, Settled]:
        waiting = dict(self._waiting)
        if not waiting:
            return {}
        try:
            with self._named_errors():
                settled = _write(self._current(), self._taken, waiting)
        except (InboxUnavailable, InboxNewer):
            return dict.fromkeys(waiting, Settled.WAITING)
        for key in settled:
            del self._waiting[key], self._taken[key]
        return settled

    def close(self) -> None:
        """Idempotent. Answers that wait are left to the next start."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _current(self) -> sqlite3.Connection:
        """A connection to the file that has the name now. What is remembered of another file's rows does no harm: a row
        is known by its number and its keys."""
        if self._connection is None or _identity(self.path) != self._identity:
            self.close()
            self._connection = _open(self.path)
            self._identity = _identity(self.path)
        return self._connection

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """The driver's errors by the names of the port; after anything but a lock the file is opened anew."""
        try:
            yield
        except sqlite3.Error as error:
            if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _BUSY:
                raise InboxBusy(f"{self.path} is in use by another process: {error}") from error
            self.close()
            raise InboxUnavailable(f"{self.path}: {error}") from error
        except InboxUnavailable:
            raise
        except OSError as error:
            self.close()
            raise InboxUnavailable(f"{self.path}: {error.strerror}") from error


def _raw(row: tuple[int, int | None, *tuple[bytes | None, ...]]) -> RawRow:
    row_id, first, *values = row
    return RawRow(row_id, dict(zip(COLUMNS, values, strict=True)), None if first in (None, row_id) else first)


def _write(
    connection: sqlite3.Connection, taken: dict[RowKey, RawRow], waiting: dict[RowKey, _Waiting]
) -> dict[RowKey, Settled]:
    """All answers in one transaction; each only to the row that was taken."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        settled = {key: _write_one(connection, taken[key], said) for key, said in waiting.items()}
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return settled


def _write_one(connection: sqlite3.Connection, taken: RawRow, waiting: _Waiting) -> Settled:
    found = connection.execute(_SELECT_ONE, (taken.row_id,)).fetchone()
    if found is None:
        return Settled.LOST
    now = _raw(found)
    if any(now.fields[name] != taken.fields[name] for name in ("intent_id", "action_key")):
        return Settled.LOST
    status, code, reason = waiting.answer
    changed = [name for name in COLUMNS if now.fields[name] != taken.fields[name]]
    if changed:
        was = ", ".join(f"{name} {taken.shown(name)[:40]!r}" for name in changed)
        reason = f"{reason} [changed after it was taken; this answers what it was: {was}]"
    answer = (status.value, code, reason, waiting.answered_ns, taken.row_id)
    connection.execute(_UPDATE, answer)
    return Settled.WRITTEN


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _open(path: Path) -> sqlite3.Connection:
    """A connection to an inbox of today's version. A file that is refused was only ever opened for reading."""
    with suppress(FileExistsError):
        # Made by hand, so that nobody else may write to it, not even for a moment.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    if path.stat().st_size:
        _with(_connect(path, "ro"), lambda reader: _check(reader, path))
    connection = _connect(path, "rw")
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path))}?mode={mode}"
    # Opened by the bootstrap and then used by its actor's thread, one after the other.
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False)


def _with(connection: sqlite3.Connection, use: Callable[[sqlite3.Connection], int]) -> int:
    try:
        return use(connection)
    finally:
        connection.close()


def _check(connection: sqlite3.Connection, path: Path) -> int:
    """The file's version, 0 when it has no tables yet. Raises InboxUnavailable for another kind, InboxNewer."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        return 0
    (kind,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if kind != APPLICATION_ID:
        raise InboxUnavailable(f"{path} is a database, but not a Bulkhead inbox")
    if version > VERSION:
        raise InboxNewer(
            f"{path} has version {version}, and this version of Bulkhead knows up to {VERSION}: install the version "
            "that made it, or a later one. The file was not touched."
        )
    return int(version)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise InboxUnavailable(f"{path} lies on a file system without write-ahead logging (mode {mode})")
    # An answer that a power cut takes away is given again at the next start.
    connection.execute("PRAGMA synchronous=NORMAL")
    if _check(connection, path):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _check(connection, path):  # two may have come at once
            for statement in STATEMENTS:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
