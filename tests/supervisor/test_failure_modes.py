"""The table of failure modes beside the specification's, and what is decided on a report of each."""

import pytest

from bulkhead.app.failure_settings import ModeSection, table_of
from messages.failure import FailureMode, FailureReported
from messages.values import StopLevel, StopPlan
from supervisor.failure_modes import (
    TABLE,
    Alert,
    Compare,
    Ease,
    EndProcess,
    Lift,
    Nothing,
    Shut,
    decide,
    directives,
    reason_id,
)
from supervisor.gate import LEASE_REASON, LEDGER_REASON, Gate

SPECIFIED = {
    # level, plan, an operator re-arms
    "data_delay": (StopLevel.SOFT, StopPlan.CANCEL_ENTRIES, False),
    "exchange_disconnect": (StopLevel.MEDIUM, StopPlan.REDUCE, True),
    "execution_delay": (StopLevel.SOFT, StopPlan.CANCEL_ENTRIES, False),
    "order_in_doubt": (StopLevel.SOFT, StopPlan.CANCEL_ENTRIES, False),
    "rate_limit": (StopLevel.REDUCED, StopPlan.NONE, False),
    "broker_disconnect": (StopLevel.HARD, StopPlan.FLATTEN, True),
    "actor_crash_loop": (StopLevel.SOFT, StopPlan.CANCEL_ENTRIES, True),
    "actor_stuck": (StopLevel.SOFT, StopPlan.CANCEL_ENTRIES, False),
    "ledger_failure": (StopLevel.HARD, StopPlan.NONE, True),
    "clock_skew": (StopLevel.SOFT, StopPlan.CANCEL_ENTRIES, False),
    "position_drift": (StopLevel.SOFT, StopPlan.CANCEL_ENTRIES, True),
    "split_brain": (StopLevel.HARD, StopPlan.NONE, False),
    "auth_expired": (StopLevel.SOFT, StopPlan.CANCEL_ENTRIES, False),
    "instruments_old": (StopLevel.RUN, StopPlan.NONE, False),
    "inbox_unavailable": (StopLevel.RUN, StopPlan.NONE, False),
}
"""Word for word from the specification, by hand; the last two rows and ORDER_IN_DOUBT are ours."""


def report(mode: FailureMode, *, recovered: bool = False, scope: str = "all", **more: object) -> FailureReported:
    return FailureReported.model_validate(
        {"mode": mode, "scope": scope, "detail": "a test", "recovered": recovered, **more}
    )


def test_every_mode_has_a_row() -> None:
    assert set(TABLE) == set(FailureMode)
    assert {mode.value for mode in TABLE} == set(SPECIFIED)


@pytest.mark.parametrize("mode", FailureMode)
def test_the_failure_shuts_as_the_table_says(mode: FailureMode) -> None:
    level, plan, needs_operator = SPECIFIED[mode]
    verdict = decide(report(mode, scope="venue:sim"), now_ns=7)
    assert isinstance(verdict, Shut)
    assert (verdict.reason.level, verdict.reason.effective_plan) == (level, plan)
    assert verdict.reason.needs_operator is needs_operator
    assert verdict.reason.is_technical
    assert verdict.reason.scope == "venue:sim"
    assert verdict.reason.since_ns == 7


@pytest.mark.parametrize("mode", FailureMode)
def test_the_recovery_lifts_the_same_reason_or_waits_for_an_operator(mode: FailureMode) -> None:
    verdict = decide(report(mode, recovered=True), now_ns=7)
    if mode is FailureMode.LEDGER_FAILURE:
        assert isinstance(verdict, Ease)
        assert (verdict.reason.level, verdict.reason.needs_operator) == (StopLevel.SOFT, True)
    elif SPECIFIED[mode][2]:
        assert isinstance(verdict, Nothing)
    else:
        assert verdict == Lift(reason_id(report(mode)))
    seen_to = report(mode, recovered=True, by_operator=True)
    assert decide(seen_to, now_ns=7) == Lift(reason_id(report(mode)))


