"""One plan, one run: every message of every process, in the same order, at the same time."""

import pytest

from bulkhead.chaos.draw import draw
from bulkhead.chaos.plan import Plan, Strike, VenueKind
from tests.chaos.conftest import PlayPlan


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_same_seed_gives_the_same_run(play_plan: PlayPlan, seed: int) -> None:
    plan = draw(seed, minutes=1.5)
    first, again = play_plan(plan).outcome, play_plan(plan).outcome
    assert first.trace == again.trace
    assert first.fired == again.fired
    assert first.violations == again.violations


def test_so_does_a_plan_with_files_that_others_write_and_a_disk_that_tears(play_plan: PlayPlan) -> None:
    strikes = (
        Strike(fault="operator.kill", at_s=10, lasts_s=5, amount=2.5),
        Strike(fault="store.torn", at_s=20, amount=1.0),
        Strike(fault="store.taken", at_s=30, lasts_s=8),
        Strike(fault="process.stopped", at_s=50, amount=9),
        Strike(fault="time.back", at_s=65, lasts_s=10, amount=30),
    )
    plan = Plan(seed=9, venue=VenueKind.IDS, minutes=1.5, strikes=strikes)
    first, again = play_plan(plan).outcome, play_plan(plan).outcome
    assert first.trace == again.trace
    assert len(first.fired) == len(strikes)


def test_another_seed_gives_another_run(play_plan: PlayPlan) -> None:
    first, other = (play_plan(Plan(seed=seed, minutes=0.2)).outcome.trace for seed in (1, 2))
    assert first != other
