"""Replay throughput: a generated tape in the recorded format, played by `run` as fast as everything can follow."""

import csv
import time
from pathlib import Path
from random import Random

from bulkhead.app.bench.session import run_to_the_end, tape_settings
from bulkhead.app.run import RunOptions
from bulkhead.venues.simulator.tape import HEADER
from messages.values import Value

ROWS = 200_000
SEED = 1
TICKS_PER_ORDER = 500
DAY_STARTS_MS = 1_704_202_200_000
"""2024-01-02 09:30 in New York."""
MEAN_PAUSE_MS = 350
"""Between two moments of the market: with several rows in each, 200,000 rows make a trading day."""
EXCHANGES = "BJKNPTXYZ"
TRADE_SHARE = 0.15


class ReplayFigures(Value):
    """`wall_s` is the whole command: start of the venue, preflight, play, summary."""

    rows: int
    published_ticks: int
    wall_s: float
    rows_per_s: int
    ticks_per_s: int


def measure(folder: Path, rows: int = ROWS) -> ReplayFigures:
    """Generate a tape and play it. Writes below `folder` only."""
    tape = write_tape(folder / "GEN-2024-01-02.csv", rows, SEED)
    ping_pong = {
        "id": "ping-pong",
        "use": "bulkhead.app.bench.strategies:PingPong",
        "symbols": ["GENUSD"],
        "sizing": {"notional": "1000"},
        "parameters": {"every": TICKS_PER_ORDER},
    }
    settings = tape_settings(folder, ping_pong)
    began = time.monotonic()
    outcome = run_to_the_end(settings, RunOptions(tape_files=(tape,), quiet=True))
    wall_s = time.monotonic() - began
    ticks = sum(outcome.kpi.decisions.values())  # the strategy answers each tick with one decision
    return ReplayFigures(
        rows=rows,
        published_ticks=ticks,
        wall_s=round(wall_s, 2),
        rows_per_s=round(rows / wall_s),
        ticks_per_s=round(ticks / wall_s),
    )


def write_tape(path: Path, rows: int, seed: int) -> Path:
    """A seeded day of quotes and prints of one share at about 50 dollars. The same seed writes the same bytes."""
    rng = Random(seed)  # noqa: S311 - a market, not a secret
    middle_cents, time_ms, left_here = 5_000, DAY_STARTS_MS, 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for _ in range(rows):
            if left_here == 0:
                left_here = rng.randint(1, 6)
                time_ms += 1 + int(rng.expovariate(1 / MEAN_PAUSE_MS))
                middle_cents = max(100, middle_cents + rng.choice((-1, 0, 0, 0, 1)))
            left_here -= 1
            writer.writerow(_row(rng, time_ms, middle_cents))
    return path


def _row(rng: Random, time_ms: int, middle_cents: int) -> tuple[object, ...]:
    exchange = rng.choice(EXCHANGES)
    away = rng.choice((1, 1, 1, 2, 3))
    size = 100 * rng.randint(1, 20)
    if rng.random() < TRADE_SHARE:
        return time_ms, "trade", f"{middle_cents / 100:.2f}", size, "", "", "", "", exchange, 0
    if rng.random() < 0.5:
        return time_ms, "quote", "", "", f"{(middle_cents - away) / 100:.2f}", size, "", "", exchange, 0
    return time_ms, "quote", "", "", "", "", f"{(middle_cents + away) / 100:.2f}", size, exchange, 0
