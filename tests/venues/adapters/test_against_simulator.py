"""Both adapters against the simulated venue: a process of its own that shares no code with them."""

import gzip
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bulkhead.venues.port import MarketFeed, VenueRefused
from bulkhead.venues.transport.tape_control import Stepped, TapeControl
from messages.instruments import InstrumentsFailed, InstrumentsLoaded, LoadInstruments
from messages.market import Book, FeedConnected, FeedDisconnected, FeedProtocolError, Quote, Trade
from messages.orders import (
    CancelRejected,
    ExecutionReported,
    OrderAccepted,
    OrderCancelled,
    OrderChannelDown,
    OrderChannelUp,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderStatusReported,
    SubmitOrder,
)
from messages.values import OrderStatus, TimeInForce
from tests.venues.adapters.kit import Desk, Log, feed, set_faults, simulator
from tests.venues.transport.peers import until
from tests.venues.wire.making import cancel, limit_ticket, query

pytestmark = pytest.mark.process

FAR_BELOW = "1000"
FAR_ABOVE = "90000"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with simulator("--events-per-s", "200", "--symbols", "BTCUSDT", "ETHUSDT") as port:
        yield port


def buy(
    client_order_id: str, price: str, quantity: str = "0.01", time_in_force: TimeInForce = TimeInForce.GTC
) -> SubmitOrder:
    return SubmitOrder(ticket=limit_ticket(client_order_id, price, time_in_force, quantity=quantity))


def test_an_order_from_its_acceptance_to_its_cancel(port: int) -> None:
    with Desk(port) as house:
        (up,) = house.log.wait_for(OrderChannelUp)
        assert house.orders.channel() == up
        house.orders.submit(buy("resting", FAR_BELOW), "oms", 1)
        house.answered()
        house.orders.cancel(cancel("resting"))
        house.orders.cancel(cancel("resting"))
        house.answered()
        # Once as the answer to the request, once by the stream: whoever books them has to take each once.
        accepted, _ = house.log.wait_for(OrderAccepted, 2)
        cancelled, other = house.log.wait_for(OrderCancelled, 2)
        (again,) = house.log.of(CancelRejected)
    assert accepted.venue_order_id == cancelled.venue_order_id == other.venue_order_id
    assert {cancelled.client_order_id, other.client_order_id} == {"resting"}
    assert again.code == "-2011"
    assert [client_order_id for client_order_id, _ in house.sent] == ["resting"]
    assert house.faults == []


def test_an_answer_that_is_lost_is_unknown_and_the_query_finds_the_order(port: int) -> None:
    with Desk(port) as house:
        set_faults(port, lose_order_replies=1, hide_orders_ms=300)
        house.orders.submit(buy("lost", FAR_ABOVE), "oms", 1)
        house.log.wait_for(OrderOutcomeUnknown)
        house.orders.query(query("lost"))
        house.answered()
        time.sleep(0.35)
        house.orders.query(query("lost"))
        house.answered()
        set_faults(port, hide_orders_ms=0)
    hidden, found = house.log.of(OrderStatusReported)
    assert hidden.order is None  # and so is no proof of absence
    assert found.order is not None
    assert found.order.status is OrderStatus.FILLED


@pytest.mark.parametrize("accept", [True, False])
def test_a_server_error_is_unknown_whether_or_not_it_was_placed(port: int, accept: bool) -> None:
    name = f"error-{accept}"
    with Desk(port) as house:
        set_faults(port, order_status=503, accept=accept, count=1)
        house.orders.submit(buy(name, FAR_BELOW), "oms", 1)
        house.log.wait_for(OrderOutcomeUnknown)
        house.orders.query(query(name))
        house.answered()
    (status,) = house.log.of(OrderStatusReported)
    assert (status.order is not None) == accept


