"""What the REST answers become."""

import json
from decimal import Decimal

import pytest

from bulkhead.venues.key_rights import KeyRights
from bulkhead.venues.wire.binance import replies
from bulkhead.venues.wire.facts import RAW_LIMIT_CHARS, Answered, NothingLeft, NoVerdict, ProtocolError, Received
from messages.orders import (
    CancelOutcomeUnknown,
    CancelRejected,
    ExecutionReported,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
)
from messages.values import OrderStatus, Side
from tests.venues.wire import samples
from tests.venues.wire.making import cancel, market_ticket

TICKET = market_ticket("6gCrw2kRUAF9CvJDGP16IP", quantity="10")
RECEIVED = Received(at_ns=7, monotonic_ns=8)


def changed(sample: str, **changes: object) -> str:
    return json.dumps({**json.loads(sample), **changes})


def test_what_a_key_may_do() -> None:
    sample = json.dumps(
        {
            "ipRestrict": False,
            "createTime": 1698645219000,
            "enableReading": True,
            "enableWithdrawals": False,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": False,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": True,
            "enableSpotAndMarginTrading": True,
            "enablePortfolioMarginTrading": True,
        }
    )
    assert replies.key_rights(sample) == KeyRights(can_trade=True, can_withdraw=False, is_bound_to_addresses=False)
    for name in ("enableWithdrawals", "enableInternalTransfer", "permitsUniversalTransfer"):
        told = replies.key_rights(changed(sample, **{name: True}))
        assert isinstance(told, KeyRights)
        assert told.can_withdraw, name
    for broken in (changed(sample, enableWithdrawals="no"), "[]", '{"ipRestrict": true}'):
        assert isinstance(replies.key_rights(broken), ProtocolError)


def test_a_full_answer_is_the_acceptance_and_each_fill() -> None:
    accepted, *fills = replies.submit_outcome(TICKET, Answered(200, samples.ORDER_FULL))
    assert isinstance(accepted, OrderAccepted)
    assert (accepted.venue_order_id, accepted.venue_time_ns) == ("28", 1507725176595_000_000)
    assert accepted.raw == samples.ORDER_FULL
    executions = [fill for fill in fills if isinstance(fill, ExecutionReported)]
    assert [fill.execution_id for fill in executions] == ["56", "57", "58", "59", "60"]
    assert [fill.cumulative for fill in executions] == [Decimal(n) for n in (1, 6, 8, 9, 10)]
    assert (executions[1].fee, executions[1].fee_asset, executions[1].side) == (Decimal("19.995"), "USDT", Side.SELL)
    assert executions[1].price == Decimal(3999)
    assert len(executions) == len(fills)


def test_a_running_total_is_not_claimed_when_fills_are_missing() -> None:
    more = changed(samples.ORDER_FULL, origQty="11", executedQty="11")
    _, fill, *_ = replies.submit_outcome(TICKET, Answered(200, more))
    assert isinstance(fill, ExecutionReported)
    assert fill.cumulative is None


@pytest.mark.parametrize(
    "changes",
    [
        {"executedQty": "0.0", "fills": []},
        {"executedQty": "11"},
        {"executedQty": "9"},
        {"status": "NEW"},
        {"status": "PARTIALLY_FILLED"},
        {"status": "EXPIRED", "executedQty": "3"},
    ],
)
def test_an_answer_that_contradicts_itself_is_no_verdict(changes: dict[str, object]) -> None:
    """Neither word is believed: the outcome is unknown, with the numbers, and is asked about."""
    (unknown,) = replies.submit_outcome(TICKET, Answered(200, changed(samples.ORDER_FULL, **changes)))
    assert isinstance(unknown, OrderOutcomeUnknown)
    assert "it contradicts itself" in unknown.reason


def test_a_cancel_or_a_query_that_contradicts_itself_is_not_believed() -> None:
    (unknown,) = replies.cancel_outcome(
        cancel("myOrder1", "LTCBTC"), Answered(200, changed(samples.CANCELLED, executedQty="2"))
    )
    assert isinstance(unknown, CancelOutcomeUnknown)
    read = replies.order(changed(samples.ORDER, status="FILLED"))
    assert isinstance(read, ProtocolError)
    assert "FILLED with executedQty 0.0 of origQty 1.0" in read.reason


