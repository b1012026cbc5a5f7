"""Market streams and the user data stream over real sockets."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from bulkhead.venues.simulator.binance import Hub
from bulkhead.venues.simulator.process import RunningSimulator, in_thread
from bulkhead.venues.simulator.settings import Limits, SimulatorSettings
from tests.venues.simulator.kit import (
    ANSWER_WITHIN_S,
    QUIET,
    Client,
    ask_ws,
    now_ms,
    open_ws,
    receive,
    subscribe_user,
)

pytestmark = pytest.mark.process

TRADE = {"e", "E", "s", "t", "p", "q", "T", "m", "M"}
TICKER = {"u", "s", "b", "B", "a", "A"}
DEPTH = {"e", "E", "s", "U", "u", "b", "a"}
REPORT = set("eEsScofqpPFgCxXrilzLnNTtvIwmMOZYQWV")
POSITION = {"e", "E", "u", "B"}


@pytest.fixture
def lively() -> Iterator[RunningSimulator]:
    with in_thread(SimulatorSettings(symbols=("BTCUSDT", "ETHUSDT"), events_per_s=400)) as running:
        yield running


def until_closed(connection: ClientConnection) -> list[str | bytes]:
    """Everything that still arrives before the connection ends."""
    found: list[str | bytes] = []
    with suppress(ConnectionClosed):
        while True:
            found.append(connection.recv(ANSWER_WITHIN_S))
    return found


def test_events_have_the_venues_fields(lively: RunningSimulator) -> None:
    streams = "btcusdt@trade/btcusdt@bookTicker/btcusdt@depth/btcusdt@depth5/btcusdt@depth20@100ms"
    kinds: dict[str, set[str]] = {}
    with open_ws(lively, f"/stream?streams={streams}") as connection:
        while len(kinds) < 5:
            message = receive(connection)
            assert set(message) == {"stream", "data"}
            kinds[message["stream"]] = set(message["data"])
    assert kinds == {
        "btcusdt@trade": TRADE,
        "btcusdt@bookTicker": TICKER,
        "btcusdt@depth": DEPTH,
        "btcusdt@depth5": {"lastUpdateId", "bids", "asks"},
        "btcusdt@depth20@100ms": {"lastUpdateId", "bids", "asks"},
    }


def test_a_local_book_kept_from_snapshot_and_diffs_has_no_gap(lively: RunningSimulator) -> None:
    client = Client(lively.http_url)
    with open_ws(lively, "/ws/btcusdt@depth") as connection:
        first = receive(connection)
        snapshot = client.get("/api/v3/depth?symbol=BTCUSDT&limit=1000").json()
        sides = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}
        last_id = snapshot["lastUpdateId"]
        previous, applied = first["u"], 0
        while applied < 8:
            diff = receive(connection)
            assert diff["U"] == previous + 1
            previous = diff["u"]
            if diff["u"] <= last_id:
                continue
            applied += 1
            for side, levels in sides.items():
                levels.update(diff[side])
                sides[side] = {price: quantity for price, quantity in levels.items() if float(quantity)}
        assert max(map(float, sides["b"])) < min(map(float, sides["a"]))
    client.close()


def test_subscriptions_come_and_go(sim: RunningSimulator, client: Client) -> None:
    with open_ws(sim, "/ws") as connection:
        assert ask_ws(connection, {"method": "SUBSCRIBE", "params": ["btcusdt@trade", "ethusdt@trade"], "id": 1}) == {
            "result": None,
            "id": 1,
        }
        listed = ask_ws(connection, {"method": "LIST_SUBSCRIPTIONS", "id": 3})
        assert listed == {"result": ["btcusdt@trade", "ethusdt@trade"], "id": 3}
        client.order(type="MARKET")
        assert set(receive(connection)) == TRADE
        assert ask_ws(connection, {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": "x"})["id"] == "x"
        client.order(type="MARKET")
        client.order(type="MARKET", symbol="ETHUSDT")
        assert receive(connection)["s"] == "ETHUSDT"


def test_what_cannot_be_read_is_answered_with_an_error(sim: RunningSimulator) -> None:
    with open_ws(sim, "/ws") as connection:
        assert ask_ws(connection, {"method": "DANCE", "id": 1})["error"]["code"] == 2
        assert ask_ws(connection, {"method": "SUBSCRIBE", "params": "btcusdt@trade", "id": 2})["error"]["code"] == 2
        connection.send("not json")
        assert receive(connection)["error"]["code"] == 3


def test_too_many_messages_end_the_connection(sim: RunningSimulator) -> None:
    with open_ws(sim, "/ws") as connection:
        for number in range(20):
            with suppress(ConnectionClosed):
                connection.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        assert len(until_closed(connection)) < 20


def narrow_ws(sim: RunningSimulator, path: str) -> ClientConnection:
    """A connection whose kernel takes next to nothing for it, so that little has to be sent before it is full."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    narrow.connect(("127.0.0.1", sim.port))
    return connect(sim.ws_url + path, sock=narrow, compression=None, proxy=None, max_queue=2)


