"""Every table made again from the events alone, or from the exported files alone, and compared with the real ones.

The rows are made by the same handlers as the real ones (apply.py), so a difference means that somebody changed a table
or an event, or that a handler gave another answer than it did when the event was written.
"""

import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, insert, inspect, select
from sqlalchemy.exc import IntegrityError

from bulkhead.ledger import chain, migrate, schema
from bulkhead.ledger.apply import apply
from bulkhead.ledger.connect import close, open_memory, snapshot, transaction
from bulkhead.ledger.export import EXPORTED_STREAMS, event_of, file_of
from bulkhead.ledger.jsonl import read_lines
from bulkhead.ledger.sqlite import LedgerReader, event_row, read_events
from messages.catalogue import record_from_json
from messages.records import LedgerEvent, Stream
from messages.values import Value

MAX_DIFFERENCES = 100
"""More would not be read; a comparison ends there."""
MAX_SHOWN = 200
"""Characters of a value in a sentence; a payload is long."""
EVENTS_PER_STEP = 2_000
"""In one transaction."""
TABLES: tuple[Table, ...] = tuple(schema.metadata.sorted_tables)


class RebuildFailed(ValueError):
    """An event cannot be applied: it is not what any version of this ledger wrote."""


class Difference(Value):
    """One row, or one column of one, in which a table is not what the events make of it."""

    table: str
    key: str
    """The primary key's values, joined by a slash."""
    column: str | None = None
    """None: the whole row is missing on one side."""
    real: str | None = None
    """What stands there; None for NULL."""
    made: str | None = None
    """What the events give."""
    is_missing: bool = False
    """Of a whole row: it should be there, and is not; else it is there, and nothing gave it."""

    @property
    def what(self) -> str:
        if self.column is not None:
            return f"{self.column} is {_words(self.real)} and should be {_words(self.made)}"
        return "the row is missing" if self.is_missing else "the row is not in the events"


def _words(value: str | None) -> str:
    if value is None:
        return "NULL"
    return value if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]}… ({len(value)} characters)"


def rebuild(events: Iterable[LedgerEvent]) -> Connection:
    """All tables from these events, in a database in memory; the caller closes it. Raises RebuildFailed."""
    connection = open_memory()
    try:
        with transaction(connection):
            schema.metadata.create_all(connection)
        fill(connection, events)
    except BaseException:
        close(connection)
        raise
    return connection


def fill(connection: Connection, events: Iterable[LedgerEvent]) -> int:
    """Put these events and what they give into empty tables. Returns how many. Raises RebuildFailed."""
    given, count = iter(events), 0
    while batch := tuple(islice(given, EVENTS_PER_STEP)):
        with transaction(connection):
            for event in batch:
                _apply_event(connection, event)
        count += len(batch)
    return count


def _apply_event(connection: Connection, event: LedgerEvent) -> None:
    try:
        fields = json.loads(event.payload)
        record = record_from_json(fields)
        connection.execute(insert(schema.events), event_row(event))
        apply(connection, record, fields, event)
    except (ValueError, ArithmeticError, IntegrityError) as error:
        said = error.orig if isinstance(error, IntegrityError) else error
        raise RebuildFailed(f"event {event.seq} ({event.type}) cannot be applied: {said}") from error


def exported_events(
    session_dirs: Sequence[Path], streams: Sequence[Stream] = EXPORTED_STREAMS
) -> Iterator[LedgerEvent]:
    """The events of exported files, merged by seq. Raises OSError, or RebuildFailed with the line; verify.py says more
    of a line that is no event."""
    files = (file_of(folder, stream) for folder in session_dirs for stream in streams)
    return heapq.merge(*(_events_of(path) for path in files if path.exists()), key=lambda event: event.seq)


def _events_of(path: Path) -> Iterator[LedgerEvent]:
    for line in read_lines(path):
        try:
            yield event_of(json.loads(line.data))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            where = f"{path.parent.name}/{path.name}, line {line.number}"
            what = "its end is missing" if not line.is_whole else "it is not an exported event"
            raise RebuildFailed(f"{where}: {what}") from error


def chained(events: Iterable[LedgerEvent], broken: list[chain.Break]) -> Iterator[LedgerEvent]:
    """The same events; the first that is not chained to the one before is noted in `broken`, and they go on."""
    head = chain.GENESIS
    for event in events:
        found = None if broken else chain.verify((event,), head)
        if found is not None:
            broken.append(found)
        head = chain.Head(event.seq, event.hash)
        yield event


def compare(real: Connection, rebuilt: Connection, on_row: Callable[[], None] = lambda: None) -> tuple[Difference, ...]:
    """Table by table; the first MAX_DIFFERENCES of them. Of an older file, the tables and columns that it has.

    `on_row` is called for each row of `real`.
    """
    found = (
        difference
        for table, columns in comparable(real)
        for difference in _compare_table(table, columns, real, rebuilt, on_row)
    )
    return tuple(islice(found, MAX_DIFFERENCES))


def comparable(real: Connection) -> tuple[tuple[Table, tuple[str, ...]], ...]:
    """The tables, and the columns of each, that can be compared."""
    if migrate.check(real, "the ledger") == migrate.HEAD:
        return tuple((table, tuple(table.c.keys())) for table in TABLES)
    there = inspect(real)
    names = set(there.get_table_names())
    found = []
    for table in TABLES:
        has = {column["name"] for column in there.get_columns(table.name)} if table.name in names else set()
        columns = tuple(column.name for column in table.columns if column.name in has)
        if has.issuperset(column.name for column in table.primary_key.columns):
            found.append((table, columns))
    return tuple(found)


def _compare_table(
    table: Table, columns: tuple[str, ...], real: Connection, rebuilt: Connection, on_row: Callable[[], None]
) -> Iterator[Difference]:
    sides = (_rows(table, columns, real, "real"), _rows(table, columns, rebuilt, "made"))
    for key, rows in groupby(heapq.merge(*sides, key=itemgetter(0)), key=itemgetter(0)):
        found = {side: row for _, side, row in rows}
        key_text = "/".join(str(part) for part in key)
        if "real" in found:
            on_row()
        if len(found) < 2:
            yield Difference(table=table.name, key=key_text, is_missing="made" in found)
            continue
        for name, made in found["made"].items():
            value = found["real"][name]
            if value != made:
                yield Difference(table=table.name, key=key_text, column=name, real=_text(value), made=_text(made))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _rows(
    table: Table, columns: tuple[str, ...], connection: Connection, side: str
) -> Iterator[tuple[tuple[Any, ...], str, dict[str, Any]]]:
    """Rows in the order of their keys: SQLite sorts text by its bytes, which is Python's order too."""
    keys = [column.name for column in table.primary_key.columns]
    query = select(*(table.c[name] for name in columns)).order_by(*table.primary_key.columns)
    for row in connection.execute(query).mappings():
        yield tuple(row[name] for name in keys), side, dict(row)


def check_tables(ledger: LedgerReader) -> tuple[Difference, ...]:
    """The ledger's tables against its own events. Raises RebuildFailed or LedgerUnavailable."""
    return _check(ledger, read_events(ledger.connection, 0, (), None))


def check_exports(ledger: LedgerReader, session_dirs: Sequence[Path]) -> tuple[Difference, ...]:
    """The ledger's tables against the exported files of all its sessions, and nothing else."""
    return _check(ledger, exported_events(session_dirs))


def _check(ledger: LedgerReader, events: Iterable[LedgerEvent]) -> tuple[Difference, ...]:
    with snapshot(ledger.connection):
        made = rebuild(events)
        try:
            return compare(ledger.connection, made)
        finally:
            close(made)
