"""A cancel has a thread and a connection of its own, and still never says anything wrong about its order."""

import json
import random
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bulkhead.venues.simulator.process import RunningSimulator, in_thread
from bulkhead.venues.transport.http import HttpSettings
from bulkhead.venues.wire.facts import RateLimit
from messages.base import Body
from messages.orders import (
    CancelRejected,
    OrderAccepted,
    OrderCancelled,
    OrderEvidence,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderStatusReported,
    OrderTicket,
    SubmitOrder,
    TakeVenueSnapshot,
)
from tests.venues.adapters.kit import Desk, Guard
from tests.venues.simulator.kit import QUIET, Client
from tests.venues.transport.peers import free_port, http_answer, read_request, tcp_peer, until
from tests.venues.wire import samples
from tests.venues.wire.making import cancel, limit_ticket, query, submit

pytestmark = pytest.mark.process

PATIENT = HttpSettings(connect_timeout_s=5.0, read_timeout_s=30.0, answer_deadline_s=30.0)
UNKNOWN_ORDER = http_answer(b'{"code":-2011,"msg":"Unknown order sent."}', "400 Bad Request")


class Venue:
    """Answers each connection on a thread of its own; what is named in `hanging` is answered when it is let go."""

    def __init__(self, *hanging: str) -> None:
        self.hanging = {name: threading.Event() for name in hanging}
        self.lines: list[tuple[str, str]] = []
        self.cancels: list[Callable[[str], bytes]] = []

    def __call__(self, connection: socket.socket) -> None:
        while request := read_request(connection):
            line = request.decode().split("\r\n")[0]
            method = line.split()[0]
            found = re.search(r"(?:newClientOrderId|origClientOrderId)=([^& ]+)", line)
            name = found[1] if found is not None else line.split()[1].partition("?")[0]
            self.lines.append((method, name))
            if method != "DELETE" and name in self.hanging:
                self.hanging[name].wait(30)
            connection.sendall(self._answer(method, name))

    def _answer(self, method: str, name: str) -> bytes:
        if method == "DELETE":
            return self.cancels.pop(0)(name) if self.cancels else cancelled(name)
        if method == "POST":
            order = {**json.loads(samples.ORDER_ACK), "symbol": "BTCUSDT", "clientOrderId": name}
            return http_answer(json.dumps(order).encode())
        return http_answer(b'{"code":-2013,"msg":"Order does not exist."}', "400 Bad Request")

    def let_go(self) -> None:
        for event in self.hanging.values():
            event.set()


def cancelled(name: str) -> bytes:
    order = {**json.loads(samples.CANCELLED), "symbol": "BTCUSDT", "origClientOrderId": name}
    return http_answer(json.dumps(order).encode())


@contextmanager
def house_at(venue: Venue, guard: Guard | None = None, **more: object) -> Iterator[Desk]:
    given = {"http": PATIENT, "ws_api_url": f"ws://127.0.0.1:{free_port()}/", **more}
    with tcp_peer(venue, at_once=True) as port, Desk(port, guard, **given) as house:
        try:
            yield house
        finally:
            venue.let_go()
            house.answered()


def told(house: Desk, client_order_id: str) -> list[str]:
    """Kinds and codes of what was told of one order, in order."""
    bodies: list[Body] = [e for e in house.log.of(OrderEvidence) if e.client_order_id == client_order_id]
    return [" ".join(filter(None, (type(body).__name__, getattr(body, "code", "")))) for body in bodies]


@pytest.mark.req("X-05")
def test_a_hanging_order_does_not_delay_the_cancel_of_another() -> None:
    venue = Venue("slow")
    with house_at(venue) as house:
        house.orders.submit(submit("resting"), "oms", 1)
        house.answered()
        house.orders.submit(submit("slow"), "oms", 1)
        until(lambda: ("POST", "slow") in venue.lines, "the order is at the venue")
        house.orders.cancel(cancel("resting"))
        house.log.wait_for(OrderCancelled)
        until(lambda: house.orders.pending() == 1, "only the hanging order is not answered")
        assert told(house, "slow") == []
    assert told(house, "slow") == ["OrderAccepted"]
    assert told(house, "resting") == ["OrderAccepted", "OrderCancelled"]
    assert (house.orders.pending(), house.orders.handed_in) == (0, 3)


