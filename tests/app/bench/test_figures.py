from decimal import Decimal
from pathlib import Path

import pytest

from bulkhead.app.bench.command import bench, benches
from bulkhead.app.bench.figures import NS_PER_MS, Spread
from bulkhead.app.bench.replay import write_tape
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.venues.simulator.tape import TapeFile


def test_percentiles_are_spans_that_were_measured() -> None:
    spread = Spread.of([number * NS_PER_MS for number in range(100, 0, -1)])

    assert spread == Spread(count=100, p50_ms=50, p99_ms=99, max_ms=100)


def test_one_span_is_every_percentile() -> None:
    assert Spread.of([NS_PER_MS]) == Spread(count=1, p50_ms=1, p99_ms=1, max_ms=1)


def test_nothing_measured_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        Spread.of([])


def test_the_generated_tape_is_a_clean_tape_in_the_recorded_format(tmp_path: Path) -> None:
    tape = TapeFile(write_tape(tmp_path / "GEN-2024-01-02.csv", 2_000, seed=7), Decimal(0), bad_row_grace_rows=1)

    rows = list(tape.rows())

    assert len(rows) == 2_000
    assert (tape.counts.symbol, tape.counts.bad_rows, tape.counts.late_rows) == ("GENUSD", 0, 0)
    assert 0 < tape.counts.trades < tape.counts.quotes


def test_the_same_seed_writes_the_same_tape(tmp_path: Path) -> None:
    first, again, other = (
        write_tape(tmp_path / f"{name}.csv", 500, seed).read_bytes() for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )

    assert first == again != other


def test_an_unknown_bench_is_refused_with_the_known_names() -> None:
    with pytest.raises(Stopped, match=r"tick-to-order, .*tick-to-order-busy, .*replay") as refused:
        bench(["replays"])

    assert refused.value.code is ExitCode.CONFIG


def test_each_bench_says_what_it_does() -> None:
    assert all(title for title, _ in benches(1.0).values())
