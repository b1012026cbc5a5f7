"""Paper execution by fill model in real runs: real processes, a real feed, no order over the wire."""

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.process.kit import Ledger, Run, Simulator, ladder, running, simulator, until, write_config

pytestmark = pytest.mark.process

MANY = tuple(f"{base}USDT" for base in ("BTC", "ETH", "BNB", "SOL", "LINK", "AVAX"))
CHURN = f"{Path(__file__).with_name('churning.py')}:Churn"
OPENING = Decimal(100_000)
CROWDED: dict[str, object] = {"fill_model": "simple", "crowding_share": "0.9", "fail_rate": "0.1", "alpha": "0.001"}
OFF: dict[str, object] = {"partial_fills": False, "failed_fills": False, "slippage": False, "queue_position": False}
BOOK: dict[str, object] = {"fill_model": "book", "latency_ms": 5.0, "latency_jitter_ms": 20.0}
NO_LIMIT = ("max_daily_loss", "max_drawdown", "max_consecutive_losses", "max_trades_per_day")


def churn(*symbols: str) -> str:
    """As `ladder`, at the market: what cannot be filled then expires."""
    return (
        f'[[strategies]]\nid = "churn"\nuse = "{CHURN}"\nsymbols = {json.dumps(symbols)}\n'
        'sizing = { notional = "1000" }\n'
    )


def config_of(folder: Path, venue: Simulator, paper: dict[str, object], strategies: str) -> Path:
    risk: dict[str, object] = {
        **dict.fromkeys(NO_LIMIT, 1_000_000),
        "max_slippage_bps_p95": 10_000,
        "cooldown_s": 0,
    }
    paper = {"execution": "fill_model", "commission_bps": "10", **paper}
    return write_config(folder, venue.port, strategies=strategies, paper=paper, risk=risk)


