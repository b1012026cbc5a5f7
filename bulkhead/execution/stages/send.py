"""Send: children into order rows, which must be on disk before the first byte of them leaves. Nothing is sent here."""

from bulkhead.execution.exact import ZERO
from bulkhead.execution.ids import client_order_id, intent_hash
from bulkhead.execution.rules import Refused
from bulkhead.execution.stages.split import Child
from messages.codes import ErrorCode
from messages.orders import OrderRow, OrderTicket, SubmitOrder
from messages.trading import OrderIntent
from messages.values import OrderStatus


def send(intent: OrderIntent, children: tuple[Child, ...], session_id: str, now_ns: int) -> tuple[OrderRow, ...]:
    """One PENDING_SUBMIT row per child, each with the id that it keeps for good."""
    identity = intent_hash(intent)
    return tuple(_order(intent, child, identity, session_id, now_ns) for child in children)


def _order(intent: OrderIntent, child: Child, identity: str, session_id: str, now_ns: int) -> OrderRow:
    ticket = OrderTicket(
        client_order_id=client_order_id(
            session_id,
            intent.strategy_id,
            intent.symbol,
            intent.side,
            intent.decision_time_ns,
            identity,
            child.number,
        ),
        venue=intent.venue,
        account=intent.account,
        symbol=intent.symbol,
        side=intent.side,
        order_type=intent.order_type,
        quantity=child.quantity,
        limit_price=child.limit_price,
        time_in_force=intent.time_in_force,
        intent_type=intent.intent_type,
    )
    return OrderRow(
        ticket=ticket,
        intent_id=intent.intent_id,
        correlation_id=intent.correlation_id,
        strategy_id=intent.strategy_id,
        child=child.number,
        status=OrderStatus.PENDING_SUBMIT,
        filled=ZERO,
        filled_notional=ZERO,
        created_ns=now_ns,
        updated_ns=now_ns,
    )


def submit_command(order: OrderRow, *, is_durable: bool) -> SubmitOrder | Refused:
    """The command that sends a stored order (again), or why it must not leave."""
    if not is_durable or not order.ticket.client_order_id:
        detail = "the order has no durable record, so a crash now could send it twice"
        return Refused(ErrorCode.OMS_IDEMPOTENCY_MISSING.value, "durable", "no", "yes", detail)
    if order.status is not OrderStatus.PENDING_SUBMIT:
        detail = "only an order that was never sent, or is proven absent, may be sent"
        status = OrderStatus.PENDING_SUBMIT.value
        return Refused(ErrorCode.OMS_IDEMPOTENCY_MISSING.value, "status", order.status.value, status, detail)
    return SubmitOrder(ticket=order.ticket)
