"""What each record changes in the tables. Used by the writer and by the rebuild, so that both give the same rows.

A handler sees the record, the JSON it is written as, and its event; it runs inside the caller's transaction and raises
what the database raises (IntegrityError for a unique key). Records that change no table stand in EVENTS_ONLY.
"""

from decimal import localcontext
from typing import Any

from sqlalchemy import Connection, bindparam, insert, update

from bulkhead.ledger import schema
from bulkhead.ledger.apply_housekeeping import HOUSEKEEPING, note_alias
from bulkhead.ledger.apply_strangers import STRANGERS
from bulkhead.ledger.exact import EXACT
from bulkhead.ledger.prepared import Prepared
from bulkhead.ledger.rows import Fields, Handler, Upsert, add_total
from messages import escapes, inbox, records, stops
from messages.catalogue import canonical
from messages.records import LedgerEvent, Record
from messages.risk_history import LimitRearmRecorded
from messages.values import IntentStatus


def apply(connection: Connection, record: Record, fields: Fields, event: LedgerEvent) -> None:
    """Change the tables as the record says. Raises KeyError for a record class that nobody has decided about."""
    if type(record) not in EVENTS_ONLY:
        HANDLERS[type(record)](connection, record, fields, event)


_put_order = Upsert(schema.orders, same=("intent_id", "child", "attempt"))
_put_position = Upsert(schema.positions)
_insert_intent = Prepared(insert(schema.order_intents))
_insert_fill = Prepared(insert(schema.fills))
_insert_snapshot = Prepared(insert(schema.portfolio_snapshots))
_insert_opening = Prepared(insert(schema.opening_balances))
_insert_trade = Prepared(insert(schema.trades))
_insert_session = Prepared(insert(schema.sessions))
_insert_action = Prepared(insert(schema.operator_actions))
_insert_risk = Prepared(insert(schema.risk_events))
_update_intent = Prepared(
    update(schema.order_intents)
    .where(schema.order_intents.c.intent_id == bindparam("key"))
    .values({name: bindparam(name) for name in ("status", "code", "reason", "updated_ns", "seq")})
)
_update_session = Prepared(
    update(schema.sessions)
    .where(schema.sessions.c.session_id == bindparam("key"))
    .values(stopped_ns=bindparam("stopped_ns"), stop_reason=bindparam("stop_reason"))
)


def _intent(connection: Connection, record: records.IntentRecorded, fields: Fields, event: LedgerEvent) -> None:
    intent = record.intent
    row = {
        **{name: getattr(intent, name) for name in _INTENT_COLUMNS},
        **{name: getattr(intent, name).value for name in ("origin", "side", "intent_type", "order_type")},
        "status": IntentStatus.NEW.value,
        "code": None,
        "reserved_notional": record.reserved_notional,
        "created_ns": event.at_ns,
        "updated_ns": event.at_ns,
        "payload": canonical(fields["intent"]),
        "seq": event.seq,
    }
    _insert_intent(connection, row)


_INTENT_COLUMNS = (
    *("intent_id", "action_key", "reason", "strategy_id", "venue", "account", "group_id", "leg", "symbol"),
    *("quantity", "limit_price", "correlation_id", "decision_id"),
)


def _intent_status(
    connection: Connection, record: records.IntentStatusChanged, _fields: Fields, event: LedgerEvent
) -> None:
    # DUPLICATE speaks of the second coming of an intent; the row is that of the first, which goes on.
    if record.status is IntentStatus.DUPLICATE:
        return
    row = {"status": record.status.value, "code": record.code, "reason": record.reason}
    _update_intent(connection, {**row, "key": record.intent_id, "updated_ns": event.at_ns, "seq": event.seq})


