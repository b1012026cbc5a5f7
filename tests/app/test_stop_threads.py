"""Past the actors: what is known of working orders, whom the emergency canceller cancels, and what the threads tell."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkhead.app.stops import emergency
from bulkhead.app.stops.emergency import NOTHING, decide
from bulkhead.app.stops.notes import Notes
from bulkhead.app.stops.seen import Seen, read_seen
from bulkhead.app.stops.service import Parts, stop_threads
from bulkhead.app.stops.tap import OrderTap, TappedGuard, Working, tapped
from bulkhead.venues.port import OrderVenue, Sink
from messages.base import Body
from messages.failure import StopReason
from messages.orders import (
    CancelOrder,
    CancelRejected,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderTicket,
)
from messages.values import IntentType, OrderStatus, Side, StopLevel
from supervisor.gate import Gate
from supervisor.latch import StopLatch
from supervisor.latch_watch import LatchWatch
from supervisor.stop_plans import Plans, judge
from tests.execution.orders import executed, order
from tests.supervisor.test_gate import reason

NS_PER_S = 10**9
ROW = order(key="o-1")
KEY = {"client_order_id": "o-1", "symbol": "BTCUSDT"}


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def tap() -> OrderTap:
    tap = OrderTap(Clock())
    tap.leaves(ROW.ticket, "trend")
    return tap


def ids(tap: OrderTap) -> list[str]:
    return [each.ticket.client_order_id for each in tap.working()]


# -- what works -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "end",
    [
        OrderCancelled(**KEY),
        OrderRejected(**KEY, code="-2010", reason="no"),
        OrderNotSent(**KEY, code="GATE_SHUT", reason="shut"),
        OrderExpired(**KEY),
        executed("10", 1, key="o-1"),
    ],
    ids=lambda body: type(body).__name__,
)
def test_an_order_works_from_the_last_look_on_until_the_venue_has_ended_it(tap: OrderTap, end: Body) -> None:
    assert ids(tap) == ["o-1"]
    tap.hears(OrderAccepted(**KEY, venue_order_id="v1"))
    tap.hears(OrderOutcomeUnknown(**KEY, reason="no answer"))
    tap.hears(executed("4", 9, key="o-1"))
    tap.hears(executed("4", 9, key="o-1"))
    (working,) = tap.working()
    assert working.venue_order_id == "v1"
    tap.hears(end if not hasattr(end, "execution_id") else executed("6", 1, key="o-1"))
    assert ids(tap) == []
    assert tap.end_of("o-1")


def test_what_the_ledger_says_late_revives_nothing_and_what_it_has_of_earlier_runs_works(
    tap: OrderTap,
) -> None:
    tap.hears(OrderCancelled(**KEY))
    tap.noted(order(OrderStatus.SUBMITTED, key="o-1"))
    assert ids(tap) == []
    tap.noted(order(OrderStatus.PENDING_SUBMIT, key="o-2"))
    assert ids(tap) == [], "not sent yet"
    tap.noted(order(OrderStatus.UNKNOWN, key="o-3", venue_order_id="v-3"))
    (found,) = tap.working()
    assert (found.strategy_id, found.venue_order_id) == ("trend", "v-3")
    tap.noted(order(OrderStatus.CANCELLED, key="o-3"))
    assert ids(tap) == []


def test_a_cancel_that_was_refused_counts_as_not_asked(tap: OrderTap) -> None:
    tap.asked("o-1")
    assert tap.working()[0].asked_ns is not None
    tap.hears(CancelRejected(**KEY, code="RATE_LIMITED", reason="wait"))
    (working,) = tap.working()
    assert (working.asked_ns, working.refusal) == (None, "RATE_LIMITED: wait")


def test_only_what_the_guard_lets_out_is_taken_to_work() -> None:
    class Guard:
        said: str | None = "GATE_SHUT"

        def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
            return self.said

    tap, guard = OrderTap(Clock()), Guard()
    tapped_guard = TappedGuard(guard, tap, lambda key: "trend")
    assert tapped_guard.refusal(ROW.ticket, "oms", 1) == "GATE_SHUT"
    assert ids(tap) == []
    guard.said = None
    assert tapped_guard.refusal(ROW.ticket, "oms", 1) is None
    assert ids(tap) == ["o-1"]


# -- whom to cancel ---------------------------------------------------------------------------------------------------


def plans(level: StopLevel = StopLevel.SOFT, scope: str = "all") -> Plans:
    return judge((reason("kill:x", level, scope),), "sim", is_compared=True, is_automatic=False)


def due(working: list[Working], at_s: list[float], found: Plans) -> list[list[str]]:
    """By look: whose cancel is due."""
    facts, told = NOTHING, []
    for second in at_s:
        orders, facts = decide(working, found, facts, int(second * NS_PER_S), 1.0)
        told.append([each.ticket.client_order_id for each in orders])
    return told


ENTRY = Working(ROW.ticket, "trend")
EXIT = Working(order(key="x-1", intent_type=IntentType.EXIT_FULL, side=Side.SELL).ticket, "trend")
CLOSE = Working(order(key="c-1", intent_type=IntentType.EXIT_FULL, side=Side.SELL, limit=None).ticket, "trend")


@pytest.mark.lesson("L22")
@pytest.mark.req("S-09")
def test_after_the_grace_and_then_ever_more_seldom() -> None:
    looks = [0, 0.9, 1.0, 1.5, 2.0, 2.5, 4.0, 7.9, 8.0]
    assert due([ENTRY], looks, plans()) == [[], [], ["o-1"], [], ["o-1"], [], ["o-1"], [], ["o-1"]]


def test_what_somebody_has_asked_for_is_left_to_him_for_a_while() -> None:
    asked = ENTRY._replace(asked_ns=0)
    assert due([asked], [0, 1, 5, 9.9], plans()) == [[], [], [], []]
    assert due([asked], [0, 10], plans()) == [[], ["o-1"]], "what carries it hangs"


@pytest.mark.req("S-09")
@pytest.mark.parametrize(
    ("level", "scope", "wanted"),
    [
        (StopLevel.REDUCED, "all", []),
        (StopLevel.SOFT, "all", ["o-1"]),
        (StopLevel.MEDIUM, "all", ["o-1"]),
        (StopLevel.HARD, "all", ["o-1", "x-1"]),
        (StopLevel.HARD, "symbol:ETHUSDT", []),
        (StopLevel.SOFT, "strategy:trend", ["o-1"]),
        (StopLevel.SOFT, "strategy:other", []),
    ],
)
def test_it_keeps_to_plan_and_scope_and_never_touches_what_gets_out(
    level: StopLevel, scope: str, wanted: list[str]
) -> None:
    assert due([ENTRY, EXIT, CLOSE], [0, 1], plans(level, scope))[1] == wanted


def test_a_doubt_of_the_house_is_no_plan() -> None:
    gate = Gate((), lambda name: 1, StopLatch(Path("nowhere")))
    gate.require_recovery("start", 1, by=None)
    found = judge(gate.reasons(), "sim", is_compared=False, is_automatic=True)
    assert not emergency.is_wanted(ENTRY, found)


# -- the threads ------------------------------------------------------------------------------------------------------


class Venue:
    """Cancels at once, or says why not, and answers on the caller's thread."""

    def __init__(self) -> None:
        self.apart: list[CancelOrder] = []
        self.refusal: str | None = None

    def cancel_apart(self, command: CancelOrder, told: Sink) -> None:
        self.apart.append(command)
        about = {"client_order_id": command.client_order_id, "symbol": command.symbol}
        told(
            OrderCancelled(**about) if self.refusal is None else CancelRejected(**about, code="X", reason=self.refusal)
        )


