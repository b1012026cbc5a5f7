"""Every table made again from the events alone, or from the exported files alone, and compared with the real ones.

The rows are made by the same handlers as the real ones (apply.py), so a difference means that somebody changed a table
or an event, or that a handler gave another answer than it did when the event was written.
"""

import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, insert, inspect, select
from sqlalchemy.exc import IntegrityError

from bulkhead.ledger import migrate, schema
from bulkhead.ledger.apply import apply
from bulkhead.ledger.connect import close, open_memory, snapshot, transaction
from bulkhead.ledger.export import EXPORTED_STREAMS, event_of, file_of
from bulkhead.ledger.jsonl import read_lines
from bulkhead.ledger.sqlite import LedgerReader, event_row, read_events
from messages.catalogue import record_from_json
from messages.records import LedgerEvent, Stream

MAX_DIFFERENCES = 100
"""More would not be read; a comparison ends there."""
TABLES: tuple[Table, ...] = tuple(schema.metadata.sorted_tables)


class RebuildFailed(ValueError):
    """An event cannot be applied: it is not what any version of this ledger wrote."""


class Difference(NamedTuple):
    table: str
    key: str
    """The primary key's values, joined by a slash."""
    what: str


def rebuild(events: Iterable[LedgerEvent]) -> Connection:
    """All tables from these events, in a database in memory; the caller closes it. Raises RebuildFailed."""
    connection = open_memory()
    try:
        with transaction(connection):
            schema.metadata.create_all(connection)
            for event in events:
                _apply_event(connection, event)
    except BaseException:
        close(connection)
        raise
    return connection


def _apply_event(connection: Connection, event: LedgerEvent) -> None:
    try:
        fields = json.loads(event.payload)
        record = record_from_json(fields)
        connection.execute(insert(schema.events), event_row(event))
        apply(connection, record, fields, event)
    except (ValueError, ArithmeticError, IntegrityError) as error:
        raise RebuildFailed(f"event {event.seq} ({event.type}) cannot be applied: {error}") from error


def exported_events(
    session_dirs: Sequence[Path], streams: Sequence[Stream] = EXPORTED_STREAMS
) -> Iterator[LedgerEvent]:
    """The events of exported files, merged by seq. Raises OSError and what `event_of` raises; verify.py says more."""
    files = (file_of(folder, stream) for folder in session_dirs for stream in streams)
    return heapq.merge(*(_events_of(path) for path in files if path.exists()), key=lambda event: event.seq)


def _events_of(path: Path) -> Iterator[LedgerEvent]:
    return (event_of(json.loads(line.data)) for line in read_lines(path))


def compare(real: Connection, rebuilt: Connection) -> tuple[Difference, ...]:
    """Table by table; the first MAX_DIFFERENCES of them. Of an older file, the tables that it has."""
    found = (difference for table in _comparable(real) for difference in _compare_table(table, real, rebuilt))
    return tuple(islice(found, MAX_DIFFERENCES))


def _comparable(real: Connection) -> tuple[Table, ...]:
    if migrate.check(real, "the ledger") == migrate.HEAD:
        return TABLES
    there = inspect(real)
    names = set(there.get_table_names())
    return tuple(
        table
        for table in TABLES
        if table.name in names and {found["name"] for found in there.get_columns(table.name)} >= set(table.c.keys())
    )


def _compare_table(table: Table, real: Connection, rebuilt: Connection) -> Iterator[Difference]:
    both = heapq.merge(_rows(table, real, "real"), _rows(table, rebuilt, "made"), key=itemgetter(0))
    for key, rows in groupby(both, key=itemgetter(0)):
        found = {side: row for _, side, row in rows}
        if "made" not in found:
            yield Difference(table.name, _key_text(key), "the row is not in the events")
        elif "real" not in found:
            yield Difference(table.name, _key_text(key), "the row is missing")
        else:
            for name, value in found["made"].items():
                if found["real"][name] != value:
                    what = f"{name} is {found['real'][name]!r} and should be {value!r}"
                    yield Difference(table.name, _key_text(key), what)


def _rows(table: Table, connection: Connection, side: str) -> Iterator[tuple[tuple[Any, ...], str, dict[str, Any]]]:
    """Rows in the order of their keys: SQLite sorts text by its bytes, which is Python's order too."""
    keys = [column.name for column in table.primary_key.columns]
    for row in connection.execute(select(table).order_by(*table.primary_key.columns)).mappings():
        yield tuple(row[name] for name in keys), side, dict(row)


def _key_text(key: tuple[Any, ...]) -> str:
    return "/".join(str(part) for part in key)


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
