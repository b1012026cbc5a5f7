"""Indicators against their definitions."""

import math
from random import Random
from statistics import fmean, pstdev

import pytest

from bulkhead.strategy.indicators import Ema, JumpFilter, RollingStats

NS = 1_000_000_000


def test_a_mean_closes_the_gap_by_its_time_constant() -> None:
    ema = Ema(tau_s=10)
    assert ema.update(100.0, 0) == 100.0
    assert ema.update(200.0, 10 * NS) == pytest.approx(200 - 100 / math.e)


def test_ten_small_steps_are_one_large_one() -> None:
    small, large = Ema(5), Ema(5)
    small.update(1.0, 0)
    large.update(1.0, 0)
    for second in range(1, 11):
        small.update(2.0, second * NS)
    assert small.value == pytest.approx(large.update(2.0, 10 * NS))


def test_time_running_backwards_changes_nothing() -> None:
    ema = Ema(5)
    ema.update(1.0, 10 * NS)
    assert ema.update(9.0, 5 * NS) == 1.0


def test_rolling_figures_match_the_definition_and_do_not_drift() -> None:
    rng = Random(3)
    stats = RollingStats(50)
    values = [64_000 + rng.gauss(0, 1) for _ in range(20_000)]
    for value in values:
        stats.add(value)
    assert stats.is_full
    assert len(stats) == 50
    assert stats.mean == pytest.approx(fmean(values[-50:]), abs=1e-7)
    assert stats.deviation == pytest.approx(pstdev(values[-50:]), rel=1e-6)


def test_a_window_of_equal_values_has_no_deviation() -> None:
    stats = RollingStats(3)
    assert stats.deviation == 0.0
    for _ in range(10):
        stats.add(5.0)
    assert (stats.mean, stats.deviation) == (5.0, 0.0)


def test_a_window_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        RollingStats(1)


def test_one_far_price_is_dropped_and_several_that_agree_are_believed() -> None:
    jumps = JumpFilter(max_jump_pct=1, confirmations=3)
    seen = [(jumps.accept(price), jumps.has_moved) for price in (100, 150, 100.5, 150, 90, 120, 120.5, 120.2, 120.3)]
    dropped, accepted, believed = (False, False), (True, False), (True, True)
    assert seen == [accepted, dropped, accepted, dropped, dropped, dropped, dropped, believed, accepted]
    assert jumps.good == 120.3
