"""The REST API over real sockets: the fields of each answer, the words of each error, headers and limits."""

import time
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from bulkhead.venues.simulator.process import RunningSimulator, in_thread
from bulkhead.venues.simulator.server import KEEP_ALIVE_S
from bulkhead.venues.simulator.settings import DEMO_API_KEY, DEMO_API_SECRET, Limits
from bulkhead.venues.transport.http import HttpSettings
from tests.venues.simulator.kit import QUIET, Client, now_ms, sign

pytestmark = pytest.mark.process

# Field names as Binance's own sample payloads have them.
ACK = {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
TERMS = {
    "price",
    "origQty",
    "executedQty",
    "origQuoteOrderQty",
    "cummulativeQuoteQty",
    "status",
    "timeInForce",
    "type",
    "side",
    "selfTradePreventionMode",
}
RESULT = ACK | TERMS | {"workingTime"}
FILL = {"price", "qty", "commission", "commissionAsset", "tradeId"}
CANCELLED = ACK | TERMS | {"origClientOrderId"}
QUERY = (ACK - {"transactTime"}) | TERMS | {"stopPrice", "icebergQty", "time", "updateTime", "isWorking", "workingTime"}
ACCOUNT = {
    "makerCommission",
    "takerCommission",
    "buyerCommission",
    "sellerCommission",
    "commissionRates",
    "canTrade",
    "canWithdraw",
    "canDeposit",
    "brokered",
    "requireSelfTradePrevention",
    "preventSor",
    "updateTime",
    "accountType",
    "balances",
    "permissions",
    "uid",
}
MY_TRADE = {
    "symbol",
    "id",
    "orderId",
    "orderListId",
    "price",
    "qty",
    "quoteQty",
    "commission",
    "commissionAsset",
    "time",
    "isBuyer",
    "isMaker",
    "isBestMatch",
}
TRADE = {"id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isBestMatch"}
INFO = {"timezone", "serverTime", "rateLimits", "exchangeFilters", "symbols", "sors"}
SYMBOL = {
    "symbol",
    "status",
    "baseAsset",
    "baseAssetPrecision",
    "quoteAsset",
    "quotePrecision",
    "quoteAssetPrecision",
    "baseCommissionPrecision",
    "quoteCommissionPrecision",
    "orderTypes",
    "icebergAllowed",
    "ocoAllowed",
    "otoAllowed",
    "opoAllowed",
    "quoteOrderQtyMarketAllowed",
    "allowTrailingStop",
    "cancelReplaceAllowed",
    "amendAllowed",
    "pegInstructionsAllowed",
    "isSpotTradingAllowed",
    "isMarginTradingAllowed",
    "filters",
    "permissions",
    "permissionSets",
    "defaultSelfTradePreventionMode",
    "allowedSelfTradePreventionModes",
}


def test_public_answers_have_the_venues_fields(client: Client) -> None:
    assert client.get("/api/v3/ping").json() == {}
    assert set(client.get("/api/v3/time").json()) == {"serverTime"}
    info = client.get("/api/v3/exchangeInfo").json()
    assert set(info) == INFO
    assert [set(symbol) for symbol in info["symbols"]] == [SYMBOL, SYMBOL]
    assert {found["filterType"] for found in info["symbols"][0]["filters"]} == {
        "PRICE_FILTER",
        "LOT_SIZE",
        "MARKET_LOT_SIZE",
        "NOTIONAL",
        "MAX_NUM_ORDERS",
    }
    depth = client.get("/api/v3/depth?symbol=BTCUSDT&limit=10").json()
    assert set(depth) == {"lastUpdateId", "bids", "asks"}
    assert (len(depth["bids"]), len(depth["asks"])) == (10, 10)
    client.order(type="MARKET")
    trades = client.get("/api/v3/trades?symbol=BTCUSDT&limit=1").json()
    assert [set(found) for found in trades] == [TRADE]


def test_order_answers_have_the_venues_fields(client: Client) -> None:
    assert set(client.order(newOrderRespType="ACK").json()) == ACK
    assert set(client.order(newOrderRespType="RESULT").json()) == RESULT
    full = client.order(type="MARKET", quantity="0.5").json()
    assert set(full) == RESULT | {"fills"}
    assert full["status"] == "FILLED"
    assert {frozenset(fill) for fill in full["fills"]} == {frozenset(FILL)}
    assert full["price"] == "0.00000000"
    assert set(client.signed("GET", "order", symbol="BTCUSDT", orderId=1).json()) == QUERY
    assert [set(found) for found in client.signed("GET", "openOrders").json()] == [QUERY, QUERY]
    assert [set(found) for found in client.signed("GET", "allOrders", symbol="BTCUSDT").json()] == [QUERY] * 3
    assert {frozenset(found) for found in client.signed("GET", "myTrades", symbol="BTCUSDT").json()} == {
        frozenset(MY_TRADE)
    }
    cancelled = client.signed("DELETE", "order", symbol="BTCUSDT", orderId=1, newClientOrderId="c-1")
    assert set(cancelled.json()) == CANCELLED
    assert cancelled.json()["clientOrderId"] == "c-1"
    assert [set(found) for found in client.signed("DELETE", "openOrders", symbol="BTCUSDT").json()] == [CANCELLED]
    account = client.signed("GET", "account").json()
    assert set(account) == ACCOUNT
    assert account["commissionRates"]["maker"] == "0.00100000"
    assert {frozenset(found) for found in account["balances"]} == {frozenset({"asset", "free", "locked"})}


def test_an_order_from_acceptance_to_cancel(client: Client) -> None:
    placed = client.order(newClientOrderId="mine", price="40000", quantity="0.1").json()
    assert (placed["status"], placed["fills"]) == ("NEW", [])
    assert client.books()["balances"]["USDT"] == {"free": "96000.00000000", "locked": "4000.00000000"}
    queried = client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="mine").json()
    assert (queried["orderId"], queried["price"]) == (placed["orderId"], "40000.00000000")
    gone = client.signed("DELETE", "order", symbol="BTCUSDT", origClientOrderId="mine").json()
    assert (gone["status"], gone["origClientOrderId"]) == ("CANCELED", "mine")
    assert client.books()["balances"]["USDT"] == {"free": "100000.00000000", "locked": "0.00000000"}
    again = client.signed("DELETE", "order", symbol="BTCUSDT", origClientOrderId="mine")
    assert (again.status_code, again.json()) == (400, {"code": -2011, "msg": "Unknown order sent."})


