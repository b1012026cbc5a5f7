"""The production host: one pykka ThreadingActor for each incarnation.

pykka gives the thread and its loop; everything else is ours, because of what pykka does (docs/SUPERVISION.md): it never
sees an exception of a handler, a BaseException does not reach it, and the mailbox is not its inbox but a view of the
slot's own, so that messages outlive the incarnation that did not get to them.

A behaviour with a compartment runs in a child process: its thread here only carries messages there and back.
"""

import os
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import pykka

from messages.base import Envelope, Lane, letter_to
from supervisor.runtime.cell import AnyCell
from supervisor.runtime.clock import Clock, SystemClock
from supervisor.runtime.host import Factory, Host
from supervisor.runtime.mailbox import Bounds
from supervisor.runtime.process import AHEAD_NS, RemoteCell
from supervisor.runtime.slot import Incarnation, Slot

STUCK_EXIT_CODE = 7
WATCH_INTERVAL_S = 0.1
"""How often the actors are looked at for one that is stuck."""
MAX_WINDOW = 32
"""Messages handed to a child process at a time, at most."""
ROOM_INTERVAL_S = 0.005
"""How often the reader of a socket looks whether its receiver has caught up."""


class _Wrapped(NamedTuple):
    """What pykka's loop expects of an inbox item."""

    message: Envelope | None
    reply_to: None = None


class _InboxView:
    """One incarnation's view of its slot's mailbox. A view whose incarnation has ended gives nothing more."""

    one: Incarnation

    def put(self, item: Any, /) -> None:
        """pykka's own messages (its stop) are not used; the host speaks through the mailbox."""

    def get(self) -> _Wrapped:
        one = self.one
        return _Wrapped(None if one.is_over else one.slot.mailbox.take(None, one.epoch))

    def empty(self) -> bool:
        """Always: nothing that is queued belongs to an incarnation, so its teardown must not take it."""
        return True


class _CellThread(pykka.ThreadingActor):
    """Drives one cell until it is told to stop, fails, or is fenced."""

    use_daemon_thread = True  # a stuck handler must not keep the process from ending

    def __init__(self, host: "ThreadedHost", one: Incarnation, factory: Factory) -> None:
        super().__init__()
        self._host, self._one, self._factory = host, one, factory
        self._cell: AnyCell | None = None
        view: Any = self.actor_inbox
        view.one = one

    @staticmethod
    def _create_actor_inbox() -> Any:
        return _InboxView()

    def on_start(self) -> None:
        thread = threading.current_thread()
        thread.name = f"{self._one.slot.name}.{self._one.epoch}"
        self._host.note_thread(self._one, thread)
        goes_on = self._host.begin(self._one, self._factory)
        self._cell = self._one.cell
        if not goes_on:
            self._leave()

    def on_receive(self, message: Any) -> None:
        cell = self._cell
        if message is None:
            goes_on = cell is not None and self._host.look_after(self._one, cell)
        else:
            goes_on = cell is not None and self._host.feed(self._one, cell, message)
        if not goes_on:
            self._leave()

    def _leave(self) -> None:
        """End pykka's loop after this message, without its queue-bound stop."""
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        self._host.forget_thread(self._one)


