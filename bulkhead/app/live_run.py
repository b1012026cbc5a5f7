"""A `bulkhead run` as a process of its own, to be watched, measured and killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.02


class NeverCame(AssertionError):
    """What was waited for did not become true in time."""


def until(what: Callable[[], Any], why: str, patience_s: float = PATIENCE_S) -> Any:
    """Wait until `what()` is true, and return it. Raises NeverCame."""
    deadline = time.monotonic() + patience_s
    while not (found := what()):
        if time.monotonic() > deadline:
            raise NeverCame(f"never came true within {patience_s:g} s: {why}")
        time.sleep(_LOOK_EVERY_S)
    return found


Table = dict[str, object]


def write_config(folder: Path, port: int | None, tables: dict[str, Table], strategies: Iterable[Table | str]) -> Path:
    """A configuration with all that a run writes below `folder`, against a simulated venue that listens on `port`; with
    None against whatever `tables` say. A strategy may be a table, or its text as it would stand in the file."""
    logs = folder / "logs"
    merged: dict[str, Table] = {
        "session": {"logs_dir": str(logs), "ledger_file": str(logs / "ledger.db"), "stop_dir": str(logs / "stop")},
        "venue": {} if port is None else _venue_at(port),
        "execution": {"query_unknown_interval_s": 1.0, "reconcile_interval_without_stream_s": 1.0},
        "risk": {"currency": "USDT"},
    }
    for name, table in tables.items():
        merged.setdefault(name, {}).update(table)
    lines = [line for name, table in merged.items() for line in (f"[{name}]", *_lines(table))]
    for strategy in strategies:
        lines += [strategy] if isinstance(strategy, str) else ["[[strategies]]", *_lines(strategy)]
    path = folder / "config.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _venue_at(port: int) -> Table:
    stream = f"ws://127.0.0.1:{port}"
    return {
        "start_simulator": False,
        "rest_url": f"http://127.0.0.1:{port}",
        "ws_api_url": f"{stream}/ws-api/v3",
        "stream_url": stream,
        "request_timeout_s": 3.0,
        "recv_window_ms": 1_000,
    }


def _lines(table: Table) -> Iterator[str]:
    return (f"{key} = {_toml(value)}" for key, value in table.items())


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_lines(value)) + " }"
    return json.dumps(value)


class LiveRun:
    """Starts at once; what it prints is kept until `output`, so let nobody print more than a pipe holds."""

    def __init__(self, config: Path, *arguments: str, own_group: bool = False) -> None:
        self.folder = config.parent / "logs"
        self.started_ns = time.time_ns()
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "bulkhead", "run", "--config", str(config), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "COLUMNS": "200"},
            start_new_session=own_group,
        )

    @property
    def session_dir(self) -> Path:
        """Of the newest run in this folder. Raises OSError before there is one."""
        sessions = self.folder / "sessions"
        return sessions / (sessions / "CURRENT").read_text().strip()

    def status(self) -> dict[str, Any] | None:
        """What it wrote last of its state; None before it has written anything."""
        try:
            report: dict[str, Any] = json.loads((self.session_dir / "status.json").read_bytes())
        except (OSError, ValueError):
            return None
        return report if report["pid"] == self.process.pid else None

    def is_trading(self) -> bool:
        """Raises NeverCame when it has ended instead."""
        if self.process.poll() is not None:
            raise NeverCame(f"the run has ended with {self.process.returncode}: {self.output()}")
        report = self.status()
        return bool(report and report["state"] == "trading" and report["gate_open"])

    def until_trading(self) -> dict[str, Any]:
        until(self.is_trading, "the run is trading")
        return self.status() or {}

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.output()

    def end(self) -> str:
        """Ask for an ordered end; returns what it printed. Raises NeverCame when it ends with an error."""
        self.process.send_signal(signal.SIGTERM)
        output = self.output()
        if self.process.returncode != 0:
            raise NeverCame(f"the run ended with {self.process.returncode}: {output}")
        return output

    def output(self) -> str:
        return self.process.communicate(timeout=PATIENCE_S)[0] or ""

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
