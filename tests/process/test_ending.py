"""How a run ends: what becomes of working orders is a setting; what an operator does to one actor is on record."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bulkhead.app.audit import record
from bulkhead.ledger import audit_file
from tests.process.kit import BULKHEAD, ROOT, Ledger, Run, agree, ladder, running, simulator, until, write_config

pytestmark = pytest.mark.process


@pytest.mark.parametrize(("on_stop", "left"), [("cancel_entries", 0), ("keep", 1)])
def test_working_entries_are_cancelled_or_kept_as_configured(tmp_path: Path, on_stop: str, left: int) -> None:
    with simulator(tmp_path) as venue:
        far = ladder(below_bps="150", patience_s=600.0)  # rests where nothing fills it
        config = write_config(tmp_path, venue.port, strategies=far, session={"on_stop": on_stop})
        with running(config) as run:
            run.until_trading()
            until(lambda: venue.books()["open_orders"], "an order rests")
            venue.fault(halt_market=True)
            run.end()
        assert len(venue.books()["open_orders"]) == left
        agree(venue, Ledger(tmp_path / "logs" / "ledger.db"))


def bulkhead(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BULKHEAD), *arguments], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
    )


def state_of(run: Run) -> str | None:
    report = run.status()
    return None if report is None else next(n["state"] for n in report["tree"] if n["id"] == "strategy:ladder")


def acts_of(run: Run) -> list[dict[str, Any]]:
    return [line["payload"] for line in run.lines("ops") if line["type"] == "OperatorActed"]


@pytest.mark.req("S-17")
@pytest.mark.lesson("L36")
def test_an_operator_stops_a_strategy_and_starts_it_again(tmp_path: Path) -> None:
    with simulator(tmp_path) as venue:
        config = write_config(tmp_path, venue.port, strategies=ladder(below_bps="150", patience_s=600.0))
        with running(config) as run:
            run.until_trading()
            until(lambda: venue.books()["open_orders"], "an order rests")
            place = ("--logs-dir", str(run.folder), "--operator", "mina")
            stopped = bulkhead("stop", "strategy:ladder", "--reason", "too keen", *place)
            assert (stopped.returncode, stopped.stdout) == (0, "strategy:ladder: stopped\n"), stopped.stderr
            until(lambda: not venue.books()["open_orders"], "its entry is cancelled")
            until(lambda: state_of(run) == "stopped", "the status shows it")
            assert run.until_trading()["gate_open"], "the others go on"
            started = bulkhead("restart", "strategy:ladder", "--reason", "calmer now", *place, "--json")
            assert started.returncode == 0, started.stderr
            assert json.loads(started.stdout)["outcome"] == "done"
            until(lambda: venue.books()["open_orders"], "it trades again")
            again = bulkhead("restart", "strategy:ladder", "--reason", "calmer now", *place)
            assert again.returncode == 1
            assert "it is up already" in again.stderr
            nobody = bulkhead("stop", "strategy:nobody", "--reason", "x", *place)
            assert nobody.returncode == 2
            assert "strategy:ladder" in nobody.stderr
            audit = audit_file.path_in(run.folder)
            record(audit, {"action": "kill", "operator": "ada", "reason": "by another process"})
            until(lambda: len(acts_of(run)) == 4, "the live run takes it into its ledger")
            venue.fault(halt_market=True)
            run.end()
        agree(venue, Ledger(tmp_path / "logs" / "ledger.db"))
        acts = acts_of(run)
    assert [(act["operator"], act["action"]) for act in acts] == [
        ("mina", "stop strategy:ladder"),
        ("mina", "restart strategy:ladder"),
        ("mina", "restart strategy:ladder"),
        ("ada", "kill"),
    ], "also what was asked in vain"
    lines = audit_file.check(audit).lines
    assert [act["audit_id"] for act in acts] == [line.hash for line in lines], "each stood in the audit file first"
    assert {line.fields.get("session") for line in lines[:3]} == {run.session_dir.name}
    assert bulkhead("verify", "--logs-dir", str(run.folder)).returncode == 0
    audit.write_bytes(b"".join(audit.read_bytes().splitlines(keepends=True)[:2]))
    cut = bulkhead("verify", "--logs-dir", str(run.folder))
    assert (cut.returncode, "2 acts of this session that are not there" in cut.stdout) == (6, True), cut.stdout
    ended = bulkhead("restart", "strategy:ladder", "--reason", "x", "--logs-dir", str(run.folder))
    assert ended.returncode == 3