def test_a_hanging_query_and_a_hanging_snapshot_delay_nothing_else() -> None:
    venue = Venue("slow", "/api/v3/openOrders")
    with house_at(venue) as house:
        house.orders.snapshot(TakeVenueSnapshot(symbols=("BTCUSDT",), since_ns=0))
        until(lambda: ("GET", "/api/v3/openOrders") in venue.lines, "the snapshot is under way")
        house.orders.query(query("other"))
        house.log.wait_for(OrderStatusReported)
        house.orders.query(query("slow"))
        until(lambda: ("GET", "slow") in venue.lines, "the query is under way")
        house.orders.submit(submit("quick"), "oms", 1)
        house.log.wait_for(OrderAccepted)
        house.orders.cancel(cancel("quick"))
        house.log.wait_for(OrderCancelled)
        until(lambda: house.orders.pending() == 2, "only the two that hang are not answered")


def test_an_order_that_has_not_left_is_taken_back() -> None:
    venue = Venue("slow")
    with house_at(venue) as house:
        house.orders.submit(submit("slow"), "oms", 1)
        until(lambda: ("POST", "slow") in venue.lines, "the order is at the venue")
        house.orders.submit(submit("unsent"), "oms", 1)
        house.orders.submit(submit("behind"), "oms", 1)
        house.orders.cancel(cancel("unsent"))
        # At once, and the order first: an order not sent whose cancel has failed would be sent again.
        assert told(house, "unsent") == ["OrderNotSent CANCELLED_UNSENT", "CancelRejected CANCELLED_UNSENT"]
        assert house.orders.pending() == 2
        house.orders.cancel(cancel("unsent"))
        house.log.wait_for(OrderCancelled)  # nothing is known of it any more, so the venue is asked
    assert [line for line in venue.lines if line[0] == "POST"] == [("POST", "slow"), ("POST", "behind")]
    assert (house.orders.pending(), house.orders.handed_in) == (0, 5)


def test_an_order_that_waits_for_its_turn_is_taken_back() -> None:
    venue = Venue()
    with house_at(venue, rates={"order_wait_s": 60.0}) as house:
        house.orders._rates.learn((RateLimit("ORDERS", 40, 10),))
        for number in range(9):  # the tenth is kept for exits
            house.orders.submit(submit(f"b-{number}"), "oms", 1)
        house.answered()
        house.orders.submit(submit("waiting"), "oms", 1)
        house.orders.submit(submit("last"), "oms", 1)
        house.orders.cancel(cancel("last"))
        house.orders.cancel(cancel("waiting"))
        assert told(house, "waiting")[0] == "OrderNotSent CANCELLED_UNSENT"
        house.answered()
    assert len(venue.lines) == 9


def test_an_order_taken_back_while_its_connection_is_made_does_not_leave() -> None:
    class CancelledMeanwhile(Guard):
        def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
            if self.asked:  # for the second time: right before the write
                house.orders.cancel(cancel(ticket.client_order_id))
            return super().refusal(ticket, issuer, epoch)

    venue = Venue()
    with house_at(venue, CancelledMeanwhile()) as house:
        house.orders.submit(submit("b-1"), "oms", 1)
        house.answered()
    assert told(house, "b-1") == ["OrderNotSent CANCELLED_UNSENT", "CancelRejected CANCELLED_UNSENT"]
    assert venue.lines == []


def test_a_cancel_of_the_hanging_order_itself_does_not_wait_for_it() -> None:
    venue = Venue("slow")
    with house_at(venue) as house:
        house.orders.submit(submit("slow"), "oms", 1)
        until(lambda: ("POST", "slow") in venue.lines, "the order is at the venue")
        house.orders.cancel(cancel("slow"))
        house.log.wait_for(OrderCancelled)
        assert told(house, "slow") == ["OrderCancelled"]
    assert told(house, "slow") == ["OrderCancelled", "OrderAccepted"]


def test_a_cancel_that_may_have_overtaken_its_order_is_sent_again_after_it() -> None:
    venue = Venue("slow")
    venue.cancels.append(lambda _: UNKNOWN_ORDER)
    with house_at(venue) as house:
        house.orders.submit(submit("slow"), "oms", 1)
        until(lambda: ("POST", "slow") in venue.lines, "the order is at the venue")
        house.orders.cancel(cancel("slow"))
        until(lambda: ("DELETE", "slow") in venue.lines, "the cancel has overtaken")
        house.orders.cancel(cancel("another"))
        house.log.wait_for(OrderCancelled)  # and holds up no other cancel meanwhile
        assert told(house, "slow") == []
    assert told(house, "slow") == ["OrderAccepted", "OrderCancelled"]
    assert venue.lines.count(("DELETE", "slow")) == 2
    assert (house.orders.pending(), house.orders.handed_in) == (0, 3)


