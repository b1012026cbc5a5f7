"""Each fault of the whole process: killed, stopped, ended in order, doubled."""

import pytest

from bulkhead.chaos.faults import CATALOGUE
from bulkhead.chaos.plan import Moment
from tests.chaos.conftest import StrikeOnce, names_of


@pytest.mark.parametrize("name", names_of("process"))
def test_it_strikes_and_all_is_well_again(strike_once: StrikeOnce, name: str) -> None:
    strike_once(name).assert_all_is_well()


@pytest.mark.parametrize("moment", [m for m in CATALOGUE["process.kill"].moments if m is not Moment.WRITING])
def test_killed_at_each_moment(strike_once: StrikeOnce, moment: Moment) -> None:
    strike_once("process.kill", moment=moment).assert_all_is_well()


@pytest.mark.parametrize("moment", [Moment.SENDING, Moment.EXECUTED])
def test_stopped_with_an_order_under_way(strike_once: StrikeOnce, moment: Moment) -> None:
    strike_once("process.stopped", moment=moment, amount=30.0).assert_all_is_well()


def test_who_is_locked_out_tries_again_until_the_other_one_has_gone(strike_once: StrikeOnce) -> None:
    assert strike_once("process.locked_out", amount=20.0).outcome.paths["process.not_born"] >= 3
