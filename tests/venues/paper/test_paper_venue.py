"""What the port promises, kept by the paper venue: one answer a request, the gate asked last, evidence in order."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkhead.venues.paper.settings import FillSettings
from bulkhead.venues.paper.tee import Tee
from bulkhead.venues.port import MarketFeed, OrderVenue, Sink, VenueRefused, VenueUnavailable
from messages.base import Body
from messages.instruments import Instrument, InstrumentsFailed, InstrumentsLoaded, LoadInstruments
from messages.market import FeedConnected, FeedDisconnected
from messages.orders import (
    CancelRejected,
    ExecutionReported,
    OrderAccepted,
    OrderCancelled,
    OrderChannelDown,
    OrderChannelUp,
    OrderExpired,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderStatusReported,
)
from messages.values import OrderStatus, Side, TimeInForce
from tests.venues.paper.kit import OFF, D, Desk, Rules, book, instrument, quote, ticket, trade
from tests.venues.transport.peers import until
from tests.venues.wire.making import cancel, query

ANSWERS = (OrderAccepted, OrderRejected, OrderNotSent, OrderOutcomeUnknown)


def answers(desk: Desk, client_order_id: str) -> list[type[Body]]:
    said = [body for kind in ANSWERS for body in desk.log.of(kind) if body.client_order_id == client_order_id]
    return [type(body) for body in said]


def shown(desk: Desk, bid: str = "99.99", ask: str = "100.01") -> Desk:
    desk.venue.see(quote(bid, ask))
    return desk


# -- trading rules ----------------------------------------------------------------------------------------------------


class Away(Rules):
    """Can be asked once; then it is away, or our own code fails under it."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.errors: list[Exception | None] = [None, error]

    def load_instruments(self) -> tuple[Instrument, ...]:
        error = self.errors.pop(0)
        if error is not None:
            raise error
        return super().load_instruments()


def test_rules_that_change_while_it_runs_hold_for_the_next_order_and_keep_those_that_rest() -> None:
    rules = Rules()
    with shown(Desk(rules=rules)) as desk:
        desk.place(ticket("resting", limit="90", quantity="0.1"))
        desk.place(ticket("too-fine", limit="90", quantity="0.1005"))
        assert answers(desk, "too-fine") == [OrderRejected]
        rules.instruments = (instrument(lot="0.0001"),)
        desk.venue.instruments(LoadInstruments())
        (loaded,) = desk.log.wait_for(InstrumentsLoaded)
        assert loaded.instruments == rules.instruments
        desk.log.wait_for(OrderChannelUp, 2)  # the house compares its books meanwhile
        shown(desk)
        desk.place(ticket("fine", limit="90", quantity="0.1005"))
        assert answers(desk, "fine") == [OrderAccepted]
        assert {order.client_order_id for order in desk.snapshot().open_orders} == {"resting", "fine"}
        assert desk.faults == []


def test_the_same_rules_again_disturb_nobody() -> None:
    with Desk() as desk:
        desk.venue.instruments(LoadInstruments())
        desk.log.wait_for(InstrumentsLoaded)
        desk.worked_off()
        assert len(desk.log.of(OrderChannelUp)) == 1


@pytest.mark.parametrize("error", [VenueUnavailable("away"), ValueError("a bug")])
def test_rules_that_cannot_be_asked_for_are_told_as_failed(error: Exception) -> None:
    with Desk(rules=Away(error)) as desk:
        desk.venue.instruments(LoadInstruments())
        (failed,) = desk.log.wait_for(InstrumentsFailed)
        assert str(error) in failed.reason
        desk.answered()
        assert bool(desk.faults) is isinstance(error, ValueError)


# -- a submit ---------------------------------------------------------------------------------------------------------


def test_it_is_a_venue_that_tells_its_channel() -> None:
    with Desk() as desk:
        venue: OrderVenue = desk.venue
        desk.log.wait_for(OrderChannelUp)
        assert venue.channel() == OrderChannelUp(venue="paper")
        assert venue.capabilities.venue == "paper"
    assert isinstance(desk.venue.channel(), OrderChannelDown)


