"""Reading requests: the published signature, timestamps at their edges, parameters in their formats."""

import pytest

from bulkhead.venues.simulator.errors import Refused
from bulkhead.venues.simulator.requests import (
    Params,
    check_key,
    check_signature,
    check_timestamp,
    order_reference,
    order_request,
    signature_of,
    signed_part,
)
from tests.venues.simulator.kit import D

# The example of Binance's own documents.
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
PAYLOAD = (
    "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
)
SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "100"}
MARKET = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "1"}


def test_the_published_signature() -> None:
    assert signature_of(PAYLOAD, SECRET) == SIGNATURE
    check_signature(Params({"signature": SIGNATURE.upper()}), PAYLOAD, SECRET)


def test_query_and_body_are_signed_as_one_text() -> None:
    query, body = "symbol=LTCBTC&side=BUY", f"quantity=1&signature={SIGNATURE}&price=0.1"
    assert signed_part(query) + signed_part(body) == "symbol=LTCBTC&side=BUYquantity=1&price=0.1"
    assert Params.parse("a=1&b=%2B", "a=2&c=3").text("a") == "1"


@pytest.mark.parametrize("signature", ["", "00", "é", SIGNATURE[:-1] + "0"])
def test_a_wrong_signature(signature: str) -> None:
    with pytest.raises(Refused) as refused:
        check_signature(Params({"signature": signature}), PAYLOAD, SECRET)
    assert refused.value.code == (-1022 if signature else -1102)


@pytest.mark.parametrize(("key", "code"), [(None, -2014), ("", -2014), ("a b", -2014), ("other", -2015)])
def test_a_wrong_key(key: str | None, code: int) -> None:
    with pytest.raises(Refused) as refused:
        check_key(key, "right")
    assert (refused.value.code, refused.value.status) == (code, 401)


@pytest.mark.parametrize(("timestamp", "window"), [(100_999, 5_000), (95_000, 5_000), (40_000, 60_000)])
def test_a_timestamp_within_the_window(timestamp: int, window: int) -> None:
    check_timestamp(Params({"timestamp": str(timestamp), "recvWindow": str(window)}), 100_000, is_checked=True)


@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        ({"timestamp": "101000"}, -1021, "Timestamp for this request was 1000ms ahead of the server's time."),
        ({"timestamp": "94999"}, -1021, "Timestamp for this request is outside of the recvWindow."),
        (
            {"timestamp": "99000", "recvWindow": "999"},
            -1021,
            "Timestamp for this request is outside of the recvWindow.",
        ),
        ({"timestamp": "99000", "recvWindow": "60001"}, -1131, "recvWindow must be less than 60000."),
        ({}, -1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed."),
        (
            {"timestamp": "soon"},
            -1100,
            "Illegal characters found in parameter 'timestamp'; legal range is '^[0-9]{1,20}$'.",
        ),
    ],
)
def test_a_timestamp_outside_the_window(values: dict[str, str], code: int, message: str) -> None:
    with pytest.raises(Refused) as refused:
        check_timestamp(Params(values), 100_000, is_checked=True)
    assert (refused.value.code, refused.value.message) == (code, message)


def test_a_clock_that_stands_still_judges_no_timestamp() -> None:
    check_timestamp(Params({"timestamp": "5"}), 100_000, is_checked=False)


def test_orders_are_read() -> None:
    request, answer_type = order_request(
        Params(ORDER | {"newOrderRespType": "ACK", "newClientOrderId": "x-1"}), "sim-1"
    )
    assert (request.price, request.quantity, request.client_order_id, answer_type) == (D(100), D(1), "x-1", "ACK")
    request, answer_type = order_request(Params(MARKET), "sim-1")
    assert (request.price, request.is_buy, request.client_order_id, answer_type) == (None, False, "sim-1", "FULL")


@pytest.mark.parametrize("name", ["symbol", "side", "type", "timeInForce", "quantity", "price"])
def test_each_mandatory_parameter(name: str) -> None:
    for values in ({key: value for key, value in ORDER.items() if key != name}, ORDER | {name: ""}):
        with pytest.raises(Refused) as refused:
            order_request(Params(values), "sim-1")
        text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        assert (refused.value.code, refused.value.message) == (-1102, text)


@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        (ORDER | {"symbol": "btc usdt"}, -1100, "'symbol'"),
        (ORDER | {"side": "LONG"}, -1117, "Invalid side."),
        (ORDER | {"type": "STOP_LOSS"}, -1116, "Invalid orderType."),
        (ORDER | {"timeInForce": "DAY"}, -1115, "Invalid timeInForce."),
        (ORDER | {"price": "1e3"}, -1100, "'price'"),
        (ORDER | {"quantity": "-1"}, -1100, "'quantity'"),
        (ORDER | {"quantity": "1" * 21}, -1100, "'quantity'"),
        (ORDER | {"newClientOrderId": "a" * 37}, -1100, "'newClientOrderId'"),
        (ORDER | {"newClientOrderId": "a b"}, -1100, "'newClientOrderId'"),
        (ORDER | {"newOrderRespType": "ALL"}, -1102, "'newOrderRespType'"),
        (ORDER | {"stopPrice": "1"}, -1128, "Combination of optional parameters invalid."),
        (MARKET | {"price": "1"}, -1106, "Parameter 'price' sent when not required."),
        (MARKET | {"timeInForce": "GTC"}, -1106, "Parameter 'timeInForce' sent when not required."),
    ],
)
def test_what_cannot_be_read_is_refused(values: dict[str, str], code: int, message: str) -> None:
    with pytest.raises(Refused) as refused:
        order_request(Params(values), "sim-1")
    assert refused.value.code == code
    assert message in refused.value.message


def test_an_order_is_named_by_one_id_at_least() -> None:
    with pytest.raises(Refused, match="both were empty") as refused:
        order_reference(Params({"symbol": "BTCUSDT"}))
    assert refused.value.code == -1102
    with pytest.raises(Refused) as refused:
        order_reference(Params({"symbol": "BTCUSDT", "orderId": "9" * 19}))
    assert refused.value.code == -1100
    assert Params({}).limit(500, 1_000) == 500
    assert Params({"limit": "5000"}).limit(500, 1_000) == 1_000
