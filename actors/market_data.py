"""MarketData: one feed's prints and quotes, checked, in order, to whoever subscribed (stage L10).

It drops repeats by the venue's own numbers, counts what came late, declares gaps, builds bars on event time, and says
when the feed has gone silent. Identical prints without a number are real trades and are kept.
"""

from dataclasses import dataclass, field

from actors import addresses
from bulkhead.strategy.bars import BarBuilder
from messages.failure import FailureMode, FailureReported
from messages.market import (
    Book,
    FeedConnected,
    FeedDisconnected,
    FeedGap,
    FeedProtocolError,
    MarketData,
    MarketTold,
    Quote,
    TellMarket,
    Trade,
)
from messages.portfolio import Marks
from messages.supervision import TimerFired
from messages.values import MarketSnapshot, Price, Value
from supervisor.runtime.behaviour import Behaviour, Context, receives

MARK_INTERVAL_S = 1.0
"""Valuation needs no more than a price a second."""
MAX_RECONNECTS = 3
"""Failed reconnects before the exchange counts as disconnected (operational policies, section 5)."""


class FeedFigures(Value):
    """What a feed has seen; shown by `status` and in the summary."""

    feed: str
    connected: bool
    ticks: int
    duplicates: int
    late: int
    gaps: int
    protocol_errors: int
    last_received_at_ns: int | None


@dataclass(slots=True)
class SymbolState:
    last_trade_id: int | None = None
    last_update_id: int | None = None
    last_event_ns: int = 0
    builders: dict[int, BarBuilder] = field(default_factory=dict)
    trade: Trade | None = None
    quote: Quote | None = None

    def snapshot(self, symbol: str) -> MarketSnapshot | None:
        """What was seen last; None before anything was."""
        trade, quote = self.trade, self.quote
        seen_ns = [tick.event_time_ns for tick in (trade, quote) if tick is not None]
        if not seen_ns:
            return None
        return MarketSnapshot(
            symbol=symbol,
            last=trade.price if trade else None,
            bid=quote.bid if quote else None,
            bid_quantity=quote.bid_quantity if quote else None,
            ask=quote.ask if quote else None,
            ask_quantity=quote.ask_quantity if quote else None,
            event_time_ns=max(seen_ns),
        )


def _as_snapshot(quote: Quote) -> MarketSnapshot:
    return MarketSnapshot(
        symbol=quote.symbol,
        bid=quote.bid,
        bid_quantity=quote.bid_quantity,
        ask=quote.ask,
        ask_quantity=quote.ask_quantity,
        event_time_ns=quote.event_time_ns,
    )