def _order(connection: Connection, record: records.OrderRecorded, fields: Fields, event: LedgerEvent) -> None:
    order = record.order
    ticket = order.ticket
    with localcontext(EXACT):
        leaves = order.leaves
    row = {
        "client_order_id": ticket.client_order_id,
        "venue_order_id": order.venue_order_id,
        "intent_id": order.intent_id,
        "child": order.child,
        "attempt": order.attempt,
        "strategy_id": order.strategy_id,
        "venue": ticket.venue,
        "account": ticket.account,
        "symbol": ticket.symbol,
        "side": ticket.side.value,
        "intent_type": ticket.intent_type.value,
        "order_type": ticket.order_type.value,
        "time_in_force": ticket.time_in_force.value,
        "quantity": ticket.quantity,
        "limit_price": ticket.limit_price,
        "status": order.status.public,
        "is_open": not order.status.is_terminal,
        "filled": order.filled,
        "filled_notional": order.filled_notional,
        "leaves": leaves,
        "reason": order.reason,
        "created_ns": order.created_ns,
        "submitted_ns": order.submitted_ns,
        "updated_ns": order.updated_ns,
        "correlation_id": order.correlation_id,
        "raw": order.raw,
        "payload": canonical(fields["order"]),
        "seq": event.seq,
        "instruments_version": order.instruments_version,
    }
    _put_order(connection, row)
    if order.venue_order_id is not None:
        note_alias(connection, order, order.venue_order_id, event)


def _fill(connection: Connection, record: records.FillRecorded, _fields: Fields, event: LedgerEvent) -> None:
    fill = record.fill
    row = {
        **{name: getattr(fill, name) for name in _FILL_COLUMNS},
        "side": fill.side.value,
        "intent_type": record.intent_type.value,
        "decision_price": record.decision_price,
        "source": record.source,
        "seq": event.seq,
    }
    _insert_fill(connection, row)
    with localcontext(EXACT):
        base = fill.side.sign * fill.quantity
        # A tax is taken from the proceeds, in the currency of the price.
        quote = -base * fill.price - fill.tax
    for kind, name, change in (
        ("base", fill.symbol, base),
        ("quote", fill.symbol, quote),
        ("fee", fill.fee_asset, fill.fee.copy_negate()),
    ):
        if change:
            add_total(connection, {"venue": fill.venue, "account": fill.account, "kind": kind, "name": name}, change)


_FILL_COLUMNS = (
    *("fill_id", "client_order_id", "strategy_id", "venue", "account", "symbol", "quantity", "price"),
    *("fee", "fee_asset", "tax", "executed_ns", "is_maker"),
)


def _position(connection: Connection, record: records.PositionRecorded, _fields: Fields, event: LedgerEvent) -> None:
    _put_position(connection, {**dict(record.position), "seq": event.seq})


def _portfolio(connection: Connection, record: records.PortfolioRecorded, fields: Fields, event: LedgerEvent) -> None:
    row = {name: getattr(record.snapshot, name) for name in _SNAPSHOT_COLUMNS}
    _insert_snapshot(connection, {**row, "payload": canonical(fields["snapshot"]), "seq": event.seq})


_SNAPSHOT_COLUMNS = (
    *("venue", "account", "currency", "cash", "equity", "realised_pnl", "unrealised_pnl", "day_pnl"),
    *("peak_equity", "drawdown", "at_ns"),
)


def _opening(
    connection: Connection, record: records.OpeningBalancesRecorded, fields: Fields, event: LedgerEvent
) -> None:
    row = {"venue": record.venue, "account": record.account, "at_ns": record.at_ns, "seq": event.seq}
    _insert_opening(connection, {**row, "balances": canonical(fields["balances"])})


def _trade(connection: Connection, record: records.RoundTripRecorded, _fields: Fields, event: LedgerEvent) -> None:
    _insert_trade(connection, {**dict(record.trade), "seq": event.seq})


def _session_started(
    connection: Connection, record: records.SessionStarted, fields: Fields, event: LedgerEvent
) -> None:
    row = {name: getattr(record, name) for name in ("session_id", "venue", "account_masked", "config_snapshot_id")}
    more = {
        "mode": record.mode.value,
        "strategies": canonical(fields["strategies"]),
        "code_version": record.code_version,
        "seed": str(record.seed),
        "started_ns": record.at_ns,
        "seq": event.seq,
    }
    _insert_session(connection, {**row, **more, "stopped_ns": None, "stop_reason": None})


def _session_stopped(
    connection: Connection, record: records.SessionStopped, _fields: Fields, _event: LedgerEvent
) -> None:
    row = {"key": record.session_id, "stopped_ns": record.at_ns, "stop_reason": record.reason}
    _update_session(connection, row)


