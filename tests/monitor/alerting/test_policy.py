"""What is told, when, and how often: told by hand, second by second."""

from hypothesis import given
from hypothesis import strategies as st

from bulkhead.monitor.alerting.alarms import Alarm, Notice, Severity
from bulkhead.monitor.alerting.policy import MAX_KEYS, MAX_LINES, AlertPolicy, PolicySettings

S = 1_000_000_000
DAY_S = 86_400


class Desk:
    """A policy, a clock, and everything that was sent."""

    def __init__(self, **settings: float) -> None:
        self.policy = AlertPolicy(PolicySettings(**settings), next_digest_ns=DAY_S * S)  # type: ignore[arg-type]
        self.now_s = 0.0
        self.sent: list[tuple[float, Notice]] = []

    def up(self, key: str, severity: Severity = Severity.P1, *, is_event: bool = False) -> None:
        self.policy.raise_alarm(Alarm(key, severity, f"{key} is broken", is_event), int(self.now_s * S))

    def over(self, key: str) -> None:
        self.policy.recover(key, int(self.now_s * S))

    def until(self, second: float) -> list[str]:
        """What is sent up to that second."""
        before = len(self.sent)
        while self.now_s < second:
            self.now_s += 1
            self.sent += [(self.now_s, notice) for notice in self.policy.due(int(self.now_s * S))]
        return [notice.text for _, notice in self.sent[before:]]


def test_p0_is_told_at_the_next_look_and_once() -> None:
    desk = Desk()
    desk.up("feed", Severity.P0)
    assert desk.until(1) == ["P0 feed is broken"]
    for second in range(2, 800):
        desk.up("feed", Severity.P0)
        assert desk.until(second) == []


def test_p1_waits_for_its_like_and_goes_out_with_them() -> None:
    desk = Desk()
    desk.up("one")
    assert desk.until(3) == []
    desk.up("two")
    assert desk.until(5) == ["P1 one is broken"]
    desk.up("three")
    assert desk.until(11) == ["P1 two is broken", "P1 three is broken"]


def test_what_came_up_again_is_counted_and_told_after_the_window() -> None:
    desk = Desk()
    desk.up("feed")
    desk.until(5)
    for second in range(6, 16):
        desk.over("feed")
        desk.up("feed")
        assert desk.until(second) == [], "it is believed to be down, and it is"
    assert desk.until(920) == [], "nothing new since"
    desk.up("feed")
    assert desk.until(926) == ["P1 feed is broken (again 11 ×)"]


def test_a_recovery_joins_its_alarm() -> None:
    desk = Desk()
    desk.up("feed", Severity.P0)
    desk.until(1)
    desk.until(60)
    desk.over("feed")
    assert desk.until(70) == ["over after 1 min 0 s: P0 feed is broken"]
    desk.over("feed")
    assert desk.until(100) == [], "it was over already"


def test_an_alarm_that_begins_again_within_its_window_is_told_when_the_window_ends() -> None:
    desk = Desk()
    desk.up("feed", Severity.P0)
    desk.until(10)
    desk.over("feed")
    desk.until(20)
    desk.up("feed", Severity.P0)
    assert desk.until(890) == []
    assert desk.until(902) == ["P0 feed is broken (again 1 ×)"], "it lasts, and nobody believes so any more"
    desk.over("feed")
    assert desk.until(910) == ["over after 14 min 42 s: P0 feed is broken"]


def test_a_short_p1_calls_nobody_and_stands_in_the_digest() -> None:
    desk = Desk()
    for second in range(10, 31, 10):
        desk.until(second)
        desk.up("blip")
        desk.over("blip")
    assert desk.until(DAY_S - 1) == []
    assert desk.until(DAY_S) == ["digest of what was not worth a message of its own:\n3 × blip is broken"]


def test_a_short_p0_is_told_all_the_same() -> None:
    desk = Desk()
    desk.up("disk", Severity.P0)
    desk.over("disk")
    assert desk.until(1) == ["over after 0: P0 disk is broken"]


