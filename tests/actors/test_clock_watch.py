"""ClockWatch: skew beyond what a slow answer explains, jumps of our own clock, and the settle time."""

from actors import addresses
from actors.clock_watch import LOOK_S, ClockSeat, ClockWatchActor
from messages.clock import AskVenueTime, VenueTimeFailed, VenueTimeTold
from messages.failure import FailureMode, FailureReported, StopReason
from messages.supervision import TimerFired
from messages.values import StopLevel
from tests.actors.kit import NS_PER_S, FakeContext, Story

MS = 1_000_000
SEAT = ClockSeat(venue="sim", tells_time=True, max_skew_ms=1_000, max_jump_ms=500, check_interval_s=30.0, settle_s=60.0)


class TwoClocks(FakeContext):
    """The monotonic clock goes by `passed`, the wall's by `now`."""

    passed: int = 7 * NS_PER_S
    held_up_ns: int = 0
    """Between one look at the monotonic clock and the next."""

    def monotonic_ns(self) -> int:
        self.passed += self.held_up_ns
        return self.passed


def story(seat: ClockSeat = SEAT, *reasons: StopReason) -> tuple[Story, TwoClocks]:
    told = Story(ClockWatchActor(seat, lambda: reasons), addresses.CLOCK_WATCH)
    ctx = TwoClocks(name=addresses.CLOCK_WATCH)
    told.ctx = ctx
    told.start()
    return told, ctx


def pass_time(told: Story, ctx: TwoClocks, seconds: float, jump_s: float = 0.0) -> None:
    for _ in range(int(seconds / LOOK_S)):
        ctx.passed += int(LOOK_S * NS_PER_S)
        ctx.now += int((LOOK_S + jump_s) * NS_PER_S)
        jump_s = 0.0
        told.hear(TimerFired(key="look"))


def answer(told: Story, ctx: TwoClocks, ahead_ms: int, took_ms: int = 0) -> None:
    """The venue's clock reads so much more than ours did half way."""
    half_way = ctx.now - took_ms * MS // 2
    asked_ns = ctx.now - took_ms * MS
    told.hear(VenueTimeTold(venue="sim", venue_ns=half_way + ahead_ms * MS, asked_ns=asked_ns, answered_ns=ctx.now))


def reports(ctx: TwoClocks) -> list[bool]:
    found = ctx.tells(FailureReported, addresses.FAILURE_HANDLER)
    assert {report.mode for report in found} <= {FailureMode.CLOCK_SKEW}
    return [report.recovered for report in found]


def test_a_difference_beyond_the_budget_is_skew_and_within_it_none() -> None:
    for ahead_ms, expected in ((1_000, []), (1_001, [False]), (-1_000, []), (-1_001, [False])):
        told, ctx = story()
        answer(told, ctx, ahead_ms)
        assert reports(ctx) == expected, ahead_ms


def test_what_a_slow_answer_may_explain_is_no_skew() -> None:
    told, ctx = story()
    answer(told, ctx, 1_900, took_ms=2_000)
    assert reports(ctx) == []
    answer(told, ctx, 2_001, took_ms=2_000)
    assert reports(ctx) == [False]


def test_the_venue_is_asked_as_often_as_is_set_and_not_where_it_tells_no_time() -> None:
    told, ctx = story()
    assert ctx.timers["ask"][0] == LOOK_S, "soon after the start"
    told.hear(TimerFired(key="ask"))
    assert ctx.timers["ask"][0] == 30.0
    assert ctx.told == [("broker:sim", AskVenueTime())]
    _, mute = story(SEAT._replace(tells_time=False))
    assert "ask" not in mute.timers


def test_a_jump_is_seen_at_the_next_look_in_either_direction_and_slewing_is_none() -> None:
    for jump_s, expected in ((0.4, []), (0.6, [False]), (-0.6, [False])):
        told, ctx = story()
        pass_time(told, ctx, 3)
        pass_time(told, ctx, 1, jump_s=jump_s)
        assert reports(ctx) == expected, jump_s
    told, ctx = story()
    for _ in range(100):
        pass_time(told, ctx, 1, jump_s=0.02)
    assert reports(ctx) == [], "two seconds in all, in small steps: what NTP does"


def test_a_thread_that_was_held_up_between_two_clocks_sees_no_jump() -> None:
    told, ctx = story()
    ctx.held_up_ns = 900 * MS
    pass_time(told, ctx, 3)
    assert reports(ctx) == []


def test_it_is_over_after_the_settle_time_and_the_venues_word() -> None:
    told, ctx = story()
    pass_time(told, ctx, 1, jump_s=0.6)
    assert AskVenueTime() in [body for _, body in ctx.told], "asked at once"
    pass_time(told, ctx, 120)
    assert reports(ctx) == [False], "nobody has said that the clocks agree"
    told.hear(VenueTimeFailed(venue="sim", reason="away"))
    pass_time(told, ctx, 1)
    assert reports(ctx) == [False]
    answer(told, ctx, 0)
    pass_time(told, ctx, 1)
    assert reports(ctx) == [False, True]


def test_trouble_within_the_settle_time_begins_it_anew_and_is_not_said_twice() -> None:
    told, ctx = story(SEAT._replace(tells_time=False))
    pass_time(told, ctx, 1, jump_s=0.6)
    pass_time(told, ctx, 59)
    pass_time(told, ctx, 1, jump_s=-0.6)
    pass_time(told, ctx, 59)
    assert reports(ctx) == [False]
    pass_time(told, ctx, 1)
    assert reports(ctx) == [False, True]


def test_what_an_earlier_incarnation_reported_is_ended_by_its_successor() -> None:
    known = StopReason(reason_id="clock_skew:all", level=StopLevel.SOFT, cause="a jump", since_ns=1)
    told, ctx = story(SEAT, known)
    answer(told, ctx, 0)
    pass_time(told, ctx, 59)
    assert reports(ctx) == []
    answer(told, ctx, 0)
    pass_time(told, ctx, 1)
    assert reports(ctx) == [True]
