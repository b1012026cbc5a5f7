"""Every fault at every step of a short day."""

from itertools import islice

import pytest

from bulkhead.chaos import exhaustive
from bulkhead.chaos.exhaustive import KINDS, Day, canonical, count_of, pairs, singles
from bulkhead.chaos.faults import CATALOGUE
from bulkhead.chaos.model.venue import ADDRESS
from bulkhead.chaos.plan import VenueKind
from bulkhead.chaos.plan_check import check
from bulkhead.chaos.swarm import Crew


@pytest.fixture(scope="module", params=VenueKind)
def day(request: pytest.FixtureRequest) -> Day:
    return canonical(request.param, most_steps=300)


def test_a_canonical_day_has_no_faults_and_a_bounded_number_of_steps(day: Day) -> None:
    assert day.plan.strikes == ()
    assert len(day.takers) == 300
    assert {"oms", "ledger", "portfolio"} <= set(day.takers)


def test_each_kind_strikes_at_each_step_but_never_the_model_of_the_venue(day: Day) -> None:
    plans = list(singles(day))
    assert len(plans) == count_of(day)
    kills = [plan.strikes[0].at_step for plan in plans if plan.strikes[0].fault == "process.kill"]
    assert kills == list(range(1, 301))
    crashes = {strike.at_step: strike.target for plan in plans for strike in plan.strikes if strike.target}
    assert ADDRESS not in crashes.values()
    assert all(day.takers[(at or 0)] == target for at, target in crashes.items())


def test_every_plan_of_it_may_be_played(day: Day) -> None:
    for plan in (*singles(day), *pairs(day, 50, seed=1)):
        check(plan)


def test_a_strike_at_a_step_takes_effect_and_the_house_stands_it(day: Day) -> None:
    every = [plan for plan in singles(day) if plan.strikes[0].fault in ("actor.crash", "process.kill")]
    with Crew(0) as crew:
        for plan in islice(every, 30, None, len(every) // 5):
            played = crew.play(plan)
            assert played.outcome is not None, played.error
            assert played.outcome.fired == {plan.strikes[0].fault: 1}
            assert not played.violations


def test_pairs_are_drawn_by_seed_each_once_and_at_two_steps(day: Day) -> None:
    drawn = list(pairs(day, 40, seed=1))
    assert drawn == list(pairs(day, 40, seed=1))
    assert drawn != list(pairs(day, 40, seed=2))
    assert len({plan.strikes for plan in drawn}) == 40
    for plan in drawn:
        first, second = plan.strikes
        assert first.at_step != second.at_step


def test_kinds_that_the_catalogue_lacks_are_named() -> None:
    assert set(exhaustive.missing()) == {name for name, kind in KINDS.items() if not set(kind.faults) & set(CATALOGUE)}
