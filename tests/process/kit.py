"""A real simulator, real runs, and an oracle that shares no code with the order path."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bulkhead.chaos.live_run import LiveRun, until
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


def _at(port: int) -> dict[str, object]:
    return {
        "start_simulator": False,
        "rest_url": f"http://127.0.0.1:{port}",
        "ws_api_url": f"ws://127.0.0.1:{port}/ws-api/v3",
        "stream_url": f"ws://127.0.0.1:{port}",
        "request_timeout_s": 3.0,
        "recv_window_ms": 1000,
    }


def write_config(
    folder: Path, port: int | None, *, strategies: str | None = None, **sections: dict[str, object]
) -> Path:
    """A configuration against a simulator that is there already, with everything it writes below `folder`."""
    logs = folder / "logs"
    tables: dict[str, dict[str, object]] = {
        "session": {"logs_dir": str(logs), "ledger_file": str(logs / "ledger.db"), "stop_dir": str(logs / "stop")},
        "venue": {} if port is None else _at(port),
        "execution": {"query_unknown_interval_s": 1.0, "reconcile_interval_without_stream_s": 1.0},
        "risk": {"currency": "USDT"},
    }
    for name, values in sections.items():
        tables.setdefault(name, {}).update(values)
    text = "\n".join(
        f"[{name}]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
        for name, values in tables.items()
    )
    path = folder / "config.toml"
    path.write_text(f"{text}\n{strategies or ladder()}\n")
    return path


def ladder(*symbols: str, **parameters: object) -> str:
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in parameters.items())
    return (
        f'[[strategies]]\nid = "ladder"\nuse = "{LADDER}"\nsymbols = {json.dumps(symbols or ("BTCUSDT",))}\n'
        f'sizing = {{ notional = "1000" }}\n[strategies.parameters]\n{lines}\n'
    )


class Run(LiveRun):
    """A `bulkhead run` process."""

    def lines(self, stream: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.session_dir / f"{stream}.jsonl").read_text().splitlines()]


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
