"""Bad input through the real command: one clear sentence, the right exit code, nothing half-written."""

import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import check_settings
from bulkhead.ledger.lock import OwnerLock
from bulkhead.ledger.sqlite import SqliteLedger
from bulkhead.venues.simulator.process import in_thread
from bulkhead.venues.simulator.settings import DEMO_API_KEY, DEMO_API_SECRET, SimulatorSettings
from tests.app.kit import HEADER, TREND, TREND_BTC, real, tape_rows, write_config, write_tape

pytestmark = pytest.mark.process


def sessions(folder: Path) -> list[Path]:
    found = (folder / "logs" / "sessions").glob("*")
    return [path for path in found if path.is_dir()]


# -- configuration ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"session": "loggs_dir = 'x'"}, "session.loggs_dir: unknown key; did you mean logs_dir?"),
        ({"session": "colour = 'x'"}, "session.colour: unknown key; remove it or check its spelling"),
        ({"venue": "rest_url = 'http://127.0.0.1:1'"}, "start_simulator = true contradicts the URLs"),
        ({"session": "mode = 'live'"}, "mode = live contradicts start_simulator"),
        ({"risk": "max_daily_loss = 'much'"}, "risk.max_daily_loss"),
        ({}, "no strategy is configured: add one under [[strategies]]"),
    ],
)
def test_an_unknown_or_contradictory_key(tmp_path: Path, words: dict[str, str], said: str) -> None:
    config = write_config(tmp_path / "bad.toml", **words)
    done = real("run", "--config", config, cwd=tmp_path)
    assert done.code == ExitCode.CONFIG
    assert said in done.sentence
    assert [path.name for path in tmp_path.iterdir()] == ["bad.toml"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"execution": {"split": {"horizon": 5}}}, "execution.split.horizon: unknown key; did you mean horizon_s?"),
        ({"execution": {"liquidity": {"BTCUSDT": {"volume_by_hours": []}}}}, "did you mean volume_by_hour?"),
        ({"paper": {"alpah": 1}}, "paper.alpah: unknown key; did you mean alpha?"),
        ({"inbox": {"enable": True}}, "inbox.enable: unknown key; did you mean enabled?"),
        ({"venue": {"rates": {"order_wait": 1}}}, "venue.rates.order_wait: unknown key; did you mean order_wait_s?"),
        ({"strategies": [{"symbol": "X"}]}, "strategies.0.symbol: unknown key; did you mean symbols?"),
        ({"inboxes": {}}, "inboxes: unknown key; did you mean inbox?"),
        ({"inbox": {"owners": ["a", "a"]}}, "test: inbox.owners names 'a'"),
    ],
)
def test_a_misspelt_key_is_named_with_what_it_resembles(data: dict[str, Any], said: str) -> None:
    with pytest.raises(Stopped) as refused:
        check_settings(data, "test")
    assert said in refused.value.sentence


def test_a_second_run_is_told_of_the_first_before_it_starts_a_venue(tmp_path: Path) -> None:
    config = write_config(tmp_path / "test.toml", strategies=TREND_BTC, currency="USDT")
    (tmp_path / "logs").mkdir()
    lock = OwnerLock(tmp_path / "logs" / "ledger.db")
    try:
        done = real("run", "--config", config, "--for", "1", cwd=tmp_path)
    finally:
        lock.release()
    assert done.code == ExitCode.FENCED
    assert f"a run is going on: logs/ledger.db is in use by process {os.getpid()}; stop it first" in done.sentence
    assert not (tmp_path / "logs" / "ledger.venue.db").exists()
    assert not sessions(tmp_path)


def test_no_file_at_all(tmp_path: Path) -> None:
    done = real("run", cwd=tmp_path)
    assert done.code == ExitCode.CONFIG
    assert "config/paper.toml does not exist; give one with --config" in done.sentence


# -- tick files -------------------------------------------------------------------------------------------------------