class ThreadedHost(Host):
    """Cells on threads or in child processes; timers, and the watch for stuck actors, on two more threads.

    After `max_abandoned` threads that were given up and have not come back, `on_exhausted` is called with the names of
    those: by default it ends the process at once with exit code 7, to be started again from disk.
    """

    def __init__(
        self,
        seed: int,
        clock: Clock | None = None,
        bounds: Bounds = Bounds(),  # noqa: B008 - immutable
        max_abandoned: int = 3,
    ) -> None:
        super().__init__(clock or SystemClock(), seed, bounds)
        self._max_abandoned = max_abandoned
        self._threads: dict[Incarnation, threading.Thread] = {}
        self._abandoned: dict[Incarnation, threading.Thread] = {}
        self.on_exhausted: Callable[[tuple[str, ...]], None] = _leave_process
        self.on_output: Callable[[str, str], None] = _no_output
        """A line that a child process has printed, with the name of its actor."""
        self._timer_wakeup = threading.Condition()
        self._closing = threading.Event()
        self._own = tuple(
            threading.Thread(target=loop, name=name, daemon=True)
            for name, loop in (("timers", self._timer_loop), ("watch", self._watch_loop))
        )
        for thread in self._own:
            thread.start()

    # -- cells --------------------------------------------------------------------------------------------------------

    def _run(self, one: Incarnation, factory: Factory) -> None:
        _CellThread.start(self, one, factory)

    def _woken(self, slot: Slot) -> None:
        """The mailbox itself wakes the thread that reads it."""

    def _make_cell(self, one: Incarnation, factory: Factory) -> AnyCell:
        slot = one.slot
        if slot.compartment is None:
            return super()._make_cell(one, factory)
        return RemoteCell(
            slot.name,
            one.epoch,
            factory,
            self,
            self._seed_of(one),
            slot.compartment,
            on_output=self.on_output,
            on_death=slot.mailbox.wake,
        )

    def begin(self, one: Incarnation, factory: Factory) -> bool:
        one.is_working = True
        goes_on = self._begin(one, factory)
        one.is_working = False
        return goes_on

    def feed(self, one: Incarnation, cell: AnyCell, envelope: Envelope) -> bool:
        one.is_working = True
        if isinstance(cell, RemoteCell) and envelope.body.lane is not Lane.SYSTEM:
            goes_on = self._feed_ahead(one, cell, envelope)
        else:
            goes_on = self._feed(one, cell, envelope)
        one.is_working = False
        return goes_on

    def _feed_ahead(self, one: Incarnation, cell: RemoteCell, envelope: Envelope) -> bool:
        """Hand the child what waits in one go: to be woken for each single answer costs more than most handlers."""
        began_ns = self.monotonic_ns()
        more = one.slot.mailbox.take_ahead(one.window - 1, one.epoch)
        is_full = len(more) == one.window - 1
        with one.lock:
            if not one.is_over:
                one.ahead.extend(more)
                more = []
            batch = (envelope, *one.ahead)  # here, since whoever gives it up takes them away
        self._put_back(one.slot, more)
        cell.ask_ahead(batch)
        goes_on = self._feed(one, cell, envelope)
        while goes_on and (following := self._next_ahead(one, cell)) is not None:
            goes_on = self._feed(one, cell, following)
        if self.monotonic_ns() - began_ns > AHEAD_NS:
            one.window = max(1, one.window // 2)
        elif is_full:
            one.window = min(MAX_WINDOW, one.window * 2)
        return goes_on

    def _next_ahead(self, one: Incarnation, cell: RemoteCell) -> Envelope | None:
        """What the child has left goes back: by now there may be something that matters more."""
        with one.lock:
            if one.is_over or not one.ahead:
                return None
            if cell.is_ahead:
                return one.ahead.popleft()
            left = tuple(one.ahead)
            one.ahead.clear()
        self._put_back(one.slot, left)
        return None

    def look_after(self, one: Incarnation, cell: AnyCell) -> bool:
        """Woken without a message: is it still the one, and is its process still there? False when it is over."""
        if not one.is_over and isinstance(cell, RemoteCell) and (died := cell.death()) is not None:
            self._died(one, "killed", died)
        return not one.is_over

    # -- threads that give no answer ----------------------------------------------------------------------------------

    def note_thread(self, one: Incarnation, thread: threading.Thread) -> None:
        with self._lock:
            self._threads[one] = thread

    def forget_thread(self, one: Incarnation) -> None:
        with self._lock:
            self._threads.pop(one, None)
            self._abandoned.pop(one, None)

    def abandoned(self) -> tuple[str, ...]:
        """Names whose thread was given up while it was busy, and has not come back."""
        with self._lock:
            return tuple(one.slot.name for one, thread in self._abandoned.items() if thread.is_alive())

    def _fence(self, slot: Slot, one: Incarnation | None = None) -> str:
        one = one or slot.live
        doing = super()._fence(slot, one)
        if one is None or slot.compartment is not None:
            return doing  # a process is ended for real, and its thread comes back by that
        with self._lock:
            thread = self._threads.get(one)
            if thread is None or not one.is_working:
                return doing
            self._abandoned[one] = thread
        stack = _stack_of(thread)
        names = self.abandoned()
        if len(names) >= self._max_abandoned:
            self.on_exhausted(names)
        return stack

    def await_room(self, name: str) -> None:
        while self.is_flooded(name) and not self._closing.wait(ROOM_INTERVAL_S):
            pass

    # -- timers and the watch -----------------------------------------------------------------------------------------

    def set_timer(self, owner: str, epoch: int, key: str, delay_s: float, envelope: Envelope) -> None:
        due_ns = self.clock.monotonic_ns() + int(delay_s * 1e9)
        with self._timer_wakeup:
            if self.current_epoch(owner) == epoch:
                self._timers.set(owner, epoch, key, due_ns, envelope)
                self._timer_wakeup.notify()

    def cancel_timer(self, owner: str, epoch: int, key: str) -> None:
        with self._timer_wakeup:
            if self.current_epoch(owner) == epoch:
                self._timers.cancel(owner, key)

    def _cancel_timers(self, owner: str) -> None:
        with self._timer_wakeup:
            self._timers.cancel_all(owner)

    def close(self) -> None:
        """End the host's own threads. The tree must have been stopped before."""
        with self._timer_wakeup:
            self._closing.set()
            self._timer_wakeup.notify()
        for thread in self._own:
            thread.join(timeout=1.0)

    def _timer_loop(self) -> None:
        while True:
            with self._timer_wakeup:
                if self._closing.is_set():
                    return
                now_ns = self.clock.monotonic_ns()
                due_ns = self._timers.next_due_ns()
                if due_ns is None or due_ns > now_ns:
                    self._timer_wakeup.wait(None if due_ns is None else (due_ns - now_ns) / 1e9 / self.clock.speed)
                    continue
                fired = list(self._timers.pop_due(now_ns))
            for timer in fired:
                if self.current_epoch(timer.owner) == timer.epoch:
                    fresh = timer.envelope.model_copy(update={"at_ns": self.now_ns(), "received_at_ns": self.now_ns()})
                    self.deliver(letter_to(timer.owner, fresh))

    def _watch_loop(self) -> None:
        """On a thread of its own, since to end a process takes a moment, and timers must not wait for that."""
        while not self._closing.wait(WATCH_INTERVAL_S):
            now_ns = self.clock.monotonic_ns()
            for slot in tuple(self._slots.values()):
                one = slot.live
                if one is not None and one.is_stuck(now_ns):
                    self.abandon(slot.name, one.what_it_holds())


def _stack_of(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or -1)
    if frame is None:
        return ""
    return f"Stack of the thread {thread.name} that gave no answer:\n" + "".join(traceback.format_stack(frame))


def _leave_process(names: tuple[str, ...]) -> None:
    sys.stderr.write(f"{len(names)} actors hang and cannot be ended ({', '.join(names)}); the process ends now\n")
    sys.stderr.flush()
    os._exit(STUCK_EXIT_CODE)


def _no_output(name: str, line: str) -> None:
    """Whoever wants to read what child processes print puts a reader in its place, before they are started."""
