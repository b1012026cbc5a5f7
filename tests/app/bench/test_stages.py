"""The benches of the order path's stages and of slippage, small."""

from pathlib import Path

import pytest

from bulkhead.app.bench import slippage, stages
from bulkhead.execution.micro_pipeline import STAGES


def test_each_stage_is_measured_beside_its_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "ROUNDS", 3)
    figures = stages.measure()
    assert list(figures.stages) == [*STAGES, "monitor", "adjust", "escape"]
    assert {spread.count for spread in figures.stages.values()} == {3 * len(stages.POLICIES)} == {figures.row.count}


def test_slippage_is_weighted_with_the_quantity_and_positive_when_worse() -> None:
    fills = [("BUY", "3", "101", "100"), ("SELL", "1", "101", "100"), ("BUY", "96", "100", "100")]
    found = slippage._figures(fills, orders=2)
    assert (found.fills, found.orders) == (3, 2)
    assert found.mean_bps == pytest.approx((3 * 100 - 100) / 100)
    assert found.p95_bps == 0


def test_the_policies_are_carried_out_on_a_tape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slippage, "ROWS", 1_500)
    monkeypatch.setattr(slippage, "EVERY_S", 30.0)
    monkeypatch.setattr(slippage, "HORIZON_S", 10.0)
    monkeypatch.setattr(slippage, "POLICIES", slippage.POLICIES[:2])
    figures = slippage.measure(tmp_path)
    single, split = figures.policies["SINGLE"], figures.policies["TWAP"]
    assert single.fills > 0
    assert split.orders > single.orders
    assert figures.is_generated
