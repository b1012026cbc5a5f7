"""The order adapter against scripted peers: one answer for each request, whatever the peer or our own code does."""

import socket
import threading
from urllib.parse import parse_qsl

import pytest

from bulkhead.venues.port import ClientIdScheme, OrderVenue, VenueRefused, VenueUnavailable
from bulkhead.venues.transport.http import HttpSettings
from messages.orders import (
    CancelOutcomeUnknown,
    CancelRejected,
    OrderChannelDown,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderQueryFailed,
    OrderRejected,
    SubmitOrder,
    TakeVenueSnapshot,
    VenueProtocolError,
    VenueSnapshotFailed,
)
from messages.values import TimeInForce
from tests.venues.adapters.kit import Desk, Guard
from tests.venues.transport.peers import answering, free_port, http_answer, read_request, tcp_peer, until
from tests.venues.wire import samples
from tests.venues.wire.making import cancel, limit_ticket, query, submit

pytestmark = pytest.mark.process

# Where a test is not about the user stream, nobody listens there.
SNAPSHOT = TakeVenueSnapshot(symbols=("BTCUSDT",), since_ns=0)


def desk(port: int, guard: Guard | None = None, **more: object) -> Desk:
    return Desk(port, guard, ws_api_url=f"ws://127.0.0.1:{free_port()}/", **more)