def play(folder: Path, tape: Path, *more: str) -> tuple[int, str, str]:
    config = write_config(folder / "test.toml", strategies=TREND)
    done = real("run", "--config", config, "--replay-ticks", tape, *more, cwd=folder)
    return done.code, done.out, done.sentence if done.code else done.err


def test_a_missing_tick_file(tmp_path: Path) -> None:
    code, _, sentence = play(tmp_path, tmp_path / "TEST.csv")
    assert code == ExitCode.CONFIG
    assert "TEST.csv does not exist; --replay-ticks takes a CSV" in sentence
    assert not (tmp_path / "logs").exists() or not sessions(tmp_path)


def test_a_tape_for_strategies_that_trade_something_else(tmp_path: Path) -> None:
    config = write_config(tmp_path / "test.toml", strategies=TREND_BTC)
    tape = write_tape(tmp_path / "TEST-2013-10-10.csv", tape_rows(10))
    done = real("run", "--config", config, "--replay-ticks", tape, cwd=tmp_path)
    assert done.code == ExitCode.CONFIG
    assert 'strategies name a tape\'s symbols by symbols = "tape"' in done.sentence


def test_the_venue_that_stands_alone_and_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    venue = f"""start_simulator = false
rest_url = "http://127.0.0.1:{port}"
ws_api_url = "ws://127.0.0.1:{port}/ws-api/v3"
stream_url = "ws://127.0.0.1:{port}"
"""
    done = real("run", "--config", write_config(tmp_path / "t.toml", venue=venue, strategies=TREND_BTC), cwd=tmp_path)
    assert done.code == ExitCode.ERROR
    assert done.sentence.endswith("`bulkhead simulator` starts ours")
    assert not sessions(tmp_path)


def test_a_file_that_is_no_tape(tmp_path: Path) -> None:
    tape = tmp_path / "TEST.csv"
    tape.write_text("a,b\n1,2\n", encoding="utf-8")
    code, _, sentence = play(tmp_path, tape)
    assert code == ExitCode.CONFIG
    assert f"TEST.csv: line 1 must be the header {HEADER}" in sentence
    assert not sessions(tmp_path)
    assert not (tmp_path / "logs" / "ledger.db").exists()


def test_a_replay_that_cannot_begin_leaves_the_last_ledger_and_its_stop_reasons_alone(tmp_path: Path) -> None:
    """`fresh_ledger` puts the last ledger aside; nothing is put aside before everything has been checked."""
    ledger, latched = tmp_path / "logs" / "ledger.db", tmp_path / "logs" / "stop" / "risk.json"
    latched.parent.mkdir(parents=True)
    SqliteLedger(ledger).close()
    before = ledger.read_bytes()
    latched.write_text("{}", encoding="utf-8")
    tape = tmp_path / "TEST.csv"
    tape.write_text("a,b\n1,2\n", encoding="utf-8")
    config = write_config(tmp_path / "test.toml", session="fresh_ledger = true", strategies=TREND)
    assert real("run", "--config", config, "--replay-ticks", tape, cwd=tmp_path).code == ExitCode.CONFIG
    assert ledger.read_bytes() == before
    assert latched.exists()
    assert not list(ledger.parent.glob("*.previous*"))


def test_a_bad_row_is_counted_and_named(tmp_path: Path) -> None:
    rows = tape_rows(300)
    rows[199] = "one,two"
    code, out, _ = play(tmp_path, write_tape(tmp_path / "TEST.csv", rows))
    assert code == ExitCode.OK
    assert "300 rows" in out
    assert "bad rows 1" in out
    assert "line 201 is left out: 2 fields instead of 10" in out


def test_too_many_bad_rows_stop_the_run_in_order(tmp_path: Path) -> None:
    rows = tape_rows(400)
    for place in range(200, 400, 2):
        rows[place] = "one,two"
    code, _, sentence = play(tmp_path, write_tape(tmp_path / "TEST.csv", rows))
    assert code == ExitCode.ERROR
    assert (
        "line 206: 2 fields instead of 10; 3 of 205 rows are malformed, more than the 1% that are tolerated" in sentence
    )
    (session,) = sessions(tmp_path)
    metadata = json.loads((session / "ops_metadata.json").read_bytes())
    assert "rows are malformed" in metadata["stop_reason"], "the session has an end, and it says why"
    assert real("verify", cwd=tmp_path).code == ExitCode.OK


