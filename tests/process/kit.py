"""A real simulator, real runs, and an oracle that shares no code with the order path."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bulkhead.app import live_run as configs
from bulkhead.app.live_run import LiveRun, Table, until
from bulkhead.chaos.oracle import LedgerFile, VenueBooks, differences

__all__ = ["BULKHEAD", "ROOT", "Ledger", "Run", "Simulator", "agree", "ladder", "running", "simulator", "until"]

ROOT = Path(__file__).parents[2]
BULKHEAD = Path(sys.executable).with_name("bulkhead")
LADDER = "bulkhead.chaos.strategies:Ladder"


class Simulator(VenueBooks):
    """The venue as a process of its own, with its books in a file."""

    def __init__(self, folder: Path, **settings: object) -> None:
        super().__init__()
        self._settings = {"seed": 7, "events_per_s": 300, "books_file": str(folder / "venue.db"), **settings}
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        settings = json.dumps({**self._settings, "port": self.port})
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bulkhead.venues.simulator", "--settings-json", settings],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        self.port = json.loads(self._process.stdout.readline())["port"]

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            assert self._process.stdout is not None
            self._process.stdout.close()


@contextmanager
def simulator(folder: Path, **settings: object) -> Iterator[Simulator]:
    venue = Simulator(folder, **settings)
    venue.start()
    try:
        yield venue
    finally:
        venue.stop()


def write_config(folder: Path, port: int | None, *, strategies: str | None = None, **sections: Table) -> Path:
    return configs.write_config(folder, port, sections, [strategies or ladder()])


def ladder(*symbols: str, **parameters: object) -> str:
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in parameters.items())
    return (
        f'[[strategies]]\nid = "ladder"\nuse = "{LADDER}"\nsymbols = {json.dumps(symbols or ("BTCUSDT",))}\n'
        f'sizing = {{ notional = "1000" }}\n[strategies.parameters]\n{lines}\n'
    )


class Run(LiveRun):
    """A `bulkhead run` process."""

    def lines(self, stream: str) -> list[dict[str, Any]]:
        """Of one file of the session; none before there is one."""
        path = self.session_dir / f"{stream}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@contextmanager
def running(config: Path, *arguments: str, own_group: bool = False) -> Iterator[Run]:
    run = Run(config, *arguments, own_group=own_group)
    try:
        yield run
    finally:
        run.close()


Ledger = LedgerFile


def agree(venue: Simulator, ledger: Ledger) -> None:
    """Books and venue hold the same, to the last digit, and nothing was sent twice."""
    assert differences(venue, ledger) == ()
