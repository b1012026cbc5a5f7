"""Storms at a simulated venue with low limits: with the budget it never has to say no, without it does."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bulkhead.venues.simulator.process import RunningSimulator, in_thread
from bulkhead.venues.simulator.settings import Limits
from bulkhead.venues.transport.http import HttpSettings
from bulkhead.venues.transport.rate_alarm import PATIENCE_S
from messages.orders import (
    CancelRejected,
    OrderAccepted,
    OrderCancelled,
    OrderChannelUp,
    OrderNotSent,
    OrderQueryFailed,
    OrderStatusReported,
    SubmitOrder,
    TakeVenueSnapshot,
    VenueSnapshotFailed,
    VenueSnapshotTaken,
)
from messages.rates import RateLimitOver, RateLimitReached
from messages.values import IntentType
from tests.venues.adapters.kit import Desk, set_faults
from tests.venues.simulator.kit import QUIET, Client
from tests.venues.transport.peers import until
from tests.venues.wire.making import cancel, limit_ticket, query

pytestmark = pytest.mark.process

FAR_BELOW = "1000"
HTTP = HttpSettings(connect_timeout_s=5.0, read_timeout_s=20.0)
# A test that takes long enough sees a window end, so none rests on a count that falls; the budget never exceeds.
ORDERS_PER_DAY = 20
WEIGHT = 120


def entry(name: str, intent_type: IntentType = IntentType.ENTRY) -> SubmitOrder:
    ticket = limit_ticket(name, FAR_BELOW, quantity="0.01")
    return SubmitOrder(ticket=ticket.model_copy(update={"intent_type": intent_type}))


@contextmanager
def at_venue(limits: Limits, **rates: object) -> Iterator[tuple[RunningSimulator, Desk]]:
    """Limits are learnt from the venue, and nothing waits unless a test says so."""
    given = {"order_wait_s": 0.0, "question_wait_s": 0.0, "cancel_wait_s": 0.0, **rates}
    with in_thread(QUIET.model_copy(update={"limits": limits})) as sim, Desk(sim.port, http=HTTP, rates=given) as house:
        house.orders.load_instruments()
        house.log.wait_for(OrderChannelUp)
        yield sim, house


def refusals(sim: RunningSimulator) -> int:
    """429 and 418 that the venue has answered."""
    client = Client(sim.http_url)
    found: int = client.books()["rate_limit_refusals"]
    client.close()
    return found


def storm(house: Desk, orders: int) -> None:
    for number in range(orders):
        house.orders.submit(entry(f"s-{number}"), "oms", 1)
    house.answered()


@pytest.mark.req("X-05")
@pytest.mark.lesson("L17")
def test_a_storm_of_entries_is_held_back_and_every_cancel_passes() -> None:
    with at_venue(Limits(orders_per_day=ORDERS_PER_DAY)) as (sim, house):
        storm(house, 60)
        sent = [client_order_id for client_order_id, _ in house.sent]
        for name in sent:
            house.orders.cancel(cancel(name))
        house.answered()
        assert refusals(sim) == 0
    assert len(sent) == 18  # the last two of the day are kept for exits
    held = house.log.of(OrderNotSent)
    assert {e.code for e in held} == {"RATE_LIMITED"}
    assert len(held) == 42
    assert all(e.retry_after_s is not None and e.retry_after_s > 3_600 for e in held)
    assert {e.client_order_id for e in house.log.of(OrderCancelled)} == set(sent)
    assert house.log.of(CancelRejected) == []


def test_without_the_budget_the_venue_has_to_say_no() -> None:
    with at_venue(Limits(orders_per_day=ORDERS_PER_DAY), is_enforced=False) as (sim, house):
        storm(house, 60)
        assert refusals(sim) > 0
    assert "-1015" in {e.code for e in house.log.of(OrderNotSent)}


def test_exits_have_what_entries_cannot_use() -> None:
    with at_venue(Limits(orders_per_day=ORDERS_PER_DAY)) as (sim, house):
        storm(house, 30)
        for number in range(3):
            house.orders.submit(entry(f"x-{number}", IntentType.EXIT_FULL), "oms", 1)
        house.answered()
        assert refusals(sim) == 0
    exits = [e.client_order_id for e in house.log.of(OrderNotSent) if e.client_order_id.startswith("x-")]
    assert exits == ["x-2"]


@pytest.mark.parametrize("is_enforced", [True, False])
def test_weight_used_up_by_entries_and_questions_leaves_the_cancels_theirs(is_enforced: bool) -> None:
    with at_venue(Limits(request_weight_per_minute=WEIGHT), is_enforced=is_enforced) as (sim, house):
        storm(house, 10)
        resting = [client_order_id for client_order_id, _ in house.sent]
        for number in range(100):
            house.orders.submit(entry(f"more-{number}"), "oms", 1)
            house.orders.query(query("s-0"))
        house.orders.snapshot(TakeVenueSnapshot(symbols=("BTCUSDT",), since_ns=time.time_ns()))
        house.answered()
        said_no = refusals(sim)
        if is_enforced:
            for name in resting:
                house.orders.cancel(cancel(name))
            house.answered()
            assert refusals(sim) == said_no == 0
            assert {e.client_order_id for e in house.log.of(OrderCancelled)} >= set(resting)
            assert house.log.of(CancelRejected) == []
        else:
            assert said_no > 0
    assert len(house.log.of(OrderStatusReported)) < 100
    assert house.log.of(OrderQueryFailed)
    assert house.log.of(VenueSnapshotFailed)


def test_a_snapshot_waits_for_its_turn_and_delays_no_cancel() -> None:
    """Each needs 140; of the 300, 225 are for snapshots, and 23 have gone before the first."""
    with at_venue(Limits(request_weight_per_minute=300), question_wait_s=100.0) as (sim, house):
        house.orders.submit(entry("resting"), "oms", 1)
        house.answered()
        since_ns = time.time_ns()
        for _ in range(2):
            house.orders.snapshot(TakeVenueSnapshot(symbols=("BTCUSDT",), since_ns=since_ns))
        house.log.wait_for(VenueSnapshotTaken)
        house.orders.cancel(cancel("resting"))
        house.log.wait_for(OrderCancelled)
        until(lambda: house.orders.pending() == 1, "only the second snapshot waits still")
        began = time.monotonic()
        house.orders.close(5.0)  # and gives up when it is told to
        assert time.monotonic() - began < 5
        assert house.orders.pending() == 0
        assert refusals(sim) == 0
    assert "RATE_LIMITED" in house.log.of(VenueSnapshotFailed)[0].reason


@pytest.mark.req("S-13")
@pytest.mark.lesson("L18")
def test_retry_after_is_obeyed_over_the_wire() -> None:
    with at_venue(Limits(), order_wait_s=30.0) as (sim, house):
        set_faults(sim.port, rate_limit_next=1)
        house.orders.submit(entry("refused"), "oms", 1)
        (refused,) = house.log.wait_for(OrderNotSent)
        told_ns = time.monotonic_ns()
        assert (refused.code, refused.retry_after_s) == ("-1003", 1.0)
        house.orders.submit(entry("waiting"), "oms", 1)
        (accepted, *_) = house.log.wait_for(OrderAccepted)
    assert accepted.client_order_id == "waiting"
    sent = dict(house.sent)
    assert sent["waiting"] - told_ns > 0.9e9  # the second began when the answer was read, before we were told of it


def test_our_count_is_the_venues() -> None:
    """Everything that we send is counted as it is there, the user stream's subscription included."""
    counts: list[tuple[int, int | None]] = []
    expected = 20 + 2 + 20 + 1 + 1 + 4 + 1 + (80 + 20 + 20 + 20)
    while (expected, expected) not in counts and len(
        counts
    ) < 3:  # the venue's minute may end under way, but not thrice
        with at_venue(Limits()) as (_sim, house):
            house.orders.check_key()
            house.orders.server_time_ms()
            house.orders.submit(entry("one"), "oms", 1)
            house.answered()
            house.orders.query(query("one"))
            house.orders.cancel(cancel("one"))
            house.answered()
            house.orders.snapshot(TakeVenueSnapshot(symbols=("BTCUSDT",), since_ns=time.time_ns()))
            house.answered()
            window = house.orders.rate_state.window("REQUEST_WEIGHT", 60)
            assert window is not None
            counts.append((window.used, window.stated))
    assert (expected, expected) in counts


