"""Monitor: what the children of one intent come to, and by when the venue must have answered."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from bulkhead.execution.exact import ZERO, divide, exact
from bulkhead.execution.order_events import was_answered
from messages.orders import IntentClosed, OrderRow
from messages.values import OrderStatus

NS_PER_S = 1_000_000_000
ANSWER_TIMEOUT_S = 60.0
"""Default of the source documents for EXECUTION_DELAY."""
_AWAITING = frozenset({OrderStatus.PENDING_SUBMIT, OrderStatus.PENDING_CANCEL, OrderStatus.UNKNOWN})


class Deadline(NamedTuple):
    client_order_id: str
    symbol: str
    due_ns: int


class Progress(NamedTuple):
    intent_id: str
    symbol: str
    quantity: Decimal
    """Of all children."""
    filled: Decimal
    filled_notional: Decimal
    leaves: Decimal
    fill_ratio: Decimal
    """0 to 1; above 1 only when a venue executed too much."""
    is_terminal: bool
    """Every child has ended on evidence."""
    awaiting: tuple[Deadline, ...]
    """Children that the venue owes an answer, soonest first."""
    overdue: tuple[Deadline, ...]
    """Those of them whose deadline has passed: EXECUTION_DELAY."""

    @property
    def average_price(self) -> Decimal | None:
        return divide(self.filled_notional, self.filled) if self.filled else None


def deadline_of(order: OrderRow, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> Deadline | None:
    """By when the order must have been answered; None when no answer is owed."""
    if order.status not in _AWAITING:
        return None
    # A cancel is owed an answer since it was asked for; an unanswered order since it was made, however often the
    # question has been repeated since.
    is_unanswered = order.status is not OrderStatus.PENDING_CANCEL and not was_answered(order)
    since_ns = order.created_ns if is_unanswered else order.updated_ns
    ticket = order.ticket
    return Deadline(ticket.client_order_id, ticket.symbol, since_ns + int(answer_timeout_s * NS_PER_S))


def watch(orders: Iterable[OrderRow], now_ns: int, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> Progress:
    """Aggregate the children of one intent. Raises ValueError when there are none, or of two intents."""
    children = tuple(orders)
    if len({child.intent_id for child in children}) != 1:
        raise ValueError("watch() takes the children of exactly one intent")
    with exact():
        quantity = sum((child.ticket.quantity for child in children), ZERO)
        filled = sum((child.filled for child in children), ZERO)
        notional = sum((child.filled_notional for child in children), ZERO)
        leaves = sum((child.leaves for child in children), ZERO)
    deadlines = [deadline for child in children if (deadline := deadline_of(child, answer_timeout_s)) is not None]
    deadlines.sort(key=lambda deadline: deadline.due_ns)
    return Progress(
        intent_id=children[0].intent_id,
        symbol=children[0].ticket.symbol,
        quantity=quantity,
        filled=filled,
        filled_notional=notional,
        leaves=leaves,
        fill_ratio=divide(filled, quantity),
        is_terminal=all(child.status.is_terminal for child in children),
        awaiting=tuple(deadlines),
        overdue=tuple(deadline for deadline in deadlines if now_ns > deadline.due_ns),
    )


def closing(progress: Progress) -> IntentClosed | None:
    """What gives the reservation back, once every child has ended."""
    if not progress.is_terminal:
        return None
    return IntentClosed(
        intent_id=progress.intent_id,
        symbol=progress.symbol,
        filled=progress.filled,
        filled_notional=progress.filled_notional,
    )
