"""The simulated host: the same cells under one seeded scheduler, in virtual time, on one thread.

One authority for time, randomness, scheduling and ids: the same seed and the same code give the same trace hash. The
clock moves only when nothing is runnable. Nothing of pykka is here. With `fifo` the scheduler serves mailboxes in the
order in which they got work, as a recorded tape wants it; without it the choice is the seed's.
"""

import threading
from collections import deque
from collections.abc import Callable
from hashlib import sha256
from random import Random

from messages.base import Body, Envelope, Letter
from messages.supervision import Stop
from supervisor.runtime.cell import Cell
from supervisor.runtime.clock import VirtualClock
from supervisor.runtime.host import Factory, Host, Slot

Arrival = tuple[str, str, Body, str, str | None]
"""Name of the thread it came from, then the arguments of `tell`."""

RUNAWAY_STEPS = 10_000_000
"""Messages without the clock moving before a run is called a loop: no honest instant of a market needs that many."""


class Runaway(RuntimeError):
    """The actors keep one another busy without end at one instant of virtual time."""


class SimulatedHost(Host):
    def __init__(self, seed: int, start_ns: int, *, fifo: bool = False, data_bound: int | None = None) -> None:
        self.virtual_clock = VirtualClock(start_ns)
        super().__init__(self.virtual_clock, seed, data_bound)
        self._choice = Random(f"{seed}:scheduler")  # noqa: S311 - replayable, not secret
        self._fifo = fifo
        self._runnable: deque[Slot] = deque()
        self._starting: deque[Callable[[], None]] = deque()
        self._trace = sha256()
        self._thread = threading.get_ident()
        self._arrivals: deque[Arrival] = deque()
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
                raise Runaway(f"{handled} messages at {self.now_ns()} ns and no end")
        return handled

    def run_until(self, now_ns: int) -> None:
        """Go on to `now_ns`, firing each timer at its own time on the way."""
        self.run_until_idle()
        while (due_ns := self._timers.next_due_ns()) is not None and due_ns <= now_ns:
            self.virtual_clock.advance_to(max(due_ns, self.now_ns()))
            self._fire_due()
            self.run_until_idle()
        self.virtual_clock.advance_to(max(now_ns, self.now_ns()))

    def next_timer_ns(self) -> int | None:
        return self._timers.next_due_ns()

    def _fire_due(self) -> None:
        now_ns = self.now_ns()
        for timer in list(self._timers.pop_due(now_ns)):
            if self.current_epoch(timer.owner) == timer.epoch:
                fresh = timer.envelope.model_copy(update={"at_ns": now_ns, "received_at_ns": now_ns})
                self.deliver(Letter(to=timer.owner, envelope=fresh))

    def _step(self) -> bool:
        if self._starting:
            self._starting.popleft()()
            return True
        while self._runnable:
            if not self._fifo and len(self._runnable) > 1:
                self._runnable.rotate(-self._choice.randrange(len(self._runnable)))
            slot = self._runnable.popleft()
            if slot.cell is None:
                continue  # between incarnations: its start queues it again
            envelope = slot.mailbox.take_nowait()
            if envelope is None:
                continue
            self._handle(slot, slot.cell, envelope)
            return True
        return False

    def _handle(self, slot: Slot, cell: Cell, envelope: Envelope) -> None:
        self.steps += 1
        self._trace.update(f"{slot.name}|{slot.epoch}|{envelope.id}|{self.now_ns()}\n".encode())
        epoch = slot.epoch
        if isinstance(envelope.body, Stop):
            try:
                cell.stop(envelope.body.reason)
            except BaseException as error:  # noqa: BLE001 - turned into the one report of this death
                self._end(slot, epoch, "stop_error", error, None)
            else:
                self._end(slot, epoch, "shutdown", None, None)
            return
        try:
            cell.step(envelope)
        except BaseException as error:  # noqa: BLE001 - turned into the one report of this death
            self._end(slot, epoch, "error" if isinstance(error, Exception) else "fatal", error, envelope)
        else:
            slot.handled += 1

    def _end(self, slot: Slot, epoch: int, reason: str, error: BaseException | None, culprit: Envelope | None) -> None:
        self._timers.cancel_all(slot.name)
        self._down(slot, epoch, reason, error, culprit)

    def close(self) -> None:
        """Nothing runs by itself here."""

    # -- the host's duties --------------------------------------------------------------------------------------------

    def _run(self, slot: Slot, factory: Factory, rng: Random) -> None:
        epoch = slot.epoch

        def begin() -> None:
            if slot.epoch != epoch:
                return
            try:
                cell = Cell(slot.name, epoch, factory(), self, rng)
                slot.cell = cell
                cell.start()
            except BaseException as error:  # noqa: BLE001 - turned into the one report of this death
                self._end(slot, epoch, "init_error", error, None)
                return
            self._runnable.extend([slot] * slot.mailbox.depth())

        self._starting.append(begin)

    def _woken(self, slot: Slot) -> None:
        self._runnable.append(slot)

    def set_timer(self, owner: str, epoch: int, key: str, delay_s: float, envelope: Envelope) -> None:
        if self.current_epoch(owner) == epoch:
            self._timers.set(owner, epoch, key, self.now_ns() + int(delay_s * 1e9), envelope)

    def cancel_timer(self, owner: str, key: str) -> None:
        self._timers.cancel(owner, key)