def test_an_id_sent_again_is_refused_while_open_and_placed_again_after_the_fill(client: Client) -> None:
    assert client.order(newClientOrderId="x").status_code == 200
    refused = client.order(newClientOrderId="x")
    assert refused.json() == {"code": -2010, "msg": "Duplicate order sent."}
    client.signed("DELETE", "order", symbol="BTCUSDT", origClientOrderId="x")
    for _ in range(2):
        assert client.order(newClientOrderId="x", type="MARKET").json()["status"] == "FILLED"
    assert client.books()["by_client_order_id"]["x"]["orders"] == 3
    newest = client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="x").json()
    assert newest["orderId"] == 3


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"price": "50000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "100"}, -2010, "Account has insufficient balance for requested action."),
        ({"side": "SELL"}, -2010, "Account has insufficient balance for requested action."),
        ({"symbol": "NOSUCH"}, -1121, "Invalid symbol."),
        ({"price": None}, -1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed."),
        ({"price": "many"}, -1100, "Illegal characters found in parameter 'price'"),
    ],
)
def test_refused_orders(client: Client, params: dict[str, object], code: int, message: str) -> None:
    answer = client.order(**params)
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert answer.json()["msg"].startswith(message)
    assert client.books()["last_order_id"] == 0


def test_questions_about_what_is_not_there(client: Client) -> None:
    assert client.signed("GET", "order", symbol="BTCUSDT", orderId=9).json() == {
        "code": -2013,
        "msg": "Order does not exist.",
    }
    assert client.signed("GET", "order", symbol="NOSUCH", orderId=9).json()["code"] == -1121
    assert client.signed("DELETE", "openOrders", symbol="BTCUSDT").json()["code"] == -2011
    assert client.get("/api/v3/depth?symbol=NOSUCH").json() == {"code": -1121, "msg": "Invalid symbol."}
    assert client.get("/api/v3/depth").json()["code"] == -1102
    assert client.get("/api/v3/nothing").status_code == 404


def test_keys_signatures_and_times_are_checked(sim: RunningSimulator, client: Client) -> None:
    late = client.signed("GET", "account", timestamp=now_ms() - 6_000)
    assert late.json() == {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}
    early = client.signed("GET", "account", timestamp=now_ms() + 5_000)
    assert early.json()["msg"] == "Timestamp for this request was 1000ms ahead of the server's time."
    assert client.signed("GET", "account", timestamp=now_ms() - 6_000, recvWindow=60_000).status_code == 200
    wrong = client.http.get(f"/api/v3/account?timestamp={now_ms()}&signature=00")
    assert (wrong.status_code, wrong.json()) == (
        400,
        {"code": -1022, "msg": "Signature for this request is not valid."},
    )
    assert client.http.get(f"/api/v3/account?timestamp={now_ms()}").json()["code"] == -1102
    for key, code in (("", -2014), ("x" * 64, -2015)):
        stranger = Client(sim.http_url, key)
        answer = stranger.signed("GET", "account")
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        stranger.close()


