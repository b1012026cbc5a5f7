"""The command line under test: in this process for speed, or as a real process; and what it needs to work on."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from bulkhead.app.cli import main

COMMAND = Path(sys.executable).with_name("bulkhead")
ROOT = Path(__file__).parents[2]
T0_MS = 1_381_411_800_000
"""2013-10-10 09:30 in New York."""
HEADER = "event_time_ms,kind,price,size,bid,bid_size,ask,ask_size,exchange,suspicious"


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """What stands on stderr: one line for a person, and no traceback."""
        assert "Traceback" not in self.err
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


Cli = Callable[..., Result]


def in_process(capsys: pytest.CaptureFixture[str]) -> Cli:
    """`bulkhead …` without a new process."""

    def call(*arguments: str | Path) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Result(int(ended.value.code or 0), said.out, said.err)

    return call


def real(*arguments: str | Path, cwd: Path, timeout_s: float = 60.0, **env: str) -> Result:
    """`bulkhead …` as a person runs it: a process of its own, no terminal, in `cwd`."""
    done = subprocess.run(
        [COMMAND, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def tape_rows(count: int = 400) -> list[str]:
    """A stock that rises and falls, quoted on both sides and traded once in a second."""
    rows = []
    for second in range(count // 3 + 1):
        cents = 10_000 + 5 * abs(second % 60 - 30)
        at_ms = T0_MS + second * 1000
        bid, ask = f"{(cents - 1) / 100:.2f}", f"{(cents + 1) / 100:.2f}"
        rows.append(f"{at_ms},quote,,,{bid},500,,,NYSE,0")
        rows.append(f"{at_ms + 1},quote,,,,,{ask},500,NYSE,0")
        rows.append(f"{at_ms + 2},trade,{cents / 100:.2f},100,,,,,NYSE,0")
    return rows[:count]


def write_tape(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def write_config(
    path: Path, *, session: str = "", venue: str = "", risk: str = "", strategies: str = "", currency: str = "USD"
) -> Path:
    """A configuration whose files all lie beside it; the arguments are added to its sections."""
    path.write_text(
        f"""
[session]
logs_dir = "logs"
ledger_file = "logs/ledger.db"
stop_dir = "logs/stop"
{session}
[venue]
{venue}
[risk]
currency = "{currency}"
{risk}
{strategies}
""",
        encoding="utf-8",
    )
    return path


TREND = """
[[strategies]]
id = "trend"
use = "bulkhead.strategy.trend:EmaTrend"
symbols = ["TESTUSD"]
sizing = { kind = "fixed_notional", notional = "1000" }
[strategies.parameters]
fast_s = 2.0
slow_s = 6.0
warm_up_s = 5.0
entry_threshold_bps = "1"
cooldown_s = 2.0
"""
TREND_BTC = TREND.replace("TESTUSD", "BTCUSDT")
