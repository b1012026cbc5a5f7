"""MarketData while the feed is stale: what is reported of which scope, who is asked, and which source is in force."""

from datetime import date

import pytest

from actors import addresses
from actors.market_data import LOOK, MarketDataActor
from actors.market_watch import MarketSeat
from bulkhead.market.calendar import Calendar, MarketSession
from bulkhead.market.freshness import Limits
from bulkhead.venues.port import Sink
from messages.failure import FailureReported
from messages.market import FeedDisconnected, MarketTold, Quote, QuotesFailed, TellMarket, Trade
from messages.market_health import DataHealth, DataSource, SourceChanged, SymbolHealth
from messages.portfolio import Marks
from messages.records import SourceRecorded
from tests.actors.kit import Story
from tests.market.streams import NS_PER_S, T0, quote, trade

DAY, MINUTE = 86_400 * NS_PER_S, 60 * NS_PER_S
FEED, SNAPSHOT, BROKER, NONE = DataSource.FEED, DataSource.SNAPSHOT, DataSource.BROKER, DataSource.NONE


class Asked:
    """A source that notes what it is asked for."""

    def __init__(self, source: DataSource) -> None:
        self.source = source
        self.questions: list[tuple[str, ...]] = []

    def open(self, sink: Sink) -> None:
        """Nothing to open."""

    def close(self, deadline_s: float) -> None:
        """Nothing to close."""

    def ask(self, symbols: tuple[str, ...]) -> None:
        self.questions.append(symbols)


class Watching(Story):
    def __init__(self, *symbols: str, epoch: int = 1, calendar: Calendar | None = None) -> None:
        self.provider, self.broker = Asked(SNAPSHOT), Asked(BROKER)
        calendars = {} if calendar is None else dict.fromkeys(symbols, calendar)
        seat = MarketSeat("feed", "sim", dict.fromkeys(symbols, ()), Limits(), calendars=calendars)
        super().__init__(MarketDataActor(seat, (self.provider, self.broker)), epoch=epoch)
        self.start()

    def ticks(self, *symbols: str, lag_s: float = 0.0) -> None:
        """One of each now."""
        for symbol in symbols:
            at_ms = (self.ctx.now - T0) / 1e6
            tick = trade(at_ms - lag_s * 1e3, symbol=symbol)
            self.hear(tick.model_copy(update={"received_at_ns": self.ctx.now}))

    def wait(self, seconds: int, *flowing: str) -> None:
        """Look once a second, with a tick of each flowing symbol before."""
        for _ in range(seconds):
            self.ticks(*flowing)
            self.later(1, LOOK)

    def answer(self, source: DataSource, *symbols: str) -> None:
        for symbol in symbols:
            at_ms = (self.ctx.now - T0) / 1e6
            self.hear(quote(at_ms, symbol=symbol, source=source, event_time_is_receipt=True))

    def told(self) -> list[tuple[str, str | None]]:
        """Scope, and what stands in; `over` when it is taken back. Those since the last asking."""
        reports = self.ctx.tells(FailureReported, addresses.FAILURE_HANDLER)
        self.ctx.told.clear()
        return [(report.scope, "over" if report.recovered else report.fallback) for report in reports]

    def sources(self, symbol: str = "IBM") -> list[DataSource]:
        """Each change; what is only said again is left out."""
        told = self.ctx.publishes(SourceChanged, addresses.ticks(symbol))
        return [each.source for each in told if each.source is not each.before or each.source is FEED]

    def health(self, symbol: str = "IBM") -> SymbolHealth:
        last = self.ctx.publishes(DataHealth, addresses.DATA_HEALTH)[-1]
        return next(each for each in last.symbols if each.symbol == symbol)


@pytest.mark.req("S-10")
@pytest.mark.lesson("L14")
def test_one_silent_symbol_is_reported_by_itself_while_the_other_flows() -> None:
    story = Watching("IBM", "BAC")
    story.wait(31, "BAC")
    assert story.told() == [("symbol:IBM", None)]
    story.wait(6, "BAC", "IBM")
    assert story.told() == [("symbol:IBM", "over")]


@pytest.mark.req("S-10")
def test_all_symbols_silent_are_the_venues_delay_and_one_that_flows_again_makes_it_the_others() -> None:
    story = Watching("IBM", "BAC")
    story.wait(31)
    assert story.told() == [("venue:sim", None)]
    story.wait(6, "BAC")
    assert story.told() == [("symbol:IBM", None), ("venue:sim", "over")], "no moment lies between the two"


@pytest.mark.req("S-10")
def test_data_that_lags_is_a_delay_though_ticks_flow() -> None:
    story = Watching("IBM")
    story.ticks("IBM", lag_s=10.0)
    assert story.told() == []
    story.later(1)
    story.ticks("IBM", lag_s=10.1)
    assert story.told() == [("venue:sim", None)]
    story.wait(4, "IBM")
    assert story.told() == []
    story.wait(3, "IBM")
    assert story.told() == [("venue:sim", "over")]


