"""Some of a day at the simulated KIS, over the wire and in scaled time: see kis_day.py, which plays a whole one."""

from pathlib import Path

import pytest

from tests.wire.kis_day import Day


@pytest.mark.timeout(400)
def test_lost_outcomes_and_trades_by_hand_leave_the_books_right(tmp_path: Path) -> None:
    found = Day(tmp_path, orders=150, unknown=0.1, speed=60, seconds=2_400, host="paper", seed=3).run()
    assert found.wrong == []
    assert found.figures["orders at the venue"] > 40
    assert found.figures["of them without a verdict"] > 0
    assert found.figures["requests"]["refused"] == 0
    assert found.figures["placed by hand"] > 0
