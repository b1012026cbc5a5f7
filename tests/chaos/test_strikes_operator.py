"""What operators do at any instant, and what an operator makes of orders in doubt."""

import pytest

from actors import addresses
from bulkhead.chaos.plan import Moment, Plan, Strike, VenueKind
from tests.chaos.conftest import PlayPlan, StrikeOnce, names_of

SOFT, MEDIUM, HARD = 0.5, 1.5, 2.5
LONG = {"operator.confirm_plan": 3.0}
"""In minutes: the channel must be gone for a minute before anybody has a plan for it."""


@pytest.mark.parametrize("name", names_of("operator"))
def test_it_is_done_and_all_is_well_again(strike_once: StrikeOnce, name: str) -> None:
    target = addresses.OMS if name == "operator.restart" else "BTCUSDT" if name.endswith("_symbol") else None
    strike_once(name, target=target, minutes=LONG.get(name, 1.0)).assert_all_is_well()


@pytest.mark.parametrize("level", [SOFT, MEDIUM, HARD])
@pytest.mark.parametrize("moment", [Moment.SENDING, Moment.EXECUTED])
def test_killed_at_each_level_with_an_order_under_way(strike_once: StrikeOnce, level: float, moment: Moment) -> None:
    strike_once("operator.kill", moment=moment, amount=level, lasts_s=10).assert_all_is_well()


def test_a_kill_outlives_the_process(play_plan: PlayPlan) -> None:
    stop = Strike(fault="operator.kill", at_s=15, lasts_s=30, amount=HARD)
    cut = Strike(fault="process.kill", at_s=20, amount=2)
    played = play_plan(Plan(seed=5, venue=VenueKind.IDS, minutes=1, strikes=(stop, cut)))
    assert played.outcome.fired == {"operator.kill": 1, "process.kill": 1}
    played.assert_all_is_well()


def test_what_may_be_lost_at_a_venue_without_ids_is_looked_up_there_and_said(play_plan: PlayPlan) -> None:
    lost = Strike(fault="transport.request_lost", at_s=5, lasts_s=40, amount=0.5)
    played = play_plan(Plan(seed=5, venue=VenueKind.NUMBERED, minutes=1, strikes=(lost,)))
    assert played.outcome.paths["operator.resolved_doubt"] > 0
    played.assert_all_is_well()