@pytest.mark.req("S-15")
def test_from_ticks_to_snapshots_to_the_broker_to_nothing_and_back() -> None:
    story = Watching("IBM")
    story.wait(31)
    assert (story.sources(), story.provider.questions, story.broker.questions) == ([NONE], [("IBM",)], [])
    story.answer(SNAPSHOT, "IBM")
    assert story.told() == [("venue:sim", None), ("venue:sim", "snapshot")]
    story.wait(30)
    assert len(story.provider.questions) == 2
    story.hear(QuotesFailed(source=SNAPSHOT, symbols=("IBM",), reason="HTTP 503"))
    assert story.broker.questions == [("IBM",)], "at once"
    story.answer(BROKER, "IBM")
    assert story.sources() == [NONE, SNAPSHOT], "the last snapshot is good for a while"
    story.wait(20)
    assert story.sources() == [NONE, SNAPSHOT, BROKER]
    assert story.told() == [("venue:sim", "broker")]
    story.wait(10)
    story.hear(QuotesFailed(source=SNAPSHOT, symbols=("IBM",), reason="HTTP 503"))
    story.hear(QuotesFailed(source=BROKER, symbols=("IBM",), reason="refused"))
    story.hear(QuotesFailed(source=BROKER, symbols=("IBM",), reason="refused"))
    assert story.told() == [("venue:sim", None)]
    change = [each for each in story.ctx.publishes(SourceChanged) if each.source is not each.before][-1]
    assert (change.source, change.before) == (NONE, BROKER)
    assert "HTTP 503" in change.reason
    assert "refused" in change.reason
    story.answer(BROKER, "IBM")
    story.wait(7, "IBM")
    assert story.sources()[-2:] == [BROKER, FEED]
    assert story.told() == [("venue:sim", "broker"), ("venue:sim", "over")]
    asked = len(story.provider.questions), len(story.broker.questions)
    story.wait(40, "IBM")
    assert (len(story.provider.questions), len(story.broker.questions)) == asked, "nobody is asked while ticks flow"


@pytest.mark.req("S-15")
def test_each_change_of_source_is_recorded() -> None:
    story = Watching("IBM")
    story.wait(31)
    story.answer(SNAPSHOT, "IBM")
    changes = [record.change for record in story.ctx.records(SourceRecorded)]
    assert [(change.before, change.source) for change in changes] == [(FEED, NONE), (NONE, SNAPSHOT)]
    assert "no tick for 31 s" in changes[0].reason


@pytest.mark.req("S-15")
def test_quotes_of_the_source_in_force_reach_strategies_and_marks_and_say_where_they_are_from() -> None:
    story = Watching("IBM")
    story.wait(31)
    story.answer(SNAPSHOT, "IBM")
    story.answer(BROKER, "IBM")  # unasked, and not in force
    told = story.ctx.publishes(Quote, addresses.ticks("IBM"))
    assert [each.source for each in told] == [SNAPSHOT]
    order = [type(body).__name__ for topic, body in story.ctx.published if topic == addresses.ticks("IBM")]
    assert order[-2:] == ["SourceChanged", "Quote"], "a decision on it names the source"
    story.wait(6)
    again = [each for each in story.ctx.publishes(SourceChanged) if each.source is each.before]
    assert again[-1].source is SNAPSHOT, "for a strategy that has begun since"
    assert story.ctx.publishes(Marks)[-1].quotes[0].source == "snapshot"
    assert not story.ctx.publishes(Trade, addresses.ticks("IBM"))
    story.hear(TellMarket(symbol="IBM"), sender="asker")
    market = story.ctx.tells(MarketTold, "asker")[-1].market
    assert market is not None
    assert market.source == "snapshot"


def test_fallback_quotes_are_no_ticks_of_the_feed() -> None:
    story = Watching("IBM")
    story.wait(31)
    for _ in range(40):
        story.answer(SNAPSHOT, "IBM")
        story.wait(1)
    assert story.sources() == [NONE, SNAPSHOT], "or the feed would count as flowing again"
    assert isinstance(story.actor, MarketDataActor)
    assert story.actor.figures().ticks == 0


def test_silence_counts_from_the_opening_and_never_while_the_market_is_closed() -> None:
    opens = T0 + 3_600 * NS_PER_S
    sessions = [MarketSession(date(2025, 1, 2 + n), opens + n * DAY, opens + n * DAY + MINUTE) for n in (-1, 0, 1)]
    hours = Calendar("XTST", sessions)
    story = Watching("IBM", calendar=hours)
    story.ctx.now = opens - 10 * NS_PER_S
    story.wait(40)
    assert story.told() == [], "31 s of silence in all, 30 of them in market hours"
    story.wait(1)
    assert story.told() == [("venue:sim", None)]
    story.wait(6, "IBM")
    assert story.told() == [("venue:sim", "over")]
    story.wait(100)
    assert story.told() == [], "it is evening"


def test_a_closed_market_is_not_asked_for_quotes() -> None:
    opens = T0 + 3_600 * NS_PER_S
    sessions = [MarketSession(date(2025, 1, 2 + n), opens + n * DAY, opens + n * DAY + MINUTE) for n in (-1, 0, 1)]
    story = Watching("IBM", calendar=Calendar("XTST", sessions))
    story.ctx.now = opens
    story.wait(59)
    assert len(story.provider.questions) == 1
    story.wait(120)
    assert len(story.provider.questions) == 1, "it has closed, and its feed is silent since before"


