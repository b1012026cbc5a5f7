"""The model venue's market data: prices that walk, and all that can be wrong with what is told of them.

What no codec would let through (a price of zero, or none at all) is no tick here, but a message that could not be read.
"""

from decimal import Decimal
from itertools import count

from bulkhead.chaos.model.market import LOT, TICK, VENUE, Walk
from bulkhead.chaos.model.wire import BLACK_HOLE, Wire
from bulkhead.chaos.model.words import CALM, Faults, LatePrint, Step
from messages.market import FeedProtocolError, Quote, Trade
from messages.market_health import DataSource
from supervisor.runtime.behaviour import Context, receives

SILENCING = ("feed.silence", "feed.symbol_missing", "transport.half_open", BLACK_HOLE)
MOST_MISSING = 20
"""Numbers of prints that one gap leaves out."""
LATE_SHARE = 0.3
"""Of the prints, while some are late."""
CROSSED_BY = 3 * TICK


class Prices(Wire):
    def __init__(self, seed: int, faults: Faults = CALM, tick_s: float = 0.5) -> None:
        super().__init__(seed, faults)
        self.tick_s = tick_s
        self.muted: set[str] = set()
        """Symbols of which the feed says nothing."""
        self.quotes_down: set[DataSource] = set()
        self.walks = {"BTCUSDT": Walk("100.00", self._rng), "ETHUSDT": Walk("60.00", self._rng)}
        self._print_ids = {symbol: count(1) for symbol in self.walks}
        self._quote_ids = {symbol: count(1) for symbol in self.walks}
        self._last_print = dict.fromkeys(self.walks, 0)
        """The highest number told."""
        self._bursts: dict[str, int] = {}

    def on_start(self, ctx: Context) -> None:
        for symbol in self.walks:
            ctx.after(self.tick_s, f"step:{symbol}", Step(symbol=symbol))

    def burst(self, symbol: str, prints: int) -> None:
        """With the symbol's next step so many prints come at once."""
        self._bursts[symbol] = prints

    def _match_all(self, symbol: str, ctx: Context) -> None:
        """The price has moved: whatever rests may fill."""

    @receives(Step)
    def on_step(self, step: Step, ctx: Context) -> None:
        symbol = step.symbol
        ctx.after(self.tick_s, f"step:{symbol}", step)
        self.walks[symbol].step()
        self._match_all(symbol, ctx)
        if symbol == next(iter(self.walks)):
            self._reconnect()
        if self.feed_sink is None or not self.is_feed_up or symbol in self.muted:
            return
        silenced_by = self.wrongs.hold(*SILENCING, target=symbol)
        if silenced_by is not None:
            self.fired[silenced_by] += 1
            return
        if self._strikes("feed.gap"):
            for _ in range(self._rng.randint(1, MOST_MISSING)):
                next(self._print_ids[symbol])
                next(self._quote_ids[symbol])
        times = 2 if self._strikes("feed.duplicate", self.faults.duplicate) else 1
        quote, trades = self._quote(symbol, ctx), self._trades(symbol, ctx)
        for _ in range(times):
            self.feed_sink(quote)
            for trade in trades:
                self._print(trade)

    # -- one step's ticks ---------------------------------------------------------------------------------------------

    def _times(self, ctx: Context) -> dict[str, int]:
        now_ns = ctx.now_ns()
        stale_s = self.wrongs.amount("feed.stale_stamp")
        self.fired["feed.stale_stamp"] += stale_s is not None
        stamped_ns = now_ns - round((stale_s or 0.0) * 1e9)
        return {
            "event_time_ns": stamped_ns,
            "received_at_ns": now_ns,
            "received_monotonic_ns": ctx.monotonic_ns(),
        }

    def _quote(self, symbol: str, ctx: Context) -> Quote:
        walk = self.walks[symbol]
        bid: Decimal | None = walk.bid
        ask = walk.ask
        if self._strikes("feed.crossed_price"):
            bid, ask = ask + CROSSED_BY, walk.bid - CROSSED_BY
        if self._strikes("feed.one_sided"):
            bid = None
        return Quote(
            venue=VENUE,
            symbol=symbol,
            bid=bid,
            bid_quantity=None if bid is None else Decimal(5),
            ask=ask,
            ask_quantity=Decimal(5),
            update_id=next(self._quote_ids[symbol]),
            **self._times(ctx),
        )

    def _trades(self, symbol: str, ctx: Context) -> list[Trade]:
        """One, but for those that strike."""
        prints = self._bursts.pop(symbol, 0)
        self.fired["feed.burst"] += prints > 0
        made = [self._trade(symbol, ctx) for _ in range(1 + prints)]
        if self._strikes("feed.reorder"):
            made.insert(0, self._trade(symbol, ctx))
        late_s = self.wrongs.amount("feed.late_tick")
        if late_s is not None and self._happens(LATE_SHARE):
            self._later(late_s, LatePrint(trade=made.pop()), ctx)
        if made and self._strikes("feed.bad_price"):
            unreadable = made.pop()
            assert self.feed_sink is not None
            raw = f'{{"t":{unreadable.trade_id},"p":"NaN"}}'
            self.feed_sink(FeedProtocolError(feed="feed", reason="a price that is none", raw=raw))
        return made

    def _trade(self, symbol: str, ctx: Context) -> Trade:
        return Trade(
            venue=VENUE,
            symbol=symbol,
            price=self.walks[symbol].price,
            quantity=LOT * self._rng.randint(1, 500),
            trade_id=next(self._print_ids[symbol]),
            **self._times(ctx),
        )

    def _print(self, trade: Trade) -> None:
        assert self.feed_sink is not None
        self._last_print[trade.symbol] = max(self._last_print[trade.symbol], trade.trade_id or 0)
        self.feed_sink(trade)

    @receives(LatePrint)
    def on_late_print(self, late: LatePrint, ctx: Context) -> None:
        trade = late.trade
        if self.feed_sink is None or not self.is_feed_up or self.wrongs.hold(*SILENCING, target=trade.symbol):
            return
        self.fired["feed.late_tick"] += (trade.trade_id or 0) < self._last_print[trade.symbol]
        arrived = {"received_at_ns": ctx.now_ns(), "received_monotonic_ns": ctx.monotonic_ns()}
        self._print(trade.model_copy(update=arrived))
