"""Paper orders are as durable as live ones: what was told before a kill -9 is known after it, and nothing else is."""

import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from bulkhead.venues.simulator.errors import SimulatorError
from messages.orders import ExecutionReported, OrderRejected
from messages.values import Side
from tests.venues.paper import dying
from tests.venues.paper.kit import OFF_BOOK, SYMBOL, D, Desk, Rules, book, instrument, quote, ticket, trade

ROOT = Path(__file__).parents[3]


def test_a_new_start_knows_orders_executions_and_balances(tmp_path: Path) -> None:
    books = tmp_path / "paper.db"
    with Desk(books=books) as desk:
        desk.venue.see(quote("99.99", "100.01"))
        desk.place(ticket("b-1", "2"))
        desk.place(ticket("b-2", "1", limit="99"))
        desk.place(ticket("b-3", "1", side=Side.SELL, limit="105"))
        before = desk.snapshot()
    with Desk(books=books, USDT="5") as again:
        after = again.snapshot()
        assert after.orders == before.orders
        assert after.executions == before.executions
        assert after.balances == before.balances, "the opening balance is for new books"
        again.venue.see(quote("99.99", "100.01"))
        again.place(ticket("b-1"))
        assert len(again.log.of(OrderRejected)) == 1, "an id of the run before stays taken"
        again.venue.see(quote("98.00", "98.90"))
        again.worked_off()
        again.venue.see(quote("106.00", "106.10"))
        fills = again.log.wait_for(ExecutionReported, 2)
        assert [fill.client_order_id for fill in fills] == ["b-2", "b-3"]
        assert not {fill.execution_id for fill in fills} & {e.execution_id for e in before.executions}


def test_a_place_in_the_queue_outlives_the_process(tmp_path: Path) -> None:
    settings = OFF_BOOK.model_copy(update={"queue_position": True, "partial_fills": True, "failed_fills": True})
    with Desk(settings, tmp_path / "paper.db") as desk:
        desk.venue.see(book(bids=(("99.99", "4"),), asks=(("100.01", "2"),)))
        desk.place(ticket("b-1", "1", limit="99.99"))
    with Desk(settings, tmp_path / "paper.db") as again:
        again.venue.see(trade("99.99", "3"))
        again.worked_off()
        assert not again.log.of(ExecutionReported)
        again.venue.see(trade("99.99", "1.5"))
        assert again.log.wait_for(ExecutionReported)[0].quantity == D("0.5")


def test_commits_are_synced(tmp_path: Path) -> None:
    with Desk(books=tmp_path / "paper.db") as desk:
        assert desk.venue._books is not None
        assert desk.venue._books._db.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"


def test_the_books_have_one_owner(tmp_path: Path) -> None:
    with Desk(books=tmp_path / "paper.db"), pytest.raises(SimulatorError, match="locked"):
        Desk(books=tmp_path / "paper.db")


def test_open_orders_that_nobody_could_fill_are_refused(tmp_path: Path) -> None:
    with Desk(books=tmp_path / "paper.db") as desk:
        desk.venue.see(quote("99.99", "100.01"))
        desk.place(ticket("b-1", "1", limit="99"))
    with pytest.raises(PermissionError, match=f"open orders in {SYMBOL}"):
        Desk(books=tmp_path / "paper.db", rules=Rules(instrument("ETHUSDT")))


@pytest.mark.process
@pytest.mark.req("D-01")
def test_kill_9_at_any_moment_loses_nothing_that_was_told(tmp_path: Path) -> None:
    books, rng = tmp_path / "paper.db", random.Random(3)
    told: list[tuple[str, str, str]] = []
    for run in range(6):
        child = subprocess.Popen(
            [sys.executable, "-m", dying.__name__, str(books), str(run)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.4))
        child.kill()
        rest = child.communicate(timeout=30)[0]
        lines = (first + rest).split("\n")[:-1]  # what a kill has cut off was not told
        told += [(what, key, number) for what, key, number in map(str.split, lines)]
    assert len(told) > 100
    with closing(sqlite3.connect(books)) as db:
        orders = db.execute("SELECT client_order_id, order_id, quantity, leaves, status FROM venue_order").fetchall()
        fills = db.execute(
            "SELECT client_order_id, trade_id, price, quantity, is_buyer, commission, commission_asset FROM fill"
        ).fetchall()
        balances = {a: D(free) + D(lock) for a, free, lock in db.execute("SELECT asset, free, locked FROM balance")}

    assert max(Counter(row[0] for row in orders).values()) == 1, "no order twice"
    assert max(Counter(row[1] for row in fills).values()) == 1, "no execution id twice"
    known_orders = {(row[0], str(row[1])) for row in orders}
    known_fills = {(row[0], str(row[1])) for row in fills}
    assert {(key, number) for what, key, number in told if what == "accepted"} <= known_orders
    assert {(key, number) for what, key, number in told if what == "filled"} <= known_fills

    filled: dict[str, Decimal] = {}
    ours: dict[str, Decimal] = {"USDT": D(1_000_000)}
    for key, _, price, quantity, is_buyer, fee, fee_asset in fills:
        filled[key] = filled.get(key, D(0)) + D(quantity)
        sign = 1 if is_buyer else -1
        for asset, change in (
            ("BTC", sign * D(quantity)),
            ("USDT", -sign * D(quantity) * D(price)),
            (fee_asset, -D(fee)),
        ):
            ours[asset] = ours.get(asset, D(0)) + change
    assert ours == balances, "to the last digit"
    assert {row[0]: D(row[2]) - D(row[3]) for row in orders if row[2] != row[3]} == filled

    with Desk(books=books) as again:
        snapshot = again.snapshot()
        assert len(snapshot.executions) == len(fills)
        still_open = {row[0] for row in orders if row[4] in ("NEW", "PARTIALLY_FILLED")}
        assert {order.client_order_id for order in snapshot.open_orders} == still_open
        assert all(not order.status.is_terminal for order in snapshot.open_orders)