@pytest.mark.req("D-01")
def test_a_market_order_is_accepted_then_filled() -> None:
    with Desk() as desk:
        shown(desk).place(ticket("b-1", "3"))
        said = [type(body) for body in desk.log.of(Body) if not isinstance(body, OrderChannelUp)]
        assert said == [OrderAccepted, ExecutionReported]
        (fill,) = desk.log.of(ExecutionReported)
        assert (fill.quantity, fill.price, fill.cumulative) == (D(3), D("100.01"), D(3))
        assert (fill.fee, fill.fee_asset) == (D("0.003"), "BTC")
        assert desk.log.of(OrderAccepted)[0].venue_order_id == fill.venue_order_id
        assert desk.total("USDT") == 10_000 - 3 * D("100.01")
        assert desk.total("BTC") == D("2.997")


def test_what_cannot_be_filled_expires_and_says_how_much_was() -> None:
    with Desk(FillSettings(slippage=False)) as desk:
        shown(desk).place(ticket("b-1", "5"))
        desk.place(ticket("b-2", "5"))
        partly, not_at_all = desk.log.of(OrderExpired)
        assert (partly.client_order_id, partly.cumulative) == ("b-1", D(2))
        assert (not_at_all.client_order_id, not_at_all.cumulative) == ("b-2", D(0)), "the first took all there was"
        assert answers(desk, "b-1") == answers(desk, "b-2") == [OrderAccepted]


def test_without_a_market_nothing_is_filled_at_prices_of_the_past() -> None:
    with Desk() as desk:
        desk.place(ticket("b-1"))
        shown(desk).place(ticket("b-2"))
        desk.venue.see(FeedDisconnected(feed="paper", reason="gone", attempt=1))
        desk.place(ticket("b-3"))
        desk.venue.see(FeedConnected(feed="paper"))
        shown(desk).place(ticket("b-4"))
        assert [fill.client_order_id for fill in desk.log.of(ExecutionReported)] == ["b-2", "b-4"]
        assert [end.client_order_id for end in desk.log.of(OrderExpired)] == ["b-1", "b-3"]


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (ticket("b-1", "1", symbol="NONEUSDT"), "-1121"),
        (ticket("b-1", "0.0005"), "-1013"),
        (ticket("b-1", "1", limit="99.995"), "-1013"),
        (ticket("b-1", "0.001", limit="100"), "-1013"),
        (ticket("b-1", "1000", limit="100"), "-2010"),
        (ticket("b-1", "1", side=Side.SELL), "-2010"),
    ],
)
def test_what_a_venue_would_refuse_is_rejected(order: object, code: str) -> None:
    with Desk() as desk:
        shown(desk).place(order)  # type: ignore[arg-type]
        assert [rejected.code for rejected in desk.log.of(OrderRejected)] == [code]
        assert answers(desk, "b-1") == [OrderRejected]
        assert desk.snapshot().orders == ()
        assert desk.faults == []


def test_time_in_force() -> None:
    with Desk(FillSettings(slippage=False)) as desk:
        shown(desk).place(ticket("ioc", "5", limit="100.01", tif=TimeInForce.IOC))
        desk.venue.see(quote("99.99", "100.01", ask_quantity="3"))
        desk.place(ticket("fok", "5", limit="100.01", tif=TimeInForce.FOK))
        desk.place(ticket("gtc", "5", limit="100.01"))
        desk.place(ticket("day", "1", tif=TimeInForce.DAY, limit="100"))
        filled = {fill.client_order_id: fill.cumulative for fill in desk.log.of(ExecutionReported)}
        assert filled == {"ioc": 2, "gtc": 3}, "a fill-or-kill that is killed has taken nothing"
        assert [end.client_order_id for end in desk.log.of(OrderExpired)] == ["ioc", "fok"]
        assert [order.client_order_id for order in desk.snapshot().open_orders] == ["gtc"]
        assert [(unsent.client_order_id, unsent.code) for unsent in desk.log.of(OrderNotSent)] == [
            ("day", "UNSUPPORTED")
        ]


# -- resting orders and cancels ---------------------------------------------------------------------------------------


