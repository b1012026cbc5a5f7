"""What an invariant is: one property, watched for as long as a run lasts. And what several of them reckon with.

An invariant does constant work for each thing it sees; what needs a look at everything is looked at when nothing is
under way any more.
"""

from collections.abc import Callable
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import ClassVar

from bulkhead.chaos.eyes import Watcher
from bulkhead.chaos.model.market import VENUE
from bulkhead.chaos.model.order import Order
from bulkhead.chaos.world import World
from messages.values import OrderStatus

Say = Callable[["Invariant", str], None]

ZERO = Decimal(0)
EXACT = Context(prec=400, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""Sums and products of amounts, to the last digit; what would have to be rounded raises."""
ENDED = frozenset(
    {OrderStatus.FILLED, OrderStatus.REJECTED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.FAILED}
)
"""By our own list, so that no slip in the product's is shared."""
OMS, GUARD, LEDGER, BROKER = "oms", "risk-guard", "ledger", f"broker:{VENUE}"


class Invariant(Watcher):
    """A subclass says in its docstring what it holds the house to, and what it does not look at."""

    number: ClassVar[int]
    name: ClassVar[str]

    def __init__(self, world: World, say: Say) -> None:
        self.world = world
        self._say = say

    def violated(self, detail: str) -> None:
        self._say(self, detail)


def at_work(quantity: Decimal, filled: Decimal, status: OrderStatus) -> Decimal:
    """What an order has filled and may still fill."""
    return filled if status in ENDED else max(filled, quantity)


def counts(order: Order) -> bool:
    """Whether an order on the venue's book is live, or has filled."""
    return order.status not in ENDED or order.filled > 0


def scopes_of(symbol: str, strategy_id: str | None) -> frozenset[str]:
    """The stops that an order falls under."""
    return frozenset({"all", f"venue:{VENUE}", f"symbol:{symbol}", f"strategy:{strategy_id}"})
