"""MarketData: one feed's prints and quotes, checked, in order, to whoever subscribed (stage L10).

It gives everything that comes to the order of `bulkhead/market/`, and passes on what comes out of it: ticks, declared
gaps, and bars on event time. What it says of the data's quality, and what stands in for a silent feed, is
`actors/market_watch.py`'s.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from actors import addresses
from actors.market_watch import MarketSeat, MarketWatch
from bulkhead.market.guarantee import FeedOrder
from bulkhead.market.ordering import Dropped, Out, Why
from bulkhead.market.tally import Counted
from bulkhead.strategy.bars import BarBuilder
from bulkhead.venues.port import QuoteSource
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
    QuotesFailed,
    TellMarket,
    Trade,
)
from messages.market_health import DataSource
from messages.portfolio import Marks
from messages.records import AppendFailed
from messages.supervision import TimerFired
from messages.values import MarketSnapshot, Price, Value
from supervisor.runtime.behaviour import Behaviour, Context, receives

LOOK_INTERVAL_S = 1.0
"""Valuation needs no more than a price a second, and silence is looked for as often."""
MAX_RECONNECTS = 3
"""Failed reconnects before the exchange counts as disconnected (operational policies, section 5)."""
LOOK, RELEASE = "marks", "release"
_COUNTS = {Why.DUPLICATE: Counted.DUPLICATES, Why.LATE: Counted.LATE, Why.AHEAD: Counted.AHEAD}


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
    sources: dict[str, DataSource] = Field(default_factory=dict)
    """The one in force, by symbol."""
    ahead: int = 0
    """From the future: not traded on."""


@dataclass(slots=True)
class SymbolState:
    builders: dict[int, BarBuilder] = field(default_factory=dict)
    trade: Trade | None = None
    quote: Quote | None = None

    def snapshot(self, symbol: str, in_force: DataSource) -> MarketSnapshot | None:
        """What was seen last, but nothing of what stood in for a feed that is back; None before anything was."""
        trade, quote = self.trade, self.quote
        if quote is not None and in_force is DataSource.FEED and quote.source is not DataSource.FEED:
            quote = None
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
            source=quote.source.value if quote else DataSource.FEED.value,
        )


def _as_snapshot(quote: Quote) -> MarketSnapshot:
    return MarketSnapshot(
        symbol=quote.symbol,
        bid=quote.bid,
        bid_quantity=quote.bid_quantity,
        ask=quote.ask,
        ask_quantity=quote.ask_quantity,
        event_time_ns=quote.event_time_ns,
        source=quote.source.value,
    )


class MarketDataActor(Behaviour):
    def __init__(self, seat: MarketSeat, quotes: Sequence[QuoteSource] = ()) -> None:
        """`quotes`: who is asked while the feed is stale."""
        self._seat = seat
        self._symbols = {
            symbol: SymbolState(builders={s: BarBuilder(s) for s in intervals})
            for symbol, intervals in seat.bar_intervals_s.items()
        }
        self._order = FeedOrder(seat.guarantee, seat.order)
        self._release_ns: int | None = None
        self._watch = MarketWatch(seat, quotes)
        self._marks: dict[str, Price] = {}
        self._quotes: dict[str, Quote] = {}
        self._marks_changed = False
        self._connected = False
        self._is_disconnected = False
        self._last_received_ns: int | None = None
        self._ticks = self._protocol_errors = 0

    def figures(self) -> FeedFigures:
        totals = self._watch.totals() or [0] * len(Counted)
        return FeedFigures(
            feed=self._seat.feed,
            connected=self._connected,
            ticks=self._ticks,
            duplicates=totals[Counted.DUPLICATES],
            late=totals[Counted.LATE],
            gaps=totals[Counted.GAPS],
            protocol_errors=self._protocol_errors,
            last_received_at_ns=self._last_received_ns,
            sources=self._watch.sources(),
            ahead=totals[Counted.AHEAD],
        )

    def on_start(self, ctx: Context) -> None:
        self._last_received_ns = ctx.now_ns()
        self._watch.start(ctx)
        ctx.after(LOOK_INTERVAL_S, LOOK)

    # -- data ---------------------------------------------------------------------------------------------------------

    @receives(Trade)
    def on_trade(self, trade: Trade, ctx: Context) -> None:
        self._arrived(trade, ctx)

    @receives(Book)
    def on_book(self, book: Book, ctx: Context) -> None:
        self._arrived(book, ctx)

    @receives(Quote)
    def on_quote(self, quote: Quote, ctx: Context) -> None:
        if quote.source is DataSource.FEED:
            self._arrived(quote, ctx)
        elif self._watch.quoted(quote.symbol, quote.source, ctx):
            self._take_quote(quote, ctx)

    @receives(QuotesFailed)
    def on_quotes_failed(self, failed: QuotesFailed, ctx: Context) -> None:
        self._watch.failed(failed, ctx)

    @receives(TellMarket)
    def on_tell_market(self, ask: TellMarket, ctx: Context) -> None:
        state = self._symbols.get(ask.symbol)
        if ctx.current is not None:
            market = state.snapshot(ask.symbol, self._watch.source(ask.symbol)) if state else None
            ctx.tell(ctx.current.sender, MarketTold(symbol=ask.symbol, market=market))

    def _arrived(self, tick: MarketData, ctx: Context) -> None:
        self._ticks += 1
        self._last_received_ns = ctx.now_ns()
        ctx.publish(addresses.INPUTS, tick)
        self._watch.count(tick.symbol, Counted.TICKS, ctx)
        if self._is_disconnected:
            # Not with the socket: a subscription counts as up when data flows.
            self._is_disconnected = False
            self._report_disconnect(ctx, f"{self._seat.feed}: data flows again", recovered=True)
        self._pass_on(self._order.arrive(tick, ctx.monotonic_ns()), ctx)
        self._wait_for_what_is_missing(ctx)

    def _pass_on(self, out: Iterable[Out], ctx: Context) -> None:
        for each in out:
            if isinstance(each, Dropped):
                self._watch.count(each.tick.symbol, _COUNTS[each.why], ctx)
            elif isinstance(each, FeedGap):
                self.on_gap(each, ctx)
            else:
                self._watch.passed_on(each, ctx)
                if isinstance(each, Trade):
                    self._take_trade(each, ctx)
                elif isinstance(each, Quote):
                    self._take_quote(each, ctx)
                else:
                    ctx.publish(addresses.ticks(each.symbol), each)

    def _wait_for_what_is_missing(self, ctx: Context) -> None:
        due_ns = self._order.due_ns
        if due_ns is None:
            if self._release_ns is not None:
                ctx.cancel_timer(RELEASE)
        elif due_ns != self._release_ns:
            ctx.after(max(0, due_ns - ctx.monotonic_ns()) / 1e9, RELEASE)
        self._release_ns = due_ns

    def _take_trade(self, trade: Trade, ctx: Context) -> None:
        state = self._state(trade.symbol)
        state.trade = trade
        self._mark(trade.symbol, trade.price)
        for interval_s, builder in state.builders.items():
            bar = builder.add(trade)
            if bar is not None:
                ctx.publish(addresses.bars(trade.symbol, interval_s), bar)
        ctx.publish(addresses.ticks(trade.symbol), trade)

    def _take_quote(self, quote: Quote, ctx: Context) -> None:
        self._state(quote.symbol).quote = quote
        if quote.bid is not None and quote.ask is not None:
            self._mark(quote.symbol, (quote.bid + quote.ask) / 2)
            self._quotes[quote.symbol] = quote
        ctx.publish(addresses.ticks(quote.symbol), quote)

    @receives(FeedGap)
    def on_gap(self, gap: FeedGap, ctx: Context) -> None:
        """Seen here by the trades' numbers, or told by a feed that has none."""
        self._watch.count(gap.symbol, Counted.GAPS, ctx)
        for builder in self._state(gap.symbol).builders.values():
            builder.mark_gap()
        ctx.publish(addresses.ticks(gap.symbol), gap)

    def _state(self, symbol: str) -> SymbolState:
        return self._symbols.setdefault(symbol, SymbolState())

    def _mark(self, symbol: str, price: Price) -> None:
        self._marks[symbol] = price
        self._marks_changed = True

    # -- the feed itself ----------------------------------------------------------------------------------------------

    @receives(FeedConnected)
    def on_connected(self, _: FeedConnected, __: Context) -> None:
        self._connected = True

    @receives(FeedDisconnected)
    def on_disconnected(self, event: FeedDisconnected, ctx: Context) -> None:
        self._connected = False
        self._pass_on(self._order.cut(ctx.monotonic_ns()), ctx)
        self._wait_for_what_is_missing(ctx)
        for state in self._symbols.values():
            for builder in state.builders.values():
                builder.mark_gap()
        if event.attempt >= MAX_RECONNECTS and not self._is_disconnected:
            self._is_disconnected = True
            self._report_disconnect(
                ctx, f"{event.feed}: {event.attempt} attempts to reconnect failed: {event.reason}", recovered=False
            )

    @receives(FeedProtocolError)
    def on_protocol_error(self, _: FeedProtocolError, ctx: Context) -> None:
        self._protocol_errors += 1

    @receives(AppendFailed)
    def on_append_failed(self, _: AppendFailed, __: Context) -> None:
        """That a source changed is not on record. The ledger has shut the gate itself, and the source is in force."""

    @receives(TimerFired)
    def on_timer(self, timer: TimerFired, ctx: Context) -> None:
        if timer.key == RELEASE:
            self._release_ns = None
            self._pass_on(self._order.expire(ctx.monotonic_ns()), ctx)
            self._wait_for_what_is_missing(ctx)
            return
        ctx.after(LOOK_INTERVAL_S, LOOK)
        if self._marks_changed:
            self._marks_changed = False
            quotes = tuple(_as_snapshot(quote) for quote in self._quotes.values())
            marks = Marks(venue=self._seat.venue, prices=dict(self._marks), quotes=quotes, at_ns=ctx.now_ns())
            ctx.publish(addresses.MARKS, marks)
        across_gap = [symbol for symbol in self._symbols if self._order.is_across_gap(symbol)]
        for symbol in self._watch.look(across_gap, ctx):
            self._order.of(symbol).begin_anew()

    def _report_disconnect(self, ctx: Context, detail: str, *, recovered: bool) -> None:
        report = FailureReported(
            mode=FailureMode.EXCHANGE_DISCONNECT, scope=f"venue:{self._seat.venue}", detail=detail, recovered=recovered
        )
        ctx.tell(addresses.FAILURE_HANDLER, report)
