"""Somebody trades by hand in the same account, and an operator decides: over real processes, sockets and a ledger."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulkhead.chaos.oracle import OPENING_CASH, QUOTE
from tests.failure_modes import on_record
from tests.process.kit import BULKHEAD, Ledger, Run, Simulator, agree, ladder, running, simulator, until, write_config
from tests.venues.simulator.kit import Client

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]

SYMBOLS = ("BTCUSDT", "ETHUSDT")
DRIFT = "position_drift:symbol:ETHUSDT"
MANY = tuple(f"{base}USDT" for base in ("BTC", "ETH", "BNB", "SOL", "LINK", "AVAX", "LTC"))

NO_LIMITS: dict[str, object] = {
    **dict.fromkeys(("max_consecutive_losses", "max_daily_loss", "max_drawdown", "max_trades_per_day"), 1_000_000),
    "max_slippage_bps_p95": 10_000,
    "cooldown_s": 0,
}
"""Whoever crosses the spread each time loses each time; nothing here is meant to trip over it."""


class Town:
    """A venue, a ledger that outlives runs, a person with a browser, and an operator at the command line."""

    def __init__(self, folder: Path, venue: Simulator, *symbols: str, below_bps: str) -> None:
        self.folder, self.venue = folder, venue
        self.config = write_config(folder, venue.port, strategies=ladder(*symbols, below_bps=below_bps), risk=NO_LIMITS)
        self.logs = folder / "logs"
        self.ledger = Ledger(self.logs / "ledger.db")
        self.browser = Client(f"http://127.0.0.1:{venue.port}")

    def by_hand(self, **order: object) -> dict[str, Any]:
        answer = self.browser.order(symbol="ETHUSDT", **order)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def bulkhead(self, *arguments: str, reason: str = "a test") -> dict[str, Any]:
        """A command of the operator's, done; what it printed."""
        done = self.try_bulkhead(*arguments, "--reason", reason)
        assert done.returncode == 0, (done.stdout, done.stderr)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def try_bulkhead(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        given = [str(BULKHEAD), *arguments, "--logs-dir", str(self.logs), "--json"]
        return subprocess.run(given, capture_output=True, text=True, timeout=120, check=False)

    def compared(self) -> dict[str, Any]:
        """A comparison that found nothing in doubt; an order of ours on its way is one for a moment."""
        done = until(self._clean, "a clean comparison")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def _clean(self) -> subprocess.CompletedProcess[str] | None:
        done = self.try_bulkhead("reconcile", "--reason", "a test")
        assert done.returncode in (0, 6), done.stderr
        return done if done.returncode == 0 else None

    def verify(self) -> None:
        done = self.try_bulkhead("verify")
        assert done.returncode == 0, done.stdout

    def orders_since(self, since_ns: int, symbol: str) -> list[str]:
        """Kinds of the orders made for a symbol."""
        rows = self.ledger.rows("select symbol, created_ns, intent_type from orders")
        return [kind for of, created_ns, kind in rows if of == symbol and created_ns > since_ns]

    def holdings(self) -> dict[str, Decimal]:
        """Cash and all by our books: opening, fills and adjustments; zeros left out."""
        ours = self.ledger.net()
        for asset, amount in self.ledger.rows("select asset, amount from adjustments"):
            ours[asset] = ours.get(asset, Decimal(0)) + Decimal(amount)
        ours[QUOTE] = ours.get(QUOTE, Decimal(0)) + OPENING_CASH
        return {asset: total for asset, total in ours.items() if total}

    def position(self, symbol: str) -> Decimal:
        rows = self.ledger.rows("select symbol, quantity from positions")
        return sum((Decimal(quantity) for of, quantity in rows if of == symbol), Decimal(0))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """It trades at once, in both symbols."""
    with simulator(tmp_path) as venue:
        found = Town(tmp_path, venue, *SYMBOLS, below_bps="-5")
        yield found
        found.browser.close()


def reasons(run: Run) -> dict[str, Any]:
    report = run.status() or {"reasons": ()}
    return {reason["reason_id"]: reason for reason in report["reasons"]}


def drifts(run: Run) -> dict[str, Any]:
    return until(lambda: reasons(run).get(DRIFT), "the drift is called", 60)  # type: ignore[no-any-return]


def trades_on(town: Town, symbol: str) -> None:
    since_ns = time.time_ns()
    until(lambda: "ENTRY" in town.orders_since(since_ns, symbol), f"entries go on in {symbol}", 60)


@pytest.mark.failure_mode("POSITION_DRIFT")
@pytest.mark.req("X-08")
def test_a_trade_by_hand_shuts_its_symbol_until_it_is_adopted_over_kill_9(town: Town, reported: set[str]) -> None:
    with running(town.config) as run:
        run.until_trading()
        until(lambda: town.venue.executions() >= 4, "it trades")
        town.by_hand(side="BUY", type="MARKET", quantity="0.5", newClientOrderId="by-hand-1")
        reason = drifts(run)
        assert reason["cause"].startswith("POSITION_SYNC_FAIL")
        until(lambda: set(reasons(run)) == {DRIFT}, "nothing else is shut")
        trades_on(town, "BTCUSDT")
        assert "ENTRY" not in town.orders_since(reason["since_ns"] + 10**9, "ETHUSDT")
        run.kill()
    with running(town.config) as again:
        until(again.is_trading, "the others trade")
        assert DRIFT in reasons(again)
        trades_on(town, "BTCUSDT")
        assert "ENTRY" not in town.orders_since(reason["since_ns"] + 10**9, "ETHUSDT")
        told = town.bulkhead("adopt", "order", "by-hand-1", "--strategy", "ladder")
        assert told["client_order_id"] == "by-hand-1"
        until(lambda: not reasons(again), "entries are open again", 60)
        trades_on(town, "ETHUSDT")
        again.end()
    ((origin, status),) = town.ledger.rows(
        "select i.origin, o.status from orders o join order_intents i using (intent_id)"
        " where client_order_id = 'by-hand-1'"
    )
    assert (origin, status) == ("operator", "FILLED")
    agree(town.venue, town.ledger)
    town.verify()
    acts = [row[0] for row in town.ledger.rows("select action from operator_actions")]
    assert acts == ["adopt order by-hand-1 --strategy ladder"]
    reported |= on_record(town.folder / "logs" / "ledger.db")


def test_what_differs_is_adopted_and_ignored_asset_by_asset_over_kill_9(town: Town) -> None:
    with running(town.config) as run:
        run.until_trading()
        until(lambda: town.venue.executions() >= 4, "it trades")
        town.by_hand(side="BUY", type="MARKET", quantity="0.5", newClientOrderId="by-hand-2")
        drifts(run)
        told = town.bulkhead("adopt", "drift", "ETH", "--strategy", "ladder")
        assert 0 < Decimal(told["amount"]) <= Decimal("0.5"), "less the fee, where it was paid in ETH"
        run.kill()
    (adopted,) = town.ledger.rows("select kind, symbol, strategy_id, price is not null from adjustments")
    assert adopted == ("ADOPTED", "ETHUSDT", "ladder", 1)
    with running(town.config) as again:
        until(again.is_trading, "the others trade")
        assert DRIFT in reasons(again), "the money is not settled yet"
        spent = town.bulkhead("ignore", "drift", "USDT")
        assert Decimal(spent["amount"]) < 0
        until(lambda: not reasons(again), "entries are open again", 60)
        trades_on(town, "ETHUSDT")
        town.bulkhead("ignore", "order", "by-hand-2")
        again.end()
    assert town.holdings() == town.venue.balances()
    assert town.position("ETHUSDT") == town.venue.balances().get("ETH", Decimal(0))
    town.verify()


def test_what_is_ignored_changes_no_position(town: Town) -> None:
    with running(town.config) as run:
        run.until_trading()
        until(lambda: town.venue.executions() >= 4, "it trades")
        town.by_hand(side="BUY", type="MARKET", quantity="0.5", newClientOrderId="by-hand-3")
        drifts(run)
        ignored = Decimal(town.bulkhead("ignore", "drift", "ETH")["amount"])
        town.bulkhead("ignore", "drift", "USDT")
        until(lambda: not reasons(run), "entries are open again", 60)
        trades_on(town, "ETHUSDT")
        missing = town.try_bulkhead("adopt", "order", "never-seen", "--strategy", "ladder", "--reason", "a test")
        assert missing.returncode == 2
        assert "never-seen" in missing.stderr
        run.end()
    assert town.holdings() == town.venue.balances()
    assert town.position("ETHUSDT") == town.venue.balances().get("ETH", Decimal(0)) - ignored
    town.verify()


def test_a_resting_order_by_hand_is_left_alone_and_once_adopted_flattened(town: Town) -> None:
    resting = {"side": "BUY", "type": "LIMIT", "quantity": "0.2", "price": "1000"}
    with running(town.config) as run:
        run.until_trading()
        for number in (4, 5):
            town.by_hand(**resting, newClientOrderId=f"by-hand-{number}")
        assert town.compared()["foreign_orders"] == 2
        town.bulkhead("adopt", "order", "by-hand-4", "--strategy", "ladder")
        town.bulkhead("ignore", "order", "by-hand-5")
        assert town.compared()["foreign_orders"] == 0
        told = town.bulkhead("flatten", "--symbol", "ETHUSDT")
        assert "by-hand-4" in told["cancelled"]
        until(lambda: set(reasons(run)) == {"operator:flatten:symbol:ETHUSDT"}, "entries stay shut in ETHUSDT")
        trades_on(town, "BTCUSDT")
        run.end()
    assert [order["clientOrderId"] for order in open_orders(town)] == ["by-hand-5"]
    statuses = dict(
        town.ledger.rows("select client_order_id, status from orders where client_order_id like 'by-hand-%'")
    )
    assert statuses == {"by-hand-4": "CANCELLED"}
    agree(town.venue, town.ledger)
    town.verify()


def open_orders(town: Town) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = town.browser.signed("GET", "openOrders").json()
    return found


@pytest.mark.req("N-06", "S-07")
def test_flatten_leaves_nothing_at_the_venue_and_nothing_is_entered_again(tmp_path: Path) -> None:
    with simulator(tmp_path) as venue:
        town = Town(tmp_path, venue, *MANY, below_bps="0.2")
        with running(town.config) as run:
            run.until_trading()
            until(lambda: held(town) >= 2, "two positions are held", 90)
            until(lambda: len(open_orders(town)) >= 4, "orders rest at the venue", 60)
            refused = town.try_bulkhead("flatten", "--reason", "a test")
            assert refused.returncode == 1
            assert "--yes" in refused.stderr
            told = town.bulkhead("flatten", "--yes", reason="enough for today")
            assert told["cancelled"]
            assert told["closes"]
            assert not told["unknown"]
            assert open_orders(town) == []
            assert held(town) == 0
            since_ns = time.time_ns()
            time.sleep(3)
            assert all(not town.orders_since(since_ns, symbol) for symbol in MANY)
            until(lambda: set(reasons(run)) == {"operator:flatten:all"}, "entries stay shut")
            run.end()
        with running(town.config) as again:
            until(lambda: (again.status() or {}).get("state") == "trading", "recovered")
            assert "operator:flatten:all" in reasons(again), "until an operator resumes"
            again.end()
        assert open_orders(town) == []
        agree(venue, town.ledger)
        town.verify()
        town.browser.close()


def held(town: Town) -> int:
    """Positions that are worth an order: fees paid in what was bought leave crumbs."""
    worth = town.ledger.rows("select quantity, average_price from positions")
    return sum(Decimal(quantity) * Decimal(price) >= 10 for quantity, price in worth)


def test_a_run_that_trades_less_reads_the_books_of_one_that_traded_more_and_gets_out_of_all(tmp_path: Path) -> None:
    """Nobody has a price of what only the run before has traded; its position can still be closed."""
    with simulator(tmp_path) as venue:
        town = Town(tmp_path, venue, *SYMBOLS, below_bps="-5")
        town.config = write_config(tmp_path, venue.port, strategies=ladder(*SYMBOLS, below_bps="-5", patience_s=400))
        with running(town.config) as run:
            run.until_trading()
            until(lambda: town.position("ETHUSDT") > Decimal("0.01"), "ETHUSDT is held", 60)
            os.kill(run.process.pid, signal.SIGKILL)
            run.output()
        before = town.position("ETHUSDT")
        other = ladder("BTCUSDT", below_bps="-5").replace('id = "ladder"', 'id = "other"')
        town.config = write_config(tmp_path, venue.port, strategies=other)
        with running(town.config) as again:
            again.until_trading()
            trades_on(town, "BTCUSDT")
            assert town.orders_since(again.started_ns, "ETHUSDT") == []
            told = town.bulkhead("flatten", "--strategy", "ladder")
            assert any("ETHUSDT" in close for close in told["closes"]), (before, told)
            assert town.position("ETHUSDT") < Decimal("0.01")
            assert again.is_trading(), "only what the other strategy did is shut"
            venue.fault(halt_market=True)
            again.end()
        agree(venue, town.ledger)
        town.verify()
        town.browser.close()
