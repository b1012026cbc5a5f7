"""What a restart must know of orders, executions and holdings that came about without us. As recovery.py.

Bounded, as everything there: the latest so many of each.
"""

import json

from sqlalchemy import Connection, Row, and_, exists, func, literal, select

from bulkhead.ledger.schema import adjustments, fills, opening_balances, orders, strangers
from messages.adjustments import BY_OPERATOR, MOVE_POSITIONS, AdjustmentKind
from messages.strangers import KnownStrangers, Settlement, Stranger, StrangerKind

STRANGERS_KEPT = 10_000
"""Foreign orders and executions remembered; older ones are not asked for any more."""
ADJUSTMENTS_KEPT = 1_000
"""More than can wait in a mailbox across a restart."""
_AT_ONCE = 500
"""Numbers in one query: a database bounds them."""


def load_strangers(connection: Connection) -> KnownStrangers:
    """The caller holds a snapshot or is the only writer."""
    return KnownStrangers(
        strangers=_strangers(connection),
        settlements=_settlements(connection),
        adjustment_ids=_adjustment_ids(connection),
        opening_seq=connection.scalar(select(func.min(opening_balances.c.seq))) or 0,
    )


def _strangers(connection: Connection) -> tuple[Stranger, ...]:
    is_fill = strangers.c.kind == StrangerKind.FILL.value
    query = select(strangers).order_by(strangers.c.seq.desc()).limit(STRANGERS_KEPT)
    for venue in connection.scalars(select(opening_balances.c.venue).distinct()):  # without one nothing was booked
        number = literal(f"{venue}:") + strangers.c.symbol + ":" + strangers.c.number
        query = query.where(~and_(is_fill, exists().where(fills.c.fill_id == number)))
    found = [_stranger(row) for row in reversed(connection.execute(query).all())]
    grown = {each.key: order for each in found if (order := _grown_of(each)) is not None}
    ours = _filled_orders(connection, sorted({number for _, number in grown.values()}))
    return tuple(each for each in found if grown.get(each.key) not in ours)


def _grown_of(stranger: Stranger) -> tuple[str, str] | None:
    """Symbol and number of the order, where the execution is but the growth of its total: once the order is ours it
    was booked anew, in steps with other names."""
    execution = stranger.execution
    if execution is None or not execution.execution_id.startswith(f"{execution.venue_order_id}@"):
        return None
    return execution.symbol, execution.venue_order_id


def _filled_orders(connection: Connection, numbers: list[str]) -> set[tuple[str, str]]:
    ours: set[tuple[str, str]] = set()
    for begin in range(0, len(numbers), _AT_ONCE):
        some = numbers[begin : begin + _AT_ONCE]
        query = select(orders.c.symbol, orders.c.venue_order_id, orders.c.filled)
        rows = connection.execute(query.where(orders.c.venue_order_id.in_(some)))
        ours |= {(row.symbol, row.venue_order_id) for row in rows if row.filled}
    return ours


def _stranger(row: Row[tuple[object, ...]]) -> Stranger:
    seen = None if row.payload is None else json.loads(row.payload)
    part = "order" if row.kind == StrangerKind.ORDER.value else "execution"
    names = ("kind", "symbol", "number", "verdict", "strategy_id", "decided_ns", "seen_ns", "seq")
    return Stranger.model_validate({**{name: getattr(row, name) for name in names}, part: seen})


def _settlements(connection: Connection) -> tuple[Settlement, ...]:
    kinds = (AdjustmentKind.ADOPTED.value, AdjustmentKind.OTHER.value)
    query = (
        select(adjustments.c.asset, func.max(adjustments.c.seq), func.max(adjustments.c.effective_ns))
        .where(adjustments.c.source == BY_OPERATOR, adjustments.c.kind.in_(kinds))
        .group_by(adjustments.c.asset)
        .order_by(adjustments.c.asset)
    )
    return tuple(Settlement(asset=asset, seq=seq, at_ns=at_ns) for asset, seq, at_ns in connection.execute(query))


def _adjustment_ids(connection: Connection) -> tuple[str, ...]:
    query = select(adjustments.c.adjustment_id).where(adjustments.c.kind.in_([kind.value for kind in MOVE_POSITIONS]))
    return tuple(connection.scalars(query.order_by(adjustments.c.seq.desc()).limit(ADJUSTMENTS_KEPT)))
