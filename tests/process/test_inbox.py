"""The inbox on a real run: senders are processes that know nothing but the sqlite3 module."""

import json
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.process.kit import (
    BULKHEAD,
    LADDER,
    ROOT,
    Ledger,
    Run,
    agree,
    ladder,
    running,
    simulator,
    until,
    write_config,
)

pytestmark = pytest.mark.process

IDLE = (
    f'[[strategies]]\nid = "idle"\nuse = "{LADDER}"\nsymbols = ["BTCUSDT"]\nsizing = {{ notional = "1000" }}\n'
    "[strategies.parameters]\npatience_s = 1e10\n"
)
"""It listens to the market that the senders trade, and leaves it to them."""
INBOX = {"enabled": True, "owners": ["my-model"]}
HELD_BACK = ("GATE_SHUT", "SYMBOL_FROZEN", "MARKET_MISSING", "MARKET_STALE")
"""An entry that comes while an order of the run before is still asked about, or on a machine that is behind."""
INSERT = """
import json, sqlite3, sys
row = json.loads(sys.argv[2])
inbox = sqlite3.connect(sys.argv[1], timeout=5)
with inbox:
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    print(inbox.execute(f"INSERT INTO order_intents ({names}) VALUES ({marks})", list(row.values())).lastrowid)
"""
HOLD = """
import sqlite3, sys
inbox = sqlite3.connect(sys.argv[1], timeout=5, isolation_level=None)
inbox.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


def config_in(folder: Path, port: int) -> Path:
    return write_config(folder, port, strategies=IDLE + ladder("ETHUSDT", below_bps="-5"), inbox=INBOX)


def foreign(program: str, *arguments: str) -> str:
    """What it printed. -S: with no package of ours."""
    command = [sys.executable, "-W", "error", "-S", "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


class Sender:
    """Inserts rows from a process of its own, and reads the answers."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "logs" / "inbox.db"

    def insert(self, action_key: str, **changes: Any) -> int:
        row = {
            "action_key": action_key,
            "strategy_id": "my-model",
            "symbol": "BTCUSDT",
            "side": "BUY",
            "intent_type": "ENTRY",
            "quantity": "0.001",
            **changes,
        }
        return int(foreign(INSERT, str(self.path), json.dumps(row)))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path, timeout=5)) as connection:
            return connection.execute(query).fetchall()

    def is_there(self) -> bool:
        return self.path.exists() and bool(self.rows("SELECT 1 FROM sqlite_master WHERE name = 'order_intents'"))

    def until_answered(self) -> dict[str, tuple[str, str | None, str]]:
        """Status, code and words of the newest row of each action key."""
        until(lambda: not self.rows("SELECT 1 FROM order_intents WHERE status = 'NEW'"), "every row is answered")
        query = "SELECT action_key, status, code, answer FROM order_intents ORDER BY row_id"
        return {key: (status, code, answer) for key, status, code, answer in self.rows(query)}

    def intent_id(self, row_id: int) -> str:
        return str(self.rows("SELECT intent_id FROM order_intents ORDER BY row_id")[row_id - 1][0])