def test_a_reader_that_is_too_slow_is_cut_off() -> None:
    limits = Limits(connection_queue_messages=200)
    settings = SimulatorSettings(symbols=("BTCUSDT",), events_per_s=20_000, limits=limits)
    with in_thread(settings) as sim, narrow_ws(sim, "/ws/btcusdt@trade/btcusdt@bookTicker"):
        # Not reading: the client library stops taking from the socket once its own small queue is full.
        hub = sim.simulator.dialect.listener
        assert isinstance(hub, Hub)
        deadline = time.monotonic() + 90
        while hub.listeners and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not hub.listeners


def test_connections_are_bounded() -> None:
    settings = QUIET.model_copy(update={"limits": Limits(connections=1)})
    with (
        in_thread(settings) as sim,
        open_ws(sim, "/ws"),
        pytest.raises(InvalidStatus, match="403"),
        open_ws(sim, "/ws"),
    ):
        pass


def test_the_user_stream_tells_every_change(sim: RunningSimulator, client: Client) -> None:
    with open_ws(sim, "/ws-api/v3") as connection:
        answer = subscribe_user(connection)
        assert (answer["id"], answer["status"], answer["result"]) == (1, 200, {"subscriptionId": 0})
        assert set(answer["rateLimits"][0]) == {"rateLimitType", "interval", "intervalNum", "limit", "count"}
        client.order(newClientOrderId="mine")
        told, position = receive(connection), receive(connection)
        assert (set(told), told["subscriptionId"]) == ({"subscriptionId", "event"}, 0)
        assert set(told["event"]) == REPORT
        assert (told["event"]["x"], told["event"]["c"], told["event"]["C"]) == ("NEW", "mine", "")
        assert (told["event"]["t"], told["event"]["N"], told["event"]["w"]) == (-1, None, True)
        assert set(position["event"]) == POSITION
        assert position["event"]["B"] == [{"a": "USDT", "f": "99500.00000000", "l": "500.00000000"}]
        client.signed("DELETE", "order", symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="c-1")
        cancelled = receive(connection)["event"]
        assert set(cancelled) == REPORT
        assert (cancelled["x"], cancelled["X"], cancelled["c"], cancelled["C"]) == (
            "CANCELED",
            "CANCELED",
            "c-1",
            "mine",
        )


def test_fills_carry_trade_and_execution_ids(sim: RunningSimulator, client: Client) -> None:
    with open_ws(sim, "/ws-api/v3") as connection:
        subscribe_user(connection)
        fills = client.order(type="MARKET", quantity="0.5").json()["fills"]
        events = [receive(connection)["event"] for _ in range(len(fills) + 2)]
        trades = [event for event in events if event.get("x") == "TRADE"]
        assert {frozenset(event) for event in trades} == {frozenset(REPORT)}
        assert [(event["t"], event["L"], event["l"], event["n"]) for event in trades] == [
            (fill["tradeId"], fill["price"], fill["qty"], fill["commission"]) for fill in fills
        ]
        ids = [event["I"] for event in events[:-1]]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert events[-1]["e"] == "outboundAccountPosition"
        assert {balance["a"] for balance in events[-1]["B"]} == {"BTC", "USDT"}


def test_refused_orders_are_not_told(sim: RunningSimulator, client: Client) -> None:
    with open_ws(sim, "/ws-api/v3") as connection:
        subscribe_user(connection)
        client.order(quantity="100")
        client.order(newClientOrderId="good")
        assert receive(connection)["event"]["c"] == "good"


def test_the_user_stream_needs_the_right_signature(sim: RunningSimulator, client: Client) -> None:
    with open_ws(sim, "/ws-api/v3") as connection:
        refused = subscribe_user(connection, secret="wrong")
        assert (refused["status"], refused["error"]["code"]) == (400, -1022)
        request = {"id": 2, "method": "userDataStream.subscribe.signature", "params": {"timestamp": now_ms()}}
        assert ask_ws(connection, request)["error"]["code"] == -1102
        client.order()
        assert ask_ws(connection, {"id": 3, "method": "ping"})["result"] == {}


def test_unsubscribing_ends_the_events(sim: RunningSimulator, client: Client) -> None:
    with open_ws(sim, "/ws-api/v3") as connection:
        subscribe_user(connection)
        assert subscribe_user(connection, 2)["result"] == {"subscriptionId": 1}
        unsubscribe = {"id": 3, "method": "userDataStream.unsubscribe", "params": {"subscriptionId": 0}}
        assert ask_ws(connection, unsubscribe)["result"] == {}
        client.order()
        assert receive(connection)["subscriptionId"] == 1
        assert receive(connection)["subscriptionId"] == 1
        assert ask_ws(connection, {"id": 4, "method": "userDataStream.unsubscribe"})["result"] == {}
        client.order()
        quiet = ask_ws(connection, {"id": 5, "method": "time", "params": {"returnRateLimits": False}})
        assert (set(quiet), set(quiet["result"])) == ({"id", "status", "result"}, {"serverTime"})
        assert ask_ws(connection, {"id": 6, "method": "order.place"})["error"]["code"] == -1020
        connection.send("[]")
        assert receive(connection)["status"] == 400
