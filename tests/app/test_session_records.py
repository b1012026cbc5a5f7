"""What a session itself writes: that it began and ended, with which settings, and under which lease."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from bulkhead.app.session import begin_anew
from bulkhead.app.settings import SessionSettings, check_settings
from bulkhead.app.sinks import snapshot_config
from bulkhead.ledger.sqlite import LedgerReader
from messages.failure import StopReason
from messages.records import Stream
from messages.values import StopLevel
from supervisor.latch import StopLatch
from tests.app.kit import COMMAND, TREND_BTC, real, write_config


def events_of(ledger: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """Session, type and payload of each event of the session itself."""
    reader = LedgerReader(ledger)
    try:
        return [(e.session_id, e.type, json.loads(e.payload)) for e in reader.events(0, (Stream.OPS,))]
    finally:
        reader.close()


def rows(ledger: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.mark.req("S-05")
def test_a_session_begins_with_its_lease_and_settings_and_gives_the_lease_back(project: Path) -> None:
    ledger = project / "logs" / "ledger.db"
    events = events_of(ledger)
    assert [name for _, name, _ in events] == [
        *("SessionStarted", "LeaseTaken", "ConfigSnapshotRecorded", "InstrumentsRecorded"),
        *("LeaseReleased", "SessionStopped"),
    ]
    started, lease, config, rules, released, _ = (payload for _, _, payload in events)
    assert started["config_snapshot_id"] == config["config_snapshot_id"]
    content = json.loads(config["content"])
    assert content["session"]["ledger_file"] == "logs/ledger.db"
    assert content["strategies"][0]["parameters"]["fast_s"] == 2.0
    assert (lease["epoch"], released["epoch"]) == (1, 1)
    named = rows(ledger, "SELECT DISTINCT instruments_version FROM orders")
    assert named == rows(ledger, "SELECT version FROM instruments") == [(rules["version"],)]
    ((epoch, released_ns),) = rows(ledger, "SELECT epoch, released_ns FROM leases")
    assert epoch == 1
    assert released_ns is not None


@pytest.mark.req("S-05")
@pytest.mark.process
def test_a_start_with_other_settings_says_what_changed_and_records_it(project: Path) -> None:
    config = project / "test.toml"
    config.write_text(config.read_text(encoding="utf-8").replace("warm_up_s = 5.0", "warm_up_s = 6.0"))
    done = real("run", "--config", config, "--replay-ticks", project / "TEST-2013-10-10.csv", cwd=project)
    assert done.code == 0, done.err
    changed = "strategies.trend.parameters.warm_up_s: 5.0 -> 6.0"
    first, second = (
        payload["changes"] for _, name, payload in events_of(project / "logs" / "ledger.db") if "Config" in name
    )
    assert (first, second) == ([], [changed])
    session = project / "logs" / "sessions" / (project / "logs" / "sessions" / "CURRENT").read_text().strip()
    assert f"changed since the last session on this ledger: {changed}" in (session / "app.log").read_text()


@pytest.mark.process
def test_the_lease_rises_with_each_start_also_after_a_kill(tmp_path: Path) -> None:
    config = write_config(tmp_path / "test.toml", strategies=TREND_BTC, currency="USDT")
    ledger = tmp_path / "logs" / "ledger.db"
    with subprocess.Popen(
        [COMMAND, "run", "--config", config], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until and not _has_lease(ledger):
                time.sleep(0.1)
        finally:
            os.kill(run.pid, signal.SIGKILL)
    ((_, pid, released_ns),) = _leases(ledger)
    assert (pid, released_ns) == (str(run.pid), None)
    assert real("run", "--config", config, "--for", "1", cwd=tmp_path).code == 0
    ((epoch, again, released_ns),) = _leases(ledger)
    assert epoch == 2
    assert again != pid
    assert released_ns is not None
    assert len(rows(ledger, "SELECT * FROM config_snapshots")) == 1, "the same settings are kept once"
    taken = [payload["epoch"] for _, name, payload in events_of(ledger) if name == "LeaseTaken"]
    assert taken == [1, 2]
    assert real("rebuild", cwd=tmp_path).code == 0


def _leases(ledger: Path) -> list[tuple[int, str, int | None]]:
    found = rows(ledger, "SELECT epoch, owner, released_ns FROM leases")
    return [(epoch, owner.rpartition(":")[2], released_ns) for epoch, owner, released_ns in found]


def _has_lease(ledger: Path) -> bool:
    try:
        return bool(rows(ledger, "SELECT * FROM leases"))
    except sqlite3.Error:
        return False


@pytest.mark.req("S-16")
def test_the_recorded_settings_hold_no_secret(tmp_path: Path) -> None:
    parameters = {"service_token": "hunter3", "nested": {"password": "hunter4"}, "hosts": ["http://me:hunter5@host"]}
    venue = {
        "start_simulator": False,
        "rest_url": "http://me:hunter2@127.0.0.1:1",
        "ws_api_url": "ws://127.0.0.1:1/ws-api/v3",
        "stream_url": "ws://127.0.0.1:1",
        "api_key_env": "TEST_KEY",
        "api_secret_env": "TEST_SECRET",
    }
    strategy = {
        "id": "x",
        "use": "a:B",
        "symbols": ["BTCUSDT"],
        "sizing": {"kind": "fixed_notional", "notional": "1000"},
        "parameters": parameters,
    }
    settings = check_settings({"venue": venue, "strategies": [strategy]}, "test")
    made = snapshot_config(settings, tmp_path, "now", "0.1", "test")
    written = (tmp_path / "audit" / f"config_{made.snapshot_id}.json").read_text(encoding="utf-8")
    for text in (made.content, written):
        assert "hunter" not in text
        assert "TEST_SECRET" in text, "the name of the variable is no secret"
    assert json.loads(written)["values"] == json.loads(made.content)


@pytest.mark.lesson("L22")
def test_a_fresh_ledger_forgets_the_stops_before_it_and_no_kill_of_its_own_start(tmp_path: Path) -> None:
    settings = SessionSettings(ledger_file=tmp_path / "ledger.db", stop_dir=tmp_path / "stop", fresh_ledger=True)
    latch, begins_ns = StopLatch(settings.stop_dir), time.time_ns()
    for name, at_ns in (("risk:x", begins_ns - 10**9), ("kill:HARD:all", begins_ns + 10**9)):
        latch.write(StopReason(reason_id=name, level=StopLevel.HARD, cause="a test", since_ns=at_ns))
        os.utime(latch.path_of(name), ns=(at_ns, at_ns))
    begin_anew(settings, begins_ns)
    assert [each.reason_id for each in latch.load(0)] == ["kill:HARD:all"]