class MarketDataActor(Behaviour):
    def __init__(
        self, feed: str, venue: str, bar_intervals_s: dict[str, tuple[int, ...]], max_silence_s: float
    ) -> None:
        self._feed = feed
        self._venue = venue
        self._max_silence_s = max_silence_s
        self._symbols = {
            symbol: SymbolState(builders={s: BarBuilder(s) for s in intervals})
            for symbol, intervals in bar_intervals_s.items()
        }
        self._marks: dict[str, Price] = {}
        self._quotes: dict[str, Quote] = {}
        self._marks_changed = False
        self._connected = False
        self._is_silent = False
        self._is_disconnected = False
        self._last_received_ns: int | None = None
        self._ticks = self._duplicates = self._late = self._gaps = self._protocol_errors = 0

    def figures(self) -> FeedFigures:
        return FeedFigures(
            feed=self._feed,
            connected=self._connected,
            ticks=self._ticks,
            duplicates=self._duplicates,
            late=self._late,
            gaps=self._gaps,
            protocol_errors=self._protocol_errors,
            last_received_at_ns=self._last_received_ns,
        )

    def on_start(self, ctx: Context) -> None:
        self._last_received_ns = ctx.now_ns()
        ctx.after(MARK_INTERVAL_S, "marks")

    # -- data ---------------------------------------------------------------------------------------------------------

    @receives(Trade)
    def on_trade(self, trade: Trade, ctx: Context) -> None:
        state = self._arrived(trade, ctx)
        if trade.trade_id is not None and state.last_trade_id is not None:
            if trade.trade_id <= state.last_trade_id:
                self._duplicates += 1
                return
            if trade.trade_id > state.last_trade_id + 1:
                self._declare_gap(trade, state, ctx)
        state.last_trade_id = trade.trade_id
        if trade.event_time_ns < state.last_event_ns:
            self._late += 1
            return
        state.last_event_ns = trade.event_time_ns
        state.trade = trade
        self._mark(trade.symbol, trade.price)
        for interval_s, builder in state.builders.items():
            bar = builder.add(trade)
            if bar is not None:
                ctx.publish(addresses.bars(trade.symbol, interval_s), bar)
        ctx.publish(addresses.ticks(trade.symbol), trade)

    @receives(Quote)
    def on_quote(self, quote: Quote, ctx: Context) -> None:
        state = self._arrived(quote, ctx)
        if quote.update_id is not None and state.last_update_id is not None and quote.update_id <= state.last_update_id:
            self._duplicates += 1
            return
        state.last_update_id = quote.update_id
        state.quote = quote
        if quote.bid is not None and quote.ask is not None:
            self._mark(quote.symbol, (quote.bid + quote.ask) / 2)
            self._quotes[quote.symbol] = quote
        ctx.publish(addresses.ticks(quote.symbol), quote)

    @receives(Book)
    def on_book(self, book: Book, ctx: Context) -> None:
        self._arrived(book, ctx)
        ctx.publish(addresses.ticks(book.symbol), book)

    @receives(TellMarket)
    def on_tell_market(self, ask: TellMarket, ctx: Context) -> None:
        state = self._symbols.get(ask.symbol)
        if ctx.current is not None:
            market = state.snapshot(ask.symbol) if state else None
            ctx.tell(ctx.current.sender, MarketTold(symbol=ask.symbol, market=market))

    def _arrived(self, data: MarketData, ctx: Context) -> SymbolState:
        self._ticks += 1
        self._last_received_ns = ctx.now_ns()
        ctx.publish(addresses.INPUTS, data)
        return self._symbols.setdefault(data.symbol, SymbolState())

    def _declare_gap(self, trade: Trade, state: SymbolState, ctx: Context) -> None:
        assert trade.trade_id is not None and state.last_trade_id is not None  # noqa: S101, PT018 - the caller looked
        self._gaps += 1
        for builder in state.builders.values():
            builder.mark_gap()
        gap = FeedGap(
            venue=trade.venue,
            symbol=trade.symbol,
            expected_id=state.last_trade_id + 1,
            received_id=trade.trade_id,
            event_time_ns=trade.event_time_ns,
        )
        ctx.publish(addresses.ticks(trade.symbol), gap)

    def _mark(self, symbol: str, price: Price) -> None:
        self._marks[symbol] = price
        self._marks_changed = True

    # -- the feed itself ----------------------------------------------------------------------------------------------

    @receives(FeedConnected)
    def on_connected(self, event: FeedConnected, ctx: Context) -> None:
        self._connected = True
        if self._is_disconnected:
            self._is_disconnected = False
            self._report(ctx, FailureMode.EXCHANGE_DISCONNECT, f"{event.feed} is connected again", recovered=True)

    @receives(FeedDisconnected)
    def on_disconnected(self, event: FeedDisconnected, ctx: Context) -> None:
        self._connected = False
        for state in self._symbols.values():
            for builder in state.builders.values():
                builder.mark_gap()
        if event.attempt >= MAX_RECONNECTS and not self._is_disconnected:
            self._is_disconnected = True
            detail = f"{event.feed}: {event.attempt} attempts to reconnect failed: {event.reason}"
            self._report(ctx, FailureMode.EXCHANGE_DISCONNECT, detail)

    @receives(FeedProtocolError)
    def on_protocol_error(self, _: FeedProtocolError, ctx: Context) -> None:
        self._protocol_errors += 1

    @receives(TimerFired)
    def on_timer(self, _: TimerFired, ctx: Context) -> None:
        ctx.after(MARK_INTERVAL_S, "marks")
        if self._marks_changed:
            self._marks_changed = False
            quotes = tuple(_as_snapshot(quote) for quote in self._quotes.values())
            marks = Marks(venue=self._venue, prices=dict(self._marks), quotes=quotes, at_ns=ctx.now_ns())
            ctx.publish(addresses.MARKS, marks)
        silent_s = (ctx.now_ns() - (self._last_received_ns or 0)) / 1e9
        if (silent_s > self._max_silence_s) != self._is_silent:
            self._is_silent = not self._is_silent
            what = f"no tick for {silent_s:.0f} s" if self._is_silent else "ticks flow again"
            self._report(ctx, FailureMode.DATA_DELAY, f"{self._feed}: {what}", recovered=not self._is_silent)

    def _report(self, ctx: Context, mode: FailureMode, detail: str, *, recovered: bool = False) -> None:
        report = FailureReported(mode=mode, scope=f"venue:{self._venue}", detail=detail, recovered=recovered)
        ctx.tell(addresses.FAILURE_HANDLER, report)
