"""Best bid and ask on demand, in the words of both venues."""

import json
from decimal import Decimal

import pytest

from bulkhead.venues.wire.binance import quotes, requests
from bulkhead.venues.wire.facts import Answered, ProtocolError, Received
from bulkhead.venues.wire.kis import quote, terms
from messages.market import Quote
from messages.market_health import DataSource
from tests.venues.wire import kis_samples, samples

RECEIVED = Received(at_ns=1_795_000_000_000_000_000, monotonic_ns=8)
CALLER = terms.Caller(
    terms.Host.PAPER, terms.Keys(kis_samples.APP_KEY, kis_samples.APP_SECRET), "token", terms.Account("12345678")
)
ASKING = json.loads(kis_samples.ASKING_PRICE)


def binance(text: str) -> tuple[Quote, ...] | ProtocolError:
    return quotes.read(text, "binance", DataSource.SNAPSHOT, RECEIVED)


def kis(body: object, code: str = "005930") -> Quote | ProtocolError:
    return quote.read(Answered(200, json.dumps(body)), code, "kis", DataSource.SNAPSHOT, RECEIVED)


def test_binance_is_asked_for_all_symbols_at_once_and_with_a_key_only_as_the_broker() -> None:
    keyless = quotes.ask(["LTCBTC", "ETHBTC"])
    assert keyless.target == "/api/v3/ticker/bookTicker?symbols=%5B%22LTCBTC%22%2C%22ETHBTC%22%5D"
    assert (keyless.headers, keyless.costs["REQUEST_WEIGHT"]) == ({}, 4)
    with_key = quotes.ask(["LTCBTC"], requests.Signer("the key", ""))
    assert (with_key.headers, with_key.costs["REQUEST_WEIGHT"]) == ({"X-MBX-APIKEY": "the key"}, 2)
    assert "signature" not in with_key.query


def test_the_answer_of_binance() -> None:
    found = binance(samples.BOOK_TICKERS)
    assert isinstance(found, tuple)
    first, second = found
    assert (first.symbol, first.bid, first.bid_quantity) == ("LTCBTC", Decimal("4.00000000"), Decimal("431.00000000"))
    assert (first.ask, first.ask_quantity) == (Decimal("4.00000200"), Decimal("9.00000000"))
    assert (first.event_time_ns, first.event_time_is_receipt, first.update_id) == (RECEIVED.at_ns, True, None)
    assert (first.source, second.symbol) == (DataSource.SNAPSHOT, "ETHBTC")


def test_an_empty_side_has_no_price() -> None:
    row = {"symbol": "LTCBTC", "bidPrice": "0.00", "bidQty": "0.00", "askPrice": "4.1", "askQty": "1"}
    (found,) = binance(json.dumps([row]))  # type: ignore[misc]
    assert (found.bid, found.bid_quantity, found.ask) == (None, None, Decimal("4.1"))


@pytest.mark.parametrize("text", ["{}", "[{}]", "null", '{"code":-1121,"msg":"Invalid symbol."}'])
def test_what_is_no_list_of_quotes_is_said(text: str) -> None:
    assert isinstance(binance(text), ProtocolError)


def test_a_symbol_twice_is_no_answer() -> None:
    row = json.loads(samples.BOOK_TICKERS)[0]
    assert isinstance(binance(json.dumps([row, row])), ProtocolError)


def test_kis_is_asked_for_one_symbol_alike_at_both_hosts() -> None:
    request = quote.ask(CALLER, "005930")
    assert request.target.startswith("/uapi/domestic-stock/v1/quotations/inquire-asking-price-exp-ccn?")
    assert request.query == "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=005930"
    assert (request.headers["tr_id"], request.costs) == ("FHKST01010200", {terms.REQUESTS: 1})


def test_the_answer_of_kis_is_its_best_level_as_of_our_looking() -> None:
    found = kis(ASKING)
    assert isinstance(found, Quote)
    assert (found.bid, found.bid_quantity) == (Decimal(71_800), Decimal(4_000))
    assert (found.ask, found.ask_quantity) == (Decimal(71_900), Decimal(3_000))
    assert (found.event_time_ns, found.event_time_is_receipt) == (RECEIVED.at_ns, True)
    assert found.source is DataSource.SNAPSHOT


def changed(**output1: str) -> dict[str, object]:
    return {**ASKING, "output1": {**ASKING["output1"], **output1}}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({**ASKING, "rt_cd": "1", "msg_cd": "EGW00201"}, "EGW00201"),
        ({**ASKING, "output2": {"stck_shrn_iscd": "000660"}}, "it answers 000660"),
        (changed(askp1="0", bidp1="0"), "nobody bids"),
        (changed(aspr_acpt_hour="9"), "HHMMSS"),
        (changed(bidp1="-1"), "bidp1"),
        ({"rt_cd": "0"}, "output1"),
    ],
)
def test_what_is_no_quote_of_it_is_said(body: object, said: str) -> None:
    found = kis(body)
    assert isinstance(found, ProtocolError)
    assert said in found.reason


def test_a_share_at_its_limit_has_one_side() -> None:
    found = kis(changed(askp1="0", askp_rsqn1="0"))
    assert isinstance(found, Quote)
    assert (found.ask, found.ask_quantity, found.bid) == (None, None, Decimal(71_800))
