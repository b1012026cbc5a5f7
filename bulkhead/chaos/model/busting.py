"""The model venue where a trade may not stand: it takes executions back, a second after it has told of them."""

from decimal import Decimal

from bulkhead.chaos.eyes import Watcher
from bulkhead.chaos.model.market import INSTRUMENTS
from bulkhead.chaos.model.order import Order
from bulkhead.chaos.model.venue import ModelVenue
from bulkhead.chaos.model.words import CALM, Faults
from messages.base import Body
from messages.orders import VenueExecution
from messages.reversals import ExecutionReversed
from messages.values import OrderStatus, Side
from supervisor.runtime.behaviour import Context, receives

AFTER_S = 1.0
TOLD_AGAIN = 20
"""So many of the latest to a stream that comes up again: a session's replay."""


class Bust(Body):
    client_order_id: str
    execution_id: str


class BustingVenue(ModelVenue):
    bust_share = 0.0
    """Of all executions."""

    def __init__(self, seed: int, faults: Faults = CALM, tick_s: float = 0.5) -> None:
        super().__init__(seed, faults, tick_s)
        self.busted: list[ExecutionReversed] = []

    def raise_stream(self) -> None:
        super().raise_stream()
        for said in self.busted[-TOLD_AGAIN:]:
            self._tell(said)

    def _fill(self, order: Order, quantity: Decimal, price: Decimal, ctx: Context) -> None:
        super()._fill(order, quantity, price, ctx)
        if self._befalls("venue.bust", self.bust_share):
            made = self.executions[-1]
            bust = Bust(client_order_id=order.ticket.client_order_id, execution_id=made.execution_id)
            self._later(AFTER_S, bust, ctx)

    @receives(Bust)
    def on_bust(self, bust: Bust, ctx: Context) -> None:
        order = self.orders[bust.client_order_id]
        (execution,) = (e for e in self.executions if e.execution_id == bust.execution_id)
        if not self._can_give_back(execution):
            return
        self.fired["venue.bust"] += 1
        self.executions.remove(execution)
        self._give_back(order, execution)
        said = ExecutionReversed(
            client_order_id=bust.client_order_id,
            symbol=execution.symbol,
            venue_order_id=order.venue_order_id,
            venue_time_ns=ctx.now_ns(),
            execution_id=execution.execution_id,
            side=execution.side,
            quantity=execution.quantity,
            price=execution.price,
            fee=execution.fee,
            fee_asset=execution.fee_asset,
        )
        self.busted.append(said)
        self.eyes.tell(Watcher.reversed_, order, said)
        self._report(said, ctx)

    def _can_give_back(self, execution: VenueExecution) -> bool:
        """A spot account owes nothing: what was bought and is sold already, or earned and spent, stays as it is."""
        rules = INSTRUMENTS[execution.symbol]
        if execution.side is Side.BUY:
            return self.balances[rules.base_asset] >= execution.quantity
        return self.balances[rules.quote_asset] >= execution.quantity * execution.price

    def _give_back(self, order: Order, execution: VenueExecution) -> None:
        rules, sign = INSTRUMENTS[execution.symbol], execution.side.sign
        order.filled -= execution.quantity
        order.notional -= execution.quantity * execution.price
        if order.status is OrderStatus.FILLED:
            order.status = OrderStatus.CANCELLED
        elif order.status is OrderStatus.PARTIAL and not order.filled:
            order.status = OrderStatus.SUBMITTED
        self.balances[rules.base_asset] -= execution.quantity * sign
        self.balances[rules.quote_asset] += execution.quantity * execution.price * sign
        self.balances[execution.fee_asset] += execution.fee


def busting(venue: ModelVenue) -> BustingVenue:
    assert isinstance(venue, BustingVenue)
    return venue
