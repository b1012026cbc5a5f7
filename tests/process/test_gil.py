"""A strategy on a thread of the run that holds the interpreter's lock in C: nothing of the run moves, but the guard.

Such a strategy belongs in a process of its own, where it is killed alone (test_compartments.py).
"""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.process.kit import BULKHEAD, ROOT, Ledger, agree, simulator, until, write_config
from tests.process.town import WIDE_LIMITS, children, end_all, is_there, misbehave, strategies

pytestmark = pytest.mark.process

WATCHDOG_S = 6
RESTART_DEADLINE_S = 60.0


class Guarded:
    """`bulkhead run --guard`, and the run that it guards at present."""

    def __init__(self, config: Path) -> None:
        self.logs = config.parent / "logs"
        command = [str(BULKHEAD), "run", "--guard", "--watchdog", str(WATCHDOG_S), "--config", str(config)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env={**os.environ}
        )
        self.pids: list[int] = []

    def report(self) -> dict[str, Any] | None:
        try:
            session = (self.logs / "sessions" / "CURRENT").read_text().strip()
            found: dict[str, Any] = json.loads((self.logs / "sessions" / session / "status.json").read_bytes())
        except (OSError, ValueError):
            return None
        return found

    def until_trading(self) -> dict[str, Any]:
        """Once a run that was not seen yet trades behind an open gate."""

        def look() -> dict[str, Any] | None:
            assert self.process.poll() is None, self.process.communicate()[0]
            report = self.report()
            is_it = report and report["pid"] not in self.pids and report["state"] == "trading" and report["gate_open"]
            return report if is_it else None

        found: dict[str, Any] = until(look, "the run is trading", RESTART_DEADLINE_S)
        self.pids.append(found["pid"])
        return found

    def journal(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.logs / "guard.jsonl").read_text().splitlines()]

    def close(self) -> None:
        """Whatever is left of it."""
        if self.process.poll() is None:
            self.process.kill()
        end_all(self.pids)
        self.process.communicate()


@pytest.mark.lesson("L20", "L30", "L33")
def test_a_thread_that_holds_the_interpreter_in_c_is_ended_with_its_run_which_comes_back(tmp_path: Path) -> None:
    """The guard hears no sign of life, kills the run and starts it again; it recovers from the ledger, and trades."""
    told = tmp_path / "told"
    risk = {"currency": "USDT", **WIDE_LIMITS}
    onto_a_thread = strategies(told, host="thread")
    with simulator(tmp_path) as venue:
        guarded = Guarded(write_config(tmp_path, venue.port, strategies=onto_a_thread, risk=risk))
        try:
            first = guarded.until_trading()
            until(lambda: venue.executions() >= 2, "two fills")
            assert (family := children(first["pid"])), "the sound strategy has a process of its own"
            began = time.monotonic()
            misbehave(told, "gil")
            until(lambda: not told.exists(), "it has taken the word")
            second = guarded.until_trading()
            took_s = time.monotonic() - began
            assert second["session_id"] != first["session_id"]
            assert not any(map(is_there, (guarded.pids[0], *family))), "nothing of the first run is left"
            executions = venue.executions()
            until(lambda: venue.executions() >= executions + 2, "it trades on")
            until(lambda: [line["event"] for line in guarded.journal()].count("ready") == 2, "it has said so")
            venue.fault(halt_market=True)
            guarded.process.send_signal(signal.SIGTERM)
            output = guarded.process.communicate(timeout=80)[0]
        finally:
            guarded.close()
        agree(venue, Ledger(tmp_path / "logs" / "ledger.db"))
    assert guarded.process.returncode == 0, output
    events = [line["event"] for line in guarded.journal()]
    assert events == ["started", "ready", "killed", "ended", "restarting", "started", "ready", "ended"]
    killed = guarded.journal()[2]
    assert (killed["cause"], killed["pid"]) == (f"no sign of life for {WATCHDOG_S} s", guarded.pids[0])
    assert "in hold_the_interpreter" in output, "where it hung, from a process that ran no Python any more"
    print(f"\nfrom the hang until the next run trades: {took_s:.1f} s, with a watchdog of {WATCHDOG_S} s")