def test_an_ack_answer_is_an_acceptance() -> None:
    (accepted,) = replies.submit_outcome(TICKET, Answered(200, samples.ORDER_ACK))
    assert isinstance(accepted, OrderAccepted)


@pytest.mark.parametrize("word", ["EXPIRED", "EXPIRED_IN_MATCH"])
def test_an_expired_order_was_accepted_then_filled_in_part_then_ended(word: str) -> None:
    fills = json.loads(samples.ORDER_FULL)["fills"][:1]
    text = changed(samples.ORDER_FULL, status=word, fills=fills, executedQty="1.0")
    accepted, fill, expired = replies.submit_outcome(TICKET, Answered(200, text))
    assert isinstance(accepted, OrderAccepted)
    assert isinstance(fill, ExecutionReported)
    assert isinstance(expired, OrderExpired)
    assert (expired.cumulative, expired.reason) == (Decimal(1), word)


def test_a_status_that_ends_it_otherwise() -> None:
    (rejected,) = replies.submit_outcome(TICKET, Answered(200, changed(samples.ORDER_FULL, status="REJECTED")))
    assert isinstance(rejected, OrderRejected)
    last = replies.submit_outcome(TICKET, Answered(200, changed(samples.ORDER_FULL, status="CANCELED")))[-1]
    assert isinstance(last, OrderCancelled)


def test_what_is_not_an_acceptance() -> None:
    (unsent,) = replies.submit_outcome(TICKET, NothingLeft("refused"))
    assert isinstance(unsent, OrderNotSent)
    (unknown,) = replies.submit_outcome(TICKET, NoVerdict("timeout"))
    assert isinstance(unknown, OrderOutcomeUnknown)
    (rejected,) = replies.submit_outcome(TICKET, Answered(400, samples.ERROR))
    assert isinstance(rejected, OrderRejected)
    assert (rejected.code, rejected.reason, rejected.raw) == ("-1121", "Invalid symbol.", samples.ERROR)
    (limited,) = replies.submit_outcome(TICKET, Answered(429, "", {"retry-after": "3"}))
    assert isinstance(limited, OrderNotSent)
    assert limited.retry_after_s == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        samples.ORDER_FULL[:-5],
        samples.ORDER_FULL.replace("6gCrw2kRUAF9CvJDGP16IP", "other"),
        samples.ORDER_FULL.replace("BTCUSDT", "ETHUSDT"),
        samples.ORDER_FULL.replace('"4000.00000000"', '"NaN"'),
        samples.ORDER_FULL.replace('"4000.00000000"', '"-4000"'),
        samples.ORDER_FULL.replace('"4000.00000000"', '"0"'),
        samples.ORDER_FULL.replace('"4000.00000000"', "4000.0"),
        samples.ORDER_FULL.replace('"4000.00000000"', "NaN"),
        samples.ORDER_FULL.replace('"4000.00000000"', '"1e3"'),
        samples.ORDER_FULL.replace('"tradeId": 56', '"tradeId": -1'),
        samples.ORDER_FULL.replace("FILLED", "SOMETHING_NEW"),
        samples.ORDER_FULL.replace("1507725176595", "true"),
        samples.ORDER_FULL.replace("1507725176595", "9" * 30),
    ],
)
def test_an_acceptance_that_cannot_be_read_is_unknown_and_kept(text: str) -> None:
    (unknown,) = replies.submit_outcome(TICKET, Answered(200, text))
    assert isinstance(unknown, OrderOutcomeUnknown)
    assert unknown.raw == text


def test_raw_text_is_bounded_and_storable() -> None:
    (unknown,) = replies.submit_outcome(TICKET, Answered(200, "\ud800" + "x" * 10**6))
    assert len(unknown.raw) == RAW_LIMIT_CHARS
    unknown.model_dump_json().encode()


