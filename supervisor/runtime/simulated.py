"""The simulated host: the same cells under one seeded scheduler, in virtual time, on one thread.

One authority for time, randomness, scheduling and ids: the same seed and the same code give the same trace hash. The
clock moves only when nothing is runnable. Nothing of pykka is here. With `fifo` the scheduler serves mailboxes in the
order in which they got work, as a recorded tape wants it; without it the choice is the seed's.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from random import Random
from typing import NamedTuple, Protocol

from messages.base import Body, Envelope, letter_to
from messages.supervision import ChildState
from supervisor.runtime.cell import AnyCell
from supervisor.runtime.clock import VirtualClock
from supervisor.runtime.host import Factory, Host
from supervisor.runtime.mailbox import Bounds
from supervisor.runtime.slot import Incarnation, Slot

Arrival = tuple[str, str, Body, str, str | None]
"""Name of the thread it came from, then the arguments of `tell`."""

RUNAWAY_STEPS = 10_000_000
"""Messages without the clock moving before a run is called a loop: no honest instant of a market needs that many."""


class Runaway(RuntimeError):
    """The actors keep one another busy without end at one instant of virtual time."""


class Turns(Protocol):
    """Whose turn it is: one entry for each message that waits."""

    def add(self, slot: Slot, times: int = 1) -> None: ...
    def next(self) -> Slot | None: ...


class InOrder:
    """First come, first served."""

    def __init__(self) -> None:
        self._slots: deque[Slot] = deque()

    def add(self, slot: Slot, times: int = 1) -> None:
        self._slots.extend([slot] * times)

    def next(self) -> Slot | None:
        return self._slots.popleft() if self._slots else None


class ByChoice:
    """Any, by the seed, in constant time."""

    def __init__(self, rng: Random) -> None:
        self._slots: list[Slot] = []
        self._random = rng.random

    def add(self, slot: Slot, times: int = 1) -> None:
        self._slots.extend([slot] * times)

    def next(self) -> Slot | None:
        slots = self._slots
        if len(slots) > 1:
            at = int(self._random() * len(slots))
            slots[at], slots[-1] = slots[-1], slots[at]
        return slots.pop() if slots else None


class Hung(NamedTuple):
    """An incarnation that took a message and does not come back from it."""

    one: Incarnation
    cell: AnyCell
    envelope: Envelope
    is_stuck_at_ns: int | None


class SimulatedHost(Host):
    def __init__(
        self,
        seed: int,
        start_ns: int,
        *,
        fifo: bool = False,
        bounds: Bounds = Bounds(data=None),  # noqa: B008 - immutable
    ) -> None:
        self.virtual_clock = VirtualClock(start_ns)
        super().__init__(self.virtual_clock, seed, bounds)
        self._turns: Turns = InOrder() if fifo else ByChoice(Random(f"{seed}:scheduler"))  # noqa: S311 - replayable
        self._starting: deque[Callable[[], None]] = deque()
        self._trace = sha256()
        self._thread = threading.get_ident()
        self._arrivals: deque[Arrival] = deque()
        self._will_hang: set[str] = set()
        self._hung: dict[str, Hung] = {}
        self.steps = 0

    # -- from other threads -------------------------------------------------------------------------------------------

    def tell(self, to: str, body: Body, sender: str, correlation_id: str | None = None) -> None:
        """As on every host; what comes from another thread waits until `take_arrivals`."""
        if threading.get_ident() == self._thread:
            super().tell(to, body, sender, correlation_id)
        else:
            self._arrivals.append((threading.current_thread().name, to, body, sender, correlation_id))

    @property
    def has_arrivals(self) -> bool:
        return bool(self._arrivals)

    def take_arrivals(self, rank: Callable[[str], int], stamp: Callable[[Body], Body]) -> int:
        """Deliver what other threads have told, thread by thread in the order of `rank` and stamped anew by `stamp`,
        so that the scheduling of threads does not show. Returns how many."""
        waiting = [self._arrivals.popleft() for _ in range(len(self._arrivals))]
        waiting.sort(key=lambda arrival: rank(arrival[0]))  # a stable sort: each thread's own order is kept
        for _, to, body, sender, correlation_id in waiting:
            super().tell(to, stamp(body), sender, correlation_id)
        return len(waiting)

    def trace_hash(self) -> str:
        """Hash over every message handled so far: who, which incarnation, which message, when."""
        return self._trace.hexdigest()

    # -- driving ------------------------------------------------------------------------------------------------------

    def run_until_idle(self) -> int:
        """Handle messages until none is queued; the clock stands still. Returns how many. Raises Runaway."""
        handled = 0
        while self._step():
            handled += 1
            if handled > RUNAWAY_STEPS:
                raise Runaway(f"{handled} messages at {self.monotonic_ns()} ns and no end")
        return handled

    def run_until(self, now_ns: int) -> None:
        """Go on to `now_ns`, firing each timer at its own time on the way. By the clock that never jumps."""
        self.run_until_idle()
        while (due_ns := self.next_timer_ns()) is not None and due_ns <= now_ns:
            self.virtual_clock.advance_to(max(due_ns, self.monotonic_ns()))
            self._fire_due()
            self._give_up_stuck()
            self.run_until_idle()
        self.virtual_clock.advance_to(max(now_ns, self.monotonic_ns()))

    def next_timer_ns(self) -> int | None:
        """When something happens next without anybody's message."""
        stuck = [hung.is_stuck_at_ns for hung in self._hung.values() if hung.is_stuck_at_ns is not None]
        return min((*stuck, self._timers.next_due_ns()), key=lambda due_ns: (due_ns is None, due_ns), default=None)

    def hang(self, name: str) -> None:
        """A fault: the next message that `name` takes is never finished, as by a call that does not return."""
        self._will_hang.add(name)

    def revive(self, name: str) -> None:
        """The call returns after all, in the incarnation that took the message, given up or not."""
        hung = self._hung.pop(name)
        hung.one.in_hand = hung.one.busy_monotonic_ns = None
        if hung.one.is_over:
            with suppress(BaseException):
                hung.cell.step(hung.envelope)
        elif self._feed(hung.one, hung.cell, hung.envelope):
            self._turns.add(hung.one.slot, hung.one.slot.mailbox.depth())

    def _give_up_stuck(self) -> None:
        for name, hung in tuple(self._hung.items()):
            if hung.is_stuck_at_ns is not None and hung.is_stuck_at_ns <= self.monotonic_ns():
                self._hung[name] = hung._replace(is_stuck_at_ns=None)
                if not hung.one.is_over:
                    self.abandon(name, hung.one.what_it_holds())

    def _fire_due(self) -> None:
        now_ns = self.now_ns()
        for timer in list(self._timers.pop_due(self.monotonic_ns())):
            if self.current_epoch(timer.owner) == timer.epoch:
                fresh = timer.envelope.model_copy(update={"at_ns": now_ns, "received_at_ns": now_ns})
                self.deliver(letter_to(timer.owner, fresh))

    def _step(self) -> bool:
        if self._starting:
            self._starting.popleft()()
            return True
        while (slot := self._turns.next()) is not None:
            one = slot.live
            if one is None or one.cell is None or one.in_hand is not None:
                continue  # between incarnations, or hung: whoever comes next queues it again
            envelope = slot.mailbox.take_nowait(one.epoch)
            if envelope is None:
                continue
            self._handle(one, one.cell, envelope)
            return True
        return False

    def _handle(self, one: Incarnation, cell: AnyCell, envelope: Envelope) -> None:
        self.steps += 1
        name = one.slot.name
        self._trace.update(f"{name}|{one.epoch}|{envelope.id}|{self.monotonic_ns()}\n".encode())
        if name in self._will_hang:
            self._will_hang.remove(name)
            one.in_hand, one.busy_monotonic_ns = envelope, self.monotonic_ns()
            limit_ns = None if one.slot.state is ChildState.STOPPING else one.slot.stuck_after_ns
            self._hung[name] = Hung(
                one, cell, envelope, None if limit_ns is None else self.monotonic_ns() + limit_ns + 1
            )
            return
        self._feed(one, cell, envelope)

    def close(self) -> None:
        """Nothing runs by itself here."""

    def await_room(self, name: str) -> None:
        """Nobody can work while this waits."""

    # -- the host's duties --------------------------------------------------------------------------------------------

    def _run(self, one: Incarnation, factory: Factory) -> None:
        def begin() -> None:
            if self._begin(one, factory):
                self._turns.add(one.slot, one.slot.mailbox.depth())

        self._starting.append(begin)

    def _woken(self, slot: Slot) -> None:
        self._turns.add(slot)

    def set_timer(self, owner: str, epoch: int, key: str, delay_s: float, envelope: Envelope) -> None:
        if self.current_epoch(owner) == epoch:
            self._timers.set(owner, epoch, key, self.monotonic_ns() + int(delay_s * 1e9), envelope)

    def cancel_timer(self, owner: str, epoch: int, key: str) -> None:
        if self.current_epoch(owner) == epoch:
            self._timers.cancel(owner, key)

    def _cancel_timers(self, owner: str) -> None:
        self._timers.cancel_all(owner)
