"""Each fault of an actor: it strikes, and afterwards everything is as it was."""

import pytest

from actors import addresses
from bulkhead.chaos.model.market import VENUE
from bulkhead.chaos.plan import Moment
from tests.chaos.conftest import StrikeOnce, names_of

NAMES = [name for name in names_of("actor") if name != "actor.crash_loop"]


@pytest.mark.parametrize("name", NAMES)
def test_an_oms_with_any_fault(strike_once: StrikeOnce, name: str) -> None:
    strike_once(name, target=addresses.OMS, moment=Moment.ANY).assert_all_is_well()


@pytest.mark.parametrize("target", [addresses.LEDGER, addresses.RISK_GUARD, addresses.broker(VENUE)])
def test_it_dies_when_it_has_done_all_that_it_does(strike_once: StrikeOnce, target: str) -> None:
    strike_once("actor.crash_after", target=target).assert_all_is_well()


def test_a_ledger_that_hangs_is_given_up_and_comes_back_to_a_locked_door(strike_once: StrikeOnce) -> None:
    strike_once("actor.hang", target=addresses.LEDGER, moment=Moment.SENDING, amount=8.0).assert_all_is_well()


def test_a_loop_of_crashes_ends_the_process_which_its_guard_starts_again(strike_once: StrikeOnce) -> None:
    played = strike_once("actor.crash_loop", target=addresses.LEDGER, lasts_s=25.0)
    played.assert_all_is_well()
    assert played.outcome.paths["process.ended_by_itself"] > 0


def test_a_strategy_that_crashes_in_a_loop_is_parked_until_an_operator_starts_it(strike_once: StrikeOnce) -> None:
    played = strike_once("actor.crash_loop", target=addresses.strategy("heads"), lasts_s=25.0)
    played.assert_all_is_well()
    assert played.outcome.paths["operator.restarted_parked"] > 0
    assert "process.ended_by_itself" not in played.outcome.paths
