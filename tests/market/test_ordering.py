"""Order and repeats of one symbol: what waits, for how long, and what is dropped with which word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.app.bench.mangler import Mangling, dropped, gaps, mangled, passed, play
from bulkhead.market.guarantee import FeedOrder, Guarantee
from bulkhead.market.ordering import Dropped, OrderSettings, Out, SymbolOrder, Why
from bulkhead.market.recent import MAX_RANGES, MissingRanges, RecentKeys
from messages.market import FeedGap, Trade
from tests.market.streams import NS_PER_MS, day, quote, trade

WAIT_NS = 250 * NS_PER_MS


def numbers(out: list[Out] | tuple[Out, ...]) -> list[int | str]:
    """Trades by number, gaps as `first-last`, drops by their word."""
    words: list[int | str] = []
    for each in out:
        if isinstance(each, Dropped):
            words.append(each.why.value)
        elif isinstance(each, FeedGap):
            words.append(f"{each.expected_id}-{each.received_id}")
        elif isinstance(each, Trade):
            words.append(each.trade_id or "print")
        else:
            words.append("quote")
    return words


def said(order: SymbolOrder, at_ms: float, *ticks: object) -> list[int | str]:
    out: list[Out] = []
    for tick in ticks:
        out += order.arrive(tick, int(at_ms * NS_PER_MS))  # type: ignore[arg-type]
    return numbers(out)


def test_a_stream_in_order_never_waits() -> None:
    order = SymbolOrder()
    for number in range(1, 50):
        assert said(order, number, trade(number, number)) == [number]
        assert order.due_ns is None


@pytest.mark.req("S-03")
def test_what_follows_a_missing_trade_waits_for_it_and_then_comes_in_order() -> None:
    order = SymbolOrder()
    assert said(order, 0, trade(0, 1)) == [1]
    assert said(order, 5, trade(3, 4), trade(2, 3)) == []
    assert order.is_across_gap
    assert order.due_ns == 5 * NS_PER_MS + WAIT_NS
    assert said(order, 9, trade(1, 2)) == [2, 3, 4]
    assert not order.is_across_gap


def test_after_the_wait_the_gap_is_declared_before_what_follows_it() -> None:
    order = SymbolOrder()
    said(order, 0, trade(0, 1), trade(1, 3), trade(2, 4))
    assert numbers(list(order.expire(WAIT_NS - 1))) == []
    assert numbers(list(order.expire(WAIT_NS))) == ["2-3", 3, 4]
    assert said(order, 300, trade(0.5, 2)) == ["late"]
    assert said(order, 301, trade(0.5, 2)) == ["duplicate"]


def test_of_two_gaps_each_has_its_own_wait() -> None:
    order = SymbolOrder()
    said(order, 0, trade(0, 1), trade(1, 3))
    said(order, 100, trade(2, 5))
    assert numbers(list(order.expire(WAIT_NS))) == ["2-3", 3]
    assert said(order, 260, trade(1.5, 4)) == [4, 5]
    assert order.due_ns is None


def test_quotes_of_the_symbol_wait_with_its_trades_and_keep_their_place() -> None:
    order = SymbolOrder()
    said(order, 0, trade(0, 1))
    assert said(order, 1, trade(9, 3), quote(4, 7), quote(10, 8)) == []
    assert said(order, 2, trade(3, 2)) == [2, "quote", 3, "quote"]


@pytest.mark.req("S-02")
def test_repeats_are_known_by_their_number_also_while_others_wait() -> None:
    order = SymbolOrder()
    assert said(order, 0, trade(0, 1), trade(1, 2), trade(0, 1)) == [1, 2, "duplicate"]
    assert said(order, 1, trade(2, 4), trade(2, 4)) == ["duplicate"]
    assert said(order, 2, trade(2, 3), trade(2, 4)) == [3, 4, "duplicate"]
    assert said(order, 3, quote(1, 5), quote(1, 9), quote(1, 5), quote(1, 7)) == ["quote", "quote", "duplicate", "late"]


@pytest.mark.req("S-02")
def test_identical_prints_without_a_number_are_real_and_kept() -> None:
    assert said(SymbolOrder(), 0, *(trade(0) for _ in range(5))) == ["print"] * 5


def test_without_numbers_older_than_the_last_is_late_for_each_kind_by_itself() -> None:
    order = SymbolOrder()
    assert said(order, 0, trade(5), quote(3), trade(4), quote(2), quote(3)) == [
        *("print", "quote", "late", "late", "quote"),
    ]


def test_a_number_before_the_first_one_seen_is_late_and_no_repeat() -> None:
    assert said(SymbolOrder(), 0, trade(5, 10), trade(4, 9)) == [10, "late"]


@pytest.mark.req("S-02")
def test_after_a_lost_connection_what_overlaps_is_crossed_off_as_often_as_it_was_seen() -> None:
    order = SymbolOrder()
    said(order, 0, trade(0), trade(1), trade(1))
    order.cut(NS_PER_MS)
    again = said(order, 2, trade(0), trade(1), trade(1), trade(1), trade(2), trade(2))
    assert again == ["duplicate", "duplicate", "duplicate", "0-0", "print", "print", "print"]


def test_after_a_lost_connection_nothing_waits_for_what_will_not_come() -> None:
    order = SymbolOrder()
    said(order, 0, trade(0, 1), trade(1, 3))
    assert numbers(list(order.cut(5))) == ["2-3", 3]
    assert order.is_across_gap
    assert said(order, 9, trade(9, 8), trade(10, 10)) == ["4-8", 8]
    assert order.due_ns is not None, "from then on it waits again"


def test_a_connection_that_missed_nothing_declares_nothing() -> None:
    order = SymbolOrder()
    said(order, 0, trade(0, 1))
    order.cut(5)
    assert said(order, 9, trade(0, 1), trade(9, 2)) == ["duplicate", 2]


def test_a_quote_after_a_lost_connection_comes_behind_a_declared_gap() -> None:
    order = SymbolOrder()
    said(order, 0, trade(0, 1), quote(0, 5))
    order.cut(5)
    assert said(order, 9, quote(9, 6), quote(9, 7)) == ["0-0", "quote", "quote"]


def test_a_venue_that_counts_its_trades_anew_is_heard_again() -> None:
    order = SymbolOrder()
    said(order, 0, trade(0, 1_000), trade(1, 1_001))
    assert said(order, 2, trade(2, 1), trade(3, 2)) == ["1002-1", 1, 2]
    assert said(order, 4, trade(1, 1_001)) == [], "a repeat from before waits like any number from ahead"
    assert numbers(list(order.expire(4 * NS_PER_MS + WAIT_NS))) == ["3-1001", 1001]
    assert said(order, 300, trade(900, 3), trade(1_100, 4)) == ["late", "1002-4", 4], "nor for longer than a second"


def test_quotes_counted_anew_are_heard_after_a_silence_but_not_out_of_the_blue() -> None:
    order = SymbolOrder()
    assert said(order, 0, quote(0, 1_000), quote(1, 5)) == ["quote", "late"]
    order.begin_anew()
    assert said(order, 2, quote(2, 6), quote(2, 4), quote(2, 7)) == ["quote", "late", "quote"]


@pytest.mark.parametrize(("ahead_ms", "word"), [(10_000, "print"), (10_001, "ahead")])
def test_what_comes_from_the_future_is_not_traded_on(ahead_ms: int, word: str) -> None:
    odd = trade(ahead_ms).model_copy(update={"received_at_ns": trade(0).received_at_ns})
    assert said(SymbolOrder(), 0, odd) == [word]


def test_our_own_clock_set_back_makes_nothing_late() -> None:
    order = SymbolOrder()
    stamped = [quote(at_ms, event_time_is_receipt=True) for at_ms in (3_600_000, 0)]
    prints = [trade(at_ms).model_copy(update={"event_time_is_receipt": True}) for at_ms in (3_600_000, 0)]
    assert said(order, 0, *stamped, *prints) == ["quote", "quote", "print", "print"]


def test_no_more_is_held_than_the_bound() -> None:
    order = SymbolOrder(OrderSettings(max_held=3))
    assert said(order, 0, trade(0, 1), *(trade(n, n) for n in (3, 4, 5))) == [1]
    assert said(order, 0, trade(6, 6)) == ["2-3", 3, 4, 5, 6]
    assert order.held == 0


@given(st.lists(st.integers(0, 400), max_size=300))
def test_missing_numbers_are_each_taken_once(taken: list[int]) -> None:
    ranges, missing = MissingRanges(), set(range(10, 200)) | set(range(250, 300))
    ranges.declare(10, 200, 0)
    ranges.declare(250, 300, 0)
    for number in taken:
        assert ranges.take(number) == (number in missing)
        missing.discard(number)


def test_memories_are_bounded_in_time_and_number() -> None:
    keys, ranges = RecentKeys(window_ns=100, max_keys=5), MissingRanges(window_ns=100)
    for at_ns in range(10):
        keys.add("same", at_ns)
        ranges.declare(at_ns * 10, at_ns * 10 + 1, at_ns)
    assert len(keys) == 5
    keys.add("other", 150)
    assert ("same" in keys, len(keys)) == (False, 1)
    assert ranges.take(0)
    ranges.declare(900, 901, 109)
    assert not ranges.take(10), "declared longer ago than the window"
    for at in range(MAX_RANGES * 2):
        ranges.declare(1_000 + 2 * at, 1_001 + 2 * at, 110)
    assert len(ranges) == MAX_RANGES


# -- streams ----------------------------------------------------------------------------------------------------------

CLEAN = day(seed=5, count=1_500)


@given(st.integers(0, 1_000_000))
def test_mangled_within_the_window_the_stream_comes_out_as_it_was(seed: int) -> None:
    how = Mangling(late_ms=249)
    out = play(FeedOrder(Guarantee.PER_SYMBOL), mangled(CLEAN, seed, how))
    begins = passed(out)[0]
    expected = CLEAN[CLEAN.index(begins) :]  # type: ignore[arg-type]
    assert passed(out) == expected
    assert not gaps(out)
    before = [drop for drop in dropped(out) if drop.why is Why.LATE]
    assert {drop.tick.trade_id for drop in before} <= {t.trade_id for t in CLEAN[: CLEAN.index(begins)]}  # type: ignore[attr-defined, arg-type]


@given(
    st.integers(0, 1_000_000),
    st.sampled_from(list(Guarantee)),
    st.sampled_from([0, 50, 250, 60_000]),
    st.sampled_from([0.0, 0.02, 0.3]),
)
def test_whatever_comes_goes_out_in_order_or_is_counted(
    seed: int, guarantee: Guarantee, wait_ms: int, hole_share: float
) -> None:
    both = sorted(CLEAN[:400] + day(seed=6, count=400, symbol="BAC"), key=lambda each: each.event_time_ns)
    arrivals = mangled(both, seed, Mangling(late_ms=2_000, late_share=0.2, hole_share=hole_share))
    out = play(FeedOrder(guarantee, OrderSettings(wait_ns=wait_ms * NS_PER_MS)), arrivals)
    assert len(passed(out)) + len(dropped(out)) == len(arrivals), "each tick comes out once"
    if guarantee is Guarantee.GLOBAL:
        times = [tick.event_time_ns for tick in passed(out)]
        assert times == sorted(times)
    for symbol in ("IBM", "BAC"):
        seen = [tick.trade_id or 0 for tick in passed(out) if isinstance(tick, Trade) and tick.symbol == symbol]
        assert seen == sorted(set(seen)), "in order, and none twice"
        came = [t.trade_id or 0 for _, t in arrivals if isinstance(t, Trade) and t.symbol == symbol]
        declared = {
            number for gap in gaps(out) if gap.symbol == symbol for number in range(gap.expected_id, gap.received_id)
        }
        late = {d.tick.trade_id for d in dropped(out) if d.why is Why.LATE and d.tick.symbol == symbol}  # type: ignore[attr-defined]
        whole = set(range(came[0], seen[-1] + 1))  # what came before it, nobody could know of
        assert whole <= set(seen) | declared | late, "each difference is a counted late tick or a declared gap"
        assert set(seen) <= set(came), "nothing is invented"


def test_the_global_order_waits_for_the_slower_symbol_and_no_longer_than_the_bound() -> None:
    order = FeedOrder(Guarantee.GLOBAL)
    ms = NS_PER_MS
    assert numbers(list(order.arrive(trade(0, 1), 0))) == [1], "the other symbol is not known yet"
    order.arrive(trade(1, 1, symbol="BAC"), 1 * ms)
    assert numbers(list(order.arrive(trade(9, 2), 9 * ms))) == [1], "of BAC, which IBM has now come past"
    assert order.held == 1
    assert numbers(list(order.arrive(trade(8, 2, symbol="BAC"), 10 * ms))) == [2]
    assert order.due_ns == 9 * ms + WAIT_NS
    assert numbers(list(order.expire(9 * ms + WAIT_NS))) == [2]
    assert numbers(list(order.arrive(trade(7, 3, symbol="BAC"), 300 * ms))) == ["late"]


def test_best_effort_never_waits() -> None:
    order = FeedOrder(Guarantee.BEST_EFFORT)
    out = [out for at, number in enumerate((1, 3, 2, 4)) for out in order.arrive(trade(at, number), at)]
    assert numbers(out) == [1, "2-3", 3, "late", 4]
    assert order.due_ns is None
