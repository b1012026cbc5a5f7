"""What is seen of orders and executions that are not ours, and what an operator decides about them.

As apply.py, which takes its handlers from here.
"""

from sqlalchemy import Connection, bindparam, exists, insert, select, update

from bulkhead.ledger.rows import Fields, Handler
from bulkhead.ledger.schema import strangers
from messages import operator, records
from messages.catalogue import canonical
from messages.records import LedgerEvent, Record
from messages.strangers import StrangerKind, Verdict

_insert = insert(strangers)
_whose = tuple(strangers.c[name] == bindparam(f"key_{name}") for name in ("kind", "symbol", "number"))
_find = select(exists().where(*_whose))
_decide = (
    update(strangers)
    .where(*_whose)
    .values({name: bindparam(name) for name in ("verdict", "strategy_id", "decided_ns")})
)


def _see(
    connection: Connection,
    kind: StrangerKind,
    symbol: str,
    number: str,
    seen: Fields,
    seq: int,
    at_ns: int | None = None,
) -> None:
    """The first time counts: what was decided about it later stands."""
    key = {"key_kind": kind.value, "key_symbol": symbol, "key_number": number}
    if connection.scalar(_find, key):
        return
    row = {"kind": kind.value, "symbol": symbol, "number": number, "verdict": Verdict.SEEN.value}
    more = {"strategy_id": None, "decided_ns": None, "payload": canonical(seen), "seen_ns": at_ns, "seq": seq}
    connection.execute(_insert, {**row, **more})


def _foreign(connection: Connection, record: records.ForeignOrderSeen, fields: Fields, event: LedgerEvent) -> None:
    order = record.order
    _see(connection, StrangerKind.ORDER, order.symbol, order.venue_order_id, fields["order"], event.seq, record.at_ns)


def _orphan(connection: Connection, record: records.OrphanFillSeen, fields: Fields, event: LedgerEvent) -> None:
    seen = record.execution
    _see(connection, StrangerKind.FILL, seen.symbol, seen.execution_id, fields["execution"], event.seq)


def _settled(connection: Connection, record: operator.StrangerSettled, _fields: Fields, event: LedgerEvent) -> None:
    key = {"kind": record.kind.value, "symbol": record.symbol, "number": record.number}
    said = {"verdict": record.verdict.value, "strategy_id": record.strategy_id, "decided_ns": record.at_ns}
    found = {f"key_{name}": value for name, value in key.items()}
    if not connection.execute(_decide, {**found, **said}).rowcount:
        connection.execute(_insert, {**key, **said, "payload": None, "seen_ns": None, "seq": event.seq})


STRANGERS: dict[type[Record], Handler] = {
    records.ForeignOrderSeen: _foreign,
    records.OrphanFillSeen: _orphan,
    operator.StrangerSettled: _settled,
}
