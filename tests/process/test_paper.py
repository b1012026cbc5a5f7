"""TEST-710 to TEST-714 over the real wire: real processes, real sockets, a real ledger."""

import json
import os
import signal
from pathlib import Path

import pytest

from bulkhead.app.live_run import Table
from tests.process.kit import Ledger, Run, agree, ladder, running, simulator, until, write_config

pytestmark = pytest.mark.process

MANY = tuple(f"{base}USDT" for base in ("BTC", "ETH", "BNB", "SOL", "LINK", "AVAX", "LTC", "ETC", "AAVE"))
"""Enough markets that some resting order fills whichever way the others move."""


@pytest.mark.req("P-01", "P-03", "P-04", "P-05", "P-06", "P-07", "P-10", "P-11", "P-17", "TEST-710")
def test_710_paper_end_to_end(tmp_path: Path) -> None:
    """Decision, order, fill, portfolio, files: and the venue's books say the same."""
    with simulator(tmp_path) as venue:
        config = write_config(tmp_path, venue.port, strategies=ladder(below_bps="-5"))
        with running(config) as run:
            run.until_trading()
            until(lambda: venue.executions() >= 4, "four fills")
            venue.fault(halt_market=True)
            output = run.end()
        agree(venue, Ledger(tmp_path / "logs" / "ledger.db"))
    assert "Round trips" in output
    files = {path.name for path in run.session_dir.iterdir()}
    assert {"ops_metadata.json", "obs_decisions.jsonl", "obs_orders_fills.jsonl", "obs_trades.jsonl"} <= files
    assert {"risk_events.jsonl", "failures.jsonl", "portfolio.jsonl", "kpi.json", "summary.md", "inputs"} <= files
    decisions = [line for line in run.lines("obs_decisions") if line["type"] == "DecisionMade"]
    assert {line["payload"]["decision"]["action"] for line in decisions} >= {"ENTER", "EXIT"}
    assert not run.lines("failures")


@pytest.mark.code("LIVE_GUARD_NOT_ENABLED")
@pytest.mark.req("P-12", "TEST-711")
def test_711_live_without_the_guard_is_refused(tmp_path: Path) -> None:
    with simulator(tmp_path) as venue:
        config = write_config(tmp_path, venue.port, session={"mode": "live"}, risk={"enabled": False})
        run = Run(config)
        output = run.output()
    assert run.process.returncode == 4
    assert "LIVE_GUARD_NOT_ENABLED" in output
    assert not (tmp_path / "logs").exists()


@pytest.mark.req("P-13", "TEST-712", "X-10")
@pytest.mark.lesson("L01")
def test_712_a_lost_answer_makes_no_second_order(tmp_path: Path) -> None:
    """The venue accepts and the answer is lost: UNKNOWN, asked about, resolved; never sent again."""
    with simulator(tmp_path) as venue:
        # An order that went again later may find the market gone by: it is repriced within the test's patience.
        work: Table = {"fill_timeout_s": 4.0}
        config = write_config(tmp_path, venue.port, strategies=ladder(below_bps="-5"), execution=work)
        with running(config) as run:
            run.until_trading()
            ledger = Ledger(tmp_path / "logs" / "ledger.db")
            venue.fault(lose_order_replies=3)
            until(lambda: venue.faults()["lose_order_replies"] == 0, "three orders were taken and not answered")
            venue.fault(order_status=503, accept=False, count=2)
            until(lambda: venue.faults()["order_status_count"] == 0, "two were answered by 503 and not taken")
            unknown = 'select count(*) from events where payload like \'%"change":"unknown"%\''
            assert until(lambda: ledger.rows(unknown)[0][0] >= 2, "they became unknown")
            until(lambda: not ledger.rows("select 1 from orders where status = 'ERROR'"), "and were resolved")
            before = venue.executions()
            until(lambda: venue.executions() >= before + 2, "trading goes on")
            venue.fault(halt_market=True)
            run.end()
        agree(venue, ledger)


@pytest.mark.req("P-15", "P-16", "TEST-713", "X-07", "X-08")
@pytest.mark.lesson("L06", "L09", "L13")
def test_713_network_failure_and_restart(tmp_path: Path) -> None:
    """Every socket is cut and none accepted for a while, and the run is killed in it. The next one recovers first."""
    with simulator(tmp_path) as venue:
        config = write_config(tmp_path, venue.port, strategies=ladder(*MANY, below_bps="0.2"))
        with running(config) as run:
            run.until_trading()
            until(lambda: venue.executions() >= 2, "two fills")
            venue.fault(refuse_connections_s=2.0)
            until(lambda: not (run.status() or {"gate_open": True})["gate_open"], "the gate shuts")
            run.kill()
        until(venue.answers, "the network is back")
        with running(config) as again:
            again.until_trading()
            before = venue.executions()
            until(lambda: venue.executions() >= before + 2, "trading goes on")
            venue.fault(halt_market=True)
            again.end()
        agree(venue, Ledger(tmp_path / "logs" / "ledger.db"))


