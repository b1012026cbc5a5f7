"""A strategy that buys and sells at the market, again and again: whatever its venue does to orders, it meets soon."""

from bulkhead import Decision, Side, Strategy, View
from bulkhead.strategy.api import Answer, Tick

PAUSE_NS = 200_000_000
DUST = 10
"""In the quote currency: less is not worth an order."""


class Churn(Strategy):
    def on_start(self, view: View) -> None:
        self._next_ns: dict[str, int] = {}

    def on_tick(self, tick: Tick, view: View) -> Answer:
        symbol, market = tick.symbol, view.market(tick.symbol)
        if market is None or market.bid is None or market.ask is None or view.working(symbol) != 0:
            return None
        if view.now_ns() < self._next_ns.get(symbol, 0):
            return None
        self._next_ns[symbol] = view.now_ns() + PAUSE_NS
        if view.position(symbol) * market.bid < DUST:
            return Decision.enter(symbol, Side.BUY, "buy")
        return Decision.exit(symbol, "sell")