class Running:
    def __init__(self, folder: Path) -> None:
        self.folder, self.stop_dir = folder, folder / "stop"
        latch = StopLatch(self.stop_dir)
        self.watch = LatchWatch(latch, time.time_ns, time.time_ns)
        self.gate = Gate((), lambda name: 1, self.watch)
        self.watch.serve(self.gate)
        self.tap = OrderTap(time.monotonic_ns)
        self.venue = Venue()
        self.told: list[Body] = []
        self.parts = Parts(
            session_id="s-1",
            gate=self.gate,
            watch=self.watch,
            venue=self.venue,  # type: ignore[arg-type]
            venue_name="sim",
            tap=self.tap,
            notes=Notes(folder / "audit", self.stop_dir),
            tell_broker=self.told.append,
            monotonic_ns=time.monotonic_ns,
            grace_s=0.05,
            is_automatic=False,
        )

    def latch(self, level: StopLevel = StopLevel.SOFT) -> StopReason:
        """As the command line does."""
        stop = reason(f"kill:{level.name}:all", level, needs_operator=True)
        StopLatch(self.stop_dir).write(stop)
        return stop

    def seen(self, stop: StopReason) -> Seen | None:
        return read_seen(self.stop_dir, StopLatch(self.stop_dir).path_of(stop.reason_id).name, "s-1", 0)

    def emergencies(self) -> list[tuple[str, str]]:
        path = self.folder / "audit" / "emergency.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [(line["state"], line["client_order_id"]) for line in lines]


