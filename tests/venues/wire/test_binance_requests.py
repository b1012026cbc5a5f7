"""What we ask of Binance, byte for byte."""

from decimal import Decimal
from urllib.parse import parse_qsl

import pytest

from bulkhead.venues.wire.binance import requests
from bulkhead.venues.wire.facts import NotSupported
from messages.values import TimeInForce
from tests.venues.wire.making import limit_ticket, market_ticket

# The key pair printed in the venue's own documents as an example.
SIGNER = requests.Signer(
    "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
    "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
)
STAMP = requests.Stamp(1499827319559, 5000)


def test_the_published_signature() -> None:
    payload = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    )
    assert SIGNER.signature(payload) == "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"


def test_a_limit_order() -> None:
    request = requests.submit(SIGNER, limit_ticket("my-order", price="0.10"), STAMP)
    payload, _, signature = request.query.rpartition("&signature=")
    assert (request.method, request.path) == ("POST", "/api/v3/order")
    assert payload == (
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1.5&price=0.1&newClientOrderId=my-order"
        "&newOrderRespType=FULL&recvWindow=5000&timestamp=1499827319559"
    )
    assert signature == SIGNER.signature(payload)
    assert request.headers == {"X-MBX-APIKEY": SIGNER.api_key}


def test_a_market_order_names_neither_price_nor_time_in_force() -> None:
    names = {name for name, _ in parse_qsl(requests.submit(SIGNER, market_ticket(), STAMP).query)}
    assert names.isdisjoint({"price", "timeInForce"})


def test_a_time_in_force_the_venue_does_not_have_is_not_sent() -> None:
    with pytest.raises(NotSupported, match="use GTC, IOC or FOK"):
        requests.submit(SIGNER, limit_ticket(time_in_force=TimeInForce.DAY), STAMP)


def test_decimals_have_no_exponent_and_no_padding() -> None:
    values = ("1E-8", "100", "1.500", "1E+3", "0.10")
    assert [requests.plain(Decimal(v)) for v in values] == ["0.00000001", "100", "1.5", "1000", "0.1"]


def test_other_calls() -> None:
    page = requests.From(start_ms=5, end_ms=9)
    made = [
        requests.query(SIGNER, "BTCUSDT", "x", STAMP),
        requests.cancel(SIGNER, "BTCUSDT", "x", STAMP),
        requests.open_orders(SIGNER, STAMP),
        requests.all_orders(SIGNER, "BTCUSDT", page, STAMP),
        requests.my_trades(SIGNER, "BTCUSDT", requests.From(id=7), STAMP, venue_order_id="3"),
        requests.account(SIGNER, STAMP),
    ]
    shown = [f"{r.method} {r.path}?{r.query.partition('recvWindow')[0]}" for r in made]
    assert shown == [
        "GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=x&",
        "DELETE /api/v3/order?symbol=BTCUSDT&origClientOrderId=x&",
        "GET /api/v3/openOrders?",
        "GET /api/v3/allOrders?symbol=BTCUSDT&startTime=5&endTime=9&limit=1000&",
        "GET /api/v3/myTrades?symbol=BTCUSDT&orderId=3&fromId=7&limit=1000&",
        "GET /api/v3/account?",
    ]
    assert requests.exchange_info(["A", "B"]).target == "/api/v3/exchangeInfo?symbols=%5B%22A%22%2C%22B%22%5D"
    assert requests.exchange_info().target == "/api/v3/exchangeInfo"
    assert requests.depth("BTCUSDT", 20).target == "/api/v3/depth?symbol=BTCUSDT&limit=20"
    assert requests.server_time().target == "/api/v3/time"
    assert requests.stream_names(("BTCUSDT",), ("trade", "depth5")) == ("btcusdt@trade", "btcusdt@depth5")


@pytest.mark.req("S-16")
def test_nothing_that_is_shown_carries_a_secret() -> None:
    shown = repr(SIGNER) + repr(requests.submit(SIGNER, market_ticket(), STAMP))
    assert SIGNER.api_secret not in shown
    assert SIGNER.api_key not in shown
    assert "signature" not in shown
