"""doctor: each thing that can be wrong is named, with what to do; nothing is changed by looking."""

import json
import sqlite3
from pathlib import Path

import pytest

from bulkhead.app.commands import checks
from bulkhead.app.exit_codes import ExitCode
from bulkhead.ledger import migrate
from bulkhead.ledger.lock import OwnerLock
from bulkhead.venues.simulator.process import in_thread
from bulkhead.venues.simulator.settings import SimulatorSettings
from messages.failure import StopReason
from messages.values import StopLevel
from supervisor.latch import StopLatch
from tests.app.kit import TREND, TREND_BTC, Cli, write_config

CONFIG = ("--config", "test.toml")


def levels(cli: Cli, *arguments: str) -> dict[str, str]:
    answer = json.loads(cli("doctor", *(arguments or CONFIG), "--json").out)
    assert answer["ok"] == all(check["level"] != "fail" for check in answer["checks"])
    assert all(check["advice"] for check in answer["checks"] if check["level"] != "ok")
    return {check["name"]: check["level"] for check in answer["checks"]}


@pytest.mark.req("S-21")
def test_all_is_well(cli: Cli, project: Path) -> None:
    done = cli("doctor", *CONFIG)
    assert done.code == ExitCode.OK
    assert "all is well" in done.out
    assert f"schema {migrate.HEAD}" in done.out
    assert "in use by nobody" in done.out
    assert set(levels(cli).values()) == {"ok"}


def test_looking_changes_nothing(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path / "test.toml", strategies=TREND)
    assert cli("doctor", *CONFIG).code == ExitCode.OK
    assert [path.name for path in tmp_path.iterdir()] == ["test.toml"]


def test_a_bad_configuration_is_a_finding(cli: Cli, tmp_path: Path) -> None:
    done = cli("doctor", "--config", tmp_path / "none.toml")
    assert done.code == ExitCode.VERDICT_FAILED
    assert "none.toml does not exist" in done.out


def test_a_strategy_that_cannot_be_made(cli: Cli, project: Path) -> None:
    (project / "strategies").mkdir()
    code = (
        "from bulkhead import Strategy\nclass Bad(Strategy):\n    def __init__(self, *a): raise OSError('no model')\n"
    )
    (project / "strategies" / "bad.py").write_text(code, encoding="utf-8")
    write_config(project / "test.toml", strategies=TREND.replace("bulkhead.strategy.trend:EmaTrend", "bad.py:Bad"))
    text = (project / "test.toml").read_text(encoding="utf-8").split("[strategies.parameters]")[0]
    (project / "test.toml").write_text(text, encoding="utf-8")
    done = cli("doctor", *CONFIG)
    assert done.code == ExitCode.VERDICT_FAILED
    assert "trend: its __init__ raises OSError: no model" in done.out


def test_a_ledger_in_use_is_no_fault(cli: Cli, project: Path) -> None:
    import os

    lock = OwnerLock(project / "logs" / "ledger.db")
    try:
        done = cli("doctor", *CONFIG)
    finally:
        lock.release()
    assert done.code == ExitCode.OK
    assert f"in use by process {os.getpid()}" in done.out


def test_a_chain_that_someone_has_touched(cli: Cli, project: Path) -> None:
    connection = sqlite3.connect(project / "logs" / "ledger.db")
    with connection:
        connection.execute("UPDATE events SET payload = '{}' WHERE seq = (SELECT max(seq) FROM events)")
    connection.close()
    assert levels(cli)["chain"] == "fail"


def test_a_ledger_that_is_none(cli: Cli, project: Path) -> None:
    (project / "logs" / "ledger.db").write_bytes(b"not a database" * 100)
    assert levels(cli)["ledger"] == "fail"


def test_a_disk_that_is_almost_full(cli: Cli, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "free_bytes", lambda _: checks.FAIL_BELOW_BYTES - 1)
    assert levels(cli)["folders"] == "fail"
    monkeypatch.setattr(checks, "free_bytes", lambda _: checks.FAIL_BELOW_BYTES)
    assert levels(cli)["folders"] == "warn"


def test_what_is_latched(cli: Cli, project: Path) -> None:
    reason = StopReason(reason_id="risk:daily_loss", level=StopLevel.SOFT, cause="lost too much", since_ns=0)
    StopLatch(project / "logs" / "stop").write(reason)
    (project / "logs" / "stop" / "torn.json").write_text("{", encoding="utf-8")
    done = cli("doctor", *CONFIG)
    assert done.code == ExitCode.OK
    assert "lost too much" in done.out
    assert "bulkhead resume --reason" in done.out
    assert "torn.json cannot be read" in done.out
    assert "bulkhead resume --id" in done.out


def write_venue(folder: Path, port: int) -> None:
    venue = f"""
start_simulator = false
rest_url = "http://127.0.0.1:{port}"
ws_api_url = "ws://127.0.0.1:{port}/ws-api/v3"
stream_url = "ws://127.0.0.1:{port}"
"""
    write_config(folder / "test.toml", venue=venue, strategies=TREND_BTC, currency="USDT")


@pytest.mark.process
def test_a_venue_that_answers(cli: Cli, project: Path) -> None:
    with in_thread(SimulatorSettings(events_per_s=0)) as simulator:
        write_venue(project, simulator.port)
        found = levels(cli)
    assert (found["venue"], found["clock"], found["key"]) == ("ok", "ok", "ok")


@pytest.mark.process
def test_a_venue_that_does_not(cli: Cli, project: Path) -> None:
    with in_thread(SimulatorSettings(events_per_s=0)) as simulator:
        write_venue(project, simulator.port)
    done = cli("doctor", *CONFIG)
    assert done.code == ExitCode.VERDICT_FAILED
    assert "cannot be asked" in done.out


@pytest.mark.req("S-16")
def test_a_key_that_is_not_set(cli: Cli, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_KEY", raising=False)
    write_venue(project, 9)
    text = (project / "test.toml").read_text(encoding="utf-8")
    names = 'api_key_env = "TEST_KEY"\napi_secret_env = "TEST_SECRET"\n[risk]'
    (project / "test.toml").write_text(text.replace("[risk]", names), encoding="utf-8")
    done = cli("doctor", *CONFIG)
    assert done.code == ExitCode.VERDICT_FAILED
    assert "no key: set TEST_KEY" in done.out
