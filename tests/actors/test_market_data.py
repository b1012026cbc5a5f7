"""MarketData: what is dropped, what is declared, and when the feed counts as silent or gone."""

from decimal import Decimal

import pytest

from actors import addresses
from actors.market_data import LOOK, MAX_RECONNECTS, RELEASE, MarketDataActor
from actors.market_watch import MarketSeat
from messages.failure import FailureMode, FailureReported
from messages.market import (
    Bar,
    FeedConnected,
    FeedDisconnected,
    FeedGap,
    MarketData,
    MarketTold,
    Quote,
    TellMarket,
    Trade,
)
from messages.portfolio import Marks
from tests.actors.kit import NS_PER_S, Story
from tests.execution.orders import T0

TICKS = addresses.ticks("BTCUSDT")


def trade(at_s: float, price: str = "100", trade_id: int | None = None) -> Trade:
    at_ns = T0 + int(at_s * NS_PER_S)
    return Trade(
        venue="sim",
        symbol="BTCUSDT",
        event_time_ns=at_ns,
        received_at_ns=at_ns,
        received_monotonic_ns=at_ns,
        price=Decimal(price),
        quantity=Decimal(1),
        trade_id=trade_id,
    )


TOLD_GAP = FeedGap(venue="sim", symbol="BTCUSDT", expected_id=1_010, received_id=1_020, event_time_ns=T0)


def quote(update_id: int, bid: str | None = "99", ask: str | None = "101") -> Quote:
    return Quote(
        venue="sim",
        symbol="BTCUSDT",
        event_time_ns=T0,
        received_at_ns=T0,
        received_monotonic_ns=T0,
        bid=None if bid is None else Decimal(bid),
        bid_quantity=None,
        ask=None if ask is None else Decimal(ask),
        ask_quantity=None,
        update_id=update_id,
    )


@pytest.fixture
def story() -> Story:
    made = Story(MarketDataActor(MarketSeat("feed", "sim", {"BTCUSDT": (10,)})))
    made.start()
    return made


def figures(story: Story) -> tuple[int, int, int, int]:
    assert isinstance(story.actor, MarketDataActor)
    seen = story.actor.figures()
    return seen.ticks, seen.duplicates, seen.late, seen.gaps


@pytest.mark.req("S-02")
def test_a_repeat_by_the_venues_number_is_dropped(story: Story) -> None:
    ctx = story.hear(trade(0, trade_id=1), trade(1, trade_id=2), trade(0, trade_id=1), trade(1, trade_id=2))
    assert len(ctx.publishes(Trade, TICKS)) == 2
    assert figures(story) == (4, 2, 0, 0)


def test_identical_prints_without_a_number_are_real_trades(story: Story) -> None:
    ctx = story.hear(trade(0), trade(0), trade(0))
    assert len(ctx.publishes(Trade, TICKS)) == 3


@pytest.mark.req("S-03")
def test_a_gap_is_declared_before_what_follows_it_once_the_wait_is_over(story: Story) -> None:
    ctx = story.hear(trade(0, trade_id=1), trade(1, trade_id=4))
    assert len(ctx.publishes(Trade, TICKS)) == 1
    assert ctx.timers[RELEASE][0] == 0.25
    story.later(0.25, RELEASE)
    told = [body for topic, body in ctx.published if topic == TICKS]
    assert isinstance(told[1], FeedGap)
    assert (told[1].expected_id, told[1].received_id) == (2, 4)
    assert isinstance(told[2], Trade)
    assert figures(story)[3] == 1


def test_what_was_missing_comes_and_the_wait_is_over(story: Story) -> None:
    ctx = story.hear(trade(0, trade_id=1), trade(2, trade_id=3), trade(1, trade_id=2))
    assert [t.trade_id for t in ctx.publishes(Trade, TICKS)] == [1, 2, 3]
    assert RELEASE not in ctx.timers
    assert figures(story) == (3, 0, 0, 0)


def test_a_gap_that_the_feed_tells_is_passed_on_and_counted(story: Story) -> None:
    ctx = story.hear(trade(0), TOLD_GAP, trade(1))
    assert ctx.publishes(FeedGap, TICKS) == [TOLD_GAP]
    assert figures(story)[3] == 1


@pytest.mark.req("S-03")
def test_an_older_event_time_is_late_and_not_traded_on(story: Story) -> None:
    ctx = story.hear(trade(5), trade(4), trade(5))
    assert [t.event_time_ns for t in ctx.publishes(Trade, TICKS)] == [T0 + 5 * NS_PER_S] * 2
    assert figures(story)[2] == 1


def test_repeated_quotes_are_dropped_by_their_update_id(story: Story) -> None:
    ctx = story.hear(quote(1), quote(2), quote(2), quote(1))
    assert len(ctx.publishes(Quote, TICKS)) == 2


def test_everything_that_arrived_is_told_to_the_recording(story: Story) -> None:
    ctx = story.hear(trade(0, trade_id=1), trade(0, trade_id=1), quote(1))
    assert len(ctx.publishes(MarketData, addresses.INPUTS)) == 3


