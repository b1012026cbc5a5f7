"""MeanReversion: buys dips, sells at the mean, leaves collapses alone."""

import math
from typing import Any

import pytest
from pydantic import ValidationError

from bulkhead.strategy.reversion import MeanReversion
from bulkhead.strategy.testkit import Bench
from messages.values import Action
from tests.strategy.series import SYMBOL, noise, play, quote

MEAN = 64_000.0


def warm(**parameters: Any) -> Bench:
    """Two minutes of a wave of 2 bps around the mean."""
    bench = Bench(MeanReversion, (SYMBOL,), **parameters)
    play(bench, (MEAN * (1 + 0.0002 * math.sin(second)) for second in range(120)))
    return bench


def test_no_opinion_before_the_window_is_full() -> None:
    bench = warm()
    assert {d.reason_codes[0] for d in bench.decisions[:119]} == {"WARMING_UP"}
    assert not bench.entries()


def test_a_dip_is_bought_and_sold_at_the_mean() -> None:
    bench = warm()
    assert quote(bench, MEAN * 0.9995) == "DIP"
    assert bench.last.scores["z"] <= -2
    bench.fill()
    assert quote(bench, MEAN * 0.9997) == "HOLDING"
    assert quote(bench, MEAN * 1.0001) == "BACK_AT_MEAN"
    bench.fill()
    assert quote(bench, MEAN) == "NO_SIGNAL"
    assert quote(bench, MEAN * 0.9994) == "COOLING_DOWN"


def test_a_dip_too_small_for_its_costs_is_left() -> None:
    assert quote(warm(min_edge_bps="8"), MEAN * 0.9995) == "NO_SIGNAL"


def test_a_collapse_is_no_dip() -> None:
    assert quote(warm(), MEAN * 0.99) == "NO_SIGNAL"


def test_the_stop_ends_a_dip_that_goes_on() -> None:
    bench = warm(stop_loss_bps="15")
    quote(bench, MEAN * 0.9995)
    bench.fill()
    assert quote(bench, MEAN * 0.997) == "STOP_LOSS"


def test_the_time_limit_ends_a_dip_that_does_not_recover() -> None:
    bench = warm(max_hold_s=30)
    quote(bench, MEAN * 0.9995)
    bench.fill()
    quote(bench, MEAN * 0.9995)
    quote(bench, MEAN * 0.9995, after_s=31)
    assert [decision.reason_codes for decision in bench.exits()] == [("TIME_STOP",)]


def test_a_dead_market_divides_by_nothing() -> None:
    bench = Bench(MeanReversion, (SYMBOL,))
    play(bench, iter([MEAN] * 200))
    assert bench.last.reason_codes == ("NO_SIGNAL",)


@pytest.mark.parametrize("seed", range(5))
def test_on_noise_entries_and_exits_alternate(seed: int) -> None:
    bench = Bench(MeanReversion, (SYMBOL,), auto_fill=True)
    play(bench, noise(MEAN, 2, 2_000, seed))
    acts = [decision.action for decision in bench.decisions if decision.action is not Action.HOLD]
    assert len(acts) >= 4
    assert acts == [Action.ENTER, Action.EXIT] * (len(acts) // 2) + [Action.ENTER] * (len(acts) % 2)


@pytest.mark.parametrize(
    "parameters",
    [{"entry_z": "6", "max_entry_z": "6"}, {"exit_z": "-2"}, {"window_s": 5}, {"window_s": 100_000}],
)
def test_parameters_that_cannot_work_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MeanReversion.Parameters.model_validate(parameters)
