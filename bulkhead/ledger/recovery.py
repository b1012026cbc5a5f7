"""What a restarted OMS or Portfolio needs, read from the tables.

The cost grows with what is unfinished and with the tail since the watermark, never with history: sums over all fills
are kept as totals, and every query below has an index.
"""

import json
from collections import defaultdict
from decimal import Decimal, localcontext
from typing import Any

from sqlalchemy import Connection, Table, exists, func, or_, select

from bulkhead.ledger.exact import EXACT
from bulkhead.ledger.inbox_port import KnownIntent
from bulkhead.ledger.recovery_strangers import load_strangers
from bulkhead.ledger.schema import (
    adjustments,
    deadlines,
    fill_totals,
    fills,
    opening_balances,
    order_intents,
    orders,
    portfolio_snapshots,
    positions,
)
from messages.orders import Balance, Fill, FillBooked, OrderRow
from messages.portfolio import PortfolioSnapshot, Position
from messages.records import DeadlineSet, RecoveryLoaded
from messages.trading import OrderIntent
from messages.values import IntentStatus, Origin

WATERMARK_MARGIN_NS = 60 * 1_000_000_000
"""The venue's clock stamps executions and ours stamps orders; more skew than this stops trading anyway."""
_OPEN_INTENTS = (IntentStatus.NEW.value, IntentStatus.SUBMITTED.value, IntentStatus.STOPPING.value)


def load(connection: Connection, tombstone_count: int) -> RecoveryLoaded:
    """The caller holds a snapshot or is the only writer."""
    watermark_ns = _watermark_ns(connection)
    return RecoveryLoaded(
        open_intents=_open_intents(connection),
        reserved_notional=_reserved(connection),
        stopping=_stopping(connection),
        deadlines=load_deadlines(connection),
        orders=_orders(connection, tombstone_count),
        positions=_positions(connection),
        known=load_strangers(connection),
        unapplied_fills=_unapplied_fills(connection),
        last_portfolio=_last_portfolio(connection),
        opening_balances=_opening_balances(connection),
        balance_changes=_balance_changes(connection),
        fill_ids=_fill_ids(connection, watermark_ns),
        watermark_ns=watermark_ns,
        has_history=_has_history(connection),
    )


def _open_intents(connection: Connection) -> tuple[OrderIntent, ...]:
    query = select(order_intents.c.payload).where(order_intents.c.status.in_(_OPEN_INTENTS))
    rows = connection.scalars(query.order_by(order_intents.c.created_ns, order_intents.c.intent_id))
    return tuple(OrderIntent.model_validate_json(payload) for payload in rows)


def _reserved(connection: Connection) -> dict[str, Decimal]:
    query = select(order_intents.c.intent_id, order_intents.c.reserved_notional)
    rows = connection.execute(query.where(order_intents.c.status.in_(_OPEN_INTENTS)))
    return {row.intent_id: row.reserved_notional for row in rows}


def _stopping(connection: Connection) -> dict[str, str]:
    query = select(order_intents.c.intent_id, order_intents.c.reason)
    rows = connection.execute(query.where(order_intents.c.status == IntentStatus.STOPPING.value))
    return {row.intent_id: row.reason for row in rows}


def _orders(connection: Connection, tombstone_count: int) -> tuple[OrderRow, ...]:
    """The latest ended ones and those of open intents, oldest first, then every one that is not terminal."""
    query = select(orders.c.payload)
    latest = (
        select(orders.c.seq).where(orders.c.is_open.is_(False)).order_by(orders.c.seq.desc()).limit(tombstone_count)
    )
    of_open = select(orders.c.seq).join(order_intents, order_intents.c.intent_id == orders.c.intent_id)
    of_open = of_open.where(order_intents.c.status.in_(_OPEN_INTENTS), orders.c.is_open.is_(False))
    wanted = or_(orders.c.seq.in_(latest.scalar_subquery()), orders.c.seq.in_(of_open.scalar_subquery()))
    still_open = query.where(orders.c.is_open.is_(True)).order_by(orders.c.seq)
    payloads = [*connection.scalars(query.where(wanted).order_by(orders.c.seq)), *connection.scalars(still_open)]
    return tuple(OrderRow.model_validate_json(payload) for payload in payloads)


def _positions(connection: Connection) -> tuple[Position, ...]:
    columns = [column for column in positions.columns if column.name != "seq"]
    rows = connection.execute(select(*columns).order_by(*positions.primary_key.columns))
    return tuple(Position.model_validate(dict(row)) for row in rows.mappings())


