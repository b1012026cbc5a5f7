"""A real run at a venue that refuses every request for a while: it is reported, shown, and over by itself."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulkhead.ledger.sqlite import LedgerReader
from messages.records import Stream
from tests.app.kit import COMMAND, TREND_BTC, real, write_config
from tests.failure_modes import on_record
from tests.venues.adapters.kit import set_faults, simulator

pytestmark = pytest.mark.process
REASON = "rate_limit:venue:sim"


def status(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(real("status", "--json", cwd=folder).out)
    return found


def reasons(folder: Path) -> set[str]:
    report = status(folder).get("report") or {}
    return {reason["reason_id"] for reason in report.get("reasons", ())}


def wait_for(what: Callable[[], bool], patience_s: float = 60.0) -> None:
    until = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.3)


def failures(ledger: Path) -> list[tuple[str, bool]]:
    reader = LedgerReader(ledger)
    try:
        events = [json.loads(event.payload) for event in reader.events(0, (Stream.FAILURES,))]
    finally:
        reader.close()
    found = [event["failure"] for event in events if event["type"] == "FailureRecorded"]
    return [(failure["mode"], failure["recovered"]) for failure in found]


@pytest.mark.failure_mode("RATE_LIMIT")
@pytest.mark.req("S-13")
def test_a_used_up_limit_is_reported_shown_and_over_by_itself(tmp_path: Path, reported: set[str]) -> None:
    with simulator("--events-per-s", "50", "--symbols", "BTCUSDT") as port:
        venue = f"""
start_simulator = false
rest_url = "http://127.0.0.1:{port}"
ws_api_url = "ws://127.0.0.1:{port}/ws-api/v3"
stream_url = "ws://127.0.0.1:{port}"
rates = {{ question_wait_s = 1.5, order_wait_s = 0.5 }}
"""
        execution = "[execution]\nreconcile_interval_s = 1.0\nreconcile_interval_without_stream_s = 1.0\n"
        strategies = f"{execution}{TREND_BTC}"
        config = write_config(tmp_path / "test.toml", venue=venue, strategies=strategies, currency="USDT")
        with subprocess.Popen(
            [COMMAND, "run", "--config", config], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as run:
            try:
                wait_for(lambda: (status(tmp_path).get("report") or {}).get("gate_open") is True)
                set_faults(port, rate_limit_next=100_000)
                wait_for(lambda: REASON in reasons(tmp_path))
                shown = real("status", cwd=tmp_path).out
                assert "the venue" in shown
                assert "requests to the venue" in shown
                set_faults(port, rate_limit_next=0)
                wait_for(lambda: REASON not in reasons(tmp_path))
                rates = status(tmp_path)["report"]["rates"]
                assert {rate["kind"] for rate in rates} >= {"REQUEST_WEIGHT", "ORDERS"}
                assert all(0 <= rate["used"] <= rate["limit"] for rate in rates)
            finally:
                run.terminate()
                run.wait(60)
    reported |= on_record(tmp_path / "logs" / "ledger.db")
    assert failures(tmp_path / "logs" / "ledger.db") == [("rate_limit", False), ("rate_limit", True)]
    recorded = json.loads(real("show-config", "--session", _session(tmp_path), "--json", cwd=tmp_path).out)
    assert recorded["settings"]["venue.rates.question_wait_s"]["value"] == 1.5


def _session(folder: Path) -> str:
    return (folder / "logs" / "sessions" / "CURRENT").read_text(encoding="utf-8").strip()
