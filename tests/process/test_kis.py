"""A whole run at the simulated KIS, as its shipped configuration says, but with the limits of the real host."""

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from bulkhead.app.exit_codes import ExitCode
from bulkhead.chaos.oracle import LedgerFile
from tests.app.kit import ROOT, real
from tests.process.kit import Simulator, running, simulator, until
from tests.wire.kis_audit import disagreements, placed_by_us, truths

pytestmark = pytest.mark.process
SYMBOLS = ("005930", "000660", "069500")


def config(folder: Path, port: int | None = None) -> Path:
    """With a port: for a venue that was there before, and lives on."""
    text = (ROOT / "config" / "kis-simulator.toml").read_text(encoding="utf-8")
    for old, new in (
        ('host = "paper"', 'host = "real"'),
        ("events_per_s = 30", "events_per_s = 150"),
        ("reconcile_interval_s = 30.0", "reconcile_interval_s = 4.0"),
        ("fast_s = 3.0", "fast_s = 0.5"),
        ("slow_s = 12.0", "slow_s = 2.0"),
        ("warm_up_s = 6.0", "warm_up_s = 1.5"),
        ("max_hold_s = 40.0", "max_hold_s = 3.0"),
        ("cooldown_s = 10.0", "cooldown_s = 1.0"),
    ):
        assert old in text, f"{old} is not in the shipped file any more"
        text = text.replace(old, new, 1)
    if port is not None:
        urls = f'rest_url = "http://127.0.0.1:{port}"\nstream_url = "ws://127.0.0.1:{port}/tryitout"'
        text = text.replace("start_simulator = true", f"start_simulator = false\n{urls}\n#", 1)
    text = text.replace('"logs/', f'"{folder}/logs/').replace("[session]", f'[session]\nlogs_dir = "{folder}/logs"', 1)
    path = folder / "kis.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.timeout(180)
def test_a_run_buys_and_sells_shares_for_the_day_and_its_books_agree_with_the_venues(tmp_path: Path) -> None:
    path = config(tmp_path)
    done = real("run", "--config", path, "--for", "30", "--json", cwd=tmp_path, timeout_s=150)
    assert done.code == ExitCode.OK, done.err + done.out
    with closing(sqlite3.connect(tmp_path / "logs" / "kis-simulator.db")) as db:
        orders = db.execute("SELECT status, time_in_force, filled FROM orders").fetchall()
        bands = {row[0] for row in db.execute("SELECT symbol FROM instruments WHERE tick_bands IS NOT NULL")}
        fills = db.execute("SELECT symbol, side, quantity, price, fee FROM fills").fetchall()
        problems = [
            json.loads(payload)["failure"]["code"]
            for (payload,) in db.execute("SELECT payload FROM events WHERE type = 'FailureRecorded'")
        ]
    assert {tif for _, tif, _ in orders} == {"DAY"}
    assert bands == {"005930", "000660", "069500"}
    assert {side for _, side, *_ in fills} == {"BUY", "SELL"}, orders
    # One without a verdict is no fault of the run: where an answer is lost, that is what an order without id becomes.
    assert [status for status, *_ in orders].count("ERROR") <= 1, orders
    assert "REJECTED" not in {status for status, *_ in orders}, orders
    assert all(Decimal(quantity) % 1 == 0 and Decimal(fee) > 0 for _, _, quantity, _, fee in fills), fills
    assert "POSITION_SYNC_FAIL" not in problems, problems


@pytest.mark.timeout(300)
def test_kills_and_lost_answers_double_nothing_and_lose_nothing(tmp_path: Path) -> None:
    """Four times it is killed while orders are under way; then an operator says of each order in doubt what the venue's
    own books say."""
    kis = {"host": "real", "always_open": True}
    with simulator(tmp_path, dialect="kis", kis=kis, events_per_s=150, symbols=SYMBOLS) as venue:
        path = config(tmp_path, venue.port)
        venue.fault(unknown_share={"share": 0.15, "seed": 3})
        books = tmp_path / "logs" / "kis-simulator.db"
        ledger = LedgerFile(books)
        for number in range(4):
            with running(path) as run:
                run.until_trading()
                until(lambda: orders_at(venue) > 4 * number, "some more orders are at the venue")  # noqa: B023
                run.kill()
        venue.fault(unknown_share={"share": 0, "seed": 0})
        with running(path) as run:
            run.until_trading()
            for _, key, truth in truths(venue.books(), ledger):
                said = ("--never-arrived",) if truth is None else ("--is", truth)
                told = real("resolve", key, *said, "--reason", "looked", cwd=tmp_path)
                assert told.code == ExitCode.OK, told.err + told.out
            run.end()
        with running(path) as run:  # once more: what the last one left under way is compared
            run.until_trading()
            until(lambda: not unfinished(ledger), "nothing is under way")
            run.end()
        found = disagreements(venue.books(), books)
        limit = venue.books()["rate_limit"]
    assert found == []
    assert limit["most_in_any_s"] <= limit["limit_per_s"]
    assert orders_at_end(ledger) >= 10


def orders_at(venue: Simulator) -> int:
    return len(placed_by_us(venue.books()))


def unfinished(ledger: LedgerFile) -> int:
    return int(ledger.rows("select count(*) from orders where is_open")[0][0])


def orders_at_end(ledger: LedgerFile) -> int:
    return int(ledger.rows("select count(*) from orders")[0][0])
