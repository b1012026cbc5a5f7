"""The budget against venues that count in every way they may: no window is exceeded, cancels have their reserve."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkhead.venues.transport.rate_budget import BANNED, Grant, Never, Purpose, RateBudget, Wait
from bulkhead.venues.wire.facts import RateLimit

S = 1_000_000_000
MS = 1_000_000
WEIGHT, ORDERS = "WEIGHT", "ORDERS"
COSTS = {
    Purpose.CANCEL: {WEIGHT: 1},
    Purpose.EXIT: {WEIGHT: 1, ORDERS: 1},
    Purpose.QUERY: {WEIGHT: 4},
    Purpose.ENTRY: {WEIGHT: 1, ORDERS: 1},
    Purpose.SURVEY: {WEIGHT: 20},
}
LIMITS = (RateLimit(WEIGHT, 60, 100), RateLimit(ORDERS, 10, 10), RateLimit(ORDERS, 3_600, 40))
SHARES = {WEIGHT: {Purpose.CANCEL: 0.1, Purpose.EXIT: 0.1, Purpose.QUERY: 0.05}, ORDERS: {Purpose.EXIT: 0.2}}


class Clock:
    """Both clocks of a budget; the venue's is `venue_ahead_ns` from ours."""

    def __init__(self, start_ns: int = 7 * S, venue_ahead_ns: int = 0) -> None:
        self.now_ns = start_ns
        self.venue_ahead_ns = venue_ahead_ns

    def __call__(self) -> int:
        return self.now_ns

    def venue(self) -> int:
        return self.now_ns + self.venue_ahead_ns


def budget(
    clock: Clock, limits: tuple[RateLimit, ...] = LIMITS, *, is_enforced: bool = True, margin_s: float = 0.25
) -> RateBudget:
    return RateBudget(limits, SHARES, clock, clock.venue, margin_s=margin_s, is_enforced=is_enforced)


@dataclass
class Sent:
    purpose: Purpose
    grant: Grant
    taken_ns: int
    counted_ns: int | None = None


@dataclass
class World:
    """Requests under way, and when the venue counted each: any instant between its turn and the end of its exchange."""

    clock: Clock = field(default_factory=Clock)
    under_way: list[Sent] = field(default_factory=list)
    counted: list[Sent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.budget = budget(self.clock)

    def ask(self, purpose: Purpose) -> Grant | Wait | Never:
        answer = self.budget.take(purpose, COSTS[purpose])
        if isinstance(answer, Grant):
            self.under_way.append(Sent(purpose, answer, self.clock.now_ns))
        return answer

    def end(self, number: int, moment: float) -> None:
        """The exchange of one request ends now; it was counted at this share of the time it took."""
        if self.under_way:
            sent = self.under_way.pop(number % len(self.under_way))
            sent.counted_ns = sent.taken_ns + int((self.clock.now_ns - sent.taken_ns) * moment)
            self.counted.append(sent)
            self.budget.settle(sent.grant, {})

    def most_in_a_window(self, limit: RateLimit, *purposes: Purpose) -> int:
        """The most that a window of this length holds, wherever it begins: sliding, or fixed at any offset."""
        times = [
            (sent.counted_ns, COSTS[sent.purpose].get(limit.kind, 0))
            for sent in self.counted
            if sent.counted_ns is not None and sent.purpose in purposes
        ]
        length_ns = limit.length_s * S
        return max(
            (sum(cost for at, cost in times if start <= at < start + length_ns) for start, _ in times), default=0
        )


step = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(list(Purpose)), st.integers(1, 30)),
    st.tuples(st.just("end"), st.integers(0, 50), st.floats(0, 1)),
    st.tuples(st.just("pass"), st.one_of(st.integers(0, 2 * S), st.integers(0, 70 * S)), st.just(0)),
)


def play(world: World, steps: list[tuple[str, object, object]]) -> None:
    for what, first, second in steps:
        if what == "ask" and isinstance(first, Purpose) and isinstance(second, int):
            for _ in range(second):
                world.ask(first)
        elif what == "end" and isinstance(first, int) and isinstance(second, float):
            world.end(first, second)
        elif isinstance(first, int):
            world.clock.now_ns += first


