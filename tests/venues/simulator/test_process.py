"""The simulator as a process: how it starts, how it refuses to, and how it ends, also by kill -9."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError
from websockets.sync.client import connect

from bulkhead.venues.simulator.settings import SimulatorSettings
from tests.venues.simulator.kit import Client, ask_ws, tape, trade

pytestmark = pytest.mark.process

COMMAND = (sys.executable, "-m", "bulkhead.venues.simulator")
ENDS_WITHIN_S = 10.0


@contextmanager
def started(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen((*COMMAND, "--port", "0", *arguments), text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            ready = json.loads(process.stdout.readline())
            assert ready["ready"] is True
            assert ready["pid"] == process.pid
            yield process, ready["port"]
        finally:
            process.kill()


def refused(*arguments: str) -> tuple[int, str]:
    done = subprocess.run((*COMMAND, *arguments), capture_output=True, text=True, timeout=ENDS_WITHIN_S, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_with_clients_connected(number: int) -> None:
    with started("--seed", "1") as (process, port), connect(f"ws://127.0.0.1:{port}/ws/btcusdt@trade", proxy=None):
        process.send_signal(number)
        assert process.wait(ENDS_WITHIN_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_it_ends_with_its_parent() -> None:
    with started("--settings-json", '{"exit_with_parent": true, "events_per_s": 0}') as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(ENDS_WITHIN_S) == 0


def test_after_kill_9_it_still_knows_what_it_answered(tmp_path: Path) -> None:
    arguments = ("--books-file", str(tmp_path / "books.db"), "--events-per-s", "400", "--seed", "3")
    with started(*arguments) as (process, port):
        client = Client(f"http://127.0.0.1:{port}")
        resting = client.order(newClientOrderId="resting", price="40000").json()
        filled = client.order(newClientOrderId="filled", type="MARKET").json()
        before = client.books()
        client.close()
        process.kill()
        process.wait(ENDS_WITHIN_S)
    with started(*arguments) as (_, port):
        client = Client(f"http://127.0.0.1:{port}")
        assert client.books() == before
        assert client.signed("GET", "order", symbol="BTCUSDT", orderId=resting["orderId"]).json()["status"] == "NEW"
        trades = client.signed("GET", "myTrades", symbol="BTCUSDT", orderId=filled["orderId"]).json()
        assert [found["id"] for found in trades] == [fill["tradeId"] for fill in filled["fills"]]
        assert client.order(newClientOrderId="resting").json()["code"] == -2010
        following = client.order(type="MARKET").json()
        assert following["orderId"] == filled["orderId"] + 1
        assert following["fills"][0]["tradeId"] > trades[-1]["id"]
        client.close()


def test_a_port_in_use_is_one_sentence_and_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = refused("--port", str(port))
    assert code == 1
    assert (
        said == f"simulator: port {port} on 127.0.0.1 is already in use; choose another port, or 0 for any free one\n"
    )


def test_a_missing_tape_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    code, said = refused("--tape-files", str(tmp_path / "BAC-1.csv"))
    assert (code, said) == (
        1,
        f"simulator: tape file {tmp_path / 'BAC-1.csv'} cannot be opened: No such file or directory\n",
    )


def test_a_tape_that_goes_bad_stops_the_process_and_says_where(tmp_path: Path) -> None:
    path = tape(tmp_path / "BAC-1.csv", [*(trade(at, "10", 1) for at in range(200)), *["broken"] * 5])
    with started("--tape-files", str(path), "--lockstep") as (process, port):
        with connect(f"ws://127.0.0.1:{port}/sim/tape", proxy=None) as control:
            assert ask_ws(control, {"op": "step"})["op"] == "error"
        assert process.wait(ENDS_WITHIN_S) == 1
        assert process.stderr is not None
        said = process.stderr.read()
    assert said.startswith(f"simulator: {path}, line 204: 1 fields instead of 10; 3 of 203 rows are malformed")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "0.0.0.0"), "listens on loopback only"),  # noqa: S104 - it must be refused
        (("--host", "example.com"), "listens on loopback only"),
        (("--market", "tape"), "needs at least one of tape_files"),
        (("--lockstep",), "need market = tape"),
        (("--symbols", "NOSUCH"), "no synthetic market NOSUCH"),
        (("--settings-json", '{"colour": 1}'), "colour: Extra inputs are not permitted"),
    ],
)
def test_settings_that_make_no_sense_are_refused(arguments: tuple[str, ...], said: str) -> None:
    code, error = refused(*arguments)
    assert code == 2
    assert said in error
    assert error.count("\n") == 1


def test_settings_travel_as_json() -> None:
    settings = SimulatorSettings(seed=5, balances={"USDT": "1.5"}, exit_with_parent=True)
    assert SimulatorSettings.model_validate_json(settings.model_dump_json()) == settings
    with pytest.raises(ValidationError):
        settings.seed = 6  # type: ignore[misc]
