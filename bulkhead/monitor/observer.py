"""ObserverActor: the live read model that `status` and the console show.

It keeps the latest portfolio, the open orders and a count of decisions; it decides nothing and nobody waits for it.
Readers on other threads take whole immutable values, never the structures that it works on.
"""

from messages.orders import OrderRow, OrderUpdated
from messages.portfolio import PortfolioSnapshot
from messages.trading import DecisionMade
from supervisor.runtime.behaviour import Behaviour, Context, receives


class ObserverActor(Behaviour):
    def __init__(self) -> None:
        self._open: dict[str, OrderRow] = {}
        self.portfolio: PortfolioSnapshot | None = None
        self.open_orders: tuple[OrderRow, ...] = ()
        self.decisions = 0

    @receives(DecisionMade)
    def on_decision(self, _: DecisionMade, __: Context) -> None:
        self.decisions += 1

    @receives(OrderUpdated)
    def on_order(self, update: OrderUpdated, _: Context) -> None:
        order = update.order
        if order.status.is_terminal:
            self._open.pop(order.ticket.client_order_id, None)
        else:
            self._open[order.ticket.client_order_id] = order
        self.open_orders = tuple(self._open.values())

    @receives(PortfolioSnapshot)
    def on_portfolio(self, snapshot: PortfolioSnapshot, _: Context) -> None:
        self.portfolio = snapshot
