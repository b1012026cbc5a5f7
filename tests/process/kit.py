"""A real simulator, real runs, and an oracle that shares no code with the order path."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BULKHEAD = Path(sys.executable).with_name("bulkhead")
LADDER = Path(__file__).with_name("ladder.py")
PATIENCE_S = 40.0


def until(what: Callable[[], Any], why: str, patience_s: float = PATIENCE_S) -> Any:
    """Wait until `what()` is true, and return it."""
    deadline = time.monotonic() + patience_s
    while not (found := what()):
        assert time.monotonic() < deadline, f"never came true: {why}"
        time.sleep(0.05)
    return found


class Simulator:
    """The venue as a process of its own, with its books in a file."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self._settings = {"seed": 7, "events_per_s": 300, "books_file": str(folder / "venue.db"), **settings}
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

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

    def _call(self, path: str, body: dict[str, object] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data)
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            return json.load(answer)

    def fault(self, **switches: object) -> None:
        self._call("/sim/faults", dict(switches))

    def answers(self) -> bool:
        try:
            self.books()
        except OSError:
            return False
        return True

    def faults(self) -> Any:
        return self._call("/sim/faults")

    def books(self) -> Any:
        return self._call("/sim/books")

    def balances(self) -> dict[str, Decimal]:
        """Total per asset, zeros left out."""
        found = {}
        for asset, balance in self.books()["balances"].items():
            total = Decimal(balance["free"]) + Decimal(balance["locked"])
            if total:
                found[asset] = total
        return found

    def orders_by_id(self) -> dict[str, int]:
        return {key: entry["orders"] for key, entry in self.books()["by_client_order_id"].items()}

    def executions(self) -> int:
        return sum(entry["executions"] for entry in self.books()["by_client_order_id"].values())


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
        f'[[strategies]]\nid = "ladder"\nuse = "{LADDER}:Ladder"\nsymbols = {json.dumps(symbols or ("BTCUSDT",))}\n'
        f'sizing = {{ notional = "1000" }}\n[strategies.parameters]\n{lines}\n'
    )


class Run:
    """A `bulkhead run` process."""

    def __init__(self, config: Path, *arguments: str, own_group: bool = False) -> None:
        self._config = config
        self.folder = config.parent / "logs"
        self.process = subprocess.Popen(
            [str(BULKHEAD), "run", "--config", str(config), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "200"},
            start_new_session=own_group,
        )

    def status(self) -> dict[str, Any] | None:
        pointer = self.folder / "sessions" / "CURRENT"
        try:
            session = self.folder / "sessions" / pointer.read_text().strip()
            report: dict[str, Any] = json.loads((session / "status.json").read_bytes())
        except (OSError, ValueError):
            return None
        return report if report["pid"] == self.process.pid else None

    def until_trading(self) -> dict[str, Any]:
        def is_trading() -> dict[str, Any] | None:
            assert self.process.poll() is None, self.output()
            report = self.status()
            return report if report and report["state"] == "trading" and report["gate_open"] else None

        found: dict[str, Any] = until(is_trading, "the run is trading")
        return found

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self.output()

    def end(self) -> str:
        """Ask for an ordered end; returns what it printed."""
        self.process.send_signal(signal.SIGTERM)
        output = self.output()
        assert self.process.returncode == 0, output
        return output

    def output(self) -> str:
        return self.process.communicate(timeout=60)[0]

    @property
    def session_dir(self) -> Path:
        sessions = self.folder / "sessions"
        return sessions / (sessions / "CURRENT").read_text().strip()

    def lines(self, stream: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.session_dir / f"{stream}.jsonl").read_text().splitlines()]


@contextmanager
def running(config: Path, *arguments: str, own_group: bool = False) -> Iterator[Run]:
    run = Run(config, *arguments, own_group=own_group)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
        run.process.communicate()


class Ledger:
    """The ledger file, read with plain sqlite3."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def fill_ids(self) -> list[str]:
        return [row[0] for row in self.rows("select fill_id from fills")]

    def net(self) -> dict[str, Decimal]:
        """Change of each asset by all fills, for symbols quoted in USDT."""
        changes: dict[str, Decimal] = {}
        for symbol, side, quantity, price, fee, fee_asset in self.rows(
            "select symbol, side, quantity, price, fee, fee_asset from fills"
        ):
            base, sign = symbol.removesuffix("USDT"), 1 if side == "BUY" else -1
            for asset, change in (
                (base, sign * Decimal(quantity)),
                ("USDT", -sign * Decimal(quantity) * Decimal(price)),
                (fee_asset, -Decimal(fee)),
            ):
                changes[asset] = changes.get(asset, Decimal(0)) + change
        return {asset: change for asset, change in changes.items() if change}


def agree(venue: Simulator, ledger: Ledger, opening: Decimal = Decimal(100_000)) -> None:
    """Books and venue hold the same, to the last digit, and nothing was sent twice."""
    expected = ledger.net()
    expected["USDT"] = expected.get("USDT", Decimal(0)) + opening
    assert venue.balances() == expected
    assert len(ledger.fill_ids()) == venue.executions()
    assert set(venue.orders_by_id().values()) <= {1}
