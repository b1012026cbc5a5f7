"""A copy of a ledger, of one moment, while its owner goes on writing; proved before it gets its name.

    copy ──> draft beside DEST ──> checked ──> DEST       nothing stands under that name that was not checked

It reads through a connection of its own that cannot write: never the owner's, and it takes no lock that the owner would
wait for. While it copies, the owner's write-ahead file cannot be cut back and grows by what is written meanwhile. The
copy is one file without companions (`-wal`, `-shm`), ready to be put away.

Checked: SQLite's own check of the file, the whole hash chain, the rows of every table against the original at that
moment, and that the last event of the copy is an event of the ledger. Not checked: that the tables are what the events
give; `bulkhead verify` does that for whoever restores.
"""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from sqlalchemy import Connection, select

from bulkhead.ledger import chain
from bulkhead.ledger.connect import snapshot
from bulkhead.ledger.files import NameTaken, check_name_free, give_name, sync_file
from bulkhead.ledger.port import LedgerUnavailable
from bulkhead.ledger.schema import events
from bulkhead.ledger.sqlite import LedgerReader, named_errors, read_head
from messages.records import LedgerEvent
from messages.values import Value

PAGES_PER_STEP = 2_000
"""Copied between two words of progress: 8 MB, some hundredths of a second."""
EVENTS_PER_STEP = 2_000

Progress = Callable[[str, int, int], None]
"""Told what is done, how much of it, and of how much."""


class BackupRefused(RuntimeError):
    """DEST cannot be written to without harm; nothing was."""


class BackupFailed(RuntimeError):
    """The copy is not what the ledger is; it was taken away again."""


class BackupReport(Value):
    """What stands in the copy."""

    ledger: str
    backup: str
    size_bytes: int
    head_seq: int
    head_hash: str
    live_seq: int
    """Of the ledger when the copy had been checked."""
    rows: dict[str, int]
    """By table."""


class _Moment(NamedTuple):
    """The original when the copy was made."""

    head: chain.Head
    rows: dict[str, int]


def back_up(ledger: Path, dest: Path, on_progress: Progress = lambda what, done, total: None) -> BackupReport:
    """Copy `ledger` to `dest`, which must not exist.

    Raises BackupRefused, BackupFailed, LedgerUnavailable, LedgerNewer, or OSError for a disk that is full.
    """
    _refuse_overwriting(dest)
    reader = LedgerReader(ledger)
    try:
        with TemporaryDirectory(prefix=f".{dest.name}.", dir=dest.parent) as folder, named_errors(ledger):
            draft = Path(folder) / dest.name
            moment = _copy(reader, draft, on_progress)
            _check(draft, moment, on_progress)
            live = _check_against(reader, moment.head)
            sync_file(draft)
            give_name(draft, dest)
    except NameTaken as error:
        raise BackupRefused(str(error)) from None
    except sqlite3.Error as error:
        raise LedgerUnavailable(f"cannot copy {ledger} to {dest}: {error}") from error
    finally:
        reader.close()
    return BackupReport(
        ledger=str(ledger),
        backup=str(dest),
        size_bytes=dest.stat().st_size,
        head_seq=moment.head.seq,
        head_hash=moment.head.hash,
        live_seq=live.seq,
        rows=moment.rows,
    )


def _refuse_overwriting(dest: Path) -> None:
    try:
        check_name_free(dest)
    except OSError as error:
        raise BackupRefused(str(error)) from None


def _copy(reader: LedgerReader, draft: Path, on_progress: Progress) -> _Moment:
    """Within one read transaction: what is copied is what was counted."""
    source = reader.connection.connection.driver_connection
    if not isinstance(source, sqlite3.Connection):
        raise TypeError(f"{reader.path} is not read by sqlite3")
    target = sqlite3.connect(draft)
    try:
        with snapshot(reader.connection):
            moment = _Moment(read_head(reader.connection), _count(reader.connection))
            source.backup(
                target,
                pages=PAGES_PER_STEP,
                progress=lambda _, left, total: on_progress("copying", total - left, total),
                sleep=0.0,
            )
        # The original is in write-ahead mode, and so says its copy: that would want two more files beside it.
        target.execute("PRAGMA journal_mode=DELETE")
    finally:
        target.close()
    return moment


def _count(connection: Connection) -> dict[str, int]:
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").scalars()
    tables = [name for name in names if not name.startswith("sqlite_")]
    return {
        name: int(connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one())  # noqa: S608 (from the file)
        for name in tables
    }


def _check(draft: Path, moment: _Moment, on_progress: Progress) -> None:
    copy = LedgerReader(draft)
    try:
        on_progress("checking the file", 0, moment.head.seq)
        said = copy.connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if said != "ok":
            raise BackupFailed(f"the copy is damaged: {said}")
        rows = _count(copy.connection)
        if rows != moment.rows:
            different = sorted(
                name for name in rows.keys() | moment.rows.keys() if rows.get(name) != moment.rows.get(name)
            )
            raise BackupFailed(f"the copy has other rows than the ledger in: {', '.join(different)}")
        head = read_head(copy.connection)
        if head != moment.head:
            raise BackupFailed(f"the copy ends with event {head.seq}, and the ledger with {moment.head.seq}")
        broken = chain.verify(_counted(copy.events(), head.seq, on_progress))
        if broken is not None:
            raise BackupFailed(f"the chain is broken in the ledger itself, at event {broken.seq}: {broken.reason}")
    finally:
        copy.close()


def _counted(found: Iterator[LedgerEvent], total: int, on_progress: Progress) -> Iterator[LedgerEvent]:
    for number, event in enumerate(found, 1):
        if number % EVENTS_PER_STEP == 0:
            on_progress("checking the chain", number, total)
        yield event


def _check_against(reader: LedgerReader, head: chain.Head) -> chain.Head:
    """The copy ends in the ledger's past or present. Returns where the ledger is now."""
    with snapshot(reader.connection):
        live = read_head(reader.connection)
        there = reader.connection.scalar(select(events.c.hash).where(events.c.seq == head.seq))
    if head != chain.GENESIS and there != head.hash:
        raise BackupFailed(f"event {head.seq}, the last of the copy, is not what the ledger has")
    return live
