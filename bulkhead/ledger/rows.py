"""How a record's handler writes rows: statements that every database knows."""

from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, insert, select, update

from bulkhead.ledger import schema
from bulkhead.ledger.exact import EXACT
from bulkhead.ledger.prepared import Prepared
from messages.records import LedgerEvent

Fields = dict[str, Any]
Handler = Callable[[Connection, Any, Fields, LedgerEvent], None]


class Upsert:
    """Update the row of a key, or insert it: two plain statements that every database knows.

    `same` names columns that an update must find unchanged. When they differ, the insert meets the key and fails, as
    it should: another order must not be written over this one.
    """

    def __init__(self, table: Table, same: tuple[str, ...] = ()) -> None:
        self._keys = (*(column.name for column in table.primary_key.columns), *same)
        # A bind name of its own: in an UPDATE the plain column name is taken by the SET clause.
        where: list[ColumnElement[bool]] = [table.c[name] == bindparam(f"key_{name}") for name in self._keys]
        self._changed = tuple(column.name for column in table.columns if column.name not in self._keys)
        values: Fields = {name: bindparam(name) for name in self._changed}
        self._update = Prepared(update(table).where(and_(*where)).values(values))
        self._insert = Prepared(insert(table))

    def __call__(self, connection: Connection, row: Mapping[str, Any]) -> None:
        found = {name: row[name] for name in self._changed}
        found.update((f"key_{name}", row[name]) for name in self._keys)
        if not self._update(connection, found):
            self._insert(connection, row)


_put_total = Upsert(schema.fill_totals)
_select_total = Prepared(
    select(schema.fill_totals.c.total).where(
        *(schema.fill_totals.c[name] == bindparam(name) for name in ("venue", "account", "kind", "name"))
    )
)


def add_total(connection: Connection, key: dict[str, str], change: Decimal) -> None:
    """Add to a running total; `key` names its row."""
    before = Decimal(_select_total.scalar(connection, key) or 0)
    with localcontext(EXACT):
        _put_total(connection, {**key, "total": before + change})
