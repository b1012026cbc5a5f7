"""The alerts actor on the simulated host: what it hears, and what it hands on."""

from dataclasses import dataclass, field

import pytest

from bulkhead.monitor.alerting.actor import AlertDoor, AlertsActor
from bulkhead.monitor.alerting.alarms import AlertsStatus, Notice, Severity, TargetStatus
from bulkhead.monitor.alerting.policy import PolicySettings
from messages.failure import FailureMode, FailureReported, LimitApproached, StopLevelTold, StopReason
from messages.supervision import ChildDown
from messages.values import StopLevel
from supervisor.gate import Gate
from supervisor.runtime.simulated import SimulatedHost
from tests.actors.kit import NoLatch

NS_PER_S = 1_000_000_000


@dataclass
class Town:
    """A gate, the actor that hears of it, and what it has posted."""

    posted: list[tuple[float, Notice]] = field(default_factory=list)
    ways: AlertsStatus = field(default_factory=AlertsStatus)
    initial: tuple[StopReason, ...] = ()

    def __post_init__(self) -> None:
        self.host = SimulatedHost(seed=1, start_ns=0)
        self.gate = Gate(self.initial, self.host.current_epoch, NoLatch())
        door = AlertDoor(lambda notice: self.posted.append((self.now_s, notice)), lambda: self.ways)
        self.host.start_child(
            "alerts",
            lambda: AlertsActor(PolicySettings(), door, self.gate.reasons, frozenset({"oms"})),
            parent=None,
            topics=("gate", "failures"),
        )
        self.gate.on_change = lambda: self.host.publish(
            "gate", StopLevelTold(level=self.gate.level(), change=self.gate.changes), sender="gate"
        )

    @property
    def now_s(self) -> float:
        return self.host.now_ns() / NS_PER_S

    def live(self, seconds: float) -> list[str]:
        before = len(self.posted)
        self.host.run_until(self.host.monotonic_ns() + int(seconds * NS_PER_S))
        return [notice.text for _, notice in self.posted[before:]]

    def shut(self, reason_id: str, level: StopLevel = StopLevel.HARD, **more: object) -> None:
        data = {"reason_id": reason_id, "level": level, "cause": "it broke", "since_ns": self.host.now_ns(), **more}
        self.gate.shut(StopReason.model_validate(data), by=None)

    def hears(self, *bodies: FailureReported | ChildDown | LimitApproached) -> None:
        for body in bodies:
            self.host.publish("failures", body, sender="test")


def failed(**more: object) -> FailureReported:
    return FailureReported.model_validate({"mode": FailureMode.BROKER_DISCONNECT, "detail": "it broke", **more})


def test_a_stop_is_told_at_once_with_its_reason_and_then_that_it_is_over() -> None:
    town = Town()
    town.live(10)
    town.shut("operator:1", needs_operator=True)
    (told,) = town.live(1)
    assert told.startswith("P0 stop level HARD for all: it broke [operator:1]")
    assert town.posted[0][0] == pytest.approx(10.2), "0.2 s after, not at the next look"
    town.gate.lift("operator:1", by=None)
    (over,) = town.live(10)
    assert over.startswith("over after 1 s: P0 stop level HARD")


def test_a_failure_and_the_stop_made_of_it_are_one_message() -> None:
    town = Town()
    town.shut("broker_disconnect:all", needs_operator=True, is_technical=True)
    town.hears(failed())
    (told,) = town.live(10)
    assert "pending until the books are compared" in told
    assert "×" not in told


def test_a_failure_that_is_over_while_its_stop_stays_says_so() -> None:
    town = Town()
    town.shut("broker_disconnect:all", needs_operator=True, is_technical=True)
    town.live(10)
    town.hears(failed(recovered=True, detail="connected again"))
    (told,) = town.live(10)
    assert "connected again; its stop stays until `bulkhead resume`" in told


def test_a_failure_that_stops_nothing_is_told_and_its_end_too() -> None:
    town = Town()
    town.hears(failed(mode=FailureMode.INBOX_UNAVAILABLE))
    assert town.live(10) == ["P1 inbox unavailable (all): it broke"]
    town.hears(failed(mode=FailureMode.INBOX_UNAVAILABLE, recovered=True))
    assert town.live(10)[0].startswith("over after")


def test_a_softened_stop_that_hardens_again_is_told_again() -> None:
    town = Town()
    town.shut("data_delay:feed", StopLevel.REDUCED)
    (told,) = town.live(10)
    assert "REDUCED" in told
    town.shut("data_delay:feed", StopLevel.HARD)
    (told,) = town.live(1)
    assert told.startswith("P0 stop level HARD")


def test_a_death_on_the_order_path_and_a_limit_that_comes_near() -> None:
    town = Town()
    town.hears(
        ChildDown(child="oms", epoch=1, reason="error", detail="KeyError: 'x'", correlation_id=None),
        LimitApproached(limit_name="drawdown", value="83", limit="100", share="0.83"),
    )
    (told,) = town.live(10)
    assert len(told.splitlines()) == 2
    assert "oms has ended (error)" in told
    assert "drawdown is at 83" in told


def test_what_was_latched_before_the_start_is_told() -> None:
    latched = StopReason(reason_id="risk:x", level=StopLevel.MEDIUM, cause="tripped", since_ns=0, needs_operator=True)
    town = Town(initial=(latched,))
    assert "tripped" in town.live(1)[0]


def test_an_end_in_order_tells_what_still_waited() -> None:
    town = Town()
    town.shut("data_delay:feed", StopLevel.SOFT)
    town.live(2)
    town.host.stop_child("alerts", "the session ends")
    assert "data_delay:feed" in town.live(1)[0]


@pytest.mark.lesson("L29")
def test_a_target_that_takes_nothing_is_told_to_the_others_once() -> None:
    town = Town()
    town.ways = AlertsStatus(targets=(TargetStatus(name="a", failing_since_ns=1, why="HTTP status 500"),))
    assert town.live(2000) == ["P1 alert target a takes nothing: HTTP status 500"]
    town.ways = AlertsStatus(targets=(TargetStatus(name="a"),))
    assert town.live(10)[0].startswith("over after")


def test_a_storm_of_reports_is_a_handful_of_messages() -> None:
    town = Town()
    for number in range(10_000):
        town.hears(failed(scope=f"symbol:S{number}"))
    town.live(3600)
    assert 1 <= len(town.posted) <= 3
    assert sum(len(notice.text) for _, notice in town.posted) < 10_000
    assert "more that are not shown" in town.posted[0][1].text
    assert town.posted[0][1].severity is Severity.P0


@pytest.mark.parametrize("jump_s", [-86_400, 86_400])
def test_a_wall_clock_that_jumps_neither_silences_alerts_nor_lets_them_storm(jump_s: int) -> None:
    town = Town()
    town.host.virtual_clock.set_wall_by(10 * 86_400 * NS_PER_S)
    for number in range(30):
        town.shut(f"operator:{number}")
        town.live(1)
    assert len(town.posted) == PolicySettings().max_messages
    town.host.virtual_clock.set_wall_by(jump_s * NS_PER_S)
    town.shut("clock_skew:all")
    assert town.live(60) == [], "the window is as long as it was"
    (late,) = town.live(600)
    assert "clock_skew:all" in late