@pytest.mark.parametrize("mode", FailureMode)
def test_a_fallback_source_softens_market_data_and_nothing_else(mode: FailureMode) -> None:
    verdict = decide(report(mode, fallback="snapshot"), now_ns=7)
    assert isinstance(verdict, Shut)
    if mode is FailureMode.DATA_DELAY:
        assert (verdict.reason.level, verdict.reason.effective_plan) == (StopLevel.REDUCED, StopPlan.NONE)
    else:
        assert (verdict.reason.level, verdict.reason.effective_plan) == SPECIFIED[mode][:2]


@pytest.mark.parametrize("mode", FailureMode)
def test_beside_the_gate_the_table_alerts_compares_and_ends(mode: FailureMode) -> None:
    found = directives(report(mode), now_ns=7)
    assert found[0] == decide(report(mode), now_ns=7)
    assert Alert(report(mode)) in found
    assert any(isinstance(each, Compare) for each in found) is (mode is FailureMode.EXECUTION_DELAY)
    assert (EndProcess("a test") in found) is (mode is FailureMode.SPLIT_BRAIN)
    over = directives(report(mode, recovered=True), now_ns=7)
    assert not any(isinstance(each, EndProcess) for each in over)


def test_who_is_given_up_stops_what_cannot_do_without_it() -> None:
    stops = {"market-data:feed": "all"}
    for name, scope in (("market-data:feed", "all"), ("strategy:trend", "strategy:trend"), ("recorder", "recorder")):
        lost = report(FailureMode.ACTOR_CRASH_LOOP, scope=name)
        verdict = decide(lost, now_ns=7, stops=stops)
        assert isinstance(verdict, Shut)
        assert (verdict.reason.reason_id, verdict.reason.scope) == (f"actor_crash_loop:{name}", scope)
    stuck = decide(report(FailureMode.ACTOR_STUCK, scope="market-data:feed"), now_ns=7, stops=stops)
    assert isinstance(stuck, Shut)
    assert stuck.reason.scope == "market-data:feed", "it has a successor at once"


class NoLatch:
    def write(self, reason: object) -> None:
        """Nowhere."""

    remove = write


def test_what_the_ledger_says_at_once_and_what_the_table_decides_are_one_reason() -> None:
    gate = Gate((), lambda name: 1, NoLatch())
    gate.ledger_failed("a test", 7, by=None)
    verdict = decide(report(FailureMode.LEDGER_FAILURE), now_ns=7)
    assert isinstance(verdict, Shut)
    assert gate.reasons() == (verdict.reason,)
    assert not gate.shut(verdict.reason, by=None), "the report changes nothing any more"
    gate.ledger_works("a test", 7, by=None)
    eased = decide(report(FailureMode.LEDGER_FAILURE, recovered=True), now_ns=7)
    assert isinstance(eased, Ease)
    assert gate.reasons() == (eased.reason,)
    assert gate.lift(LEDGER_REASON, by=None)
    gate.lease_lost("a test", 7, by=None)
    taken = decide(report(FailureMode.SPLIT_BRAIN), now_ns=7)
    assert isinstance(taken, Shut)
    assert (gate.reasons(), taken.reason.reason_id) == ((taken.reason,), LEASE_REASON)


@pytest.mark.parametrize("mode", FailureMode)
def test_a_row_tells_a_reader_how_it_is_seen_how_it_ends_and_what_to_do(mode: FailureMode) -> None:
    row = TABLE[mode]
    assert all((row.meaning, row.detected, row.recovers, row.advice))
    assert row.floor <= row.level


def test_settings_make_a_mode_stricter_and_wider() -> None:
    section = ModeSection.model_validate({"level": "HARD", "needs_operator": True, "scope": "all"})
    table = table_of({FailureMode.DATA_DELAY: section})
    verdict = decide(report(FailureMode.DATA_DELAY, scope="symbol:BTCUSDT"), 7, table)
    assert isinstance(verdict, Shut)
    reason = verdict.reason
    assert (reason.level, reason.scope, reason.needs_operator) == (StopLevel.HARD, "all", True)
    assert reason.reason_id == "data_delay:symbol:BTCUSDT"
    others = {mode: row for mode, row in table.items() if mode is not FailureMode.DATA_DELAY}
    assert others == {mode: row for mode, row in TABLE.items() if mode is not FailureMode.DATA_DELAY}
