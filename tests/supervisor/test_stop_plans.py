"""Which stop plan runs, and which waits: from the reasons in force, and nothing else."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.failure import StopReason
from messages.values import StopLevel, StopPlan
from supervisor.stop_plans import BOOKS, OPERATOR, Plans, judge, plan_for

CANCEL, REDUCE, FLATTEN = StopPlan.CANCEL_ENTRIES, StopPlan.REDUCE, StopPlan.FLATTEN


def stop(
    reason_id: str,
    level: StopLevel,
    scope: str = "all",
    *,
    technical: bool = False,
    plan: StopPlan | None = None,
    since_ns: int = 1,
) -> StopReason:
    return StopReason(
        reason_id=reason_id,
        level=level,
        scope=scope,
        cause="a test",
        since_ns=since_ns,
        is_technical=technical,
        plan=plan,
    )


def judged(*reasons: StopReason, compared: bool = True, automatic: bool = False) -> Plans:
    return judge(reasons, "sim", is_compared=compared, is_automatic=automatic)


def running(plans: Plans) -> dict[str, StopPlan]:
    return {step.scope: step.plan for step in plans.run}


@pytest.mark.req("S-09")
@pytest.mark.parametrize(
    ("level", "plan"),
    [(StopLevel.REDUCED, None), (StopLevel.SOFT, CANCEL), (StopLevel.MEDIUM, REDUCE), (StopLevel.HARD, FLATTEN)],
)
def test_a_trip_and_an_operator_run_the_plan_of_their_level_at_once(level: StopLevel, plan: StopPlan | None) -> None:
    plans = judged(stop("risk:x", level), compared=False)
    assert running(plans) == ({} if plan is None else {"all": plan})
    assert plans.pending == ()


@pytest.mark.req("S-09")
@pytest.mark.parametrize(
    ("compared", "automatic", "runs", "why"),
    [
        (False, False, CANCEL, BOOKS),
        (False, True, CANCEL, BOOKS),
        (True, False, CANCEL, OPERATOR),
        (True, True, FLATTEN, None),
    ],
)
def test_a_failure_of_the_machinery_sells_nothing_blind(
    compared: bool, automatic: bool, runs: StopPlan, why: str | None
) -> None:
    plans = judged(
        stop("broker_disconnect:all", StopLevel.HARD, technical=True), compared=compared, automatic=automatic
    )
    assert running(plans) == {"all": runs}
    assert [each.why for each in plans.pending] == ([] if why is None else [why])
    shown = {(state.plan, state.waits_for) for state in plans.states()}
    assert shown == ({(runs, None)} if why is None else {(runs, None), (FLATTEN, why)})


def test_cancelling_entries_never_waits() -> None:
    assert running(judged(stop("data_delay:x", StopLevel.SOFT, technical=True), compared=False)) == {"all": CANCEL}


def test_a_plan_that_is_named_stands_for_that_of_the_level() -> None:
    assert running(judged(stop("unreadable:x", StopLevel.HARD, plan=StopPlan.NONE))) == {}
    assert running(judged(stop("x", StopLevel.SOFT, plan=FLATTEN))) == {"all": FLATTEN}


@pytest.mark.req("S-09")
def test_plans_combine_by_maximum_scope_by_scope() -> None:
    reasons = (
        stop("a", StopLevel.MEDIUM),
        stop("b", StopLevel.SOFT),
        stop("c", StopLevel.HARD, "symbol:BTCUSDT"),
        stop("d", StopLevel.SOFT, "symbol:ETHUSDT"),
        stop("e", StopLevel.MEDIUM, "strategy:trend"),
    )
    for order in permutations(reasons, 5):
        assert running(judged(*order)) == {"all": REDUCE, "symbol:BTCUSDT": FLATTEN}
    assert running(judged(*reasons[1:])) == {"all": CANCEL, "symbol:BTCUSDT": FLATTEN, "strategy:trend": REDUCE}


def test_what_is_asked_for_our_venue_is_asked_for_all_and_for_another_for_nothing() -> None:
    assert running(judged(stop("a", StopLevel.HARD, "venue:sim"))) == {"all": FLATTEN}
    assert running(judged(stop("a", StopLevel.HARD, "venue:other"), stop("b", StopLevel.HARD, "oms"))) == {}


def test_a_step_names_its_reasons_the_oldest_first() -> None:
    plans = judged(
        stop("b", StopLevel.HARD, since_ns=1), stop("a", StopLevel.HARD, since_ns=2), stop("c", StopLevel.SOFT)
    )
    (step,) = plans.run
    assert [reason.reason_id for reason in step.reasons] == ["b", "a"]
    assert step.cause.startswith("b: ")


@pytest.mark.parametrize(
    ("scope", "strategy_id", "symbol", "plan"),
    [
        ("all", "trend", "BTCUSDT", FLATTEN),
        ("strategy:trend", "trend", "BTCUSDT", FLATTEN),
        ("strategy:trend", "other", "BTCUSDT", StopPlan.NONE),
        ("strategy:trend", None, "BTCUSDT", FLATTEN),
        ("symbol:BTCUSDT", "trend", "BTCUSDT", FLATTEN),
        ("symbol:BTCUSDT", None, "ETHUSDT", StopPlan.NONE),
    ],
)
def test_what_runs_for_one_order(scope: str, strategy_id: str | None, symbol: str, plan: StopPlan) -> None:
    assert plan_for(judged(stop("a", StopLevel.HARD, scope)), strategy_id, symbol) is plan


_reasons = st.builds(
    stop,
    st.sampled_from(["a", "b", "c", "d"]),
    st.sampled_from(StopLevel),
    st.sampled_from(["all", "venue:sim", "venue:x", "strategy:trend", "symbol:BTCUSDT", "oms"]),
    technical=st.booleans(),
    plan=st.none() | st.sampled_from(StopPlan),
    since_ns=st.integers(0, 3),
)


@given(st.lists(_reasons, max_size=6), _reasons, st.booleans(), st.booleans())
def test_one_reason_more_never_makes_any_plan_milder(
    reasons: list[StopReason], more: StopReason, compared: bool, automatic: bool
) -> None:
    before = judged(*reasons, compared=compared, automatic=automatic)
    after = judged(*reasons, more, compared=compared, automatic=automatic)
    for strategy_id in ("trend", "other", None):
        for symbol in ("BTCUSDT", "ETHUSDT"):
            assert plan_for(after, strategy_id, symbol) >= plan_for(before, strategy_id, symbol)


@given(st.lists(_reasons, max_size=6), st.booleans())
def test_no_technical_reason_alone_reduces_or_closes_anything_unconfirmed(
    reasons: list[StopReason], compared: bool
) -> None:
    technical = [reason for reason in reasons if reason.is_technical]
    assert max(running(judged(*technical, compared=compared)).values(), default=StopPlan.NONE) <= CANCEL
