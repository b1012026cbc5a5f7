"""Strategies that only a bench wants: one that trades by the count, and neighbours that nobody wants."""

import ctypes
import os
import time
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from bulkhead.strategy.api import Strategy, Tick, View
from messages.trading import Decision
from messages.values import Side, SplitPolicy

QUANTITY = Decimal("0.01")
"""Of each order that rests."""


class PingPong(Strategy):
    """Every `every` ticks an order: in when it is flat, out when it holds something. Answers each tick."""

    class Parameters(Strategy.Parameters):
        every: Annotated[int, Field(ge=1)] = 25

    parameters: Parameters

    def __init__(self, symbols: tuple[str, ...], parameters: Parameters) -> None:
        super().__init__(symbols, parameters)
        self._ticks = 0

    def on_tick(self, tick: Tick, view: View) -> Decision:
        self._ticks += 1
        if self._ticks % self.parameters.every or view.working(tick.symbol):
            return Decision.hold(tick.symbol, "not this one", reason_codes=("COUNT",))
        if view.position(tick.symbol):
            return Decision.exit(tick.symbol, "out by the count", reason_codes=("COUNT",))
        return Decision.enter(tick.symbol, Side.BUY, "in by the count", reason_codes=("COUNT",))


class InAndOut(Strategy):
    """Every `every_s` in when it is flat, out when it holds something, by `split`."""

    class Parameters(Strategy.Parameters):
        every_s: Annotated[float, Field(gt=0)] = 240.0
        split: SplitPolicy = SplitPolicy.SINGLE

    parameters: Parameters

    def __init__(self, symbols: tuple[str, ...], parameters: Parameters) -> None:
        super().__init__(symbols, parameters)
        self._due_ns: dict[str, int] = {}

    def on_tick(self, tick: Tick, view: View) -> Decision | None:
        market = view.market(tick.symbol)
        if market is None or market.mid is None or view.now_ns() < self._due_ns.get(tick.symbol, 0):
            return None
        if view.working(tick.symbol):
            return None
        self._due_ns[tick.symbol] = view.now_ns() + int(self.parameters.every_s * 1e9)
        if view.position(tick.symbol):
            return Decision.exit(tick.symbol, "out by the clock", split=self.parameters.split)
        return Decision.enter(tick.symbol, Side.BUY, "in by the clock", split=self.parameters.split)


class Busy(Strategy):
    """Burns `burn_ms` of pure Python on each tick: the neighbour that nobody wants in his process. With 0 it rests."""

    class Parameters(Strategy.Parameters):
        burn_ms: Annotated[float, Field(ge=0)] = 2.5

    parameters: Parameters

    def on_tick(self, tick: Tick, view: View) -> None:
        until_ns = time.thread_time_ns() + int(self.parameters.burn_ms * 1e6)
        while time.thread_time_ns() < until_ns:
            sum(range(200))


class Failing(Strategy):
    """Behaves for `after_ticks` ticks, and then does its deed."""

    class Parameters(Strategy.Parameters):
        deed: Literal["loop", "leak", "segfault", "exit"]
        after_ticks: Annotated[int, Field(ge=0)] = 500

    parameters: Parameters

    def __init__(self, symbols: tuple[str, ...], parameters: Parameters) -> None:
        super().__init__(symbols, parameters)
        self._ticks = 0

    def on_tick(self, tick: Tick, view: View) -> None:
        self._ticks += 1
        if self._ticks <= self.parameters.after_ticks:
            return
        kept = []
        match self.parameters.deed:
            case "loop":
                while True:
                    pass
            case "leak":
                while True:
                    kept.append(bytes(1_000_000))
            case "segfault":
                ctypes.string_at(0)
            case "exit":
                os._exit(3)


class Resting(Strategy):
    """Rests one entry after the other, far enough below the market that none fills, until `count` of them work."""

    class Parameters(Strategy.Parameters):
        count: Annotated[int, Field(ge=1)] = 8
        below_share: Decimal = Decimal("0.01")

    parameters: Parameters

    def on_tick(self, tick: Tick, view: View) -> Decision | None:
        market = view.market(tick.symbol)
        if market is None or market.bid is None or view.working(tick.symbol) >= self.parameters.count * QUANTITY:
            return None
        price = (market.bid * (1 - self.parameters.below_share)).quantize(Decimal("0.1"))
        return Decision.enter(tick.symbol, Side.BUY, "one more", limit_price=price, quantity=QUANTITY)