def test_what_grows_worse_is_told_again_at_once() -> None:
    desk = Desk()
    desk.up("feed")
    desk.until(10)
    desk.up("feed", Severity.P0)
    assert desk.until(11) == ["P0 feed is broken"]
    desk.up("feed")
    desk.over("feed")
    assert desk.until(20) == ["over after 11 s: P0 feed is broken (again 1 ×)"], (
        "not made light of by a later, milder word"
    )


def test_events_have_no_end() -> None:
    desk = Desk()
    desk.up("crash", is_event=True)
    desk.over("crash")
    assert desk.until(10) == ["P1 crash is broken"]
    for _ in range(3):
        desk.up("crash", is_event=True)
    assert desk.until(DAY_S - 1) == []
    assert desk.until(DAY_S)[0].endswith("3 × crash is broken")


def test_the_digest_comes_when_nothing_happened() -> None:
    desk = Desk()
    assert desk.until(2 * DAY_S) == ["digest: nothing to report beside what was told at once"] * 2


def test_the_digest_says_what_still_holds() -> None:
    desk = Desk()
    desk.up("drift", Severity.P0)
    desk.until(1)
    assert desk.until(DAY_S)[-1].endswith("still in force: drift is broken")


def test_a_storm_of_ten_thousand_is_a_few_messages_and_says_how_many_there_were() -> None:
    desk = Desk()
    for number in range(10_000):
        desk.up(f"k{number}", Severity.P0)
    (told,) = desk.until(600)
    assert len(told.splitlines()) == MAX_LINES + 1
    assert "and 9,988 more" in told
    assert len(desk.policy._known) == MAX_KEYS


def test_a_storm_that_is_not_urgent_leaves_room_for_what_is() -> None:
    desk = Desk()
    for number in range(10_000):
        desk.up(f"k{number}")
    desk.up("fire", Severity.P0)
    (told,) = desk.until(1)
    assert told.startswith("P0 fire is broken\n")


def test_p0_after_p0_is_bounded_and_nothing_is_lost_of_what_waits() -> None:
    desk = Desk()
    for second in range(1, 301):
        desk.up(f"k{second}", Severity.P0)
        desk.until(second)
    assert len(desk.sent) == 20
    desk.until(700)
    told = "\n".join(notice.text for _, notice in desk.sent)
    assert "k20 " in told
    assert "268 more" in told, "280 waited, 12 of them are shown"
    assert len(desk.sent) == 21


def test_half_of_the_room_is_for_p0() -> None:
    desk = Desk(group_s=1)
    for second in range(1, 101):
        desk.up(f"k{second}")
        desk.until(second)
    assert len(desk.sent) == 10
    desk.up("fire", Severity.P0)
    assert desk.until(101) == ["P0 fire is broken"]


KEYS = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.tuples(st.sampled_from(["up", "up-urgent", "over", "wait"]), KEYS, st.integers(min_value=1, max_value=400)),
    max_size=60,
)


@given(STEPS)
def test_the_reader_is_right_in_the_end(steps: list[tuple[str, str, int]]) -> None:
    """Whatever comes up and ends: once things have stood still for long enough, who has read every message knows what
    is in force, and no window ever holds more messages than allowed."""
    desk = Desk(dedup_window_s=60, rate_window_s=30, max_messages=4, digest_interval_s=10_000_000)
    in_force: set[str] = set()
    for what, key, seconds in steps:
        if what == "over":
            desk.over(key)
            in_force.discard(key)
        elif what == "wait":
            desk.until(desk.now_s + seconds % 90)
        else:
            desk.up(key, Severity.P0 if what == "up-urgent" else Severity.P1)
            in_force.add(key)
    desk.until(desk.now_s + 200)
    assert believed(desk) == in_force
    times = [at for at, _ in desk.sent]
    assert all(sum(at <= other < at + 30 for other in times) <= 4 for at in times)


def believed(desk: Desk) -> set[str]:
    found: set[str] = set()
    for _, notice in desk.sent:
        for line in notice.text.splitlines():
            key = line.split(" is broken")[0][-1]
            (found.discard if line.startswith("over") else found.add)(key)
    return found
