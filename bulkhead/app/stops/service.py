"""The two threads that make a stop hold while every actor of the run hangs.

`latch-watch` takes what the command line latches into the gate within some 25 ms, and tells whoever waits what became
of the orders that it concerns. `emergency-canceller` cancels at the venue what a stop plan wants cancelled and nobody
has asked for within the grace: by a lane of its own (thread, connection; cancels have their share of the request
budget), and from what it has learnt itself. Neither is an actor, takes a lock that is held for long, or waits for a
disk: notes are another thread's. A fault of our own is logged, and the thread goes on.
"""

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol, runtime_checkable

from loguru import logger

from bulkhead.app.stops import emergency
from bulkhead.app.stops.notes import Notes
from bulkhead.app.stops.seen import OrderEnd, Seen
from bulkhead.app.stops.tap import CANCELLED, OrderTap, Working
from bulkhead.venues.port import OrderVenue, Sink
from messages.base import Body
from messages.failure import StopReason
from messages.orders import CancelOrder, CancelOutcomeUnknown, CancelRejected, OrderCancelled
from supervisor.gate import Gate
from supervisor.latch_watch import LatchWatch, Taken
from supervisor.stop_plans import Plans, judge

LOOK_EVERY_S = 0.025
DECIDE_EVERY_S = 0.05
SETTLE_EVERY_S = 1.0
"""What the disk has not taken of the reasons in force is tried again."""
FOLLOWED_S = 60.0
"""For so long it is told what becomes of the orders that a stop concerns."""
STOP_WITHIN_S = 2.0


@runtime_checkable
class CancelsApart(Protocol):
    """A venue with a lane for cancels that shares no thread and no mailbox with the others."""

    def cancel_apart(self, command: CancelOrder, told: Sink) -> None: ...


class Parts(NamedTuple):
    """What the threads work with."""

    session_id: str
    gate: Gate
    watch: LatchWatch
    venue: OrderVenue
    """The adapter itself: what is asked here is not taken for asked by the actors."""
    venue_name: str
    tap: OrderTap
    notes: Notes
    tell_broker: Callable[[Body], None]
    """That an order was cancelled; must not block."""
    monotonic_ns: Callable[[], int]
    grace_s: float
    is_automatic: bool
    """`stops.technical_plans`."""


class _Followed(NamedTuple):
    """A stop that somebody may wait for."""

    taken: Taken
    seen_ns: int
    orders: tuple[Working, ...]
    told: Seen | None = None


