"""Connections to SQLite files: one that writes, any number that only read, and one in memory.

SQLAlchemy is kept out of the transactions (AUTOCOMMIT): the driver's own habit of opening one late and not at all
before a CREATE TABLE would make a migration that can happen by halves.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, StaticPool, create_engine
from sqlalchemy.exc import DBAPIError

from bulkhead.ledger.files import sync_folder
from bulkhead.ledger.port import LedgerUnavailable
from bulkhead.ledger.prepared import run

BUSY_TIMEOUT_MS = 5_000
"""How long a foreign hand in the file (a backup, a shell) is waited for before a write counts as failed."""
WAL_SIZE_LIMIT_BYTES = 64 * 1024 * 1024
"""The write-ahead file is cut back to this after a checkpoint."""


def _connect(target: str) -> Connection:
    def driver() -> sqlite3.Connection:
        # The ledger is opened by the bootstrap and then used by its actor's thread, one after the other.
        return sqlite3.connect(target, uri=True, timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False)

    engine = create_engine("sqlite://", creator=driver, poolclass=StaticPool, isolation_level="AUTOCOMMIT")
    return engine.connect()


def open_writer(path: Path) -> Connection:
    """The one connection that writes. Creates the file; raises LedgerUnavailable when that cannot be done."""
    is_new = not path.exists()
    try:
        connection = _connect(f"file:{quote(str(path))}")
        mode = connection.exec_driver_sql("PRAGMA journal_mode=WAL").scalar()
        for pragma in ("synchronous=FULL", "foreign_keys=ON", f"journal_size_limit={WAL_SIZE_LIMIT_BYTES}"):
            connection.exec_driver_sql(f"PRAGMA {pragma}")
    except DBAPIError as error:
        raise LedgerUnavailable(f"cannot open {path}: {error.orig}") from error
    if mode != "wal":
        close(connection)
        raise LedgerUnavailable(f"{path} lies on a file system without write-ahead logging (mode {mode})")
    if is_new:
        sync_folder(path.parent)
    return connection


def open_reader(path: Path) -> Connection:
    """A connection that cannot change the file, beside a writer or without one."""
    try:
        connection = _connect(f"file:{quote(str(path))}?mode=ro")
        connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
    except DBAPIError as error:
        raise LedgerUnavailable(f"cannot read {path}: {error.orig}") from error
    return connection


def open_memory() -> Connection:
    return _connect("file::memory:")


def close(connection: Connection) -> None:
    engine = connection.engine
    connection.close()
    engine.dispose()


def in_transaction(connection: Connection) -> bool:
    """Asked of the driver: on a full disk SQLite may already have rolled back by itself."""
    return bool(connection.connection.driver_connection.in_transaction)  # type: ignore[union-attr]


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """All or nothing; on return it is on disk. IMMEDIATE, so that the lock is waited for before anything is written."""
    run(connection, "BEGIN IMMEDIATE")
    try:
        yield
        run(connection, "COMMIT")
    except BaseException:
        if in_transaction(connection):
            run(connection, "ROLLBACK")
        raise


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """Several reads of one moment, whatever the writer does meanwhile."""
    connection.exec_driver_sql("BEGIN")
    try:
        yield
    finally:
        if in_transaction(connection):
            connection.exec_driver_sql("ROLLBACK")