def _unapplied_fills(connection: Connection) -> tuple[FillBooked, ...]:
    """Fills after the last one that any recorded position contains: a crash fell between the two commits.

    Portfolio applies fills in the order of the ledger, so whatever comes after the newest applied one is not applied.
    """
    applied = select(func.max(fills.c.seq)).join(positions, positions.c.last_fill_id == fills.c.fill_id)
    query = (
        select(fills, orders.c.payload.label("order_payload"))
        .join(orders, orders.c.client_order_id == fills.c.client_order_id)
        .where(fills.c.seq > (connection.scalar(applied) or 0))
        .order_by(fills.c.seq)
    )
    return tuple(_fill_booked(dict(row)) for row in connection.execute(query).mappings())


def _fill_booked(row: dict[str, Any]) -> FillBooked:
    order = OrderRow.model_validate_json(row["order_payload"])
    return FillBooked(
        fill=Fill.model_validate({name: row[name] for name in Fill.model_fields}),
        intent_type=row["intent_type"],
        order_quantity=order.ticket.quantity,
        decision_price=row["decision_price"],
    )


def _last_portfolio(connection: Connection) -> PortfolioSnapshot | None:
    query = select(portfolio_snapshots.c.payload).order_by(portfolio_snapshots.c.seq.desc()).limit(1)
    payload = connection.scalar(query)
    return None if payload is None else PortfolioSnapshot.model_validate_json(payload)


def _opening_balances(connection: Connection) -> tuple[Balance, ...] | None:
    """Of the account that this ledger met first: RecoveryLoaded has room for one."""
    text = connection.scalar(select(opening_balances.c.balances).order_by(opening_balances.c.seq).limit(1))
    return None if text is None else tuple(Balance.model_validate(each) for each in json.loads(text))


def _balance_changes(connection: Connection) -> dict[str, Decimal]:
    """`<symbol>:base` and `<symbol>:quote` before fees; each asset's name with its adjustments less fees paid in it.

    A fill does not name its assets; who knows the instruments adds the three kinds up per asset.
    """
    query = select(fill_totals.c.kind, fill_totals.c.name, fill_totals.c.total).order_by(*fill_totals.primary_key)
    changes: defaultdict[str, Decimal] = defaultdict(Decimal)
    with localcontext(EXACT):
        for kind, name, total in connection.execute(query):
            changes[f"{name}:{kind}" if kind in ("base", "quote") else name] += total
    return dict(changes)


def _watermark_ns(connection: Connection) -> int:
    """Before this, every execution is booked: the oldest unfinished order or the last fill, less the margin.

    With neither, nothing can have been filled before our first order; without any order, everything is asked for.
    """
    oldest_open = connection.scalar(select(func.min(orders.c.created_ns)).where(orders.c.is_open.is_(True)))
    last_fill = connection.scalar(select(func.max(fills.c.executed_ns)))
    known = [moment for moment in (oldest_open, last_fill) if moment is not None]
    if not known:
        first_order = connection.scalar(select(func.min(orders.c.created_ns)))
        known = [] if first_order is None else [first_order]
    return max(0, min(known) - WATERMARK_MARGIN_NS) if known else 0


def _fill_ids(connection: Connection, watermark_ns: int) -> tuple[str, ...]:
    query = select(fills.c.fill_id).where(fills.c.executed_ns >= watermark_ns)
    return tuple(connection.scalars(query.order_by(fills.c.executed_ns, fills.c.fill_id)))


def _has_history(connection: Connection) -> bool:
    """Whether anything was ever traded or held here: a session that only started leaves none."""
    tables: tuple[Table, ...] = (opening_balances, order_intents, orders, fills, positions, adjustments)
    return any(connection.scalar(select(exists(select(table)))) for table in tables)


def find_intent(connection: Connection, action_key: str, intent_id: str) -> KnownIntent | None:
    """The intent with this action key, else the one with this id."""
    columns = [order_intents.c[name] for name in KnownIntent._fields]
    query = select(*columns).where(
        or_(order_intents.c.action_key == action_key, order_intents.c.intent_id == intent_id)
    )
    rows = [
        KnownIntent(**{**row, "origin": Origin(row["origin"]), "status": IntentStatus(row["status"])})
        for row in connection.execute(query).mappings()
    ]
    return min(rows, key=lambda known: known.action_key != action_key, default=None)


def load_deadlines(connection: Connection) -> tuple[DeadlineSet, ...]:
    """What is set and not cleared, the earliest first."""
    query = select(deadlines.c.id.label("deadline_id"), deadlines.c.due_ns, deadlines.c.kind, deadlines.c.payload)
    rows = connection.execute(query.order_by(deadlines.c.due_ns, deadlines.c.id)).mappings()
    return tuple(DeadlineSet.model_validate(dict(row)) for row in rows)
