"""Monitor: what the children of one intent come to, by when the venue must have answered, and what fills too slowly.

Several attempts of one child (adjust) are one child: what it was to fill counts once, what they filled is added up.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from bulkhead.execution.exact import ZERO, divide, exact
from bulkhead.execution.order_events import was_answered
from bulkhead.execution.stages.schedule import quantity_of
from bulkhead.execution.stages.split import Child
from messages.intents import IntentClosed
from messages.orders import OrderRow
from messages.values import OrderStatus

NS_PER_S = 1_000_000_000
ANSWER_TIMEOUT_S = 60.0
"""Default of the source documents for EXECUTION_DELAY."""
FILL_TIMEOUT_S = 60.0
"""Default of the source documents for an order that works and does not fill."""
HUNDRED = Decimal(100)
_AWAITING = frozenset({OrderStatus.PENDING_SUBMIT, OrderStatus.PENDING_CANCEL, OrderStatus.UNKNOWN})
_WORKING = frozenset({OrderStatus.SUBMITTED, OrderStatus.PARTIAL})


class Deadline(NamedTuple):
    client_order_id: str
    symbol: str
    due_ns: int


class Progress(NamedTuple):
    intent_id: str
    symbol: str
    quantity: Decimal
    """Of all children, those whose turn is still to come included."""
    filled: Decimal
    filled_notional: Decimal
    leaves: Decimal
    """What may still fill of the orders that have not ended."""
    overfilled: Decimal
    """Executed beyond what a child was to fill: a fault of the venue's or ours, never hidden in the ratio."""
    fill_ratio: Decimal
    """0 to 1."""
    is_terminal: bool
    """Every child has had its turn and has ended on evidence, and no rest of one is to be replaced."""
    awaiting: tuple[Deadline, ...]
    """Children that the venue owes an answer, soonest first."""
    overdue: tuple[Deadline, ...]
    """Those of them whose deadline has passed: EXECUTION_DELAY."""
    slow: tuple[Deadline, ...]
    """Orders that have worked past the fill timeout and still have leaves: for adjust, then for escape."""

    @property
    def average_price(self) -> Decimal | None:
        return divide(self.filled_notional, self.filled) if self.filled else None

    @property
    def fill_pct(self) -> Decimal:
        """0 to 100."""
        with exact():
            return self.fill_ratio * HUNDRED


def deadline_of(order: OrderRow, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> Deadline | None:
    """By when the order must have been answered; None when no answer is owed."""
    if order.status not in _AWAITING:
        return None
    # A cancel is owed an answer since it was asked for; an unanswered order since it was made, however often the
    # question has been repeated since.
    is_unanswered = order.status is not OrderStatus.PENDING_CANCEL and not was_answered(order)
    since_ns = order.created_ns if is_unanswered else order.updated_ns
    return _deadline(order, since_ns, answer_timeout_s)


def fill_deadline_of(order: OrderRow, fill_timeout_s: float = FILL_TIMEOUT_S) -> Deadline | None:
    """By when the order is to be filled, counted from the venue's first answer; None when it does not work."""
    if order.status not in _WORKING:
        return None
    return _deadline(order, working_since_ns(order), fill_timeout_s)


def working_since_ns(order: OrderRow) -> int:
    return order.created_ns if order.submitted_ns is None else order.submitted_ns


def watch(
    orders: Iterable[OrderRow],
    now_ns: int,
    answer_timeout_s: float = ANSWER_TIMEOUT_S,
    *,
    fill_timeout_s: float = FILL_TIMEOUT_S,
    unsent: Iterable[Child] = (),
    is_adjusting: bool = False,
) -> Progress:
    """Aggregate the orders of one intent, all attempts of each child and ended ones included.

    `unsent` are its children whose turn is still to come (and that are not given up), `is_adjusting` says that the
    rest of an ended attempt is still to be replaced: either keeps the intent open.
    Raises ValueError when there are no orders, or of two intents.
    """
    rows, waiting = tuple(orders), tuple(unsent)
    if len({row.intent_id for row in rows}) != 1:
        raise ValueError("watch() takes the children of exactly one intent")
    attempts: dict[int, list[OrderRow]] = {}
    for row in rows:
        attempts.setdefault(row.child, []).append(row)
    quantity = filled = notional = leaves = overfilled = ZERO
    with exact():
        for child in attempts.values():
            asked, got = quantity_of(child), sum((row.filled for row in child), ZERO)
            quantity, filled, overfilled = quantity + asked, filled + got, overfilled + max(ZERO, got - asked)
            notional += sum((row.filled_notional for row in child), ZERO)
            leaves += sum((row.leaves for row in child), ZERO)
        quantity += sum((child.quantity for child in waiting), ZERO)
        ratio = divide(filled - overfilled, quantity)
    deadlines = [deadline for row in rows if (deadline := deadline_of(row, answer_timeout_s)) is not None]
    limits = [deadline for row in rows if (deadline := fill_deadline_of(row, fill_timeout_s)) is not None]
    awaiting, working = (tuple(sorted(some, key=lambda deadline: deadline.due_ns)) for some in (deadlines, limits))
    return Progress(
        intent_id=rows[0].intent_id,
        symbol=rows[0].ticket.symbol,
        quantity=quantity,
        filled=filled,
        filled_notional=notional,
        leaves=leaves,
        overfilled=overfilled,
        fill_ratio=ratio,
        is_terminal=not waiting and not is_adjusting and all(row.status.is_terminal for row in rows),
        awaiting=awaiting,
        overdue=tuple(deadline for deadline in awaiting if now_ns > deadline.due_ns),
        slow=tuple(deadline for deadline in working if now_ns > deadline.due_ns),
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


def _deadline(order: OrderRow, since_ns: int, timeout_s: float) -> Deadline:
    return Deadline(order.ticket.client_order_id, order.ticket.symbol, since_ns + int(timeout_s * NS_PER_S))