class PaperBooks:
    """The paper account's own books, read beside whoever owned them once they have let go."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "logs" / "ledger.paper.db"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._path)) as db:
            return db.execute(query).fetchall()

    def balances(self) -> dict[str, Decimal]:
        rows = self.rows("select asset, free, locked from balance")
        return {a: total for a, free, locked in rows if (total := Decimal(free) + Decimal(locked))}


def agree(folder: Path) -> None:
    """Ledger and paper account hold the same, to the last digit, and nothing was taken twice."""
    books, ledger = PaperBooks(folder), Ledger(folder / "logs" / "ledger.db")
    assert not books.rows("select client_order_id from venue_order group by client_order_id having count(*) > 1")
    executed = {f"sim:{symbol}:{number}" for symbol, number in books.rows("select symbol, trade_id from fill")}
    assert set(ledger.fill_ids()) == executed
    ours = ledger.net()
    ours["USDT"] = ours.get("USDT", Decimal(0)) + OPENING
    assert ours == books.balances()


def ended(run: Run) -> list[dict[str, Any]]:
    """The rows of the orders that have ended, as last written."""
    rows = [line["payload"]["order"] for line in run.lines("obs_orders_fills") if line["type"] == "OrderRecorded"]
    last = {row["ticket"]["client_order_id"]: row for row in rows}
    return [row for row in last.values() if row["status"] in ("FILLED", "EXPIRED", "CANCELLED")]


def is_partial(row: dict[str, Any]) -> bool:
    return 0 < Decimal(row["filled"]) < Decimal(row["ticket"]["quantity"])


def fills(run: Run) -> list[dict[str, Any]]:
    return [line["payload"]["fill"] for line in run.lines("obs_orders_fills") if line["type"] == "FillRecorded"]


def buy_ratios(run: Run) -> list[Decimal]:
    return [Decimal(line["payload"]["trade"]["buy_fill_ratio"]) for line in run.lines("obs_trades")]


def until_fills(run: Run, count: int) -> None:
    until(lambda: len(fills(run)) >= count, "it trades")


@pytest.mark.req("D-01", "D-03", "D-04")
def test_a_run_by_fill_model_slips_fills_in_part_and_does_not_always_win(tmp_path: Path) -> None:
    with simulator(tmp_path) as venue:
        config = config_of(tmp_path, venue, CROWDED, churn(*MANY))
        with running(config) as run:
            run.until_trading()
            until(lambda: any(is_partial(row) for row in ended(run)), "an order filled in part")
            until(lambda: any(row["filled"] == "0" for row in ended(run)), "an order that failed")
            until(lambda: len(run.lines("obs_trades")) >= 3, "round trips")
            until(lambda: any(ratio < 1 for ratio in buy_ratios(run)), "a round trip whose buys were filled in part")
            run.end()
        assert venue.orders_by_id() == {}, "no order has gone over the wire"
    agree(tmp_path)
    kpi = json.loads((run.session_dir / "kpi.json").read_text())
    assert kpi["round_trips_completed"] >= 3
    assert Decimal(kpi["win_rate_pct"]) < 100
    assert Decimal(kpi["avg_buy_slippage_bps"]) > 0
    assert Decimal(kpi["avg_buy_fill_ratio"]) < 1
    assert kpi["partial_fills_count"] > 0
    assert kpi["failed_fills_count"] > 0
    assert kpi["total_pnl"] == kpi["total_pnl_usd"]
    assert 0 < Decimal(kpi["fill_ratio"]) < 1
    assert Decimal(kpi["slippage_bps_p95"]) > 0
    legs = [json.loads(line) for line in (run.session_dir / "trade_log.jsonl").read_text().splitlines()]
    assert len(legs) == len(ended(run))
    assert {"filled", "partial", "failed"} <= {leg["trade_result"] for leg in legs}
    trips = {line["payload"]["trade"]["trade_id"] for line in run.lines("obs_trades")}
    assert trips <= {leg["trade_id"] for leg in legs}, "each round trip has its legs"


@pytest.mark.req("D-02")
def test_with_everything_off_every_order_fills_at_once_and_whole(tmp_path: Path) -> None:
    with simulator(tmp_path) as venue:
        config = config_of(tmp_path, venue, OFF, churn(*MANY))
        with running(config) as run:
            run.until_trading()
            until(lambda: len(run.lines("obs_trades")) >= 4, "round trips")
            run.end()
    agree(tmp_path)
    orders = ended(run)
    assert len(orders) >= 8
    assert {row["status"] for row in orders} == {"FILLED"}
    assert len(fills(run)) == len(orders), "one fill an order"


@pytest.mark.req("D-07", "D-08")
def test_level_2_books_come_over_the_wire_and_are_walked(tmp_path: Path) -> None:
    """An order several times as large as the best level fills at several prices, each one displayed in a book."""
    large = ladder("SOLUSDT", below_bps="-50").replace('"1000"', '"50000"')
    with simulator(tmp_path) as venue:
        config = config_of(tmp_path, venue, {**BOOK, "slippage": True, "alpha": "0"}, large)
        text = config.read_text().replace("[risk]", "[risk]\nmax_order_notional = 60000\nmax_symbol_exposure = 60000\n"
                                          "max_gross_exposure = 70000")  # fmt: skip
        config.write_text(text)
        with running(config) as run:
            run.until_trading()
            until(lambda: len({fill["price"] for fill in fills(run)}) >= 5, "fills at many prices")
            run.end()
    agree(tmp_path)
    by_order: dict[str, set[str]] = {}
    for fill in fills(run):
        by_order.setdefault(fill["client_order_id"], set()).add(fill["price"])
    assert max(map(len, by_order.values())) >= 3, "one order walked several levels"


@pytest.mark.req("D-01", "TEST-713")
@pytest.mark.parametrize("paper", [CROWDED, BOOK], ids=["simple", "book"])
def test_kill_9_loses_nothing_and_takes_no_order_twice(tmp_path: Path, paper: dict[str, object]) -> None:
    with simulator(tmp_path) as venue:
        strategies = ladder(*MANY[:3], below_bps="0.2") + ladder(*MANY[3:], below_bps="-5").replace(
            'id = "ladder"', 'id = "crossing"'
        )
        config = config_of(tmp_path, venue, paper, strategies)
        for _ in range(3):
            with running(config) as run:
                run.until_trading()
                until_fills(run, len(fills(run)) + 3)
                run.kill()
        with running(config) as again:
            again.until_trading()
            until_fills(again, 3)
            ledger = Ledger(tmp_path / "logs" / "ledger.db")
            until(lambda: not ledger.rows("select 1 from orders where status = 'ERROR'"), "no order is unknown")
            again.end()
    agree(tmp_path)
    open_entries = "select 1 from venue_order where status in ('NEW', 'PARTIALLY_FILLED') and is_buy = 1"
    assert not PaperBooks(tmp_path).rows(open_entries), "no entry rests after an ordered end"


def refused(config: Path, *arguments: str) -> str:
    run = Run(config, *arguments)
    output = run.output()
    assert run.process.returncode == 4
    assert not (config.parent / "logs").exists(), "nothing has been written"
    return output


@pytest.mark.req("D-02")
def test_what_contradicts_a_fill_model_is_refused(tmp_path: Path) -> None:
    with simulator(tmp_path) as venue:
        live = write_config(
            tmp_path, venue.port, session={"mode": "live"}, paper={"execution": "fill_model"}, risk={"enabled": True}
        )
        assert 'contradicts paper.execution = "fill_model"' in refused(live)
        tape = write_config(tmp_path, venue.port, paper={"execution": "fill_model"})
        assert "a recorded tape brings its own venue" in refused(tape, "--replay-ticks", str(tmp_path / "BAC-x.csv"))
