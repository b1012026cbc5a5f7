"""Send: children into order rows, which must be on disk before the first byte of them leaves. Nothing is sent here."""

from bulkhead.execution.exact import ZERO
from bulkhead.execution.ids import order_id_for
from bulkhead.execution.stages.split import Child
from messages.orders import OrderRow, OrderTicket
from messages.trading import OrderIntent
from messages.values import OrderStatus, Origin, TimeInForce

GETTING_OUT = frozenset({Origin.STOP_PLAN, Origin.OPERATOR})


def is_getting_out(intent: OrderIntent) -> bool:
    """Whether its tickets leave at every stop level: exits of a stop plan and of operators."""
    return intent.origin in GETTING_OUT and not intent.intent_type.is_entry


def send(
    intent: OrderIntent,
    children: tuple[Child, ...],
    session_id: str,
    now_ns: int,
    attempt: int = 0,
    instruments_version: str | None = None,
    *,
    orders_end_with_day: bool = False,
) -> tuple[OrderRow, ...]:
    """One PENDING_SUBMIT row per child, each with the id that it keeps for good. `attempt` above 0: what replaces an
    order of the same child that is proven to have ended. `instruments_version` names the rules of the precheck.

    `orders_end_with_day`: of the venue. Every order of the house is made here, so an intent need not know it: one that
    is to rest until it is cancelled rests for the day, and its end is told as any other."""
    time_in_force = intent.time_in_force
    if orders_end_with_day and time_in_force is TimeInForce.GTC:
        time_in_force = TimeInForce.DAY
    return tuple(
        _order(intent, child, time_in_force, session_id, now_ns, attempt, instruments_version) for child in children
    )


def _order(
    intent: OrderIntent,
    child: Child,
    time_in_force: TimeInForce,
    session_id: str,
    now_ns: int,
    attempt: int,
    instruments_version: str | None,
) -> OrderRow:
    ticket = OrderTicket(
        client_order_id=order_id_for(intent, session_id, child.number, attempt),
        venue=intent.venue,
        account=intent.account,
        symbol=intent.symbol,
        side=intent.side,
        order_type=intent.order_type,
        quantity=child.quantity,
        limit_price=child.limit_price,
        time_in_force=time_in_force,
        intent_type=intent.intent_type,
        is_stop_plan=is_getting_out(intent),
    )
    return OrderRow(
        ticket=ticket,
        intent_id=intent.intent_id,
        correlation_id=intent.correlation_id,
        strategy_id=intent.strategy_id,
        child=child.number,
        attempt=attempt,
        status=OrderStatus.PENDING_SUBMIT,
        filled=ZERO,
        filled_notional=ZERO,
        created_ns=now_ns,
        updated_ns=now_ns,
        instruments_version=instruments_version,
    )