class StopThreads:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._ending = threading.Event()
        self._news: queue.SimpleQueue[Taken] = queue.SimpleQueue()
        self._followed: list[_Followed] = []
        self._facts = emergency.NOTHING
        self._refused: dict[str, str] = {}
        """By order: why our own cancel of it came to nothing."""
        self._settled_ns = 0
        self._threads = (
            threading.Thread(target=self._watch, name="latch-watch", daemon=True),
            threading.Thread(target=self._cancel, name="emergency-canceller", daemon=True),
        )

    def start(self) -> None:
        self._parts.watch.on_taken = self._news.put
        self._parts.notes.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(STOP_WITHIN_S)
        self._parts.notes.stop(STOP_WITHIN_S)

    def _plans(self, reasons: tuple[StopReason, ...]) -> Plans:
        parts = self._parts
        return judge(reasons, parts.venue_name, is_compared=parts.gate.is_recovered, is_automatic=parts.is_automatic)

    # -- the watch ----------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._ending.wait(LOOK_EVERY_S):
            try:
                self._parts.watch.look()
                self._follow()
                self._settle()
            except Exception as error:  # noqa: BLE001 -- the thread outlives any fault of ours; it is reported
                logger.error("the latch watch reports a fault of our own: {!r}", error)

    def _settle(self) -> None:
        now_ns, gate = self._parts.monotonic_ns(), self._parts.gate
        if gate.unlatched and now_ns - self._settled_ns >= int(SETTLE_EVERY_S * 1e9):
            self._settled_ns = now_ns
            logger.warning("in force, and not as it is on disk: {}", ", ".join(sorted(gate.unlatched)))
            self._parts.notes.later(gate.settle)

    def _follow(self) -> None:
        now_ns = time.time_ns()
        while not self._news.empty():
            taken = self._news.get()
            plans = self._plans((taken.reason,))
            wanted = tuple(order for order in self._parts.tap.working() if emergency.is_wanted(order, plans))
            self._followed = [each for each in self._followed if each.taken.file_name != taken.file_name]
            self._followed.append(_Followed(taken, now_ns, wanted))
            logger.warning("a stop was latched: {} ({})", taken.reason.reason_id, taken.reason.cause)
        left = []
        for each in self._followed:
            seen = self._seen(each, now_ns)
            if seen != each.told:
                self._parts.notes.seen(each.taken.file_name, seen)
            if not seen.is_over:
                left.append(each._replace(told=seen))
        self._followed = left

    def _seen(self, followed: _Followed, now_ns: int) -> Seen:
        working = {order.ticket.client_order_id: order for order in self._parts.tap.working()}
        orders = tuple(self._end_of(order, working) for order in followed.orders)
        is_late = now_ns - followed.seen_ns > FOLLOWED_S * 1e9
        return Seen(
            session_id=self._parts.session_id,
            pid=os.getpid(),
            reason_id=followed.taken.reason.reason_id,
            seen_ns=followed.seen_ns,
            orders=orders,
            is_over=is_late or not any(order.ticket.client_order_id in working for order in followed.orders),
        )

    def _end_of(self, order: Working, working: dict[str, Working]) -> OrderEnd:
        key = order.ticket.client_order_id
        now = working.get(key)
        if now is None:
            state, detail = self._parts.tap.end_of(key) or "ended", ""
        elif now.refusal or key in self._refused:
            state, detail = "not cancelled", now.refusal or self._refused[key]
        else:
            state, detail = ("working" if now.asked_ns is None else "cancel asked"), ""
        return OrderEnd(
            client_order_id=key, strategy_id=order.strategy_id, symbol=order.ticket.symbol, state=state, detail=detail
        )

    # -- the emergency canceller --------------------------------------------------------------------------------------

    def _cancel(self) -> None:
        while not self._ending.wait(DECIDE_EVERY_S):
            try:
                self._cancel_what_is_due()
            except Exception as error:  # noqa: BLE001 -- as above
                logger.error("the emergency canceller reports a fault of our own: {!r}", error)

    def _cancel_what_is_due(self) -> None:
        parts = self._parts
        plans = self._plans(parts.gate.reasons())
        now_ns = parts.monotonic_ns()
        due, self._facts = emergency.decide(parts.tap.working(), plans, self._facts, now_ns, parts.grace_s)
        for order in due:
            self._cancel_one(order, plans)

    def _cancel_one(self, order: Working, plans: Plans) -> None:
        key = order.ticket.client_order_id
        why = "; ".join(step.cause for step in plans.run) or "a stop plan"
        command = CancelOrder(
            client_order_id=key,
            symbol=order.ticket.symbol,
            reason=f"emergency: nobody has asked for it. {why}"[:200],
            venue_order_id=order.venue_order_id,
        )
        about = {"client_order_id": key, "symbol": order.ticket.symbol, "strategy_id": order.strategy_id}
        self._parts.notes.emergency(state="asked", reason=why, **about)
        logger.warning("the emergency canceller cancels {}: nobody has asked for it", key)

        def told(body: Body) -> None:
            self._parts.tap.hears(body)
            if isinstance(body, OrderCancelled):
                self._refused.pop(key, None)
                self._parts.notes.emergency(state=CANCELLED, **about)
                self._parts.tell_broker(body)
            elif isinstance(body, CancelRejected | CancelOutcomeUnknown):
                self._refused[key] = body.reason
                self._parts.notes.emergency(state="not cancelled", reason=body.reason, **about)

        if isinstance(self._parts.venue, CancelsApart):
            self._parts.venue.cancel_apart(command, told)
        else:
            self._parts.venue.cancel(command)


@contextmanager
def stop_threads(parts: Parts) -> Iterator[StopThreads]:
    threads = StopThreads(parts)
    threads.start()
    try:
        yield threads
    finally:
        threads.stop()