class Recorder:
    """A venue that notes the first line of each request and gives scripted answers."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.lines: list[str] = []

    def __call__(self, connection: socket.socket) -> None:
        while request := read_request(connection):
            self.lines.append(request.decode().split("\r\n")[0])
            connection.sendall(self.answers.pop(0) if self.answers else http_answer(b"{}"))


def test_it_is_a_venue_with_its_capabilities() -> None:
    venue: OrderVenue = desk(1).orders
    assert venue.capabilities.client_id is ClientIdScheme.UNIQUE_AMONG_OPEN
    assert venue.capabilities.request_validity_s == 5.0


def test_nobody_listening_means_not_sent() -> None:
    with desk(free_port()) as house:
        house.orders.submit(submit(), "oms", 1)
        house.answered()
        house.orders.cancel(cancel())
        house.orders.query(query())
        house.orders.snapshot(SNAPSHOT)
        house.answered()
    assert [order.code for order in house.log.of(OrderNotSent)] == ["NOT_CONNECTED"]
    assert [order.code for order in house.log.of(CancelRejected)] == ["NOT_CONNECTED"]
    assert len(house.log.of(OrderQueryFailed)) == len(house.log.of(VenueSnapshotFailed)) == 1
    assert house.sent == []
    assert len(house.log.of(OrderChannelDown)) >= 1


def test_a_peer_that_takes_the_order_and_goes_away_means_unknown() -> None:
    def handle(connection: socket.socket) -> None:
        read_request(connection)

    with tcp_peer(handle) as port, desk(port) as house:
        house.orders.submit(submit(), "oms", 1)
        house.log.wait_for(OrderOutcomeUnknown)
        house.orders.cancel(cancel())
        house.answered()
    assert len(house.log.of(OrderOutcomeUnknown)) == 1
    assert len(house.log.of(CancelOutcomeUnknown)) == 1


def test_silence_means_unknown() -> None:
    released = threading.Event()

    def handle(connection: socket.socket) -> None:
        read_request(connection)
        released.wait(5)

    with tcp_peer(handle) as port, desk(port) as house:
        house.orders.submit(submit(), "oms", 1)
        (unknown,) = house.log.wait_for(OrderOutcomeUnknown)
        released.set()
    assert unknown.reason == "NO_ANSWER: ReadTimeout: timed out"


@pytest.mark.parametrize(
    ("refusal", "code", "reason"),
    [
        ("FENCED: epoch 1 has ended", "FENCED", "epoch 1 has ended"),
        ("GATE_SHUT: risk guard is down", "GATE_SHUT", "risk guard is down"),
        ("the stop level is HARD", "GATE_SHUT", "the stop level is HARD"),
        ("recovery: not reconciled", "GATE_SHUT", "recovery: not reconciled"),
    ],
)
@pytest.mark.req("S-09")
def test_a_shut_gate_lets_no_byte_out(refusal: str, code: str, reason: str) -> None:
    venue = Recorder()
    with tcp_peer(venue) as port, desk(port, Guard(refusal)) as house:
        house.orders.submit(submit(), "oms", 7)
        (unsent,) = house.log.wait_for(OrderNotSent)
    assert (unsent.code, unsent.reason) == (code, reason)
    assert house.guard.asked == [("b-1", "oms", 7)]
    assert venue.lines == []


def test_a_gate_that_shuts_while_we_connect_still_holds_the_order() -> None:
    venue = Recorder()
    with tcp_peer(venue) as port, desk(port, Guard(None, "shut meanwhile")) as house:
        house.orders.submit(submit(), "oms", 7)
        (unsent,) = house.log.wait_for(OrderNotSent)
    assert (unsent.code, unsent.reason) == ("GATE_SHUT", "shut meanwhile")
    assert venue.lines == []
    assert house.sent == []


def test_what_the_venue_does_not_have_is_not_sent() -> None:
    with desk(free_port()) as house:
        house.orders.submit(SubmitOrder(ticket=limit_ticket(time_in_force=TimeInForce.DAY)), "oms", 1)
        (unsent,) = house.log.wait_for(OrderNotSent)
    assert unsent.code == "UNSUPPORTED"


@pytest.mark.req("X-09")
def test_a_rejection_is_final_and_keeps_the_words() -> None:
    with tcp_peer(answering(samples.ERROR.encode(), "400 Bad Request")) as port, desk(port) as house:
        house.orders.submit(submit(), "oms", 1)
        (rejected,) = house.log.wait_for(OrderRejected)
    assert (rejected.code, rejected.reason, rejected.raw) == ("-1121", "Invalid symbol.", samples.ERROR)


@pytest.mark.req("X-05")
def test_after_429_orders_and_questions_wait_but_cancels_go() -> None:
    venue = Recorder(http_answer(b"", "429 Too Many", "Retry-After: 30", "X-MBX-USED-WEIGHT-1M: 6001"))
    with tcp_peer(venue) as port, desk(port, lanes=1) as house:
        house.orders.submit(submit("b-1"), "oms", 1)
        house.orders.submit(submit("b-2"), "oms", 1)
        house.orders.query(query())
        house.orders.cancel(cancel())
        house.answered()
        state = house.orders.rate_state
    first, second = house.log.of(OrderNotSent)
    assert (first.code, first.retry_after_s) == ("HTTP_429", 30.0)
    assert second.code == "RATE_LIMITED"
    assert second.retry_after_s is not None
    assert 29 < second.retry_after_s <= 30
    assert "RATE_LIMITED" in house.log.of(OrderQueryFailed)[0].reason
    assert [line.split()[0] for line in venue.lines] == ["POST", "DELETE"]
    weight = state.window("REQUEST_WEIGHT", 60)
    assert weight is not None
    assert weight.stated == 6001


def test_during_a_ban_cancels_stay_too() -> None:
    venue = Recorder(http_answer(b"", "418 Teapot", "Retry-After: 200"))
    with tcp_peer(venue) as port, desk(port) as house:
        house.orders.submit(submit(), "oms", 1)
        house.answered()
        house.orders.cancel(cancel())
        (refused,) = house.log.wait_for(CancelRejected)
    assert refused.code == "BANNED"
    assert len(venue.lines) == 1


def test_with_one_lane_everything_goes_in_the_order_it_was_handed_in() -> None:
    venue = Recorder()
    with tcp_peer(venue) as port, desk(port, lanes=1) as house:
        for number in range(5):
            house.orders.submit(submit(f"b-{number}"), "oms", 1)
            house.orders.cancel(cancel(f"b-{number}"))
        house.answered()
    methods = [line.split()[0] for line in venue.lines]
    assert methods == ["POST", "DELETE"] * 5
    named = [dict(parse_qsl(line.split()[1].partition("?")[2])) for line in venue.lines]
    assert [n.get("newClientOrderId") or n["origClientOrderId"] for n in named] == [
        f"b-{number}" for number in range(5) for _ in range(2)
    ]
    assert [client_order_id for client_order_id, _ in house.sent] == [f"b-{number}" for number in range(5)]


def test_a_full_lane_and_a_closed_one_answer_at_once() -> None:
    released = threading.Event()
    reached = threading.Event()

    def handle(connection: socket.socket) -> None:
        read_request(connection)
        reached.set()
        released.wait(5)
        connection.sendall(http_answer(samples.ERROR.encode(), "400 Bad Request"))

    lane = HttpSettings(queue_bound=1, read_timeout_s=5.0)
    with tcp_peer(handle) as port, desk(port, http=lane) as house:
        house.orders.submit(submit("under-way"), "oms", 1)
        assert reached.wait(5)
        house.orders.submit(submit("waiting"), "oms", 1)
        house.orders.submit(submit("too-many"), "oms", 1)
        assert [(o.client_order_id, o.code) for o in house.log.of(OrderNotSent)] == [("too-many", "LANE_FULL")]
        assert (house.orders.pending(), house.orders.handed_in) == (2, 3)
        house.orders.close(0.05)
        assert house.log.of(OrderNotSent)[1].code == "CLOSED"
        assert house.orders.pending() == 1
        house.orders.submit(submit("too-late"), "oms", 1)
        assert [o.code for o in house.log.of(OrderNotSent)][2] == "CLOSED"
        released.set()
        house.answered()
    assert len(house.log.of(OrderRejected)) == 1


def test_pending_falls_after_the_sink_has_it() -> None:
    seen: list[int] = []
    house = desk(free_port())

    def sink(body: object) -> None:
        if isinstance(body, OrderNotSent):
            seen.append(house.orders.pending())

    house.orders.open(sink)
    house.orders.submit(submit(), "oms", 1)
    house.answered()
    house.orders.close(5)
    assert seen == [1]


def test_a_sink_that_raises_is_reported_and_nothing_stays_pending() -> None:
    house = desk(free_port())

    def sink(body: object) -> None:
        if isinstance(body, OrderNotSent):
            raise ValueError("a full mailbox")

    house.orders.open(sink)
    house.orders.submit(submit(), "oms", 1)
    until(lambda: house.orders.pending() == 0 and bool(house.faults), "reported")
    house.orders.close(5)
    assert house.faults == ["binance-orders: a full mailbox"]


def test_our_own_bug_under_way_is_unknown() -> None:
    def broken_probe(client_order_id: str, at_ns: int) -> None:
        raise ValueError("a bug in the probe")

    with tcp_peer(answering(samples.ORDER_FULL.encode())) as port, desk(port) as house:
        house.orders._on_sent = broken_probe
        house.orders.submit(submit(), "oms", 1)
        (unknown,) = house.log.wait_for(OrderOutcomeUnknown)
    assert unknown.reason == "our own code failed: ValueError: a bug in the probe"
    assert house.faults == ["binance-orders: a bug in the probe"]


def test_what_cannot_be_read_is_kept_beside_the_failure() -> None:
    with tcp_peer(answering(b'[{"what": "is this"}]')) as port, desk(port) as house:
        house.orders.snapshot(SNAPSHOT)
        house.orders.query(query())
        house.answered()
    assert len(house.log.of(VenueSnapshotFailed)) == len(house.log.of(OrderQueryFailed)) == 1
    assert {error.raw for error in house.log.of(VenueProtocolError)} == {'[{"what": "is this"}]'}


# -- preflight --------------------------------------------------------------------------------------------------------


def test_preflight_answers() -> None:
    with tcp_peer(answering(samples.EXCHANGE_INFO.encode())) as port:
        assert desk(port).orders.load_instruments()[0].symbol == "ETHBTC"
    with tcp_peer(answering(samples.TIME.encode())) as port:
        assert desk(port).orders.server_time_ms() == 1499827319559


def test_preflight_failures_say_what_to_do() -> None:
    with pytest.raises(VenueUnavailable, match="check rest_url, the network and the venue"):
        desk(free_port()).orders.load_instruments()
    with tcp_peer(answering(b"<html/>", "502 Bad Gateway")) as port:
        with pytest.raises(VenueUnavailable, match="HTTP 502"):
            desk(port).orders.server_time_ms()
        with pytest.raises(VenueUnavailable, match="HTTP 502"):
            desk(port).orders.check_key()
    with tcp_peer(answering(b"<html/>")) as port, pytest.raises(VenueUnavailable, match="cannot be read"):
        desk(port).orders.load_instruments()
    refusing = tcp_peer(answering(samples.ERROR.encode(), "400 Bad Request"))
    with refusing as port, pytest.raises(VenueRefused, match="Invalid symbol") as refused:
        desk(port).orders.load_instruments()
    assert refused.value.code == "-1121"
