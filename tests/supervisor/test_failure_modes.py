"""The table of failure modes: each mode has its row, and a recovery lifts only what needs no operator."""

import pytest

from messages.failure import FailureMode, FailureReported
from messages.values import StopLevel
from supervisor.failure_modes import TABLE, Lift, Nothing, Shut, decide, reason_id


def report(mode: FailureMode, *, recovered: bool = False, scope: str = "all") -> FailureReported:
    return FailureReported(mode=mode, scope=scope, detail="a test", recovered=recovered)


def test_every_mode_has_a_row() -> None:
    assert set(TABLE) == set(FailureMode)


@pytest.mark.parametrize("mode", FailureMode)
def test_the_failure_shuts_as_the_table_says(mode: FailureMode) -> None:
    row, verdict = TABLE[mode], decide(report(mode, scope="venue:sim"), now_ns=7)
    assert isinstance(verdict, Shut)
    assert verdict.reason.level is row.level
    assert verdict.reason.needs_operator is row.needs_operator
    assert verdict.reason.scope == "venue:sim"
    assert verdict.reason.since_ns == 7


@pytest.mark.parametrize("mode", FailureMode)
def test_the_recovery_lifts_the_same_reason_or_waits_for_an_operator(mode: FailureMode) -> None:
    verdict = decide(report(mode, recovered=True), now_ns=7)
    if TABLE[mode].needs_operator:
        assert isinstance(verdict, Nothing)
    else:
        assert verdict == Lift(reason_id(report(mode)))
    seen_to = report(mode, recovered=True).model_copy(update={"by_operator": True})
    assert decide(seen_to, now_ns=7) == Lift(reason_id(report(mode)))


@pytest.mark.parametrize(
    ("req", "mode", "level", "needs_operator"),
    [
        ("S-10", FailureMode.DATA_DELAY, StopLevel.SOFT, False),
        ("S-11", FailureMode.EXCHANGE_DISCONNECT, StopLevel.MEDIUM, True),
        ("S-12", FailureMode.EXECUTION_DELAY, StopLevel.SOFT, False),
        ("S-13", FailureMode.RATE_LIMIT, StopLevel.REDUCED, False),
        ("S-14", FailureMode.BROKER_DISCONNECT, StopLevel.HARD, True),
    ],
)
def test_the_operational_policies(req: str, mode: FailureMode, level: StopLevel, needs_operator: bool) -> None:
    assert TABLE[mode][:2] == (level, needs_operator), req
