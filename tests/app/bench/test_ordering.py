"""The bench of ordering, on a small generated tape: its own promises, without a word about time."""

from pathlib import Path

from bulkhead.app.bench import ordering
from bulkhead.app.bench.replay import write_tape


def test_within_the_wait_nothing_is_lost_and_beyond_it_everything_is_accounted_for(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "GEN-2024-01-02.csv", 8_000, seed=3)
    figures = ordering.measure(tmp_path, [tape])
    (found,) = figures.files.values()
    assert not figures.is_generated
    assert found.identical_dropped == 0
    assert (found.within.decisions_differ, found.within.gaps, found.within.late) == (0, 0, 0)
    assert found.within.passed_on == found.within.decisions == found.trades
    assert found.within.duplicates > 0
    assert (found.within.unaccounted, found.beyond.unaccounted) == (0, 0)
    assert found.beyond.gaps > 0
    assert found.beyond.passed_on + found.beyond.late + found.beyond.duplicates == found.beyond.arrivals
    assert found.added.count == found.floor.count == found.trades