def test_quotes_that_are_counted_anew_are_heard_once_the_silence_over_them_was_noticed() -> None:
    story = Watching("IBM")
    story.hear(quote(0, 1_000), quote(1, 7))
    assert len(story.ctx.publishes(Quote, addresses.ticks("IBM"))) == 1
    story.wait(31)
    story.hear(quote(2, 8))
    assert len(story.ctx.publishes(Quote, addresses.ticks("IBM"))) == 2


def test_an_incarnation_takes_back_what_the_one_before_may_have_reported() -> None:
    story = Watching("IBM", "BAC", epoch=2)
    assert story.sources() == [FEED]
    story.wait(5, "IBM", "BAC")
    assert story.told() == []
    story.wait(1, "IBM")
    assert story.told() == [("symbol:IBM", "over")]
    story.wait(30, "IBM")
    assert story.told() == [("symbol:BAC", None), ("venue:sim", "over")], "each symbol is accounted for by itself now"
    story.wait(7, "IBM", "BAC")
    assert story.told() == [("symbol:BAC", "over")]


def test_health_is_told_every_few_seconds_and_when_its_soundness_changes() -> None:
    story = Watching("IBM")
    story.wait(1)
    assert (story.health().is_sound, story.health().age_s) == (False, None)
    story.wait(1, "IBM")
    assert story.health().is_sound
    count = len(story.ctx.publishes(DataHealth))
    story.wait(10, "IBM")
    assert len(story.ctx.publishes(DataHealth)) == count + 2
    assert (story.health().ticks, story.health().lag_ms, story.health().source) == (11, 0.0, FEED)
    story.hear(FeedDisconnected(feed="feed", reason="reset", attempt=1))
    story.wait(1)
    assert not story.health().is_sound, "nothing has come since the connection was lost"
    story.wait(1, "IBM")
    assert (story.health().is_sound, story.health().gaps) == (True, 1)


@pytest.mark.req("S-15")
def test_data_is_sound_again_in_the_instant_in_which_a_fallback_stands_in_and_no_longer_than_that() -> None:
    story = Watching("IBM")
    story.wait(31)
    assert (story.health().is_sound, story.health().source) == (False, NONE)
    story.answer(SNAPSHOT, "IBM")
    assert (story.health().is_sound, story.health().source) == (True, SNAPSHOT)
    for _ in range(2):
        story.hear(QuotesFailed(source=SNAPSHOT, symbols=("IBM",), reason="HTTP 503"))
    assert (story.health().is_sound, story.health().source) == (False, NONE)
    story.wait(6, "IBM")
    assert (story.health().is_sound, story.health().source) == (True, FEED)


def test_what_is_counted_is_of_the_last_minute() -> None:
    story = Watching("IBM")
    story.hear(trade(1), trade(0))
    story.wait(1)
    assert (story.health().late, story.health().ticks) == (1, 2)
    story.wait(60)
    assert (story.health().late, story.health().ticks) == (0, 0)
    assert isinstance(story.actor, MarketDataActor)
    assert story.actor.figures().late == 1


def test_our_clock_set_back_or_forward_counts_as_a_delay_and_never_as_trade_on_it() -> None:
    story = Watching("IBM")
    story.wait(2, "IBM")
    ahead = trade((story.ctx.now - T0) / 1e6 + 3_600_000)
    story.hear(ahead.model_copy(update={"received_at_ns": story.ctx.now}))
    assert isinstance(story.actor, MarketDataActor)
    assert story.actor.figures().ahead == 1
    story.ticks("IBM")
    assert len(story.ctx.publishes(Trade, addresses.ticks("IBM"))) == 3, "what follows is not late"
    behind = trade((story.ctx.now - T0) / 1e6)
    story.hear(behind.model_copy(update={"received_at_ns": story.ctx.now + 3_600 * NS_PER_S}))
    assert story.told() == [("venue:sim", None)]


@pytest.mark.req("S-01")
def test_what_waited_in_our_own_queue_is_as_old_as_it_is() -> None:
    story = Watching("IBM")
    tick = trade((story.ctx.now - T0) / 1e6)
    story.ctx.now += 11 * NS_PER_S
    story.hear(tick)
    assert story.told() == [("venue:sim", None)]


@pytest.mark.req("S-15")
def test_a_feed_of_prints_that_is_back_is_not_priced_by_quotes_that_stood_in_for_it() -> None:
    """Nothing would ever replace them, and each print would make them look young."""
    story = Watching("IBM")
    story.wait(31)
    story.answer(SNAPSHOT, "IBM")
    story.wait(6, "IBM")
    story.hear(TellMarket(symbol="IBM"), sender="asker")
    market = story.ctx.tells(MarketTold, "asker")[-1].market
    assert market is not None
    assert (market.bid, market.source, market.mid) == (None, "feed", market.last)
