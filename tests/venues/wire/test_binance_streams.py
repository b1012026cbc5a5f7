"""What the WebSockets' texts become."""

import json
from decimal import Decimal

import pytest

from bulkhead.venues.wire.binance import streams
from bulkhead.venues.wire.facts import Ignored, ProtocolError, Received
from messages.market import Book, Quote, Trade
from messages.orders import ExecutionReported, OrderAccepted, OrderCancelled, OrderExpired, OrderRejected
from messages.values import Side
from tests.venues.wire import samples

RECEIVED = Received(at_ns=7, monotonic_ns=8)


def market(text: str) -> streams.MarketEvent:
    return streams.market_event(text, "binance", RECEIVED)


def report(**changes: object) -> streams.UserEvent:
    message = json.loads(samples.EXECUTION_REPORT)
    message["event"].update(changes)
    return streams.user_event(json.dumps(message))


def fill(**changes: object) -> streams.UserEvent:
    trade = {
        "x": "TRADE",
        "X": "PARTIALLY_FILLED",
        "l": "0.4",
        "L": "0.1",
        "z": "0.6",
        "n": "0.001",
        "N": "BNB",
        "t": 77,
    }
    return report(**{**trade, **changes})


# -- market data ------------------------------------------------------------------------------------------------------


@pytest.mark.req("S-01")
@pytest.mark.parametrize("text", [samples.TRADE, samples.COMBINED_TRADE])
def test_a_trade(text: str) -> None:
    trade = market(text)
    assert isinstance(trade, Trade)
    assert (trade.symbol, trade.price, trade.quantity, trade.trade_id) == (
        "BNBBTC",
        Decimal("0.001"),
        Decimal(100),
        12345,
    )
    assert trade.event_time_ns == 1672515782136_000_000
    assert (trade.received_at_ns, trade.received_monotonic_ns) == (7, 8)
    assert trade.aggressor is Side.SELL  # the buyer was the maker
    assert not trade.event_time_is_receipt


@pytest.mark.req("S-01")
def test_a_quote_has_no_time_of_its_own() -> None:
    quote = market(samples.BOOK_TICKER)
    assert isinstance(quote, Quote)
    assert (quote.bid, quote.ask_quantity) == (Decimal("25.3519"), Decimal("40.66"))
    assert quote.event_time_ns == 7
    assert quote.event_time_is_receipt


def test_an_empty_side_of_the_book() -> None:
    text = samples.BOOK_TICKER.replace("25.36520000", "0.00000000").replace("40.66000000", "0.00000000")
    quote = market(text)
    assert isinstance(quote, Quote)
    assert (quote.ask, quote.ask_quantity) == (None, None)
    assert quote.bid is not None


def test_a_partial_book_is_named_by_its_stream() -> None:
    book = market(samples.PARTIAL_DEPTH)
    assert isinstance(book, Book)
    assert (book.symbol, book.bids[0].price) == ("BNBBTC", Decimal(4))
    bare = market(samples.DEPTH)
    assert isinstance(bare, ProtocolError)
    assert "through /stream" in bare.reason


def test_what_is_not_for_us_and_what_is_an_answer() -> None:
    assert market(samples.DIFF_DEPTH) == Ignored("depthUpdate")
    assert isinstance(market(samples.SERVER_SHUTDOWN), streams.StreamEnded)
    reply = market(samples.STREAM_REPLY)
    assert isinstance(reply, streams.Reply)
    assert reply.is_ok
    refused = market('{"error":{"code":2,"msg":"Invalid request"},"id":1}')
    assert isinstance(refused, streams.Reply)
    assert (refused.is_ok, refused.reason) == (False, "Invalid request")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "nonsense",
        "[" * 100_000,
        '{"e": 5}',
        '{"stream": "x", "data": 1}',
        samples.TRADE.replace('"0.001"', '"-0.001"'),
        samples.TRADE.replace('"0.001"', '"Infinity"'),
        samples.TRADE.replace('"0.001"', "Infinity"),
        samples.TRADE.replace('"0.001"', "0.001"),
        samples.TRADE.replace('"0.001"', '"0"'),
        samples.TRADE.replace('"0.001"', '"٣"'),
        samples.TRADE.replace("BNBBTC", "bnb btc"),
        samples.TRADE.replace('"m": true', '"m": 1'),
        samples.TRADE.replace('"t": 12345', '"t": null'),
        samples.TRADE.replace('"T": 1672515782136', '"T": ' + "9" * 5_000),
    ],
)
def test_what_cannot_be_read_is_kept(text: str) -> None:
    error = market(text)
    assert isinstance(error, ProtocolError)
    assert error.raw == text[: len(error.raw)]
    assert error.reason


