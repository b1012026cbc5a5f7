"""What a risk guard that begins must not forget. As recovery.py: every query has an index, and the cost does not grow
with history; what it counts is the present day's."""

import json
from typing import Any

from sqlalchemy import Connection, func, select

from bulkhead.ledger.schema import fills, order_intents, orders, risk_events, trades
from messages.orders import Fill, FillBooked, OrderRow
from messages.portfolio import RoundTrip
from messages.records import RiskTripRecorded
from messages.risk_history import LimitRearmRecorded, LoadRiskHistory, RiskHistoryLoaded


def load(connection: Connection, asked: LoadRiskHistory) -> RiskHistoryLoaded:
    """The caller holds a snapshot or is the only writer."""
    approved = select(func.count()).select_from(order_intents).where(order_intents.c.created_ns >= asked.day_start_ns)
    finished = select(func.count()).select_from(trades).where(trades.c.exit_ns >= asked.day_start_ns)
    return RiskHistoryLoaded(
        day_start_ns=asked.day_start_ns,
        orders_today=connection.scalar(approved) or 0,
        trades_today=connection.scalar(finished) or 0,
        ended_orders=_ended_orders(connection, asked.latest),
        fills=_fills(connection, asked.latest),
        trades=_trades(connection, asked.latest),
        tripped_ns=_latest(connection, RiskTripRecorded.__name__, lambda trip: trip.get("rearm") != "automatic"),
        rearmed_ns=_latest(connection, LimitRearmRecorded.__name__, lambda rearm: rearm["by_operator"]),
    )


def _ended_orders(connection: Connection, latest: int) -> tuple[OrderRow, ...]:
    query = select(orders.c.payload).where(orders.c.is_open.is_(False)).order_by(orders.c.seq.desc()).limit(latest)
    return tuple(OrderRow.model_validate_json(payload) for payload in reversed(list(connection.scalars(query))))


def _fills(connection: Connection, latest: int) -> tuple[FillBooked, ...]:
    rows = list(connection.execute(select(fills).order_by(fills.c.seq.desc()).limit(latest)).mappings())
    return tuple(
        FillBooked(
            fill=Fill.model_validate({name: row[name] for name in Fill.model_fields}),
            intent_type=row["intent_type"],
            order_quantity=row["quantity"],
            decision_price=row["decision_price"],
        )
        for row in reversed(rows)
    )


def _trades(connection: Connection, latest: int) -> tuple[RoundTrip, ...]:
    columns = [trades.c[name] for name in RoundTrip.model_fields]
    rows = list(connection.execute(select(*columns).order_by(trades.c.exit_ns.desc()).limit(latest)).mappings())
    return tuple(RoundTrip.model_validate(dict(row)) for row in reversed(rows))


def _latest(connection: Connection, kind: str, is_wanted: Any) -> dict[str, int]:
    """By limit, when its latest record of this kind was written, where that one is wanted."""
    newest = select(func.max(risk_events.c.seq)).where(risk_events.c.type == kind).group_by(risk_events.c.limit_name)
    query = select(risk_events.c.limit_name, risk_events.c.at_ns, risk_events.c.payload)
    rows = connection.execute(query.where(risk_events.c.seq.in_(newest)))
    return {row.limit_name: row.at_ns for row in rows if is_wanted(json.loads(row.payload))}