def test_cancelling() -> None:
    command = cancel("myOrder1", "LTCBTC")
    (cancelled,) = replies.cancel_outcome(command, Answered(200, samples.CANCELLED))
    assert isinstance(cancelled, OrderCancelled)
    assert (cancelled.client_order_id, cancelled.cumulative) == ("myOrder1", Decimal(0))
    unknown_order = '{"code":-2011,"msg":"Unknown order sent."}'
    (rejected,) = replies.cancel_outcome(command, Answered(400, unknown_order))
    assert isinstance(rejected, CancelRejected)
    assert rejected.code == "-2011"
    (unsent,) = replies.cancel_outcome(command, NothingLeft("refused"))
    assert isinstance(unsent, CancelRejected)
    assert unsent.code == "NOT_CONNECTED"


@pytest.mark.parametrize(
    "fact",
    [
        NoVerdict("timeout"),
        Answered(500, ""),
        Answered(200, ""),
        Answered(200, samples.CANCELLED.replace("myOrder1", "another")),
        Answered(200, samples.CANCELLED.replace("CANCELED", "FILLED")),
    ],
)
def test_a_cancel_without_proof_is_unknown(fact: Answered | NoVerdict) -> None:
    (unknown,) = replies.cancel_outcome(cancel("myOrder1", "LTCBTC"), fact)
    assert isinstance(unknown, CancelOutcomeUnknown)


def test_lists() -> None:
    order = replies.order(samples.ORDER)
    assert not isinstance(order, ProtocolError)
    assert (order.status, order.limit_price, order.order_type) == (OrderStatus.SUBMITTED, Decimal("0.1"), "LMT")
    assert replies.orders(f"[{samples.ORDER},{samples.ORDER}]") == (order, order)
    executions = replies.executions(samples.MY_TRADES)
    assert not isinstance(executions, ProtocolError)
    assert (executions[0].execution_id, executions[0].fee, executions[0].side) == ("28457", Decimal("10.1"), Side.BUY)
    balances = replies.balances(samples.ACCOUNT)
    assert not isinstance(balances, ProtocolError)
    assert [balance.asset for balance in balances] == ["BTC", "LTC"]
    assert replies.server_time_ms(samples.TIME) == 1499827319559


def test_every_status_of_the_venue_has_one_of_ours() -> None:
    words = {"NEW", "PENDING_NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "PENDING_CANCEL"}
    assert words | {"REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"} == set(replies.STATUSES)


def test_one_unreadable_row_spoils_the_list() -> None:
    text = f"[{samples.ORDER},{samples.ORDER.replace('LIMIT', '').replace('BUY', 'HOLD')}]"
    result = replies.orders(text)
    assert isinstance(result, ProtocolError)
    assert (result.reason, result.raw) == ("side: no such side 'HOLD'", text)


def test_instruments() -> None:
    result = replies.instruments(samples.EXCHANGE_INFO)
    assert not isinstance(result, ProtocolError)
    (rules,) = result
    assert (rules.tick_size, rules.lot_size, rules.min_notional) == (
        Decimal("0.000001"),
        Decimal("0.001"),
        Decimal("0.0001"),
    )
    assert rules.is_trading
    again = replies.instruments(samples.EXCHANGE_INFO.replace("1565246363776", "1565246363999"))
    assert again == result  # the version names the rules, not the moment
    other = replies.instruments(samples.EXCHANGE_INFO.replace('"stepSize": "0.00100000"', '"stepSize": "0.01"'))
    assert not isinstance(other, ProtocolError)
    assert other[0].version != rules.version


@pytest.mark.parametrize("rule", ["PRICE_FILTER", "LOT_SIZE"])
def test_a_symbol_without_its_rules_cannot_be_traded(rule: str) -> None:
    result = replies.instruments(samples.EXCHANGE_INFO.replace(rule, "OTHER"))
    assert isinstance(result, ProtocolError)
    assert result.reason == "ETHBTC has no PRICE_FILTER or no LOT_SIZE"


def test_a_book_snapshot() -> None:
    book = replies.depth(samples.DEPTH, "binance", "BTCUSDT", RECEIVED)
    assert not isinstance(book, ProtocolError)
    assert (book.bids[0].price, book.asks[0].quantity, book.update_id) == (Decimal(4), Decimal(12), 1027024)
    assert book.event_time_is_receipt