def test_a_cancel_refused_twice_is_refused() -> None:
    venue = Venue("slow")
    venue.cancels += [lambda _: UNKNOWN_ORDER] * 2
    with house_at(venue) as house:
        house.orders.submit(submit("slow"), "oms", 1)
        until(lambda: ("POST", "slow") in venue.lines, "the order is at the venue")
        house.orders.cancel(cancel("slow"))
        until(lambda: ("DELETE", "slow") in venue.lines, "the cancel has overtaken")
    assert told(house, "slow") == ["OrderAccepted", "CancelRejected -2011"]


def test_another_refusal_of_a_cancel_is_told_after_the_orders_answer() -> None:
    venue = Venue("slow")
    venue.cancels.append(lambda _: http_answer(b'{"code":-1021,"msg":"late"}', "400 Bad Request"))
    with house_at(venue) as house:
        house.orders.submit(submit("slow"), "oms", 1)
        until(lambda: ("POST", "slow") in venue.lines, "the order is at the venue")
        house.orders.cancel(cancel("slow"))
        until(lambda: ("DELETE", "slow") in venue.lines, "the cancel is refused")
        assert told(house, "slow") == []
    assert told(house, "slow") == ["OrderAccepted", "CancelRejected -1021"]


def test_closed_with_a_hanging_order_everything_is_answered_all_the_same() -> None:
    venue = Venue("slow")
    venue.cancels.append(lambda _: UNKNOWN_ORDER)
    with house_at(venue) as house:
        house.orders.submit(submit("slow"), "oms", 1)
        until(lambda: ("POST", "slow") in venue.lines, "the order is at the venue")
        house.orders.cancel(cancel("slow"))
        until(lambda: ("DELETE", "slow") in venue.lines, "the cancel has overtaken")
        house.orders.close(0.05)
        assert house.orders.pending() == 2
    assert told(house, "slow") == ["OrderAccepted", "CancelRejected CLOSED"]


def test_an_order_that_would_wait_too_long_is_not_sent_and_says_how_long() -> None:
    venue = Venue()
    with house_at(venue) as house:
        house.orders._rates.learn((RateLimit("ORDERS", 3_600, 10),))
        for number in range(10):
            house.orders.submit(submit(f"b-{number}"), "oms", 1)
        (unsent,) = house.log.wait_for(OrderNotSent)
    assert unsent.code == "RATE_LIMITED"
    assert unsent.retry_after_s is not None
    assert 3_000 < unsent.retry_after_s < 3_640
    assert len(venue.lines) == 9


# -- a storm at the simulated venue -----------------------------------------------------------------------------------


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    with in_thread(QUIET) as running:
        yield running


@pytest.mark.parametrize("seed", range(3))
def test_in_a_storm_no_order_outlives_its_cancel(sim: RunningSimulator, seed: int) -> None:
    """Orders and cancels from several threads at once: whatever was cancelled is not open, whoever came first."""
    names = [f"s{seed}-{number}" for number in range(60)]
    with Desk(sim.port, http=PATIENT, rates={"order_wait_s": 30.0}) as house:
        house.orders.load_instruments()

        def storm(mine: list[str]) -> None:
            rng = random.Random(mine[0])
            waiting: list[str] = []
            for name in mine:
                ticket = limit_ticket(name, "1000", quantity="0.01")
                house.orders.submit(SubmitOrder(ticket=ticket), "oms", 1)
                waiting.append(name)
                while waiting and rng.random() < 0.6:
                    house.orders.cancel(cancel(waiting.pop(rng.randrange(len(waiting)))))
            for name in waiting:
                house.orders.cancel(cancel(name))

        threads = [threading.Thread(target=storm, args=(names[start::3],)) for start in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        house.answered()
    client = Client(sim.http_url)
    books = client.books()
    client.close()
    assert books["open_orders"] == []
    answers = (OrderAccepted, OrderNotSent, OrderRejected, OrderOutcomeUnknown)
    for name in names:
        unsent = [e for e in house.log.of(OrderNotSent) if e.client_order_id == name]
        refused = [e for e in house.log.of(CancelRejected) if e.client_order_id == name]
        assert [e.code for e in unsent] == [e.code for e in refused] == ["CANCELLED_UNSENT"] * len(unsent)
        assert (name in books["by_client_order_id"]) == (not unsent)
        assert any(e.client_order_id == name for kind in answers for e in house.log.of(kind))
    assert house.orders.handed_in == 120
    assert house.faults == []
