"""A recorded tape drives a run through the wire: it owns the clock, so two runs give the same decisions."""

import csv
import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.process.kit import BULKHEAD, ROOT

pytestmark = pytest.mark.process

HEADER = ["event_time_ms", "kind", "price", "size", "bid", "bid_size", "ask", "ask_size", "exchange", "suspicious"]
FIRST_MS = 1_381_411_800_000  # 2013-10-10 13:30 UTC, the opening in New York
ROWS = 6_000


def write_tape(path: Path, seed: int) -> tuple[int, int]:
    """A dirty little day: repeats, crossed quotes, prints off the hours. Returns the rows and how many are repeats."""
    rng = random.Random(seed)
    rows: list[list[object]] = []
    price, at_ms = 1_400, FIRST_MS - 60_000
    for _ in range(ROWS):
        at_ms += rng.choice((0, 3, 20, 150, 900))
        price = max(1_000, price + rng.choice((-2, -1, 0, 0, 0, 1, 2)))
        kind, exchange, size = rng.random(), rng.choice("NQPK"), rng.randrange(1, 9) * 100
        if kind < 0.2:
            row: list[object] = [at_ms, "trade", price / 100, size, "", "", "", "", exchange, 0]
        elif kind < 0.6:
            row = [at_ms, "quote", "", "", (price - 1) / 100, size, "", "", exchange, 0]
        else:
            row = [at_ms, "quote", "", "", "", "", (price + 1) / 100, size, exchange, 0]
        rows.append(row)
        if rng.random() < 0.02:
            rows.append(row)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(rows)
    return len(rows), len(rows) - len({tuple(row) for row in rows})


def replay(folder: Path, *tapes: Path) -> tuple[Path, str]:
    """Play the tapes with the project's own tape settings, below `folder`."""
    folder.mkdir()
    text = (ROOT / "config" / "tape.toml").read_text().replace('"logs/', f'"{folder}/')
    config = folder / "tape.toml"
    config.write_text(text.replace("[session]", f'[session]\nlogs_dir = "{folder}"', 1))
    arguments = [argument for tape in tapes for argument in ("--replay-ticks", str(tape))]
    command = [str(BULKHEAD), "run", "--config", str(config), *arguments, "--speed", "max"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    session = folder / "sessions" / (folder / "sessions" / "CURRENT").read_text().strip()
    return session, done.stdout


def lines(session: Path, stream: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (session / f"{stream}.jsonl").read_text().splitlines()]


def decisions(session: Path) -> list[dict[str, Any]]:
    """What was decided, without the ids that hold the session's own."""
    made = [line for line in lines(session, "obs_decisions") if line["type"] == "DecisionMade"]
    return [{**line["payload"], "intent_id": None, "began_by": line["correlation_id"]} for line in made]


@pytest.mark.req("P-02", "S-01", "S-06")
def test_two_runs_of_a_tape_decide_the_same(tmp_path: Path) -> None:
    tapes = (tmp_path / "AAA-2013-10-10.csv", tmp_path / "BBB-2013-10-10.csv")
    written = [write_tape(path, seed) for seed, path in enumerate(tapes)]
    first, said = replay(tmp_path / "first", *tapes)
    second, _ = replay(tmp_path / "second", *tapes)

    assert decisions(first) == decisions(second)
    fills = [line["payload"] for line in lines(first, "obs_orders_fills") if line["type"] == "FillRecorded"]
    assert len(fills) >= 4, "a replay that trades nothing shows nothing"
    assert "the tape has ended" in said
    for tape, (rows, repeats) in zip(tapes, written, strict=True):
        assert f"tape {tape.name}: {rows:,} rows; repeated rows {repeats:,}" in said


@pytest.mark.req("P-10")
def test_books_venue_and_files_agree_after_a_tape(tmp_path: Path) -> None:
    tape = tmp_path / "AAA-2013-10-10.csv"
    write_tape(tape, 5)
    session, _ = replay(tmp_path / "run", tape)
    observed = [line["payload"] for line in lines(session, "portfolio") if line["type"] == "AccountObserved"]
    assert observed[-1]["differences"] == {}
    checked = subprocess.run(
        [str(BULKHEAD), "verify", session.name, "--logs-dir", str(tmp_path / "run"), "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=100,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    assert json.loads((session / "kpi.json").read_text())["fills"] > 0
