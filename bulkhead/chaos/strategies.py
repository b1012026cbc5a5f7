"""Strategies that give chaos something to break."""

from decimal import Decimal
from itertools import cycle

from bulkhead import Decision, Side, Strategy, View
from bulkhead.chaos.model.market import LOT
from bulkhead.strategy.api import Answer, Tick
from messages.market import Quote
from messages.values import SplitPolicy


class Ladder(Strategy):
    """Rests a bid and, once it holds something, an ask, so that there is always an order to lose."""

    class Parameters(Strategy.Parameters):
        below_bps: Decimal = Decimal(1)
        """How far from the touch an order rests; negative crosses the spread and fills at once."""
        patience_s: float = 2.0
        tick_size: Decimal = Decimal("0.01")
        splits: tuple[SplitPolicy, ...] = (SplitPolicy.SINGLE,)
        """Taken in turn, so that there are always children to lose, too."""

    parameters: "Ladder.Parameters"

    def on_start(self, view: View) -> None:
        self._asked_ns: dict[str, int] = {}
        self._splits = cycle(self.parameters.splits)

    def on_tick(self, tick: Tick, view: View) -> Answer:
        symbol = tick.symbol
        market = view.market(symbol)
        if market is None or market.bid is None or market.ask is None or view.working(symbol) != 0:
            return None
        if view.now_ns() - self._asked_ns.get(symbol, 0) < self.parameters.patience_s * 1e9 / 4:
            return None
        self._asked_ns[symbol] = view.now_ns()
        split = next(self._splits)
        away = self.parameters.below_bps / 10_000
        if view.position(symbol) * market.bid < 10:
            price = self._rounded(market.bid * (1 - away))
            return Decision.enter(symbol, Side.BUY, "rest a bid", limit_price=price, split=split)
        price = self._rounded(market.ask * (1 + away))
        return Decision.exit(symbol, "rest an ask", limit_price=price, split=split)

    def _rounded(self, price: Decimal) -> Decimal:
        return (price / self.parameters.tick_size).to_integral_value() * self.parameters.tick_size


class Flipper(Strategy):
    """Buys and sells by the throw of its seeded die, so that much happens in little time."""

    def on_tick(self, tick: Tick, view: View) -> Answer:
        if isinstance(tick, Quote) or view.working(tick.symbol) != 0:
            return None
        throw = view.rng.random()
        if throw > 0.3:
            return Decision.hold(tick.symbol, "the die says wait") if throw > 0.9 else None
        if view.position(tick.symbol) >= LOT:
            return Decision.exit(tick.symbol, "the die says leave")
        return Decision.enter(tick.symbol, Side.BUY, "the die says go", **_ways_in(throw, tick.price))


def _ways_in(throw: float, price: Decimal) -> dict[str, object]:
    """Taken at once, resting below the market, in parts over time, or one part after the other."""
    if throw < 0.1:
        return {"limit_price": price + Decimal("0.05")}
    if throw < 0.13:
        return {"limit_price": price - Decimal("0.04")}
    if throw < 0.16:
        return {"split": SplitPolicy.TWAP}
    if throw < 0.18:
        return {"split": SplitPolicy.ICEBERG, "limit_price": price}
    return {}