@pytest.mark.req("P-15", "P-16", "TEST-713")
@pytest.mark.lesson("L09", "L27", "L32", "L33")
def test_kill_9_loses_no_fill_and_doubles_no_order(tmp_path: Path) -> None:
    """Power goes out while an order rests at the venue; it fills; the next run takes that over before anything else."""
    ledger = Ledger(tmp_path / "logs" / "ledger.db")
    with simulator(tmp_path) as venue:
        config = write_config(tmp_path, venue.port, strategies=ladder(*MANY, below_bps="0.2"))
        with running(config) as run:
            run.until_trading()
            until(lambda: venue.executions() >= 1, "a first fill")
            until(lambda: len(venue.books()["open_orders"]) >= 5, "orders rest at the venue")
            run.kill()
        known = len(ledger.fill_ids())
        until(lambda: venue.executions() > known, "a fill while nobody listens", patience_s=90)
        with running(config) as again:
            again.until_trading()
            taken_over = [line for line in again.lines("obs_orders_fills") if line["type"] == "FillRecorded"]
            first_order = [
                line for line in again.lines("obs_orders_fills")
                if line["type"] == "OrderRecorded" and line["payload"]["change"] == "created"
            ]  # fmt: skip
            started_ns = json.loads((again.session_dir / "ops_metadata.json").read_text())["started_ns"]
            recovered = [line for line in taken_over if line["payload"]["fill"]["executed_ns"] < started_ns]
            assert {line["payload"]["source"] for line in recovered} == {"snapshot"}
            assert all(line["seq"] > recovered[-1]["seq"] for line in first_order)
            venue.fault(halt_market=True)
            again.end()
        agree(venue, ledger)


@pytest.mark.code("RISK_GUARD_TRIPPED")
@pytest.mark.req("P-08", "P-09", "S-07", "TEST-714")
@pytest.mark.lesson("L22")
def test_714_a_trip_stops_entries_and_says_why(tmp_path: Path) -> None:
    """After the trip no entry reaches the venue, what rested is cancelled, and the next start stays shut."""
    with simulator(tmp_path) as venue:
        risk = {"currency": "USDT", "max_daily_loss": 0.2, "max_drawdown": 1000, "max_order_notional": 5000}
        config = write_config(tmp_path, venue.port, strategies=ladder(below_bps="-5"), risk=risk)
        with running(config) as run:
            until(run.status, "the run has begun")
            until(lambda: [x for x in run.lines("risk_events") if x["type"] == "RiskTripRecorded"], "the trip", 60)
            trip = next(line for line in run.lines("risk_events") if line["type"] == "RiskTripRecorded")
            run.end()
        payload = trip["payload"]["trip"]
        assert (payload["code"], payload["limit_name"]) == ("RISK_GUARD_TRIPPED", "max_daily_loss")
        assert payload["portfolio"]["equity"]
        created = [
            line for line in run.lines("obs_orders_fills")
            if line["type"] == "OrderRecorded" and line["payload"]["change"] == "created" and line["seq"] > trip["seq"]
        ]  # fmt: skip
        assert all(line["payload"]["order"]["ticket"]["intent_type"] != "ENTRY" for line in created)
        assert not venue.books()["open_orders"]
        orders_before = len(venue.orders_by_id())
        with running(config) as again:
            until(lambda: (again.status() or {}).get("state") == "trading", "recovered")
            report = again.status()
            assert report is not None
            assert not report["gate_open"]
            assert "risk:max_daily_loss" in {reason["reason_id"] for reason in report["reasons"]}
            again.end()
        assert len(venue.orders_by_id()) - orders_before <= 1, "at most the exit of what was held"


def test_sigterm_ends_in_order_and_sigint_twice_at_once(tmp_path: Path) -> None:
    with simulator(tmp_path) as venue:
        config = write_config(tmp_path, venue.port)
        with running(config) as run:
            run.until_trading()
            os.kill(run.process.pid, signal.SIGINT)
            output = run.output()
        assert run.process.returncode == 0
        assert "SIGINT" in output
        assert not [order for order in venue.books()["open_orders"] if order["side"] == "BUY"], "exits are kept"


def test_ctrl_c_in_a_terminal_does_not_take_the_venue_before_the_run(tmp_path: Path) -> None:
    """A terminal signals the whole process group; the simulator that the run started must outlive its last cancels."""
    logs = tmp_path / "logs"
    config = write_config(
        tmp_path, None, venue={"start_simulator": True}, simulator={"books_file": str(logs / "venue.db")}
    )
    with running(config, own_group=True) as run:
        run.until_trading()
        os.killpg(run.process.pid, signal.SIGINT)
        output = run.output()
    assert run.process.returncode == 0, output
    report = json.loads((run.session_dir / "status.json").read_text())
    assert [reason["reason_id"] for reason in report["reasons"]] == ["session:stopping"]
    assert not list((logs / "stop").glob("*.json"))