def test_a_wrong_key_is_told_as_such(port: int) -> None:
    with Desk(port, api_secret="wrong") as house:
        (down, *_) = house.log.wait_for(OrderChannelDown)
        house.orders.submit(buy("unsigned", FAR_BELOW), "oms", 1)
        (unsent,) = house.log.wait_for(OrderNotSent)
        with pytest.raises(VenueRefused) as refused:
            house.orders.check_key()
    assert "subscription refused" in down.reason
    assert unsent.code == refused.value.code == "-1022"
    assert house.log.of(OrderChannelUp) == []


def test_market_data(port: int) -> None:
    log = Log()
    market: MarketFeed = feed(port, symbols=("BTCUSDT", "ETHUSDT"), stream_kinds=("trade", "bookTicker", "depth5"))
    market.open(log)
    log.wait_for(Trade, 5)
    log.wait_for(Quote, 5)
    log.wait_for(Book, 1)
    set_faults(port, drop_connections=True)
    log.wait_for(FeedConnected, 2)
    began = time.monotonic()
    market.close(5.0)
    assert time.monotonic() - began < 1
    assert {trade.symbol for trade in log.of(Trade)} <= {"BTCUSDT", "ETHUSDT"}
    assert len(log.of(FeedDisconnected)) >= 1
    assert log.of(FeedProtocolError) == []


def test_a_feed_without_streams_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="0 streams"):
        feed(1, symbols=())


def test_lockstep_counts_every_event(tmp_path: Path) -> None:
    header = "event_time_ms,kind,price,size,bid,bid_size,ask,ask_size,exchange,suspicious"
    rows = [header]
    for number in range(50):
        at = 1_381_325_400_000 + number * 500
        rows += [f"{at},quote,,,{100 + number},5,,,N,0", f"{at},quote,,,,,{101 + number},5,N,0"]
        rows.append(f"{at + 100},trade,{100 + number}.5,200,,,,,N,0")
    tape = tmp_path / "XYZ-2013-10-09.csv.gz"
    tape.write_bytes(gzip.compress("\n".join(rows).encode() + b"\n"))
    log = Log()
    with simulator("--tape-files", str(tape), "--lockstep") as port:
        market = feed(port, symbols=("XYZUSD",))
        with TapeControl(f"ws://127.0.0.1:{port}/sim/tape") as control, Desk(port, lanes=1) as house:
            house.log.wait_for(OrderChannelUp)
            market.open(log)
            log.wait_for(FeedConnected)

            def arrived(told: Stepped) -> bool:
                received = (market.received_market_events, house.orders.received_user_events)
                return received == (told.market_events, told.user_events)

            stepped = control.step()
            for number in range(10):
                ticket = limit_ticket(f"lock-{number}", "500", symbol="XYZUSD", quantity="1")
                house.orders.submit(SubmitOrder(ticket=ticket), "oms", 1)
                house.answered()
                stepped = control.step()
                until(partial(arrived, stepped), "everything the venue says it sent")
            while not stepped.ended:
                stepped = control.step()
            until(partial(arrived, stepped), "the rest")
        market.close(5.0)
    assert stepped.user_events >= 20
    assert len(log.of(Trade)) + len(log.of(Quote)) == market.received_market_events
    assert len({fill.execution_id for fill in house.log.of(ExecutionReported)}) >= 10


def test_the_trading_rules_are_told_while_it_runs(port: int) -> None:
    with Desk(port) as house:
        house.log.wait_for(OrderChannelUp)
        before = house.orders.load_instruments()
        house.orders.instruments(LoadInstruments())
        house.answered()
        (loaded,) = house.log.of(InstrumentsLoaded)
        assert loaded.instruments == before
        assert loaded.as_of_ns > 0
        assert {rules.status for rules in before} == {"TRADING"}
        set_faults(port, rate_limit_next=1)
        house.orders.instruments(LoadInstruments())
        house.answered()
    (failed,) = house.log.of(InstrumentsFailed)
    assert "429" in failed.reason