def _operator(connection: Connection, record: records.OperatorActed, _fields: Fields, event: LedgerEvent) -> None:
    row = {"operator": record.operator, "action": record.action, "reason": record.reason, "at_ns": record.at_ns}
    _insert_action(connection, {**row, "seq": event.seq})


def _risk_row(connection: Connection, event: LedgerEvent, inner: Fields, **columns: Any) -> None:
    row = dict.fromkeys(("code", "limit_name", "value", "limit_value", "level", "scope"))
    more = {"seq": event.seq, "type": event.type, "at_ns": event.at_ns, "payload": canonical(inner)}
    _insert_risk(connection, {**row, **columns, **more})


def _refusal(connection: Connection, record: records.RiskRefusalRecorded, fields: Fields, event: LedgerEvent) -> None:
    said = record.refusal
    numbers = {"code": said.code, "limit_name": said.limit_name, "value": said.value, "limit_value": said.limit}
    _risk_row(connection, event, fields["refusal"], **numbers, scope=f"symbol:{said.symbol}")


def _trip(connection: Connection, record: records.RiskTripRecorded, fields: Fields, event: LedgerEvent) -> None:
    said = record.trip
    numbers = {"code": said.code, "limit_name": said.limit_name, "value": said.value, "limit_value": said.limit}
    _risk_row(connection, event, fields["trip"], **numbers, level=int(said.level), scope=said.scope)


def _approach(
    connection: Connection, record: records.LimitApproachRecorded, fields: Fields, event: LedgerEvent
) -> None:
    said = record.approach
    numbers = {"limit_name": said.limit_name, "value": said.value, "limit_value": said.limit}
    _risk_row(connection, event, fields["approach"], **numbers)


def _rearm(connection: Connection, record: LimitRearmRecorded, fields: Fields, event: LedgerEvent) -> None:
    _risk_row(connection, event, fields["rearm"], limit_name=record.rearm.limit_name)


def _stop_level(connection: Connection, record: records.StopLevelRecorded, fields: Fields, event: LedgerEvent) -> None:
    _risk_row(connection, event, fields["change"], level=int(record.change.level))


def _escape(connection: Connection, record: escapes.EscapeRecorded, fields: Fields, event: LedgerEvent) -> None:
    _risk_row(connection, event, fields, scope=record.scope)


def _reduction(connection: Connection, record: stops.ReductionRecorded, fields: Fields, event: LedgerEvent) -> None:
    _risk_row(connection, event, fields, scope=record.scope)


def _stop_plans(connection: Connection, _: stops.StopPlansRecorded, fields: Fields, event: LedgerEvent) -> None:
    _risk_row(connection, event, fields)


HANDLERS: dict[type[Record], Handler] = {
    records.IntentRecorded: _intent,
    records.IntentStatusChanged: _intent_status,
    records.OrderRecorded: _order,
    records.FillRecorded: _fill,
    records.PositionRecorded: _position,
    records.PortfolioRecorded: _portfolio,
    records.OpeningBalancesRecorded: _opening,
    records.RoundTripRecorded: _trade,
    records.SessionStarted: _session_started,
    records.SessionStopped: _session_stopped,
    records.OperatorActed: _operator,
    records.RiskRefusalRecorded: _refusal,
    records.RiskTripRecorded: _trip,
    records.LimitApproachRecorded: _approach,
    LimitRearmRecorded: _rearm,
    records.StopLevelRecorded: _stop_level,
    escapes.EscapeRecorded: _escape,
    stops.ReductionRecorded: _reduction,
    stops.StopPlansRecorded: _stop_plans,
    **HOUSEKEEPING,
    **STRANGERS,
}
"""Records that change a table, and how."""

EVENTS_ONLY: frozenset[type[Record]] = frozenset(
    {
        records.ReconciliationRecorded,
        records.AccountObserved,
        records.FailureRecorded,
        records.SourceRecorded,
        records.ChildDownRecorded,
        records.ChildReadyRecorded,
        records.DeadLetterRecorded,
        inbox.InboxRowTaken,
        inbox.InboxRowRefused,
    }
)
"""Records that are read from the events alone."""
