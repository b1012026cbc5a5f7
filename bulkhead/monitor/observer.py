"""ObserverActor: the live read model that `status` and the console show.

It sees what the files see (committed events, decisions) and the latest portfolio and orders; it decides nothing and
nobody waits for it. Readers on other threads take whole immutable values, never the structures that it works on.
"""

from bulkhead.monitor.kpi import Kpi
from bulkhead.monitor.summary import SummaryBuilder
from messages.orders import OrderRow, OrderUpdated
from messages.portfolio import PortfolioSnapshot
from messages.records import EventsCommitted
from messages.trading import DecisionMade
from supervisor.runtime.behaviour import Behaviour, Context, receives


class ObserverActor(Behaviour):
    def __init__(self, session_id: str) -> None:
        self._summary = SummaryBuilder(session_id)
        self._open: dict[str, OrderRow] = {}
        self.portfolio: PortfolioSnapshot | None = None
        self.open_orders: tuple[OrderRow, ...] = ()
        self.decisions = 0

    def kpi(self) -> Kpi:
        """Figures so far. Call it when the tree has stopped, or accept that it may be mid-change."""
        return self._summary.kpi()

    @receives(EventsCommitted)
    def on_events(self, committed: EventsCommitted, _: Context) -> None:
        for event in committed.events:
            self._summary.add(event)

    @receives(DecisionMade)
    def on_decision(self, made: DecisionMade, _: Context) -> None:
        self.decisions += 1
        self._summary.add(made)

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
