"""Drivers: how a session is made to work until something is true, on either host.

`ThreadedDriver` only waits, since the threads work by themselves. `TapeDriver` is the lockstep of a recorded tape: the
tape owns the trading clock and stands still until everything that its last instant caused, here and at the venue, has
been worked off; so the results do not depend on the speed of the machine.
"""

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.venue import Venue
from bulkhead.venues.transport.tape_control import Stepped, TapeControl, TapeControlError
from messages.base import Body
from messages.market import MarketData
from supervisor.runtime.simulated import SimulatedHost

POLL_S = 0.005
STEP_S = 0.05
"""How long the threads are left alone between two looks at what may end the session."""
IO_PATIENCE_S = 30.0
"""A venue on this machine that leaves a request unanswered for this long has died."""
NS_PER_MS = 1_000_000
SPIN_S = 0.00005

T = TypeVar("T")


class Driver(Protocol):
    @property
    def rows(self) -> int | None:
        """Of the tape, played so far; None when no tape is played."""

    @property
    def is_lost(self) -> bool:
        """The venue has refused or died: nothing more is asked of it."""

    def step(self) -> bool:
        """Work on for one instant of the tape, or for a moment; False when there is nothing more to play."""

    def until(self, what: Callable[[], bool], timeout_s: float) -> bool:
        """Work until `what` holds; False when `timeout_s` of the wall clock went by first."""

    def report(self) -> dict[str, object]:
        """What the loader of the tape counted, dirt included; empty when no tape is played."""


class ThreadedDriver:
    rows = None
    is_lost = False
    """A venue that does not answer is the tree's to deal with: it reconnects."""

    def step(self) -> bool:
        time.sleep(STEP_S)
        return True

    def report(self) -> dict[str, object]:
        return {}

    def until(self, what: Callable[[], bool], timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while not what():
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_S)
        return True


def _rank(thread_name: str) -> int:
    """The venue's answers before its reports, and both before the market data of the same instant."""
    return 2 if "market" in thread_name else 1 if "stream" in thread_name else 0


class TapeDriver:
    """Plays the tape step by step. `speed` None plays as fast as everything can follow."""

    def __init__(self, host: SimulatedHost, venue: Venue, control: TapeControl, speed: float | None) -> None:
        if venue.wire.counted is None:
            sentence = "a recorded tape is played in the words of Binance: set venue.adapter to it"
            raise Stopped(ExitCode.CONFIG, sentence)
        self._host, self._wire, self._control = host, venue.wire.counted, control
        self._speed = speed
        self._seen_requests = 0
        self._user_events = self._market_events = 0
        self._wall_start: float | None = None
        self._tape_start_ms = 0
        self.rows = 0
        self.is_lost = False
        """The venue has refused or died: nothing more is asked of it."""
        first_ms = self._ask_status().next_time_ms
        if first_ms is None:
            raise Stopped(ExitCode.CONFIG, "the tape is empty")
        self._next_ms: int | None = first_ms
        host.virtual_clock.advance_to(first_ms * NS_PER_MS)

    # -- working off --------------------------------------------------------------------------------------------------

    def until(self, what: Callable[[], bool], timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while True:
            self.settle()
            if what():
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_S)

    def settle(self) -> None:
        """Until nothing is runnable, no request is out, and every event that the venue has told of has arrived."""
        while True:
            self._host.run_until_idle()
            if self.is_lost:
                self._host.take_arrivals(_rank, self._stamp)
                return
            requests = self._wire.orders.handed_in
            if requests != self._seen_requests:
                self._seen_requests = requests
                self._wait(lambda: self._wire.orders.pending() == 0, "answer")
                self._expect(self._ask_status())
            if not self._host.take_arrivals(_rank, self._stamp):
                return

    def _stamp(self, body: Body) -> Body:
        """Market data was received when the tape stood where it stands now, not when a thread got round to it."""
        if not isinstance(body, MarketData):
            return body
        now_ns = self._host.now_ns()
        stamps = {"received_at_ns": now_ns, "received_monotonic_ns": now_ns}
        if body.event_time_is_receipt:
            stamps["event_time_ns"] = now_ns
        return body.model_copy(update=stamps)

    def _expect(self, told: Stepped) -> None:
        """Wait for what the venue says that it has sent."""
        self._user_events, self._market_events = told.user_events, told.market_events
        self._wait(self._has_arrived, "event that it said it had sent")

    def _has_arrived(self) -> bool:
        orders, feed = self._wire.orders, self._wire.feed
        return orders.received_user_events >= self._user_events and feed.received_market_events >= self._market_events

    def _wait(self, what: Callable[[], bool], for_what: str) -> None:
        deadline = time.monotonic() + IO_PATIENCE_S
        while not what():
            if time.monotonic() > deadline:
                self.is_lost = True
                raise Stopped(
                    ExitCode.TIMEOUT, f"the simulated venue has died: waited {IO_PATIENCE_S:.0f} s for {for_what}"
                )
            time.sleep(SPIN_S)

    # -- the tape -----------------------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Play the next instant and work it off; False when the tape has ended."""
        if self._next_ms is None:
            return False
        self._pace(self._next_ms)
        self._fire_timers_until(self._next_ms)
        told = self._ask(self._control.step)
        self.rows = told.rows
        self._host.virtual_clock.advance_to(max(told.time_ms * NS_PER_MS, self._host.now_ns()))
        self._expect(told)
        self._host.take_arrivals(_rank, self._stamp)
        self.settle()
        self._next_ms = told.next_time_ms
        return True

    def _fire_timers_until(self, tape_ms: int) -> None:
        """Timers between two instants fire at their own times; the venue's clock follows what is signed then."""
        until_ns = tape_ms * NS_PER_MS
        while (due_ns := self._host.next_timer_ns()) is not None and due_ns <= until_ns:
            self._host.run_until(max(due_ns, self._host.now_ns()))
            self.settle()

    def _pace(self, tape_ms: int) -> None:
        if self._speed is None:
            return
        if self._wall_start is None:
            self._wall_start, self._tape_start_ms = time.monotonic(), tape_ms
        due = self._wall_start + (tape_ms - self._tape_start_ms) / 1_000 / self._speed
        time.sleep(max(0.0, due - time.monotonic()))

    def report(self) -> dict[str, object]:
        """What the loader counted, dirt included."""
        return dict(self._ask(self._control.report))

    def _ask_status(self) -> Stepped:
        answer = self._ask(self._control.status)
        return Stepped.model_validate({name: answer[name] for name in Stepped.model_fields if name in answer})

    def _ask(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except TapeControlError as error:
            self.is_lost = True
            raise Stopped(ExitCode.ERROR, f"the tape cannot be played on: {error}") from None
