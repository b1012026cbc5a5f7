"""An operator stops a live run from the command line alone, it sells what it holds, and is let go on."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from messages.values import StopLevel
from supervisor.latch import StopLatch
from tests.process.kit import BULKHEAD, Ledger, Run, agree, ladder, running, simulator, until, write_config

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]
MANY = tuple(f"{base}USDT" for base in ("BTC", "ETH", "BNB", "SOL"))
NO_LIMITS: dict[str, object] = {
    **dict.fromkeys(("max_consecutive_losses", "max_daily_loss", "max_drawdown", "max_trades_per_day"), 1_000_000),
    "cooldown_s": 0,
    "max_slippage_bps_p95": 10_000,
}


def bulkhead(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    given = [str(BULKHEAD), *arguments, "--config", str(config), "--reason", "a test", "--json"]
    return subprocess.run(given, capture_output=True, text=True, timeout=60, check=False)


def reasons(run: Run) -> set[str]:
    return {reason["reason_id"] for reason in (run.status() or {"reasons": ()})["reasons"]}


def records(run: Run, kind: str) -> list[dict[str, Any]]:
    return [line["payload"] for line in run.lines("risk_events") if line["type"] == kind]


@pytest.mark.lesson("L22")
@pytest.mark.req("P-09", "S-07", "S-09", "S-17")
def test_a_kill_stops_a_live_run_that_sells_off_survives_a_power_cut_and_resumes(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "logs" / "ledger.db")
    with simulator(tmp_path) as venue:
        config = write_config(
            tmp_path,
            venue.port,
            strategies=ladder(*MANY, below_bps="0.2"),
            risk=NO_LIMITS,
            stops={"reduce_share_per_min": 1},
        )
        with running(config) as run:
            run.until_trading()
            until(lambda: venue.executions() >= 2, "something is held")
            until(lambda: len(venue.books()["open_orders"]) >= 3, "orders rest at the venue")
            killed = bulkhead(config, "kill", "--level", "MEDIUM")
            assert killed.returncode == 0, killed.stderr
            (seen,) = json.loads(killed.stdout)["seen"].values()
            assert seen["orders"]
            assert {order["state"] for order in seen["orders"]} <= {"cancelled", "filled"}
            until(lambda: records(run, "ReductionRecorded"), "it is being sold")
            run.kill()
        with running(config) as again:
            until(lambda: (again.status() or {}).get("state") == "trading", "recovered")
            assert "kill:MEDIUM:all" in reasons(again)
            until(lambda: [r for r in records(again, "ReductionRecorded") if r["is_over"]], "flat, or dust", 150)
            opened = bulkhead(config, "resume", "--id", "kill:MEDIUM:all")
            assert opened.returncode == 0, opened.stderr
            assert json.loads(opened.stdout)["lifted"] == ["kill:MEDIUM:all"]
            before = venue.executions()
            until(lambda: "kill:MEDIUM:all" not in reasons(again), "it is lifted")
            until(lambda: venue.executions() > before, "it trades again", 60)
            again.end()
        acts = [action for (action,) in ledger.rows("select action from operator_actions")]
        assert {"kill --level MEDIUM --scope all", "resume kill:MEDIUM:all"} <= set(acts)
        agree(venue, ledger)
    assert StopLatch(tmp_path / "logs" / "stop").load(0) == ()


@pytest.mark.lesson("L22")
@pytest.mark.req("P-09", "S-09")
def test_a_kill_is_latched_while_no_thread_of_the_run_moves_and_holds_when_they_do(tmp_path: Path) -> None:
    with simulator(tmp_path) as venue:
        config = write_config(tmp_path, venue.port, strategies=ladder(*MANY, below_bps="-5"), risk=NO_LIMITS)
        with running(config) as run:
            run.until_trading()
            until(lambda: venue.executions() >= 1, "it trades")
            os.kill(run.process.pid, signal.SIGSTOP)
            killed = bulkhead(config, "kill", "--level", "SOFT", "--timeout", "0.5")
            assert killed.returncode == 5, killed.stdout
            assert "has not said" in killed.stderr
            (latched,) = StopLatch(tmp_path / "logs" / "stop").load(0)
            assert latched.level is StopLevel.SOFT
            os.kill(run.process.pid, signal.SIGCONT)
            seen = tmp_path / "logs" / "stop" / "seen"
            until(lambda: seen.is_dir() and list(seen.iterdir()), "it has seen it")
            run.end()
        rows = Ledger(tmp_path / "logs" / "ledger.db").rows("select created_ns, intent_type from orders")
        (said,) = (json.loads(path.read_text()) for path in seen.iterdir() if not path.name.startswith("."))
        assert not [kind for created_ns, kind in rows if kind == "ENTRY" and created_ns > said["seen_ns"]]