def until(what: Callable[[], object]) -> None:
    end, pause = time.monotonic() + 20, threading.Event()
    while not what():
        assert time.monotonic() < end, "it never came true"
        pause.wait(0.005)


@pytest.mark.lesson("L22")
@pytest.mark.req("S-09", "P-09", "TEST-714")
def test_a_kill_is_seen_and_what_nobody_cancels_is_cancelled_and_told(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.tap.leaves(ROW.ticket, "trend")
    with stop_threads(running.parts):
        stop = running.latch()
        until(lambda: (seen := running.seen(stop)) is not None and seen.is_over)
        until(lambda: len(running.emergencies()) == 2)
    assert running.gate.is_in_force(stop.reason_id)
    assert [command.client_order_id for command in running.venue.apart] == ["o-1"]
    seen = running.seen(stop)
    assert seen is not None
    assert [(each.client_order_id, each.state) for each in seen.orders] == [("o-1", "cancelled")]
    assert running.emergencies() == [("asked", "o-1"), ("cancelled", "o-1")]
    assert [type(body) for body in running.told] == [OrderCancelled]


@pytest.mark.lesson("L22")
@pytest.mark.req("S-09")
def test_it_acts_where_nothing_can_be_recorded(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("in the way")
    running = Running(tmp_path)
    running.tap.leaves(ROW.ticket, "trend")
    with stop_threads(running.parts):
        running.gate.shut(reason("risk:x", StopLevel.SOFT), by=None)
        until(lambda: running.venue.apart)
        until(lambda: not running.tap.working())


@pytest.mark.lesson("L36")
def test_a_stop_that_came_while_the_disk_was_full_is_latched_once_it_is_not(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.stop_dir.write_text("in the way")
    with stop_threads(running.parts):
        running.gate.shut(reason("risk:x", StopLevel.MEDIUM, needs_operator=True), by=None)
        assert running.gate.unlatched
        running.stop_dir.unlink()
        until(lambda: not running.gate.unlatched)
    assert "risk:x" in [each.reason_id for each in StopLatch(running.stop_dir).load(0)]


def test_what_the_venue_does_not_cancel_is_reported_as_that(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.tap.leaves(ROW.ticket, "trend")
    running.venue.refusal = "banned"
    with stop_threads(running.parts):
        stop = running.latch()
        until(lambda: (seen := running.seen(stop)) is not None and seen.orders[0].state == "not cancelled")
        until(lambda: ("not cancelled", "o-1") in running.emergencies())
    seen = running.seen(stop)
    assert seen is not None
    assert "banned" in seen.orders[0].detail


def test_a_cancel_of_the_actors_is_noticed_at_the_port() -> None:
    class Port:
        def __init__(self) -> None:
            self.cancelled: list[CancelOrder] = []

        def __getattr__(self, name: str) -> object:
            return name

        def open(self, sink: Sink) -> None:
            sink(OrderCancelled(**KEY))

        def cancel(self, command: CancelOrder) -> None:
            self.cancelled.append(command)

    tap, port = OrderTap(Clock()), Port()
    heard: list[Body] = []
    tap.leaves(ROW.ticket, "trend")
    venue: OrderVenue = tapped(port, tap)  # type: ignore[arg-type]
    venue.cancel(CancelOrder(client_order_id="o-1", symbol="BTCUSDT", reason="a test"))
    assert len(port.cancelled) == 1
    assert tap.working()[0].asked_ns == 0
    venue.open(heard.append)
    assert ids(tap) == []
    assert len(heard) == 1
