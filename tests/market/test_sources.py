"""Sources in force, and reports: no step is skipped, nothing flaps, and no moment lies between two reports."""

from hypothesis import given
from hypothesis import strategies as st

from bulkhead.market.freshness import NS_PER_S, Freshness, Limits, Phase
from bulkhead.market.sources import Delay, Sources, Turned, changes, scopes
from bulkhead.market.tally import SPAN_S, Counted, Tally
from messages.market_health import DataSource

FEED, SNAPSHOT, BROKER, NONE = DataSource.FEED, DataSource.SNAPSHOT, DataSource.BROKER, DataSource.NONE


def sources(*available: DataSource) -> Sources:
    return Sources(30.0, available or (SNAPSHOT, BROKER))


def at(seconds: float) -> int:
    return int(seconds * NS_PER_S)


def judged(of: Sources, seconds: float, is_feed_fresh: bool = False) -> DataSource | None:
    turned = of.judge(is_feed_fresh, "silent", at(seconds))
    return None if turned is None else turned.source


def test_the_provider_is_asked_first_and_the_broker_only_once_it_fails() -> None:
    of = sources()
    assert of.due(True, at(0)) == ()
    assert of.due(False, at(0)) == (SNAPSHOT,)
    assert of.due(False, at(1)) == ()
    of.failed(SNAPSHOT, "down")
    assert of.due(False, at(2)) == (BROKER,)
    assert of.due(False, at(31)) == (SNAPSHOT,)
    of.answered(SNAPSHOT, at(32))
    of.answered(BROKER, at(32))
    assert of.due(False, at(62)) == (SNAPSHOT,), "the broker is left alone again"


def test_a_provider_that_never_answers_is_not_waited_for_longer_than_one_interval() -> None:
    of = sources()
    assert of.due(False, at(0)) == (SNAPSHOT,)
    assert of.due(False, at(30)) == (SNAPSHOT,)
    assert of.due(False, at(60)) == (SNAPSHOT,)


def test_an_answer_that_is_too_old_is_no_source() -> None:
    of = sources(SNAPSHOT)
    of.answered(SNAPSHOT, at(0))
    assert judged(of, 1) is SNAPSHOT
    assert judged(of, 45) is None
    assert judged(of, 45.001) is NONE


def test_a_better_fallback_takes_over_with_its_second_good_answer() -> None:
    of = sources()
    of.answered(BROKER, at(0))
    assert judged(of, 0) is BROKER
    of.answered(SNAPSHOT, at(1))
    assert judged(of, 1) is None
    of.answered(SNAPSHOT, at(31))
    of.answered(BROKER, at(31))
    assert judged(of, 31) is SNAPSHOT


def test_without_any_fallback_a_stale_feed_leaves_nothing_and_says_why() -> None:
    assert Sources(30.0, ()).judge(False, "no tick for 31 s", 0) == Turned(NONE, FEED, "feed: no tick for 31 s")


def test_what_was_answered_before_a_recovery_counts_no_more_after_it() -> None:
    of = sources()
    of.answered(SNAPSHOT, at(0))
    judged(of, 0)
    assert judged(of, 1, is_feed_fresh=True) is FEED
    assert judged(of, 2) is NONE


steps = st.lists(
    st.tuples(
        st.floats(0.1, 60),
        st.booleans(),
        st.sampled_from(["good", "bad", "nothing"]),
        st.sampled_from([SNAPSHOT, BROKER]),
    ),
    max_size=60,
)


@given(steps)
def test_a_source_is_in_force_only_while_it_is_fresh_and_the_feed_is_not(
    story: list[tuple[float, bool, str, DataSource]],
) -> None:
    of, now, good = sources(), 0.0, dict[DataSource, float]()
    for passed_s, is_feed_fresh, what, source in story:
        now += passed_s
        if what == "good":
            of.answered(source, at(now))
            good[source] = now
        elif what == "bad":
            of.failed(source, "down")
        before = of.current
        turned = of.judge(is_feed_fresh, "silent", at(now))
        assert (of.current is FEED) == is_feed_fresh
        assert (turned is None) == (before is of.current)
        if of.current in good:
            assert now - good[of.current] <= 45.001
        if is_feed_fresh:
            good.clear()


# -- freshness --------------------------------------------------------------------------------------------------------

LIMITS = Limits(max_silence_s=30, max_lag_s=10, settle_s=5)


def test_stale_past_each_limit_and_not_at_it() -> None:
    fresh = Freshness(LIMITS, 0)
    fresh.ticked(0, 10.0)
    assert not fresh.looked_at(30.0)
    assert fresh.is_fresh
    assert fresh.looked_at(30.001)
    assert not fresh.looked_at(40), "told once"
    lagging = Freshness(LIMITS, 0)
    lagging.ticked(0, 10.001)
    assert not lagging.is_fresh
    assert "10.0 s behind" in lagging.why


def test_settling_begins_anew_with_each_lapse() -> None:
    of = Freshness(LIMITS, 0)
    of.looked_at(31)
    phases = []
    for seconds, lag_s in ((40, 0.0), (44, 11.0), (45, 0.0), (49.9, 0.0), (50, None)):
        of.ticked(at(seconds), lag_s)
        phases.append(of.phase)
    assert phases == [Phase.SETTLING, Phase.STALE, Phase.SETTLING, Phase.SETTLING, Phase.FRESH]


def test_silence_counts_from_when_somebody_listens() -> None:
    assert Freshness(LIMITS, at(100)).age_s(at(107)) == 7.0


# -- reports ----------------------------------------------------------------------------------------------------------

delays = st.dictionaries(
    st.sampled_from("ABC"), st.builds(Delay, st.just("silent"), st.sampled_from([None, SNAPSHOT, BROKER]))
)


@given(st.lists(delays, max_size=10))
def test_reports_follow_what_is_stale_and_every_stale_symbol_is_covered_at_every_moment(
    story: list[dict[str, Delay]],
) -> None:
    in_force: dict[str, Delay] = {}
    before: dict[str, Delay] = {}
    for stale in story:
        wanted = scopes("sim", "ABC", stale)
        news, over = changes(in_force, wanted)
        both = before.keys() & stale.keys()
        in_force |= dict(news)
        for scope in over:
            assert all(covers(in_force, symbol) for symbol in both)
            del in_force[scope]
        assert in_force.keys() == wanted.keys()
        assert {scope: d.fallback for scope, d in in_force.items()} == {s: d.fallback for s, d in wanted.items()}
        assert {symbol for symbol in "ABC" if covers(in_force, symbol)} == stale.keys()
        before = stale


def covers(in_force: dict[str, Delay], symbol: str) -> bool:
    return f"symbol:{symbol}" in in_force or "venue:sim" in in_force


def test_all_symbols_on_different_sources_are_reported_each_by_itself() -> None:
    stale = {"A": Delay("silent", SNAPSHOT), "B": Delay("silent", None)}
    assert scopes("sim", "AB", stale).keys() == {"symbol:A", "symbol:B"}
    assert scopes("sim", "AB", {}) == {}


# -- counts -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(list(Counted))), max_size=200))
def test_a_tally_is_of_the_last_minute_and_forgets_no_total(story: list[tuple[int, Counted]]) -> None:
    tally, now, told = Tally(), 0, list[tuple[int, Counted]]()
    for passed_s, what in story:
        now += passed_s
        tally.count(what, at(now))
        told.append((now, what))
    for what in Counted:
        assert tally.total[what] == sum(1 for _, each in told if each is what)
        recent = sum(1 for when, each in told if each is what and when > now - SPAN_S)
        assert tally.last_minute(at(now))[what] == recent
