"""What an adapter makes of an answer that never came, or that it could not read."""

from bulkhead.chaos.model.market import VENUE
from messages.base import Evidence
from messages.orders import (
    CancelOrder,
    CancelOutcomeUnknown,
    CancelRejected,
    OrderCancelled,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderQueryFailed,
    OrderStatusReported,
    QueryOrder,
    TakeVenueSnapshot,
    VenueSnapshotFailed,
    VenueSnapshotTaken,
)

Question = CancelOrder | QueryOrder | TakeVenueSnapshot


def as_lost(answer: Evidence, reason: str) -> Evidence:
    """An order's verdict becomes unknown, a question's answer its failure. What never left stays what it is: we know
    that by ourselves, and no answer is waited for."""
    if isinstance(answer, OrderNotSent | OrderQueryFailed | VenueSnapshotFailed):
        return answer
    if isinstance(answer, VenueSnapshotTaken):
        return VenueSnapshotFailed(venue=VENUE, reason=reason)
    if isinstance(answer, OrderStatusReported):
        return OrderQueryFailed(client_order_id=answer.client_order_id, symbol=answer.symbol, reason=reason)
    if isinstance(answer, OrderCancelled | CancelRejected | CancelOutcomeUnknown):
        return CancelOutcomeUnknown(client_order_id=answer.client_order_id, symbol=answer.symbol, reason=reason)
    fields = answer.model_dump(include={"client_order_id", "symbol"})
    return OrderOutcomeUnknown(**fields, reason=reason)


def failed(question: Question, reason: str) -> Evidence:
    """Its bytes have left, and nothing came back."""
    if isinstance(question, TakeVenueSnapshot):
        return VenueSnapshotFailed(venue=VENUE, reason=reason)
    key, symbol = question.client_order_id, question.symbol
    if isinstance(question, QueryOrder):
        return OrderQueryFailed(client_order_id=key, symbol=symbol, reason=reason)
    return CancelOutcomeUnknown(client_order_id=key, symbol=symbol, reason=reason)


def not_asked(question: Question, code: str, reason: str) -> Evidence:
    """Nothing of it has left: a cancel has certainly done nothing."""
    if isinstance(question, CancelOrder):
        return CancelRejected(
            client_order_id=question.client_order_id, symbol=question.symbol, code=code, reason=reason
        )
    return failed(question, f"{code}: {reason}")