# -- our own orders ---------------------------------------------------------------------------------------------------


def test_a_new_order_on_the_book() -> None:
    accepted = streams.user_event(samples.EXECUTION_REPORT)
    assert isinstance(accepted, OrderAccepted)
    assert (accepted.client_order_id, accepted.symbol) == ("mUvoqJxFIILMdfAW5iGSOW", "ETHBTC")
    assert (accepted.venue_order_id, accepted.venue_time_ns) == ("4293153", 1499405658657_000_000)
    assert accepted.raw == samples.EXECUTION_REPORT


def test_a_fill() -> None:
    execution = fill(m=True)
    assert isinstance(execution, ExecutionReported)
    assert (execution.execution_id, execution.quantity, execution.price) == ("77", Decimal("0.4"), Decimal("0.1"))
    assert (execution.fee, execution.fee_asset, execution.cumulative) == (Decimal("0.001"), "BNB", Decimal("0.6"))
    assert execution.is_maker


def test_a_fill_without_a_fee_names_no_asset() -> None:
    free = fill(n="0", N=None)
    assert isinstance(free, ExecutionReported)
    assert (free.fee, free.fee_asset) == (Decimal(0), "")
    assert isinstance(fill(n="0.1", N=None), ProtocolError)


def test_a_cancel_names_the_order_in_another_field() -> None:
    cancelled = report(x="CANCELED", X="CANCELED", c="id-of-the-cancel", C="id-of-the-order", z="0.25")
    assert isinstance(cancelled, OrderCancelled)
    assert (cancelled.client_order_id, cancelled.cumulative) == ("id-of-the-order", Decimal("0.25"))
    by_venue = report(x="CANCELED", X="CANCELED", c="id-of-the-order", C="")
    assert isinstance(by_venue, OrderCancelled)
    assert by_venue.client_order_id == "id-of-the-order"


def test_other_ends() -> None:
    expired = report(x="EXPIRED", X="EXPIRED", z="0.1")
    assert isinstance(expired, OrderExpired)
    assert expired.cumulative == Decimal("0.1")
    with_ourselves = report(x="TRADE_PREVENTION", X="EXPIRED_IN_MATCH")
    assert isinstance(with_ourselves, OrderExpired)
    assert with_ourselves.reason == "EXPIRED_IN_MATCH"
    rejected = report(x="REJECTED", X="REJECTED", r="INSUFFICIENT_BALANCES")
    assert isinstance(rejected, OrderRejected)
    assert rejected.code == "INSUFFICIENT_BALANCES"


def test_what_concerns_no_order_of_ours() -> None:
    assert streams.user_event(samples.ACCOUNT_POSITION) == Ignored("outboundAccountPosition")
    assert isinstance(report(c="web order by hand"), Ignored)
    assert report(x="REPLACED") == Ignored("executionReport REPLACED")
    assert report(x="TRADE_PREVENTION", X="NEW") == Ignored("executionReport TRADE_PREVENTION")
    assert isinstance(streams.user_event(samples.STREAM_TERMINATED), streams.StreamEnded)


def test_answers_to_the_subscription() -> None:
    yes, no = streams.user_event(samples.SUBSCRIBED), streams.user_event(samples.NOT_SUBSCRIBED)
    assert isinstance(yes, streams.Reply)
    assert yes.is_ok
    assert isinstance(no, streams.Reply)
    assert (no.is_ok, no.status, no.code) == (False, 401, "-2015")


@pytest.mark.parametrize(
    "changes", [{"x": "SOMETHING"}, {"X": "SOMETHING"}, {"x": None}, {"i": "1"}, {"s": 5}, {"T": -1}, {"c": None}]
)
def test_a_report_that_cannot_be_read(changes: dict[str, object]) -> None:
    assert isinstance(report(**changes), ProtocolError)


@pytest.mark.parametrize("changes", [{"t": -1}, {"l": "0"}, {"L": "NaN"}, {"S": "HOLD"}, {"m": "no"}, {"z": "-1"}])
def test_a_fill_that_cannot_be_read(changes: dict[str, object]) -> None:
    assert isinstance(fill(**changes), ProtocolError)


@pytest.mark.parametrize("changes", [{"X": "FILLED"}, {"z": "1.5"}, {"X": "NEW"}, {"z": "1.0"}])
def test_a_report_that_contradicts_itself_is_not_believed(changes: dict[str, object]) -> None:
    """Whoever hears of it compares the books, and finds the execution there."""
    error = fill(**changes)
    assert isinstance(error, ProtocolError)
    assert "it contradicts itself" in error.reason


def test_an_order_by_amount_states_no_quantity_and_contradicts_nothing() -> None:
    assert isinstance(fill(q="0.00000000", Q="100.0"), ExecutionReported)
