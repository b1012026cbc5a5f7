"""The benches of the order path's stages and of slippage, small."""

from pathlib import Path

import pytest

from bulkhead.app.bench import slippage, stages
from bulkhead.app.exit_codes import Stopped
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


@pytest.mark.req("N-08")
def test_a_tape_on_which_nothing_was_filled_is_refused_with_words() -> None:
    with pytest.raises(Stopped, match="nothing was filled on this tape"):
        slippage._figures([], orders=0)


def test_the_policies_are_carried_out_on_a_tape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The generated tape, the venue's prices and the schedules are seeded, and its clock is the tape's: the same
    figures everywhere."""
    monkeypatch.setattr(slippage, "ROWS", 1_500)
    monkeypatch.setattr(slippage, "EVERY_S", 30.0)
    monkeypatch.setattr(slippage, "HORIZON_S", 10.0)
    figures = slippage.measure(tmp_path)
    assert list(figures.policies) == ["SINGLE", "TWAP", "VWAP", "ICEBERG"]
    for policy, found in figures.policies.items():
        assert found.fills > 0, policy
        assert 0 < found.mean_bps < slippage.TARGET_BPS == 50, (policy, found)
    assert figures.policies["TWAP"].orders > figures.policies["SINGLE"].orders
    assert figures.is_generated