@pytest.mark.req("X-05")
@pytest.mark.lesson("L17")
@settings(max_examples=150, deadline=None)
@given(st.lists(step, max_size=60), st.floats(0, 1))
def test_no_window_of_any_kind_is_ever_exceeded(steps: list[tuple[str, object, object]], moment: float) -> None:
    world = World()
    play(world, steps)
    while world.under_way:
        world.end(0, moment)
    for limit in LIMITS:
        assert world.most_in_a_window(limit, *Purpose) <= limit.limit
        for purpose in Purpose:
            assert world.most_in_a_window(limit, purpose) <= world.budget.ceiling(purpose, limit)


@settings(max_examples=100, deadline=None)
@given(st.lists(step, max_size=40))
def test_cancels_always_have_their_reserve(steps: list[tuple[str, object, object]]) -> None:
    world = World()
    play(world, [s for s in steps if s[1] is not Purpose.CANCEL])
    for _ in range(10):  # a tenth of 100
        assert isinstance(world.ask(Purpose.CANCEL), Grant)


@settings(max_examples=100, deadline=None)
@given(st.lists(step, max_size=40))
def test_what_is_more_urgent_has_what_is_held_back_for_it(steps: list[tuple[str, object, object]]) -> None:
    calm = (Purpose.ENTRY, Purpose.SURVEY)
    world = World()
    play(world, [s for s in steps if not isinstance(s[1], Purpose) or s[1] in calm])
    assert isinstance(world.ask(Purpose.QUERY), Grant)  # 5 of weight for a question of 4
    for _ in range(2):  # a fifth of 10 orders
        assert isinstance(world.ask(Purpose.EXIT), Grant)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(Purpose)), st.integers(0, 150), st.integers(0, 20 * S)), max_size=40))
