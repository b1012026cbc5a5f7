"""How good the data of each symbol is, told to whom it concerns: the part of MarketData that looks and reports.

It asks fallback sources while the feed is stale, says which source is in force, reports and takes back DATA_DELAY, and
publishes the quality of the data. What is judged is judged in `bulkhead/market/`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from actors import addresses
from bulkhead.market.calendar import NEVER_CLOSED, Calendar
from bulkhead.market.freshness import Freshness, Limits
from bulkhead.market.guarantee import Guarantee
from bulkhead.market.ordering import OrderSettings
from bulkhead.market.sources import Delay, Sources, Turned, changes, scopes
from bulkhead.market.tally import Counted, Tally
from bulkhead.venues.port import QuoteSource
from messages.failure import FailureMode, FailureReported
from messages.market import MarketData, QuotesFailed
from messages.market_health import DataHealth, DataSource, SourceChanged, SymbolHealth
from messages.records import Append, SourceRecorded
from supervisor.runtime.behaviour import Context

NS_PER_S = 1_000_000_000
_RESTARTED = "market data was restarted"


class MarketSeat(NamedTuple):
    """What the house decides for a feed."""

    feed: str
    venue: str
    bar_intervals_s: Mapping[str, tuple[int, ...]]
    """By symbol: every symbol of the feed stands here."""
    limits: Limits = Limits()
    guarantee: Guarantee = Guarantee.PER_SYMBOL
    order: OrderSettings = OrderSettings()
    calendars: Mapping[str, Calendar] = {}
    """By symbol; always open where it has none."""
    snapshot_interval_s: float = 30.0
    health_interval_s: float = 5.0

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self.bar_intervals_s)


class _Watched:
    """One symbol."""

    def __init__(self, limits: Limits, sources: Sources, calendar: Calendar, now_ns: int) -> None:
        self.freshness = Freshness(limits, now_ns)
        self.sources = sources
        self.calendar = calendar
        self.tally = Tally()
        self.is_across_gap = False
        """As it was at the last look."""
        self.was_sound = False

    @property
    def is_sound(self) -> bool:
        """Entries may rest on what is in force: the feed itself, or what stands in for it."""
        if self.sources.current is DataSource.FEED:
            return self.freshness.is_fresh and self.freshness.last_ns is not None and not self.is_across_gap
        return self.sources.current is not DataSource.NONE


class MarketWatch:
    def __init__(self, seat: MarketSeat, quotes: Sequence[QuoteSource]) -> None:
        self._seat = seat
        self._quotes = {source.source: source for source in quotes}
        self._watched: dict[str, _Watched] = {}
        self._reported: dict[str, Delay] = {}
        self._inherited: set[str] = set()
        """Scopes that an earlier incarnation may have reported; taken back once their symbols are accounted for."""
        self._health_ns = 0
        self._has_turned = False
        """Another source is in force somewhere since the health was told."""

    def start(self, ctx: Context) -> None:
        for symbol in self._seat.symbols:
            self.of(symbol, ctx)
        if ctx.epoch > 1:
            self._inherited = {
                f"venue:{self._seat.venue}",
                *(f"symbol:{symbol}" for symbol in self._seat.symbols),
            }
            for symbol in self._seat.symbols:
                turned = Turned(DataSource.FEED, DataSource.FEED, _RESTARTED)
                ctx.publish(addresses.ticks(symbol), self._change(symbol, turned, ctx))

    def of(self, symbol: str, ctx: Context) -> _Watched:
        found = self._watched.get(symbol)
        if found is None:
            sources = Sources(self._seat.snapshot_interval_s, tuple(self._quotes))
            calendar = self._seat.calendars.get(symbol, NEVER_CLOSED)
            found = self._watched[symbol] = _Watched(self._seat.limits, sources, calendar, ctx.monotonic_ns())
        return found

    def source(self, symbol: str) -> DataSource:
        """The one in force."""
        watched = self._watched.get(symbol)
        return DataSource.FEED if watched is None else watched.sources.current

    def sources(self) -> dict[str, DataSource]:
        return {symbol: watched.sources.current for symbol, watched in self._watched.items()}

    def count(self, symbol: str, what: Counted, ctx: Context) -> None:
        self.of(symbol, ctx).tally.count(what, ctx.monotonic_ns())

    def totals(self) -> list[int]:
        """Over all symbols, by `Counted`."""
        return [sum(column) for column in zip(*(w.tally.total for w in self._watched.values()), strict=True)]

    # -- what comes ---------------------------------------------------------------------------------------------------

    def passed_on(self, tick: MarketData, ctx: Context) -> None:
        """A tick of the feed, in order and no repeat."""
        watched = self.of(tick.symbol, ctx)
        was, freshness = watched.freshness.phase, watched.freshness
        # Until now, and not until it was received: it may have waited in our own queue.
        seen_ns = max(tick.received_at_ns, ctx.now_ns())
        lag_s = None if tick.event_time_is_receipt else (seen_ns - tick.event_time_ns) / NS_PER_S
        freshness.ticked(ctx.monotonic_ns(), lag_s)
        if freshness.phase is not was:
            self._judge(tick.symbol, watched, ctx)
            self._report(ctx)
            self._tell_health(ctx)

    def quoted(self, symbol: str, source: DataSource, ctx: Context) -> bool:
        """A fallback source has answered. Whether it is the one in force."""
        watched = self.of(symbol, ctx)
        watched.sources.answered(source, ctx.monotonic_ns())
        self._judge(symbol, watched, ctx)
        self._report(ctx)
        self._tell_health(ctx)
        return watched.sources.current is source

    def failed(self, failed: QuotesFailed, ctx: Context) -> None:
        for symbol in failed.symbols:
            watched = self.of(symbol, ctx)
            watched.sources.failed(failed.source, failed.reason)
            self._judge(symbol, watched, ctx)
        self._report(ctx)
        self._ask(ctx)
        self._tell_health(ctx)

    # -- every second -------------------------------------------------------------------------------------------------

    def look(self, across_gap: Sequence[str], ctx: Context) -> tuple[str, ...]:
        """`across_gap`: symbols of which something may still come. Returns those that have just fallen silent."""
        now_ns, silenced = ctx.monotonic_ns(), []
        for symbol, watched in self._watched.items():
            counts_s = watched.calendar.silent_s(ctx.now_ns(), watched.freshness.age_s(now_ns))
            if watched.freshness.looked_at(counts_s):
                silenced.append(symbol)
            watched.is_across_gap = symbol in across_gap
            self._judge(symbol, watched, ctx)
        self._report(ctx)
        self._ask(ctx)
        self._tell_health(ctx)
        return tuple(silenced)

    def _ask(self, ctx: Context) -> None:
        """Only while the market is open: a closed one has no quotes, and asking costs requests."""
        now_ns, wanted = ctx.monotonic_ns(), dict[DataSource, list[str]]()
        for symbol, watched in self._watched.items():
            if watched.calendar.is_open_at(ctx.now_ns()):
                for source in watched.sources.due(watched.freshness.is_fresh, now_ns):
                    wanted.setdefault(source, []).append(symbol)
        for source, symbols in wanted.items():
            self._quotes[source].ask(tuple(symbols))

    def _judge(self, symbol: str, watched: _Watched, ctx: Context) -> None:
        freshness = watched.freshness
        turned = watched.sources.judge(freshness.is_fresh, freshness.why, ctx.monotonic_ns())
        if turned is None:
            return
        self._has_turned = True
        change = self._change(symbol, turned, ctx)
        ctx.publish(addresses.ticks(symbol), change)
        ctx.tell(addresses.LEDGER, Append(records=(SourceRecorded(change=change),)))

    def _change(self, symbol: str, turned: Turned, ctx: Context) -> SourceChanged:
        return SourceChanged(
            venue=self._seat.venue,
            symbol=symbol,
            source=turned.source,
            before=turned.before,
            reason=turned.reason,
            at_ns=ctx.now_ns(),
        )

    # -- reports ------------------------------------------------------------------------------------------------------

    def _report(self, ctx: Context) -> None:
        stale = {
            symbol: Delay(w.freshness.why, None if w.sources.current is DataSource.NONE else w.sources.current)
            for symbol, w in self._watched.items()
            if not w.freshness.is_fresh
        }
        wanted = scopes(self._seat.venue, self._watched, stale)
        if wanted != self._reported:
            news, over = changes(self._reported, wanted)
            for scope, delay in news:
                self._inherited.discard(scope)
                self._tell(ctx, scope, f"{self._seat.feed}: {delay.detail}", fallback=delay.fallback)
            for scope in over:
                self._tell(ctx, scope, f"{self._seat.feed}: ticks flow again", recovered=True)
            self._reported = wanted
        for scope in sorted(scope for scope in self._inherited if self._is_accounted_for(scope)):
            self._inherited.discard(scope)
            self._tell(ctx, scope, f"{self._seat.feed}: ticks flow, after {_RESTARTED}", recovered=True)

    def _is_accounted_for(self, scope: str) -> bool:
        kind, _, name = scope.partition(":")
        of = [name] if kind == "symbol" else list(self._watched)
        return all(self._watched[s].freshness.is_proven or f"symbol:{s}" in self._reported for s in of)

    def _tell(
        self, ctx: Context, scope: str, detail: str, *, recovered: bool = False, fallback: DataSource | None = None
    ) -> None:
        report = FailureReported(
            mode=FailureMode.DATA_DELAY,
            scope=scope,
            detail=detail,
            recovered=recovered,
            fallback=None if fallback is None else fallback.value,
        )
        ctx.tell(addresses.FAILURE_HANDLER, report)

    # -- quality ------------------------------------------------------------------------------------------------------

    def _tell_health(self, ctx: Context) -> None:
        """Every few seconds, and at once when the soundness of a symbol changes, or its source."""
        now_ns, has_changed = ctx.monotonic_ns(), self._has_turned
        self._has_turned = False
        for watched in self._watched.values():
            has_changed = has_changed or watched.is_sound is not watched.was_sound
            watched.was_sound = watched.is_sound
        if not has_changed and now_ns - self._health_ns < self._seat.health_interval_s * NS_PER_S:
            return
        self._health_ns = now_ns
        for symbol, watched in self._watched.items():
            current = watched.sources.current
            if current is not DataSource.FEED:  # said again for whoever has begun to listen since
                turned = Turned(current, current, watched.freshness.why)
                ctx.publish(addresses.ticks(symbol), self._change(symbol, turned, ctx))
        told = tuple(self._health(symbol, watched, now_ns) for symbol, watched in self._watched.items())
        ctx.publish(addresses.DATA_HEALTH, DataHealth(feed=self._seat.feed, symbols=told, at_ns=ctx.now_ns()))

    @staticmethod
    def _health(symbol: str, watched: _Watched, now_ns: int) -> SymbolHealth:
        freshness, minute = watched.freshness, watched.tally.last_minute(now_ns)
        return SymbolHealth(
            symbol=symbol,
            source=watched.sources.current,
            age_s=None if freshness.last_ns is None else freshness.age_s(now_ns),
            lag_ms=None if freshness.lag_s is None else freshness.lag_s * 1_000,
            ticks=minute.ticks,
            late=minute.late + minute.ahead,
            duplicates=minute.duplicates,
            gaps=minute.gaps,
            is_sound=watched.was_sound,
        )
