"""Answers that every venue gives in the same words: to what never left it."""

from bulkhead.venues.port import CANCELLED_UNSENT
from messages.codes import ErrorCode
from messages.orders import CancelOrder, CancelRejected, OrderNotSent, OrderTicket

_WITHHELD = ("FENCED", "GATE_SHUT", ErrorCode.OMS_IDEMPOTENCY_MISSING, CANCELLED_UNSENT)


def not_sent(ticket: OrderTicket, code: str, reason: str, retry_after_s: float | None = None) -> OrderNotSent:
    return OrderNotSent(
        client_order_id=ticket.client_order_id,
        symbol=ticket.symbol,
        code=code,
        reason=reason,
        retry_after_s=retry_after_s,
    )


def held_back(ticket: OrderTicket, refusal: str) -> OrderNotSent:
    """A guard names FENCED before a colon when the issuer's incarnation has ended, OMS_IDEMPOTENCY_MISSING when the
    order is not on record; anything else is the gate."""
    code, _, detail = refusal.partition(":")
    if code in _WITHHELD:
        return not_sent(ticket, code, detail.strip() or refusal)
    return not_sent(ticket, "GATE_SHUT", refusal)


def cancel_rejected(command: CancelOrder, code: str, reason: str) -> CancelRejected:
    return CancelRejected(client_order_id=command.client_order_id, symbol=command.symbol, code=code, reason=reason)