def survey(house: Desk) -> None:
    house.orders.snapshot(TakeVenueSnapshot(symbols=("BTCUSDT",), since_ns=time.time_ns()))
    house.answered()


def test_a_spent_budget_is_told_and_so_is_its_end() -> None:
    with at_venue(Limits(orders_per_day=ORDERS_PER_DAY)) as (sim, house):
        storm(house, 60)
        (reached,) = house.log.of(RateLimitReached)
        assert "ORDERS per 86400 s used" in reached.reason
        assert refusals(sim) == 0
        house.orders.query(query("s-0"))
        house.answered()
        assert house.log.of(RateLimitOver) == [], "questions about orders have a reserve of their own"
        survey(house)
        assert len(house.log.of(RateLimitOver)) == 1


def test_a_venue_that_goes_on_saying_no_is_told_and_so_is_its_end() -> None:
    with at_venue(Limits()) as (sim, house):
        set_faults(sim.port, rate_limit_next=100_000)
        began = time.monotonic()
        while not house.log.of(RateLimitReached) and time.monotonic() - began < 20:
            survey(house)
            time.sleep(0.1)
        took_s = time.monotonic() - began
        assert len(house.log.of(RateLimitReached)) == 1
        assert took_s >= PATIENCE_S, "not before an order would have been given up"
        set_faults(sim.port, rate_limit_next=0)
        while not house.log.of(RateLimitOver) and time.monotonic() - began < 40:
            survey(house)
            time.sleep(0.1)
    assert len(house.log.of(RateLimitOver)) == 1
