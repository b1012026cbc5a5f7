"""The fault switches: each does what it says, and the books tell the truth about what happened."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from bulkhead.venues.simulator.process import RunningSimulator, in_thread
from tests.venues.simulator.kit import QUIET, Client, open_ws, receive, subscribe_user
from tests.venues.transport.peers import until

pytestmark = pytest.mark.process


def test_a_lost_reply_leaves_an_accepted_order(client: Client) -> None:
    client.faults(lose_order_replies=1)
    with pytest.raises(httpx.RemoteProtocolError):
        client.order(newClientOrderId="lost")
    assert client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="lost").json()["status"] == "NEW"
    assert client.order(newClientOrderId="next").status_code == 200
    assert client.books()["by_client_order_id"]["lost"]["orders"] == 1


def test_a_refused_order_is_answered_even_when_replies_are_lost(client: Client) -> None:
    client.faults(lose_order_replies=1)
    assert client.order(quantity="100").json()["code"] == -2010
    assert client.get("/sim/faults").json()["lose_order_replies"] == 1


@pytest.mark.parametrize(("accept", "orders"), [(True, 2), (False, 0)])
def test_a_server_error_with_and_without_the_order(client: Client, accept: bool, orders: int) -> None:
    client.faults(order_status=503, accept=accept, count=2)
    for number in range(2):
        answer = client.order(newClientOrderId=f"a{number}")
        assert (answer.status_code, answer.json()["code"]) == (503, -1007)
    assert client.books()["last_order_id"] == orders
    assert client.order(newClientOrderId="after").status_code == 200


def test_replies_can_be_late(client: Client) -> None:
    client.faults(reply_latency_ms=200)
    began = time.monotonic()
    client.order()
    assert time.monotonic() - began >= 0.2
    client.faults(reply_latency_ms=0)


def test_requests_can_be_refused_for_their_rate(client: Client) -> None:
    client.faults(rate_limit_next=2)
    answers = [client.get("/api/v3/time") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "1"
    assert answers[0].json()["code"] == -1003


def test_an_order_can_be_hidden_for_a_while(client: Client) -> None:
    client.faults(hide_orders_ms=60_000)
    client.order(newClientOrderId="a")
    assert client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="a").json()["code"] == -2013
    client.faults(hide_orders_ms=0)
    assert client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="a").json()["status"] == "NEW"


def test_websockets_can_be_cut(sim: RunningSimulator, client: Client) -> None:
    with open_ws(sim, "/ws/btcusdt@trade") as ticks, open_ws(sim, "/ws-api/v3") as user:
        client.faults(drop_connections=True)
        for connection in (ticks, user):
            with pytest.raises(ConnectionClosed):
                receive(connection)
    with open_ws(sim, "/ws/btcusdt@trade") as ticks:
        client.order(type="MARKET")
        assert receive(ticks)["e"] == "trade"


def test_connections_can_be_refused_for_a_while(sim: RunningSimulator, client: Client) -> None:
    with open_ws(sim, "/ws") as connection:
        client.faults(refuse_connections_s=0.5)
        with pytest.raises(ConnectionClosed):
            receive(connection)
        with pytest.raises(httpx.TransportError):
            client.get("/api/v3/ping")
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                assert client.get("/api/v3/ping").status_code == 200
                break
            except httpx.TransportError:
                time.sleep(0.05)
        else:
            pytest.fail("the gate did not open again")


def test_an_unknown_switch_is_refused_and_named(client: Client) -> None:
    answer = client.http.post("/sim/faults", json={"lose_everything": 1})
    assert answer.status_code == 422
    assert "lose_everything" in answer.json()["error"]


# -- a request of a kind, at an instant -------------------------------------------------------------------------------


def test_any_kind_of_request_can_go_wrong(client: Client) -> None:
    client.order(newClientOrderId="a")
    client.faults(spoil={"requests": "cancel", "answer": 503, "is_carried_out": False})
    cancel = {"symbol": "BTCUSDT", "origClientOrderId": "a"}
    assert client.signed("DELETE", "order", **cancel).json()["code"] == -1007
    assert client.signed("GET", "order", **cancel).json()["status"] == "NEW"
    client.faults(spoil={"requests": "cancel", "answer": "none"})
    with pytest.raises(httpx.RemoteProtocolError):
        client.signed("DELETE", "order", **cancel)
    client.faults(spoil={"requests": "query", "answer": "contradiction"})
    assert client.signed("GET", "order", **cancel).json()["status"] == "FILLED"
    answer = client.signed("GET", "order", **cancel).json()
    assert (answer["status"], answer["executedQty"]) == ("CANCELED", "0.00000000")


@pytest.mark.parametrize(("place", "orders"), [("arrival", 0), ("answer", 1)])
def test_a_request_can_be_held_before_and_after_it_is_carried_out(client: Client, place: str, orders: int) -> None:
    client.faults(hold={"order": place})
    with ThreadPoolExecutor(1) as pool, closing(Client(str(client.http.base_url))) as other:
        placed = pool.submit(other.order, newClientOrderId="held")
        until(lambda: client.get("/sim/faults").json()["held"].get("order") == 1, "it is held")
        assert client.books()["last_order_id"] == orders
        client.faults(hold={"order": None})
        assert placed.result(5).json()["status"] == "NEW"
    assert client.books()["last_order_id"] == 1
    assert client.get("/sim/faults").json()["held"] == {}


def test_a_request_held_beyond_its_window_is_refused_when_it_goes_on(client: Client) -> None:
    client.faults(hold={"order": "arrival"})
    with ThreadPoolExecutor(1) as pool, closing(Client(str(client.http.base_url))) as other:
        placed = pool.submit(other.order, recvWindow=100)
        until(lambda: client.get("/sim/faults").json()["held"].get("order") == 1, "it is held")
        time.sleep(0.15)
        client.faults(hold={"order": None})
        assert placed.result(5).json()["code"] == -1021


def test_the_order_stream_can_be_unreliable(sim: RunningSimulator, client: Client) -> None:
    with open_ws(sim, "/ws-api/v3") as user:
        subscribe_user(user)
        client.faults(acks_after_fills=True)
        client.order(type="MARKET")
        told = [receive(user)["event"] for _ in range(3)]
        assert [event.get("x") for event in told] == ["TRADE", "NEW", None]
        client.faults(acks_after_fills=False, repeat_reports=True)
        client.order()
        assert [receive(user)["event"].get("x") for _ in range(3)] == ["NEW", "NEW", None]
        client.faults(repeat_reports=False, lose_reports=1)
        client.order(newClientOrderId="silent")
        assert receive(user)["event"]["e"] == "outboundAccountPosition"


# -- everybody else ---------------------------------------------------------------------------------------------------


def test_somebody_trades_and_somebody_fills_our_order(sim: RunningSimulator, client: Client) -> None:
    with open_ws(sim, "/ws/btcusdt@trade") as ticks:
        trade = client.http.post("/sim/trade", json={"symbol": "BTCUSDT", "is_buy": True, "quantity": "0.001"})
        assert trade.json() == {"traded": "0.00100000"}
        assert receive(ticks)["m"] is False
    client.order(newClientOrderId="rests", price="50000", quantity="0.01")
    filled = client.http.post("/sim/fill", json={"client_order_id": "rests", "quantity": "0.004"})
    assert filled.json() == {"filled": "0.00400000"}
    answer = client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="rests").json()
    assert (answer["status"], answer["executedQty"]) == ("PARTIALLY_FILLED", "0.00400000")
    client.http.post("/sim/fill", json={"client_order_id": "rests", "after_s": 0.01})
    until(lambda: client.books()["open_orders"] == [], "the rest is filled a little later")
    assert client.http.post("/sim/fill", json={"client_order_id": "rests"}).status_code == 409
    assert client.http.post("/sim/fill", json={"client_order_id": "rests", "quantity": "-1"}).status_code == 422
    assert client.http.post("/sim/trade", json={"symbol": "NO", "is_buy": True, "quantity": "1"}).status_code == 422


def test_the_market_can_be_made_to_stand_still() -> None:
    busy = QUIET.model_copy(update={"events_per_s": 2_000})
    with in_thread(busy) as running, closing(Client(running.http_url)) as one:

        def depth() -> object:
            return one.get("/api/v3/depth?symbol=BTCUSDT").json()

        before = depth()
        until(lambda: depth() != before, "the market moves")
        one.faults(halt_market=True)
        before = depth()
        time.sleep(0.2)
        assert depth() == before
        one.faults(halt_market=False)
        until(lambda: depth() != before, "it moves again")
