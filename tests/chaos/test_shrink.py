"""A red plan becomes a small one that is red for the same reason."""

import pytest

from bulkhead.chaos.plan import Moment, Plan, Strike
from bulkhead.chaos.run import Outcome, Violation
from bulkhead.chaos.shrink import shrink
from bulkhead.chaos.swarm import Crew
from bulkhead.chaos.worker import Played
from tests.chaos.red import RED_PLAN


@pytest.mark.usefixtures("forgetful")
def test_of_three_strikes_the_one_is_left_that_brings_the_defect_out() -> None:
    told: list[int] = []
    with Crew(0) as crew:
        red = crew.play(RED_PLAN)
        shrunk = shrink(red, crew.play, tell=lambda runs, _most, _strikes: told.append(runs))
        again = crew.play(shrunk.plan)
    assert [strike.fault for strike in shrunk.plan.strikes] == ["process.kill"]
    assert shrunk.plan.minutes < RED_PLAN.minutes
    assert shrunk.sign == "invariant 4"
    assert shrunk.is_done
    assert told == list(range(1, shrunk.runs + 1))
    assert {2, 4} <= {violation.number for violation in again.violations}


def broken(number: int) -> Violation:
    return Violation(number=number, invariant="any", at_s=1.0, step=1, detail="is broken")


def verdict(plan: Plan, *numbers: int) -> Played:
    outcome = Outcome(
        plan=plan,
        violations=tuple(broken(number) for number in numbers),
        fired={},
        paths={},
        messages=0,
        simulated_s=0.0,
        wall_s=0.0,
        trace="",
    )
    return Played(plan=plan, outcome=outcome)


def strikes(*times: float) -> tuple[Strike, ...]:
    return tuple(Strike(fault="venue.reject", at_s=at_s, moment=Moment.SENDING, lasts_s=9.0) for at_s in times)


PLAN = Plan(seed=1, strikes=strikes(*range(12)))


def test_two_that_are_needed_together_stay_together() -> None:
    def play(plan: Plan) -> Played:
        return verdict(plan, *([4] if {3.0, 9.0} <= {strike.at_s for strike in plan.strikes} else []))

    shrunk = shrink(verdict(PLAN, 4), play)
    assert [strike.at_s for strike in shrunk.plan.strikes] == [3.0, 9.0]
    assert {strike.moment for strike in shrunk.plan.strikes} == {Moment.ANY}
    assert {strike.lasts_s for strike in shrunk.plan.strikes} == {0.5}


def test_a_plan_that_is_red_for_another_reason_is_not_taken() -> None:
    def play(plan: Plan) -> Played:
        return verdict(plan, 4 if len(plan.strikes) == 12 else 7)

    assert len(shrink(verdict(PLAN, 4), play).plan.strikes) == 12


def test_it_ends_when_its_runs_are_used_up() -> None:
    shrunk = shrink(verdict(PLAN, 4), verdict, most_runs=5)
    assert (shrunk.runs, shrunk.is_done, shrunk.plan) == (5, False, PLAN)


def test_a_run_that_raises_is_shrunk_to_one_that_raises_the_same() -> None:
    def raised(plan: Plan, what: str) -> Played:
        return Played(plan=plan, error=f"Traceback\n  somewhere\n{what}: again")

    shrunk = shrink(
        raised(PLAN, "LookupError"), lambda plan: raised(plan, "LookupError" if plan.strikes else "OSError")
    )
    assert len(shrunk.plan.strikes) == 1
    assert shrunk.sign == "LookupError"
