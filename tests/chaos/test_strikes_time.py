"""Each fault of our clock; the venue's goes right."""

import pytest

from bulkhead.chaos.plan import Plan, Strike, VenueKind
from bulkhead.chaos.world import DST_NS, NS_PER_DAY, NS_PER_S, start_of
from tests.chaos.conftest import PlayPlan, StrikeOnce, names_of


@pytest.mark.parametrize("name", names_of("time"))
def test_it_strikes_and_all_is_well_again(strike_once: StrikeOnce, name: str) -> None:
    strike_once(name).assert_all_is_well()


@pytest.mark.parametrize("name", ["time.forward", "time.back"])
def test_a_clock_that_is_set_stays_set_when_the_process_is_another(play_plan: PlayPlan, name: str) -> None:
    jump = Strike(fault=name, at_s=10, lasts_s=30, amount=600)
    kill = Strike(fault="process.kill", at_s=20, amount=2)
    played = play_plan(Plan(seed=5, venue=VenueKind.IDS, minutes=1, strikes=(jump, kill)))
    assert played.outcome.fired == {name: 1, "process.kill": 1}
    played.assert_all_is_well()


def test_the_world_begins_so_that_it_is_midnight_when_the_day_is_to_roll() -> None:
    rolls = Plan(seed=1, strikes=(Strike(fault="time.day_roll", at_s=90),))
    assert (start_of(rolls) + 90 * NS_PER_S) % NS_PER_DAY == 0
    forward = Plan(seed=1, strikes=(Strike(fault="time.dst", at_s=30.5),))
    assert start_of(forward) + 30_500_000_000 == DST_NS