def bulkhead(run: Run, *arguments: str) -> str:
    folder = run.folder.parent
    done = subprocess.run(
        [BULKHEAD, *arguments, "--logs-dir", str(folder / "logs")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.req("X-03")
@pytest.mark.lesson("L24")
def test_rows_of_a_foreign_process_are_checked_executed_and_answered(tmp_path: Path) -> None:
    """The program of docs/INBOX.md, as it stands there, and rows that nobody should have sent."""
    page = (ROOT / "docs" / "INBOX.md").read_text(encoding="utf-8")
    example = re.search(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    exit_all = re.search(r'inbox\.db "(INSERT[^"]*)"', page)
    assert example is not None
    assert exit_all is not None
    sender, ledger = Sender(tmp_path), Ledger(tmp_path / "logs" / "ledger.db")
    with simulator(tmp_path) as venue, running(config_in(tmp_path, venue.port)) as run:
        run.until_trading()
        until(sender.is_there, "the run has made its inbox")
        said = foreign(example[1], str(sender.path), "decision-1")
        assert re.fullmatch(r"1 SUBMITTED None order b[a-z2-7]{32} is \w+, [\d.]+ of 0.015 filled\n", said), said
        twin = foreign(example[1], str(sender.path), "decision-1")
        known = f"the ledger has intent {sender.intent_id(1)} with this action key"
        assert twin == f"2 DUPLICATE INTENT_DUPLICATE {known}\n"
        assert twin.strip().replace(sender.intent_id(1), "…") in page
        sender.insert("too-large", quantity="50")
        malformed = sender.insert("no-number", quantity="NaN")
        sender.insert("nobody", strategy_id="nobody")
        sender.insert("no-symbol", symbol="NONEUSDT")
        sender.insert("too-late", expires_at_ns=1)
        answers = sender.until_answered()
        assert {key: answer[:2] for key, answer in answers.items() if key != "decision-1"} == {
            "too-large": ("REJECTED", "RISK_ORDER_NOTIONAL"),
            "no-number": ("REJECTED", "NUMBER_IMPOSSIBLE"),
            "nobody": ("REJECTED", "OWNER_UNKNOWN"),
            "no-symbol": ("REJECTED", "INSTRUMENT_UNKNOWN"),
            "too-late": ("REJECTED", "INTENT_EXPIRED"),
        }
        assert "against 5000" in answers["too-large"][2]
        with closing(sqlite3.connect(sender.path, timeout=5)) as connection, connection:
            connection.execute(exit_all[1])
        assert sender.until_answered()["close-2025-01-31"][0] == "SUBMITTED"
        sides = "SELECT side FROM fills WHERE strategy_id = 'my-model' ORDER BY executed_ns"
        until(lambda: {side for (side,) in ledger.rows(sides)} == {"BUY", "SELL"}, "bought and sold")
        until(lambda: (run.status() or {})["inbox"]["submitted"] == 2, "the figures are told")
        report = run.status() or {}
        assert (report["inbox"]["taken"], report["inbox"]["waiting"], report["counters"]["dead_letters"]) == (8, 0, 0)
        shown = bulkhead(run, "status")
        assert "inbox.db" in shown
        run.end()
        assert not run.lines("failures")
        assert "INBOX" in bulkhead(run, "tail", "--no-follow", "-n", "1000")
        story = bulkhead(run, "explain", sender.intent_id(1))
        assert "put row 1 into the inbox for my-model" in story
        assert "the model says so" in story
        assert "was executed at" in story
        assert "quantity is 'NaN'" in bulkhead(run, "explain", sender.intent_id(malformed))
        assert "max_order_notional" in bulkhead(run, "explain", sender.intent_id(3))
        agree(venue, ledger)
        traded = ledger.rows(
            "SELECT action_key, count(*) FROM order_intents WHERE origin = 'inbox' GROUP BY action_key"
        )
        assert dict(traded) == {"decision-1": 1, "close-2025-01-31": 1}


@pytest.mark.req("X-03")
@pytest.mark.lesson("L24", "L09")
def test_kill_9_loses_no_row_and_sends_none_twice(tmp_path: Path) -> None:
    """Killed with rows taken and carried out whose answer could not be written, with rows in the file that nobody has
    looked at, and wherever it stood a little later."""
    sender, ledger = Sender(tmp_path), Ledger(tmp_path / "logs" / "ledger.db")
    sent = ["held"]
    with simulator(tmp_path) as venue:
        config = config_in(tmp_path, venue.port)
        with running(config) as run:
            run.until_trading()
            until(sender.is_there, "the run has made its inbox")
            sender.insert("held")
            holder = subprocess.Popen(
                [sys.executable, "-S", "-c", HOLD, str(sender.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            ended = "SELECT 1 FROM order_intents WHERE action_key = 'held' AND status = 'DONE'"
            until(lambda: ledger.rows(ended), "it is taken and carried out")
            run.kill()
            assert sender.rows("SELECT status FROM order_intents") == [("NEW",)], "and could not be answered"
            holder.communicate(b"\n", timeout=10)
        for number, delay_s in enumerate((0.0, 1.0, 3.1)):
            keys = [f"k{number}-{each}" for each in range(3)]
            sent += keys
            with running(config) as run:
                sender.insert(keys[0])
                run.until_trading()
                for key in keys[1:]:
                    sender.insert(key)
                at = run.process
                with pytest.raises(subprocess.TimeoutExpired):
                    at.wait(delay_s)
                run.kill()
        sender.insert("last")
        with running(config) as run:
            run.until_trading()
            answers = sender.until_answered()
            venue.fault(halt_market=True)
            run.end()
        agree(venue, ledger)
        accepted = venue.orders_by_id()
    assert answers.keys() == {*sent, "last"}
    assert {answers["held"][0], answers["last"][0]} == {"SUBMITTED"}
    assert answers["held"][2].startswith("in the ledger")
    orders = (
        "SELECT i.action_key, o.client_order_id FROM orders o JOIN order_intents i USING (intent_id)"
        " WHERE i.origin = 'inbox'"
    )
    made = ledger.rows(orders)
    assert set(Counter(key for key, _ in made).values()) == {1}, "one order for each row"
    at_venue = {key for key, client_order_id in made if client_order_id in accepted}
    # What was on disk and provably never left is given up after a kill; everything else was carried out.
    others = {key: answer[:2] for key, answer in answers.items() if answer[0] not in ("SUBMITTED", "FAILED")}
    assert set(others.values()) <= {("REJECTED", code) for code in HELD_BACK}, answers
    assert at_venue == {key for key, answer in answers.items() if answer[0] == "SUBMITTED"}, answers
