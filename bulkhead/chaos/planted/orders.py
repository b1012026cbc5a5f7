"""Defects of the order path: what invariants 1 to 6 must catch."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from unittest.mock import patch

from actors import bookkeeper
from actors.order_keeper import OrderKeeper
from actors.order_worker import OrderWorker
from bulkhead.chaos.planted.kit import Planted, by_name, instead
from bulkhead.execution import growth, order_events
from bulkhead.execution.fills import FillBook
from bulkhead.execution.order_events import Applied, OrderEvent
from bulkhead.execution.order_table import Event
from messages.orders import ExecutionReported, Fill, OrderOutcomeUnknown, OrderRow, VenueOrder
from messages.values import OrderStatus, StopLevel
from supervisor import gate
from supervisor.runtime.behaviour import Context


def _resends(
    right: Callable[..., OrderRow | None], oms: OrderWorker, evidence: OrderEvent, ctx: Context, **named: Any
) -> OrderRow | None:
    row = right(oms, evidence, ctx, **named)
    if isinstance(evidence, OrderOutcomeUnknown) and row is not None and row.status is OrderStatus.UNKNOWN:
        oms._resend(row, "no answer: sent again", ctx)
    return row


def _equal_is_same(right: Callable[..., bool], book: FillBook, order: OrderRow, execution: ExecutionReported) -> bool:
    key = f"{order.ticket.client_order_id}/{execution.quantity}/{execution.price}"
    return right(book, order, execution) and book.add(key)


def _named_by_time(right: Callable[..., Fill], order: OrderRow, execution: ExecutionReported, now_ns: int) -> Fill:
    fill = right(order, execution, now_ns)
    return fill.model_copy(update={"fill_id": f"{fill.fill_id}/{now_ns}"})


def _whole(right: Callable[..., Any], before: object, order: VenueOrder, costs: object) -> Any:
    return right(growth.NOTHING, order, costs)


def _gross(right: Callable[..., Any], holding: object, fill: Fill, context: object) -> Any:
    return right(holding, fill.model_copy(update={"fee": Decimal(0)}), context)


def _in_floats(right: Callable[..., Applied], order: OrderRow, evidence: OrderEvent, now_ns: int) -> Applied:
    applied = right(order, evidence, now_ns)
    if applied.fill is None:
        return applied
    notional = float(order.filled_notional) + float(applied.fill.quantity) * float(applied.fill.price)
    return applied._replace(order=applied.order.model_copy(update={"filled_notional": Decimal(notional)}))


def _no_reply_is_no(right: Callable[..., Any], order: OrderRow, evidence: OrderEvent) -> Any:
    claim = right(order, evidence)
    if claim.event is not Event.OUTCOME_UNKNOWN or order.filled:
        return claim
    return claim._replace(event=Event.REJECTED)


PLANTED = by_name(
    Planted(
        "blind-resend",
        1,
        "an order whose outcome is unknown is sent again at once, before the venue has been asked",
        lambda: instead(OrderKeeper, "_apply", _resends),
    ),
    Planted(
        "equal-fills-are-one",
        2,
        "of two fills of an order at the same price and of the same size the second is taken for a repeat",
        lambda: instead(FillBook, "is_new", _equal_is_same),
    ),
    Planted(
        "fill-named-by-time",
        2,
        "a fill is named by when it was heard of, so that what is told twice is booked twice",
        lambda: instead(order_events, "fill_of", _named_by_time),
    ),
    Planted(
        "total-is-growth",
        2,
        "where the venue tells totals, each total is booked whole and not by how much it has grown",
        lambda: instead(growth, "growth", _whole),
    ),
    Planted(
        "position-before-fees",
        3,
        "a position does not lose the fee that was paid in what was bought",
        lambda: instead(bookkeeper, "apply_fill", _gross),
    ),
    Planted(
        "money-in-floats",
        4,
        "what an order has traded for is added up in binary floating point",
        lambda: instead(order_events, "_apply_execution", _in_floats),
    ),
    Planted(
        "no-reply-is-no",
        5,
        "an order without a reply is taken for rejected",
        lambda: instead(order_events, "_claim_of", _no_reply_is_no),
    ),
    Planted(
        "soft-lets-entries-out",
        6,
        "the gate holds entries back from MEDIUM on, instead of from SOFT on",
        lambda: patch.object(gate, "ENTRY_LIMIT", StopLevel.MEDIUM),
    ),
)