def test_headers_only_tighten(steps: list[tuple[Purpose, int, int]]) -> None:
    clock = Clock()
    told, untold = budget(clock, is_enforced=False), budget(clock, is_enforced=False)
    for purpose, stated, pause_ns in steps:
        for of, headers in ((told, {(WEIGHT, 60): stated, (ORDERS, 10): stated // 2}), (untold, {})):
            grant = of.take(purpose, COSTS[purpose])
            assert isinstance(grant, Grant)
            of.settle(grant, headers)
        assert [a.used >= b.used for a, b in zip(told.state.windows, untold.state.windows, strict=True)] == [True] * 3
        weight = told.state.window(WEIGHT, 60)
        assert weight is not None
        assert weight.used >= stated
        clock.now_ns += pause_ns


@settings(max_examples=100, deadline=None)
@given(st.lists(step, max_size=40), st.integers(0, 500), st.floats(0, 59))
def test_time_frees_everything(steps: list[tuple[str, object, object]], stated: int, into_s: float) -> None:
    world = World(Clock(int(into_s * S)))
    play(world, steps)
    while world.under_way:
        sent = world.under_way.pop()
        world.budget.settle(sent.grant, {(WEIGHT, 60): stated, (ORDERS, 3_600): stated})
    world.clock.now_ns += 3_600 * S + 40 * S  # the longest window, and the hundredth to which it is kept
    assert [window.used for window in world.budget.state.windows] == [0, 0, 0]
    assert isinstance(world.ask(Purpose.SURVEY), Grant)


@settings(max_examples=100, deadline=None)
@given(st.lists(step, min_size=1, max_size=40), st.sampled_from(list(Purpose)))
def test_after_the_wait_it_was_told_there_is_room(steps: list[tuple[str, object, object]], purpose: Purpose) -> None:
    world = World()
    play(world, steps)
    while world.under_way:
        world.end(0, 1.0)
    answer = world.budget.take(purpose, COSTS[purpose])
    if isinstance(answer, Wait):
        world.clock.now_ns += int(answer.seconds * S) + MS
        assert isinstance(world.budget.take(purpose, COSTS[purpose]), Grant)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 100),
    st.floats(0, 59.9),
    st.floats(-0.9, 0.9),
    st.lists(st.integers(0, 5 * S), min_size=50, max_size=200),
)
def test_others_at_the_same_address_are_known_from_the_headers(
    others: int, into_s: float, error_s: float, pauses_ns: list[int]
) -> None:
    """The venue's windows are minutes of its own clock; somebody else used a part of the first one."""
    clock = Clock(600 * S + int(into_s * S), int(error_s * S))
    limits = (RateLimit(WEIGHT, 60, 100),)
    tried = budget(clock, limits)
    counts: dict[int, int] = {clock.now_ns // (60 * S): others}
    exceeded_by_us = 0
    is_told = False
    for pause_ns in pauses_ns:
        grant = tried.take(Purpose.ENTRY, {WEIGHT: 1})
        if isinstance(grant, Grant):
            minute = clock.now_ns // (60 * S)
            counts[minute] = counts.get(minute, 0) + 1
            exceeded_by_us += is_told and counts[minute] > 100
            tried.settle(grant, {(WEIGHT, 60): counts[minute]})
            is_told = True
        clock.now_ns += pause_ns
    assert exceeded_by_us == 0


# -- one by one -------------------------------------------------------------------------------------------------------


def used(of: RateBudget, kind: str, length_s: int) -> int:
    window = of.state.window(kind, length_s)
    assert window is not None
    return window.used


def go(of: RateBudget, purpose: Purpose = Purpose.ENTRY) -> Grant:
    grant = of.take(purpose, COSTS[purpose])
    assert isinstance(grant, Grant)
    return grant


def test_it_says_how_long_and_for_what() -> None:
    clock = Clock()
    of = budget(clock)
    for _ in range(8):
        of.settle(go(of), {})
    answer = of.take(Purpose.ENTRY, COSTS[Purpose.ENTRY])
    assert isinstance(answer, Wait)
    assert 10.25 <= answer.seconds <= 10.35
    assert answer.reason == f"8 of 10 ORDERS per 10 s used; room for another entry in {answer.seconds:.1f} s"
    assert isinstance(of.take(Purpose.EXIT, COSTS[Purpose.EXIT]), Grant)


def test_what_is_still_under_way_counts_however_long_it_takes() -> None:
    clock = Clock()
    of = budget(clock)
    slow = [go(of) for _ in range(8)]
    clock.now_ns += 3_000 * S
    assert isinstance(of.take(Purpose.ENTRY, COSTS[Purpose.ENTRY]), Wait)
    for grant in slow:
        of.settle(grant, {})
    clock.now_ns += 10 * S
    assert isinstance(of.take(Purpose.ENTRY, COSTS[Purpose.ENTRY]), Wait)
    clock.now_ns += S
    go(of)


def test_what_never_left_is_put_back() -> None:
    of = budget(Clock())
    for _ in range(1_000):
        of.put_back(go(of))
    assert [window.used for window in of.state.windows] == [0, 0, 0]


def test_what_costs_more_than_there_will_ever_be_is_refused() -> None:
    answer = budget(Clock()).take(Purpose.ENTRY, {WEIGHT: 76})
    assert isinstance(answer, Never)
    assert answer.reason == "it costs 76 WEIGHT, and 100 WEIGHT per 60 s leave 75 to entry"


def test_a_newer_header_of_a_new_window_takes_the_place_of_an_old_one() -> None:
    clock = Clock(50 * S)
    of = budget(clock)
    of.settle(go(of), {(WEIGHT, 60): 99})
    assert isinstance(of.take(Purpose.ENTRY, COSTS[Purpose.ENTRY]), Wait)
    clock.now_ns += 11 * S  # the venue's minute is over, by its clock perhaps a second later
    of.settle(go(of, Purpose.CANCEL), {(WEIGHT, 60): 1})
    assert used(of, WEIGHT, 60) == 2
    go(of)


def test_a_header_counts_to_the_end_of_the_minute_and_not_of_a_minute() -> None:
    clock = Clock(50 * S)
    of = budget(clock)
    of.settle(go(of), {(WEIGHT, 60): 99})
    clock.now_ns = 60 * S
    assert isinstance(of.take(Purpose.ENTRY, COSTS[Purpose.ENTRY]), Wait)
    clock.now_ns = 62 * S
    go(of)


def test_a_header_counts_a_whole_window_where_windows_slide() -> None:
    clock = Clock(50 * S)
    of = budget(clock, (RateLimit(WEIGHT, 60, 100, is_aligned=False),))
    of.settle(go(of), {(WEIGHT, 60): 99})
    clock.now_ns = 109 * S
    assert isinstance(of.take(Purpose.ENTRY, COSTS[Purpose.ENTRY]), Wait)
    clock.now_ns = 111 * S
    go(of)


def test_of_two_answers_under_way_together_the_higher_count_stands() -> None:
    of = budget(Clock())
    first, second = go(of), go(of)
    of.settle(first, {(WEIGHT, 60): 60})
    of.settle(second, {(WEIGHT, 60): 2})
    assert used(of, WEIGHT, 60) == 61  # the second may have been counted after the first
    of = budget(Clock())
    first, second = go(of), go(of)
    of.settle(first, {(WEIGHT, 60): 2})
    of.settle(second, {(WEIGHT, 60): 60})
    assert used(of, WEIGHT, 60) == 61  # or before it


def test_what_was_under_way_beside_an_answer_may_not_be_in_its_count() -> None:
    of = budget(Clock())
    slow, quick = go(of), go(of)
    of.settle(quick, {})
    of.settle(slow, {(WEIGHT, 60): 50})
    assert used(of, WEIGHT, 60) == 51


def test_a_cancel_goes_against_a_header_once_a_second() -> None:
    clock = Clock()
    of = budget(clock)
    of.settle(go(of), {(WEIGHT, 60): 150})
    of.settle(go(of, Purpose.CANCEL), {(WEIGHT, 60): 151})
    answer = of.take(Purpose.CANCEL, COSTS[Purpose.CANCEL])
    assert isinstance(answer, Wait)
    assert answer.seconds == 1.0
    clock.now_ns += S
    go(of, Purpose.CANCEL)


def test_told_to_wait_only_cancels_go_and_during_a_ban_nothing() -> None:
    clock = Clock()
    of = budget(clock, is_enforced=False)
    of.block(3.0)
    of.block(1.0)
    for purpose in Purpose:
        answer = of.take(purpose, COSTS[purpose])
        assert isinstance(answer, Grant) == (purpose is Purpose.CANCEL)
    clock.now_ns += 3 * S
    go(of)
    of.block(120.0, is_ban=True)
    for purpose in Purpose:
        answer = of.take(purpose, COSTS[purpose])
        assert isinstance(answer, Wait)
        assert (answer.code, answer.seconds) == (BANNED, 120.0)
    clock.now_ns += 120 * S
    go(of)


def test_limits_that_the_venue_states_replace_those_assumed() -> None:
    of = budget(Clock())
    of.settle(go(of), {})
    of.set_limits((RateLimit(WEIGHT, 60, 10), RateLimit(ORDERS, 1, 1)))
    assert [(w.kind, w.length_s, w.limit, w.used) for w in of.state.windows] == [(WEIGHT, 60, 10, 1), (ORDERS, 1, 1, 0)]
    of.settle(go(of), {})
    assert isinstance(of.take(Purpose.ENTRY, COSTS[Purpose.ENTRY]), Wait)


def test_a_day_of_orders_is_a_hundred_numbers() -> None:
    clock = Clock()
    of = budget(clock, (RateLimit(ORDERS, 86_400, 160_000),))
    window = go(of).taken[0][0]
    for _ in range(5_000):
        of.settle(go(of), {})
        clock.now_ns += 40 * S
    assert len(window._ended) <= 102
    assert 86_400 / 40 <= used(of, ORDERS, 86_400) <= 1.02 * 86_400 / 40 + 1


def test_shares_that_leave_nothing_are_a_mistake() -> None:
    clock = Clock()
    for share in (1.0, -0.1):
        with pytest.raises(ValueError, match="shares"):
            RateBudget(LIMITS, {WEIGHT: {Purpose.CANCEL: share}}, clock, clock)


def test_what_is_sent_unasked_counts() -> None:
    of = budget(Clock())
    of.charge({WEIGHT: 2})
    assert used(of, WEIGHT, 60) == 2


# -- threads ----------------------------------------------------------------------------------------------------------


def hammer(work: Callable[[], None], threads: int = 8) -> None:
    together = threading.Barrier(threads)
    failures: list[BaseException] = []

    def run() -> None:
        together.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 -- told to the test below
            failures.append(error)

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert failures == []


def test_threads_together_never_take_more_than_there_is() -> None:
    clock = Clock()
    of = budget(clock, (RateLimit(WEIGHT, 60, 1_000),))
    granted: list[Purpose] = []

    def work() -> None:
        for number in range(400):
            purpose = Purpose.ENTRY if number % 4 else Purpose.CANCEL
            grant = of.take(purpose, {WEIGHT: 1})
            if isinstance(grant, Grant):
                if number % 3:
                    of.settle(grant, {(WEIGHT, 60): number % 2})
                    granted.append(purpose)
                else:
                    of.put_back(grant)

    hammer(work)
    assert used(of, WEIGHT, 60) == len(granted) <= 1_000
    assert granted.count(Purpose.CANCEL) > 0
    while isinstance(of.take(Purpose.ENTRY, {WEIGHT: 1}), Grant):
        pass
    assert used(of, WEIGHT, 60) >= 750  # and nothing was lost on the way
    clock.now_ns += 62 * S
    assert used(of, WEIGHT, 60) < 1_000