def test_a_resting_order_fills_when_the_market_comes_to_it() -> None:
    with Desk() as desk:
        shown(desk).place(ticket("b-1", "1", limit="99.90"))
        assert not desk.log.of(ExecutionReported)
        desk.venue.see(quote("99.80", "99.89"))
        (fill,) = desk.log.wait_for(ExecutionReported)
        assert (fill.price, fill.quantity, fill.is_maker) == (D("99.90"), D(1), True)
        locked = next(balance for balance in desk.snapshot().balances if balance.asset == "USDT")
        assert (locked.free, locked.locked) == (D("9900.10"), D(0))


@pytest.mark.req("D-07")
def test_a_resting_order_waits_for_its_turn_in_the_queue() -> None:
    with Desk(FillSettings(fill_model="book")) as desk:
        desk.venue.see(book(bids=(("99.99", "2"), ("99.98", "3")), asks=(("100.01", "2"),)))
        desk.place(ticket("b-1", "1", limit="99.98"))
        desk.venue.see(trade("99.98", "2.5"))
        desk.worked_off()
        assert not desk.log.of(ExecutionReported), "half a coin still stands before it"
        desk.venue.see(trade("99.98", "0.8"))
        (fill,) = desk.log.wait_for(ExecutionReported)
        assert fill.quantity == D("0.3")
        desk.venue.see(trade("99.97", "5"))
        assert [fill.cumulative for fill in desk.log.wait_for(ExecutionReported, 2)] == [D("0.3"), 1]


def test_one_print_is_shared_by_all_who_rest() -> None:
    with Desk(FillSettings(slippage=False)) as desk:
        shown(desk).place(ticket("first", "1", limit="99.95"))
        desk.place(ticket("second", "1", limit="99.94"))
        desk.venue.see(trade("99.90", "1.5"))
        desk.worked_off()
        filled = {fill.client_order_id: fill.quantity for fill in desk.log.of(ExecutionReported)}
        assert filled == {"first": 1, "second": D("0.5")}


def test_a_cancel_never_overtakes_its_order() -> None:
    slow = FillSettings(fill_model="book", latency_ms=20, latency_jitter_ms=60)
    with Desk(slow) as desk:
        shown(desk)
        for number in range(8):
            desk.submit(ticket(f"b-{number}", "1", limit="90"))
            desk.venue.cancel(cancel(f"b-{number}"))
        desk.answered()
        assert len(desk.log.of(OrderCancelled)) == 8
        assert not desk.log.of(CancelRejected)


def test_an_order_meets_the_market_as_it_is_when_it_arrives() -> None:
    left: list[str] = []
    slow = FillSettings(fill_model="book", slippage=False, latency_ms=150)
    with Desk(slow, on_sent=lambda client_order_id, _: left.append(client_order_id)) as desk:
        shown(desk, ask="100.01").submit(ticket("b-1"))
        until(lambda: left == ["b-1"], "it is on its way")
        assert desk.venue.pending() == 1
        shown(desk, ask="100.05")
        desk.answered()
        assert [fill.price for fill in desk.log.of(ExecutionReported)] == [D("100.05")]


# -- questions --------------------------------------------------------------------------------------------------------


def test_a_query_tells_the_order_with_its_executions_or_that_there_is_none() -> None:
    with Desk(FillSettings(fill_model="book", alpha="0")) as desk:
        desk.venue.see(book(bids=(("99.99", "2"),), asks=(("100.01", "1"), ("100.02", "1"))))
        desk.place(ticket("b-1", "3", limit="100.02"))
        desk.venue.query(query("b-1"))
        desk.venue.query(query("nobody"))
        found, nothing = desk.log.wait_for(OrderStatusReported, 2)
        assert found.order is not None
        assert (found.order.status, found.order.filled) == (OrderStatus.PARTIAL, D(2))
        assert found.order.filled_notional == D("200.03") == sum(e.price * e.quantity for e in found.executions)
        assert nothing.order is None


# -- life -------------------------------------------------------------------------------------------------------------


def test_what_is_on_its_way_when_it_closes_has_not_been_sent() -> None:
    with Desk(FillSettings(fill_model="book", latency_ms=5_000)) as desk:
        shown(desk).submit(ticket("b-1"))
        until(lambda: len(desk.guard.asked) == 1, "it has left")
        desk.venue.close(5.0)
        assert [unsent.code for unsent in desk.log.of(OrderNotSent)] == ["CLOSED"]
        assert desk.venue.pending() == 0


