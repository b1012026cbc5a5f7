"""Which things are alarms, how urgent, and in which words."""

import pytest

from bulkhead.monitor.alerting import words
from bulkhead.monitor.alerting.alarms import AlertsStatus, HeartbeatStatus, Severity, TargetStatus
from messages.failure import FailureMode, FailureReported, LimitApproached, RiskTripped, StopReason
from messages.supervision import ChildDown
from messages.values import StopLevel, StopPlan
from supervisor.failure_modes import TABLE, Shut, decide
from supervisor.gate import LEDGER_REASON


def reason(level: StopLevel, reason_id: str = "x:all", **more: object) -> StopReason:
    return StopReason.model_validate(
        {"reason_id": reason_id, "level": level, "cause": "the cause", "since_ns": 0, **more}
    )


@pytest.mark.parametrize(
    ("stop", "severity"),
    [
        (reason(StopLevel.REDUCED), Severity.P1),
        (reason(StopLevel.SOFT), Severity.P1),
        (reason(StopLevel.SOFT, needs_operator=True), Severity.P0),
        (reason(StopLevel.MEDIUM), Severity.P0),
        (reason(StopLevel.HARD), Severity.P0),
        (reason(StopLevel.SOFT, LEDGER_REASON), Severity.P0),
        (reason(StopLevel.SOFT, "order_in_doubt:symbol:BTCUSDT"), Severity.P0),
    ],
)
def test_how_urgent_a_stop_is(stop: StopReason, severity: Severity) -> None:
    alarm = words.of_reason(stop)
    assert alarm is not None
    assert alarm.severity is severity
    assert stop.cause in alarm.text
    assert stop.level.name in alarm.text


def test_the_end_of_a_session_is_no_alarm() -> None:
    assert words.of_reason(reason(StopLevel.SOFT, "session:stopping")) is None


def test_a_plan_that_waits_is_told_as_waiting() -> None:
    pending = words.of_reason(reason(StopLevel.HARD, is_technical=True, needs_operator=True))
    at_once = words.of_reason(reason(StopLevel.HARD))
    nothing = words.of_reason(reason(StopLevel.HARD, plan=StopPlan.NONE))
    assert pending is not None
    assert "pending until the books are compared" in pending.text
    assert "positions closed" in pending.text
    assert "bulkhead resume" in pending.text
    assert at_once is not None
    assert "pending" not in at_once.text
    assert "positions closed" in at_once.text
    assert nothing is not None
    assert "closed" not in nothing.text


def test_what_is_latched_from_before_is_told_and_that_the_books_are_not_compared_yet_is_not() -> None:
    found = words.at_start(
        {
            "recovery:books": reason(StopLevel.SOFT, "recovery:books"),
            "operator:1": reason(StopLevel.HARD, "operator:1", needs_operator=True),
        }
    )
    assert [alarm.key for alarm in found] == ["operator:1"]


@pytest.mark.parametrize("mode", FailureMode)
def test_a_report_and_the_stop_made_of_it_are_one_alarm(mode: FailureMode) -> None:
    report = FailureReported(mode=mode, scope="symbol:BTCUSDT", detail="it broke")
    verdict = decide(report, 0)
    of_report = words.of_failure(report)
    assert "it broke" in of_report.text
    assert isinstance(verdict, Shut)
    of_stop = words.of_reason(verdict.reason)
    assert of_stop is not None
    assert (of_stop.key, of_stop.severity) == (of_report.key, of_report.severity)


def test_every_mode_that_needs_an_operator_calls_one() -> None:
    for mode, row in TABLE.items():
        alarm = words.of_failure(FailureReported(mode=mode, detail="it broke"))
        assert (alarm.severity is Severity.P0) >= (row.needs_operator or row.level >= StopLevel.MEDIUM), mode


def test_the_ledger_is_one_alarm_whoever_says_so() -> None:
    of_report = words.of_failure(FailureReported(mode=FailureMode.LEDGER_FAILURE, detail="full"))
    assert of_report.key == LEDGER_REASON


def test_a_trip_tells_its_numbers() -> None:
    trip = RiskTripped(
        code="RISK_GUARD_TRIPPED",
        limit_name="daily_loss",
        value="512",
        limit="500",
        level=StopLevel.MEDIUM,
        scope="all",
        detail="since midnight",
        portfolio=None,
        execution_quality={},
    )
    alarm = words.of_trip(trip)
    assert alarm.severity is Severity.P0
    assert alarm.key == "risk:daily_loss"
    assert "daily_loss: 512 reached 500" in alarm.text


def test_an_approach_tells_how_near() -> None:
    alarm = words.of_approach(LimitApproached(limit_name="drawdown", value="83", limit="100", share="0.83"))
    assert alarm.text == "drawdown is at 83, 0.83 of its limit 100"
    assert (alarm.severity, alarm.is_event) == (Severity.P1, True)


def test_a_death_is_told_with_its_last_line_and_an_end_that_was_meant_is_not() -> None:
    def down(why: str) -> ChildDown:
        return ChildDown(child="oms", epoch=1, reason=why, detail="Traceback\nKeyError: 'x'", correlation_id=None)

    alarm = words.of_death(down("error"), frozenset({"oms"}))
    assert alarm is not None
    assert "oms has ended (error): KeyError: 'x'; a part of the order path" in alarm.text
    assert words.of_death(down("shutdown"), frozenset()) is None


@pytest.mark.lesson("L29")
def test_a_way_out_that_does_not_work_is_an_alarm_of_its_own() -> None:
    status = AlertsStatus(
        targets=(TargetStatus(name="a", failing_since_ns=1, why="HTTP status 500"), TargetStatus(name="b")),
        heartbeat=HeartbeatStatus(failing_since_ns=1, why="HTTP status 404"),
    )
    ways = words.of_ways(status)
    assert ways["alerts:b"] is None
    assert ways["alerts:a"] is not None
    assert "a takes nothing: HTTP status 500" in ways["alerts:a"].text
    assert ways["alerts:heartbeat"] is not None
