"""The books: what a restarted venue still knows, down to ids and resting orders."""

from pathlib import Path

import pytest

from bulkhead.venues.simulator.errors import SimulatorError
from bulkhead.venues.simulator.settings import Limits, SimulatorSettings
from bulkhead.venues.simulator.venue import Venue
from tests.venues.simulator.kit import D, Recorder, ask, bid, limit, market, tape, trade


def open_venue(path: Path, **settings: object) -> tuple[Venue, Recorder]:
    recorder = Recorder()
    values = {"events_per_s": 0, "symbols": ("BTCUSDT", "ETHUSDT"), "books_file": path} | settings
    return Venue(SimulatorSettings.model_validate(values), recorder), recorder


def test_a_restarted_venue_knows_accounts_orders_fills_and_ids(tmp_path: Path) -> None:
    first, _ = open_venue(tmp_path / "books.db")
    resting = first.place(limit("BUY", "0.1", "40000", number="resting"))[0]
    filled, fills = first.place(market("BUY", "0.3", number="filled"))
    balances = {asset: (held.free, held.locked) for asset, held in first.client.balances.items()}
    last_trade = first.engine.counters.trade_ids["BTCUSDT"]
    first.close()

    second, _ = open_venue(tmp_path / "books.db")
    assert {asset: (held.free, held.locked) for asset, held in second.client.balances.items()} == balances
    back = second.open_order("BTCUSDT", None, "resting")
    assert (back.order_id, back.leaves, back.locked) == (resting.order_id, D("0.1"), D(4000))
    assert back in second.books["BTCUSDT"].bids.orders_best_first()  # type: ignore[attr-defined]
    assert second.find_order("BTCUSDT", filled.order_id, None).status == "FILLED"
    assert second.store.fills(second.client, "BTCUSDT", None, None, None, None, 10) == fills
    assert second.store.counts_by_client_id(second.client)["filled"] == {"orders": 1, "executions": len(fills)}
    following, later = second.place(market("BUY", "0.001", number="next"))
    assert following.order_id == filled.order_id + 1
    assert later[0].trade_id == last_trade + 1
    second.cancel(back, "c")
    assert second.client.balance("USDT").locked == 0
    second.close()


def test_an_unclean_end_never_repeats_a_trade_id_or_update_id(tmp_path: Path) -> None:
    first, recorder = open_venue(tmp_path / "books.db", events_per_s=2_000)
    for _ in range(200):
        first.step_synthetic()
    used = {event[2] for event in recorder.events if event[0] == "trade" and event[1] == "BTCUSDT"}
    updates = max(book.update_id for book in first.books.values())
    first.store.close()  # as kill -9 leaves it: nothing else is written

    second, recorder = open_venue(tmp_path / "books.db", events_per_s=2_000)
    assert min(book.update_id for book in second.books.values()) > updates
    for _ in range(100):
        second.step_synthetic()
    again = {event[2] for event in recorder.events if event[0] == "trade" and event[1] == "BTCUSDT"}
    assert used
    assert again
    assert not used & again
    second.close()


def test_the_market_opens_where_it_closed(tmp_path: Path) -> None:
    first, _ = open_venue(tmp_path / "books.db", events_per_s=2_000)
    for _ in range(3_000):
        first.step_synthetic()
    before = first.books["BTCUSDT"].top()[0]
    first.close()
    second, _ = open_venue(tmp_path / "books.db", events_per_s=2_000)
    after = second.books["BTCUSDT"].top()[0]
    assert before is not None
    assert after is not None
    assert abs(after / before - 1) < D("0.001")
    second.close()


def test_a_resting_order_of_a_tape_keeps_its_place_in_the_queue(tmp_path: Path) -> None:
    rows = [bid(0, "10.00", 500), trade(1, "10.00", 200), ask(2, "10.02", 5)]
    files = (tape(tmp_path / "BAC-1.csv", rows),)
    values = {"market": "tape", "lockstep": True, "tape_files": files, "symbols": ()}
    first, _ = open_venue(tmp_path / "books.db", **values)
    assert first.tape is not None
    first.tape.play_instant(0)
    first.place(limit("BUY", "100", "10.00", symbol="BACUSD"))
    first.close()
    second, _ = open_venue(tmp_path / "books.db", **values)
    assert second.open_order("BACUSD", None, "a1").queue_ahead == 500
    second.close()


def test_the_books_have_one_owner(tmp_path: Path) -> None:
    first, _ = open_venue(tmp_path / "books.db")
    with pytest.raises(SimulatorError, match=r"books file .*books\.db cannot be used: database is locked"):
        open_venue(tmp_path / "books.db")
    first.close()


def test_books_that_do_not_fit_the_run_are_refused(tmp_path: Path) -> None:
    first, _ = open_venue(tmp_path / "books.db")
    first.place(limit("BUY", "0.1", "40000"))
    first.close()
    with pytest.raises(SimulatorError, match="has an open order in BTCUSDT"):
        open_venue(tmp_path / "books.db", symbols=("ETHUSDT",))
    (tmp_path / "other.db").write_text("this is no database, whatever its name says" * 50)
    with pytest.raises(SimulatorError, match="cannot be used: file is not a database"):
        open_venue(tmp_path / "other.db")


def test_old_ended_orders_are_forgotten_and_open_ones_never(tmp_path: Path) -> None:
    limits = Limits(history_orders=1_000)
    venue, _ = open_venue(tmp_path / "books.db", limits=limits, balances={"USDT": D(10_000_000)})
    kept = venue.place(limit("BUY", "0.01", "40000", number="kept"))[0]
    for number in range(2_100):
        venue.place(market("BUY", "0.0001", number=f"m{number}"))
    assert venue.find_order("BTCUSDT", kept.order_id, None).status == "NEW"
    assert len(venue.store.counts_by_client_id(venue.client)) < 2_100
    assert venue.find_order("BTCUSDT", None, "m2099").status == "FILLED"
    venue.close()
