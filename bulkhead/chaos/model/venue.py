"""A venue as a model: orders, accounts and prices in one actor, so that it works alike on both hosts.

It shares no code with the order path. Each request waits for its latency as a timer of the host, so in virtual time one
seed decides everything. `Faults` says how often it misbehaves, `Wrongs` what a plan's strikes have done to it. What it
is not: a wire with bytes. That is bulkhead.venues'.

    wire      what is told and lost on the way
    prices    the market data
    matching  orders that arrive, and how they fill
    answers   questions and cancels
"""

from bulkhead.chaos.model.answers import Answers
from bulkhead.chaos.model.market import CAPABILITIES
from messages.values import OrderStatus
from supervisor.runtime.behaviour import Context

ADDRESS = "model-venue"


class ModelVenue(Answers):
    """The only incarnation there is. Its ports post to it; it answers through the sinks that they were given."""

    capabilities = CAPABILITIES

    def on_start(self, ctx: Context) -> None:
        super().on_start(ctx)
        for arrived in tuple(self.on_the_wire.values()):
            self.on_arrived(arrived, ctx)

    def _match_all(self, symbol: str, ctx: Context) -> None:
        for order in self.orders.values():
            if order.ticket.symbol == symbol and not order.status.is_terminal:
                self._match(order, ctx)

    def end_all(self, status: OrderStatus) -> int:
        """Whatever is open is so no more, and nobody is told. Returns how many orders that were."""
        return sum(order.end(status) for order in self.orders.values())