def test_parameters_may_come_in_query_and_body(client: Client) -> None:
    query, body = (
        "symbol=BTCUSDT&side=BUY&type=LIMIT",
        f"timeInForce=GTC&quantity=0.01&price=50000&timestamp={now_ms()}",
    )
    signed = f"{body}&signature={sign(query + body)}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.http.post(f"/api/v3/order?{query}", content=signed, headers=headers).json()["status"] == "NEW"


def test_history_is_paged_by_id_and_time(client: Client) -> None:
    for number in range(5):
        client.order(type="MARKET", newClientOrderId=f"m{number}")
    everything = client.signed("GET", "allOrders", symbol="BTCUSDT").json()
    assert [order["orderId"] for order in everything] == [1, 2, 3, 4, 5]
    page = client.signed("GET", "allOrders", symbol="BTCUSDT", orderId=2, limit=2).json()
    assert [order["orderId"] for order in page] == [2, 3]
    newest = client.signed("GET", "allOrders", symbol="BTCUSDT", limit=2).json()
    assert [order["orderId"] for order in newest] == [4, 5]
    trades = client.signed("GET", "myTrades", symbol="BTCUSDT").json()
    ids = [found["id"] for found in trades]
    assert ids == sorted(ids)
    after = client.signed("GET", "myTrades", symbol="BTCUSDT", fromId=ids[2], limit=1).json()
    assert [found["id"] for found in after] == [ids[2]]
    of_order = client.signed("GET", "myTrades", symbol="BTCUSDT", orderId=3).json()
    assert {found["orderId"] for found in of_order} == {3}
    start = everything[0]["time"]
    assert client.signed("GET", "myTrades", symbol="BTCUSDT", startTime=start).json() == trades
    assert client.signed("GET", "allOrders", symbol="BTCUSDT", startTime=start + 60_000).json() == []


def test_used_weight_and_order_counts_are_in_the_headers(client: Client) -> None:
    assert client.get("/api/v3/time").headers["X-MBX-USED-WEIGHT-1M"] == "1"
    assert client.signed("GET", "account").headers["X-MBX-USED-WEIGHT-1M"] == "21"
    placed = client.order()
    assert (placed.headers["X-MBX-ORDER-COUNT-10S"], placed.headers["X-MBX-ORDER-COUNT-1D"]) == ("1", "1")
    assert client.order(quantity="100").headers["X-MBX-ORDER-COUNT-10S"] == "1"  # refused, so not counted
    counts = client.signed("GET", "rateLimit/order").json()
    assert [set(found) for found in counts] == [{"rateLimitType", "interval", "intervalNum", "limit", "count"}] * 2


def test_limits_end_in_429_and_then_in_a_ban() -> None:
    limits = Limits(request_weight_per_minute=30, requests_over_limit_before_ban=2, orders_per_10s=1)
    with in_thread(QUIET.model_copy(update={"limits": limits})) as sim:
        client = Client(sim.http_url)
        assert client.order().status_code == 200
        refused = client.order()
        if refused.status_code == 200:  # the first one fell into the ten seconds before
            refused = client.order()
        assert (refused.status_code, refused.json()["code"]) == (429, -1015)
        assert 1 <= int(refused.headers["Retry-After"]) <= 10
        client.signed("GET", "account")
        answers = [client.signed("GET", "account") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [429, 429, 418, 418]
        assert {answer.json()["code"] for answer in answers} == {-1003}
        assert answers[2].headers["Retry-After"] == "120"
        client.close()


def test_the_demo_credentials_look_like_real_ones() -> None:
    assert (len(DEMO_API_KEY), len(DEMO_API_SECRET)) == (64, 64)


def test_an_idle_connection_is_kept_longer_than_any_client_of_ours_keeps_it() -> None:
    """Else a request may meet its closing, and nobody can say whether it arrived."""
    assert HttpSettings().keepalive_s < KEEP_ALIVE_S
    with in_thread(QUIET) as running, closing(HTTPConnection(urlsplit(running.http_url).netloc)) as wire:
        for idle_s in (0.0, 5.5):  # uvicorn's own default is 5
            time.sleep(idle_s)
            wire.request("GET", "/api/v3/time")
            sock = wire.sock
            assert wire.getresponse().read()
            assert wire.sock is sock is not None, "it was closed, and a new one made"
