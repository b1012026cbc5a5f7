"""The production host: one pykka ThreadingActor for each incarnation.

pykka gives the thread and its loop; everything else is ours, because of what pykka does (docs/SUPERVISION.md): it never
sees an exception of a handler, a BaseException does not reach it, and the mailbox is not its inbox but a view of the
slot's own, so that messages outlive the incarnation that did not get to them.
"""

import threading
from random import Random
from typing import Any, NamedTuple

import pykka

from messages.base import Envelope, Letter
from messages.supervision import Stop
from supervisor.runtime.cell import Cell
from supervisor.runtime.clock import Clock, SystemClock
from supervisor.runtime.host import Factory, Host, Slot


class _Wrapped(NamedTuple):
    """What pykka's loop expects of an inbox item."""

    message: Envelope | None
    reply_to: None = None


class _InboxView:
    """One incarnation's view of its slot's mailbox. A view whose incarnation has ended gives nothing more."""

    slot: Slot
    epoch: int

    def put(self, item: Any, /) -> None:
        """pykka's own messages (its stop) are not used; the host speaks through the mailbox."""

    def get(self) -> _Wrapped:
        if self.slot.epoch != self.epoch:
            return _Wrapped(None)
        return _Wrapped(self.slot.mailbox.take())

    def empty(self) -> bool:
        """Always: nothing that is queued belongs to an incarnation, so its teardown must not take it."""
        return True


class _CellThread(pykka.ThreadingActor):
    """Drives one cell until it is told to stop, fails, or is fenced."""

    use_daemon_thread = True  # a stuck handler must not keep the process from ending

    def __init__(self, host: "ThreadedHost", slot: Slot, factory: Factory, rng: Random) -> None:
        super().__init__()
        self._host, self._slot, self._factory, self._rng = host, slot, factory, rng
        self._epoch = slot.epoch
        self._cell: Cell | None = None
        view: Any = self.actor_inbox
        view.slot, view.epoch = slot, slot.epoch

    @staticmethod
    def _create_actor_inbox() -> Any:
        return _InboxView()

    def on_start(self) -> None:
        threading.current_thread().name = f"{self._slot.name}.{self._epoch}"
        try:
            cell = Cell(self._slot.name, self._epoch, self._factory(), self._host, self._rng)
            self._cell = self._slot.cell = cell
            cell.start()
        except BaseException as error:  # noqa: BLE001 - turned into the one report of this death
            self._end("init_error", error, None)

    def on_receive(self, message: Any) -> None:
        slot, cell = self._slot, self._cell
        if cell is None or slot.epoch != self._epoch:
            self._leave()
            return
        if message is None:
            return
        envelope: Envelope = message
        if isinstance(envelope.body, Stop):
            self._stop_in_order(cell, envelope.body.reason)
            return
        slot.busy_since_ns = self._host.now_ns()
        try:
            cell.step(envelope)
        except BaseException as error:  # noqa: BLE001 - turned into the one report of this death
            self._end("error" if isinstance(error, Exception) else "fatal", error, envelope)
        else:
            slot.handled += 1
            if slot.epoch == self._epoch:
                slot.busy_since_ns = None

    def _stop_in_order(self, cell: Cell, reason: str) -> None:
        try:
            cell.stop(reason)
        except BaseException as error:  # noqa: BLE001 - turned into the one report of this death
            self._end("stop_error", error, None)
        else:
            self._end("shutdown", None, None)

    def _end(self, reason: str, error: BaseException | None, culprit: Envelope | None) -> None:
        self._leave()
        self._host.ended(self._slot, self._epoch, reason, error, culprit)

    def _leave(self) -> None:
        """End pykka's loop after this message, without its queue-bound stop."""
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()


class ThreadedHost(Host):
    """Cells on threads, timers on one more thread."""

    def __init__(self, seed: int, clock: Clock | None = None, data_bound: int | None = 10_000) -> None:
        super().__init__(clock or SystemClock(), seed, data_bound)
        self._timer_wakeup = threading.Condition()
        self._closing = False
        self._timer_thread = threading.Thread(target=self._timer_loop, name="timers", daemon=True)
        self._timer_thread.start()

    def _run(self, slot: Slot, factory: Factory, rng: Random) -> None:
        _CellThread.start(self, slot, factory, rng)

    def _woken(self, slot: Slot) -> None:
        """The mailbox itself wakes the thread that reads it."""

    def ended(self, slot: Slot, epoch: int, reason: str, error: BaseException | None, culprit: Envelope | None) -> None:
        with self._timer_wakeup:
            if slot.epoch == epoch:
                self._timers.cancel_all(slot.name)
        self._down(slot, epoch, reason, error, culprit)

    def set_timer(self, owner: str, epoch: int, key: str, delay_s: float, envelope: Envelope) -> None:
        due_ns = self.clock.monotonic_ns() + int(delay_s * 1e9)
        with self._timer_wakeup:
            if self.current_epoch(owner) == epoch:
                self._timers.set(owner, epoch, key, due_ns, envelope)
                self._timer_wakeup.notify()

    def cancel_timer(self, owner: str, key: str) -> None:
        with self._timer_wakeup:
            self._timers.cancel(owner, key)

    def close(self) -> None:
        """End the timer thread. The tree must have been stopped before."""
        with self._timer_wakeup:
            self._closing = True
            self._timer_wakeup.notify()
        self._timer_thread.join(timeout=1.0)

    def _timer_loop(self) -> None:
        while True:
            with self._timer_wakeup:
                if self._closing:
                    return
                due_ns = self._timers.next_due_ns()
                if due_ns is None:
                    self._timer_wakeup.wait()
                    continue
                now_ns = self.clock.monotonic_ns()
                if due_ns > now_ns:
                    self._timer_wakeup.wait((due_ns - now_ns) / 1e9)
                    continue
                fired = list(self._timers.pop_due(now_ns))
            for timer in fired:
                if self.current_epoch(timer.owner) == timer.epoch:
                    fresh = timer.envelope.model_copy(update={"at_ns": self.now_ns(), "received_at_ns": self.now_ns()})
                    self.deliver(Letter(to=timer.owner, envelope=fresh))
