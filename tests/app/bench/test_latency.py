"""The latency bench against the whole house, small: its figures are there and belong together."""

from pathlib import Path

import pytest

from bulkhead.app.bench import floor, latency


@pytest.mark.process
def test_the_house_is_measured_beside_its_floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "WARM_UP_S", 0.5)
    monkeypatch.setattr(floor, "ROUNDS", 10)

    figures = latency.measure(tmp_path, 5.0)

    assert figures.house.count >= 1
    assert figures.house.p50_ms > 0
    assert figures.commit.p50_ms > 0
    assert figures.floor.count == figures.commit.count == 10
    assert figures.ratio_p50 == pytest.approx(figures.house.p50_ms / figures.floor.p50_ms, abs=0.01)