def test_more_than_may_wait_is_refused_at_once() -> None:
    go_on = threading.Event()
    with Desk() as desk:
        desk.hold(go_on)
        for number in range(300):
            desk.submit(ticket(f"b-{number}", "1", limit="90"))
        assert {unsent.code for unsent in desk.log.of(OrderNotSent)} == {"LANE_FULL"}
        go_on.set()
        desk.answered()
        for number in range(300):
            assert len(answers(desk, f"b-{number}")) == 1


def test_market_data_never_piles_up_and_the_newest_counts() -> None:
    go_on = threading.Event()
    with Desk() as desk:
        desk.hold(go_on)
        for cents in range(20_000):
            desk.venue.see(quote("50.00", f"{100 + cents / 100:.2f}"))
        for _ in range(20_000):
            desk.venue.see(trade("100", "1"))
        assert len(desk.venue._worker._waiting) < 10_010
        assert desk.venue._worker.dropped == 10_000
        go_on.set()
        desk.place(ticket("b-1", "1"))
        assert desk.log.of(ExecutionReported)[0].price == D("299.99")


class BrokenBooks:
    """The disk refuses the next commit."""

    def __init__(self, real: Callable[..., None]) -> None:
        self.real, self.left = real, 1

    def __call__(self, *arguments: object, **named: object) -> None:
        if self.left:
            self.left -= 1
            raise sqlite3.OperationalError("database or disk is full")
        self.real(*arguments, **named)


def test_an_order_that_could_not_be_written_down_is_unknown_and_then_known_not_to_be(tmp_path: Path) -> None:
    with Desk(books=tmp_path / "paper.db") as desk:
        shown(desk).place(ticket("b-0"))
        books = desk.venue._books
        assert books is not None
        books._write = BrokenBooks(books._write)  # type: ignore[method-assign]
        desk.place(ticket("b-1"))
        assert answers(desk, "b-1") == [OrderOutcomeUnknown]
        assert len(desk.log.of(OrderChannelDown)) == 1
        desk.log.wait_for(OrderChannelUp, 2)
        desk.venue.query(query("b-1"))
        assert desk.log.wait_for(OrderStatusReported)[0].order is None
        assert desk.total("BTC") == D("0.999"), "what the engine had filled is forgotten"
        shown(desk).place(ticket("b-2"))
        assert answers(desk, "b-2") == [OrderAccepted]
        assert len(desk.faults) == 1


def test_a_sink_that_raises_leaves_nothing_pending_and_makes_the_house_compare_its_books() -> None:
    with Desk() as desk:
        desk.log.wait_for(OrderChannelUp)
        log = desk.log

        def sink(body: Body) -> None:
            if isinstance(body, OrderAccepted):
                raise ValueError("a full mailbox")
            log(body)

        desk.venue.close(5)
        desk.venue.open(sink)
        shown(desk).place(ticket("b-1"))
        log.wait_for(OrderChannelUp, 3)
        assert len(log.of(OrderChannelDown)) == 1
        assert desk.faults == ["paper-paper: a full mailbox"]
        assert [order.client_order_id for order in desk.snapshot().orders] == ["b-1"]


def test_rules_that_cannot_be_kept_are_refused_before_anything_starts() -> None:
    with pytest.raises(VenueRefused, match="exact"):
        Desk(rules=Rules(instrument(tick="0.000001", lot="0.0001")))


def test_a_tee_shows_everything_to_its_watcher_first() -> None:
    order: list[str] = []

    class Feed:
        def open(self, sink: Sink) -> None:
            sink(quote("1", "2"))

        def close(self, deadline_s: float) -> None:
            order.append("closed")

    feed: MarketFeed = Tee(Feed(), lambda _: order.append("watcher"))
    feed.open(lambda _: order.append("sink"))
    feed.close(1)
    assert order == ["watcher", "sink", "closed"]


def test_it_says_what_it_needs_before_it_opens() -> None:
    desk = Desk(OFF)
    desk.venue.close_books()
    with pytest.raises(RuntimeError, match="open_books"):
        desk.venue.open(desk.log)