@pytest.mark.lesson("L16")
def test_bars_close_by_event_time_and_the_first_says_that_it_is_incomplete(story: Story) -> None:
    story.ctx.now = T0 + 500 * NS_PER_S  # our clock has no say
    ctx = story.hear(trade(1, "100"), trade(9, "105"), trade(9.9, "95"), trade(10, "101"), trade(20, "102"))
    first, second = ctx.publishes(Bar, addresses.bars("BTCUSDT", 10))
    assert [str(price) for price in (first.open, first.high, first.low, first.close)] == ["100", "105", "95", "95"]
    assert (first.open_time_ns, first.close_time_ns) == (T0, T0 + 10 * NS_PER_S)
    assert (first.is_complete, second.is_complete) == (False, True)
    assert first.trade_count == 3
    assert second.volume == 1


@pytest.mark.lesson("L16")
@pytest.mark.parametrize("cause", ["gap", "told", "disconnect"])
def test_a_bar_with_something_missing_says_so(story: Story, cause: str) -> None:
    story.hear(trade(1, trade_id=1), trade(11, trade_id=2))
    if cause == "disconnect":
        story.hear(FeedDisconnected(feed="feed", reason="reset", attempt=1), trade(12, trade_id=3))
    elif cause == "told":
        story.hear(TOLD_GAP, trade(12, trade_id=3))
    else:
        story.hear(trade(12, trade_id=9))
        story.later(0.25, RELEASE)
    ctx = story.hear(trade(21, trade_id=10 if cause == "gap" else 4))
    assert [bar.is_complete for bar in ctx.publishes(Bar)] == [False, False]


def reports(story: Story) -> list[tuple[FailureMode, bool]]:
    return [(report.mode, report.recovered) for report in story.ctx.tells(FailureReported, addresses.FAILURE_HANDLER)]


@pytest.mark.req("S-10")
@pytest.mark.lesson("L14")
@pytest.mark.lesson("L28")
def test_silence_is_reported_once_past_the_limit_and_once_when_it_is_over(story: Story) -> None:
    story.hear(FeedConnected(feed="feed"), trade(0))
    story.later(30.0, LOOK)
    assert reports(story) == []
    story.later(0.001, LOOK)
    story.later(10, LOOK)
    assert reports(story) == [(FailureMode.DATA_DELAY, False)]
    story.hear(trade(41))
    story.later(4.9, LOOK)
    story.hear(trade(45))
    assert reports(story) == [(FailureMode.DATA_DELAY, False)], "not before ticks have flowed for the settle time"
    story.later(0.1)
    story.hear(trade(46))
    assert reports(story) == [(FailureMode.DATA_DELAY, False), (FailureMode.DATA_DELAY, True)]


@pytest.mark.req("S-11")
@pytest.mark.lesson("L15")
def test_the_third_failed_reconnect_counts_as_disconnected(story: Story) -> None:
    for attempt in range(1, MAX_RECONNECTS):
        story.hear(FeedDisconnected(feed="feed", reason="reset", attempt=attempt))
    assert reports(story) == []
    story.hear(FeedDisconnected(feed="feed", reason="reset", attempt=MAX_RECONNECTS))
    story.hear(FeedDisconnected(feed="feed", reason="reset", attempt=MAX_RECONNECTS + 1))
    assert reports(story) == [(FailureMode.EXCHANGE_DISCONNECT, False)]
    story.hear(FeedConnected(feed="feed"))
    assert reports(story)[1:] == [], "a subscription is up when data flows"
    story.hear(trade(0))
    assert reports(story)[1:] == [(FailureMode.EXCHANGE_DISCONNECT, True)]


def test_marks_are_told_once_a_second_and_only_when_they_changed(story: Story) -> None:
    story.hear(trade(0, "100"), trade(0.5, "101"))
    story.later(1, LOOK)
    story.later(1, LOOK)
    (marks,) = story.ctx.publishes(Marks, addresses.MARKS)
    assert marks.prices == {"BTCUSDT": Decimal(101)}
    story.hear(quote(1, "99", "100"))
    story.later(1, LOOK)
    assert story.ctx.publishes(Marks)[-1].prices == {"BTCUSDT": Decimal("99.5")}


def test_a_one_sided_quote_makes_no_mark(story: Story) -> None:
    story.hear(quote(1, None, "100"))
    story.later(1, LOOK)
    assert not story.ctx.publishes(Marks)


def test_it_tells_what_it_saw_last_of_a_symbol(story: Story) -> None:
    story.hear(TellMarket(symbol="BTCUSDT"), sender="asker")
    story.hear(trade(2, "100.5"), quote(1, "99", "101"), trade(1, "7"))  # the last one is late
    story.hear(TellMarket(symbol="BTCUSDT"), TellMarket(symbol="NONE"), sender="asker")
    first, second, unknown = story.ctx.tells(MarketTold, "asker")
    assert (first.market, unknown.market) == (None, None)
    assert second.market is not None
    assert (second.market.bid, second.market.ask, second.market.last) == (Decimal(99), Decimal(101), Decimal("100.5"))
    assert second.market.event_time_ns == T0 + 2 * NS_PER_S