# -- the venue --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with in_thread(SimulatorSettings(events_per_s=0)) as simulator:
        yield simulator.port


@pytest.mark.parametrize(
    ("key", "secret", "said"),
    [
        (DEMO_API_KEY, "wrong", "Signature for this request is not valid"),
        ("A" * 64, DEMO_API_SECRET, "Invalid API-key"),
    ],
)
@pytest.mark.code("BROKER_REJECTED")
@pytest.mark.req("P-01")
def test_a_wrong_key_or_signature(tmp_path: Path, port: int, key: str, secret: str, said: str) -> None:
    venue = f"""
start_simulator = false
rest_url = "http://127.0.0.1:{port}"
ws_api_url = "ws://127.0.0.1:{port}/ws-api/v3"
stream_url = "ws://127.0.0.1:{port}"
api_key_env = "TEST_KEY"
api_secret_env = "TEST_SECRET"
"""
    config = write_config(tmp_path / "test.toml", venue=venue, strategies=TREND_BTC, currency="USDT")
    done = real("run", "--config", config, cwd=tmp_path, TEST_KEY=key, TEST_SECRET=secret)
    assert done.code == ExitCode.CONFIG
    assert said in done.sentence
    assert "check venue.api_key_env and api_secret_env [BROKER_REJECTED]" in done.sentence
    assert key not in done.out + done.err
    assert secret not in done.out + done.err
    assert not sessions(tmp_path)
    assert not (tmp_path / "logs" / "ledger.db").exists()

    asked = real("doctor", "--config", config, cwd=tmp_path, TEST_KEY=key, TEST_SECRET=secret)
    assert asked.code == ExitCode.VERDICT_FAILED
    assert said in asked.out


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        done = real("simulator", "--port", str(number), cwd=tmp_path)
    assert done.code == ExitCode.ERROR
    assert f"port {number} on 127.0.0.1 is already in use; choose another port" in done.sentence


# -- the disk ---------------------------------------------------------------------------------------------------------


def test_a_ledger_of_a_newer_version(tmp_path: Path) -> None:
    ledger = tmp_path / "logs" / "ledger.db"
    ledger.parent.mkdir()
    SqliteLedger(ledger).close()
    with sqlite3.connect(ledger) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = ledger.read_bytes()
    config = write_config(tmp_path / "test.toml", strategies=TREND_BTC, currency="USDT")

    done = real("run", "--config", config, "--for", "1", cwd=tmp_path)
    assert done.code == ExitCode.CONFIG
    assert "schema revision 9999" in done.sentence
    assert "install the version that wrote it" in done.sentence
    assert ledger.read_bytes() == before
    assert not sessions(tmp_path)

    asked = real("doctor", "--config", config, cwd=tmp_path)
    assert asked.code == ExitCode.VERDICT_FAILED
    assert "schema revision 9999" in asked.out


def test_a_log_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Below a regular file, since rights do not bind root."""
    (tmp_path / "logs").write_text("not a folder", encoding="utf-8")
    config = write_config(tmp_path / "test.toml", strategies=TREND)
    done = real(
        "run", "--config", config, "--replay-ticks", write_tape(tmp_path / "TEST.csv", tape_rows(9)), cwd=tmp_path
    )
    assert done.code == ExitCode.CONFIG
    assert "the folder logs cannot be made" in done.sentence
    assert (tmp_path / "logs").read_text(encoding="utf-8") == "not a folder"

    asked = real("doctor", "--config", config, cwd=tmp_path)
    assert asked.code == ExitCode.VERDICT_FAILED
    assert "logs cannot be written" in asked.out
