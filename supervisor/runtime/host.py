"""Host: incarnations, from start to their one report; what the threaded and the simulated runtime have in common.

One death gives one ChildDown, posted to the parent's name (or to `on_orphan_down` for the root).
"""

import traceback
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from math import inf
from random import Random

from messages.base import Envelope, Letter
from messages.supervision import ChildDown, ChildReady, ChildState, Ping, Stop, Terminated
from supervisor.runtime.behaviour import Behaviour
from supervisor.runtime.cell import AnyCell, Cell, is_for_another
from supervisor.runtime.directory import Directory
from supervisor.runtime.process import BehaviourFailed, Compartment, ProcessDied
from supervisor.runtime.slot import Incarnation, Slot

Factory = Callable[[], Behaviour]
MAX_DETAIL_CHARS = 8_000
_RUNTIMES_OWN = frozenset({Stop, Ping, Terminated})


class Host(Directory):
    """Subclasses run the cells."""

    # -- children -----------------------------------------------------------------------------------------------------

    def start_child(
        self,
        name: str,
        factory: Factory,
        *,
        parent: str | None,
        kind: str = "worker",
        topics: tuple[str, ...] = (),
        stuck_after_s: float = 5.0,
        compartment: Compartment | None = None,
    ) -> int:
        """Begin a new incarnation; returns its epoch. Readiness or death comes to the parent as a message.

        `compartment`: run it in a child process with these bounds, where this host has processes.
        """
        self.register(name, parent, kind)
        slot = self._slots[name]
        self._displace((slot,), "another incarnation takes its place")
        with self._lock:
            slot.parent, slot.kind, slot.compartment = parent, kind, compartment
            slot.stuck_after_ns = None if stuck_after_s == inf else int(stuck_after_s * 1e9)
            if not slot.is_fenced:
                slot.epoch += 1
            slot.is_fenced = False
            for below in self._subtree(name):
                below.gone = None  # what is below it comes back with it, or is said to be gone again
            slot.state = ChildState.STARTING
            slot.live = one = Incarnation(slot, slot.epoch)
        slot.mailbox.hand_to(one.epoch)
        self._subscribe(slot, topics)
        self._run(one, factory)
        return one.epoch

    def child_ready(self, name: str, epoch: int) -> None:
        slot = self._slots[name]
        with self._liveness:
            with self._lock:
                if slot.epoch != epoch or slot.state is not ChildState.STARTING:
                    return
                slot.state = ChildState.READY
            self.on_liveness(name, True)
        if slot.parent is not None:
            self.tell(slot.parent, ChildReady(child=name, epoch=epoch), sender="host")

    def stop_child(self, name: str, reason: str) -> None:
        """Ask for an ordered end; the ChildDown says when it has happened. One that has ended has said so already."""
        slot = self._slots[name]
        one = slot.live
        if one is not None:
            slot.state = ChildState.STOPPING
            self.tell(name, Stop(reason=reason, epoch_meant=one.epoch), sender="host")

    def abandon(self, name: str, why: str, reason: str = "stuck") -> None:
        """Fence an incarnation and report it down without its consent: its commands are refused from now on, its
        message in hand is a dead letter, and whatever it is doing stands in the report."""
        slot = self._slots[name]
        one = slot.live
        state = ChildState.ABANDONED if reason == "stuck" else ChildState.STOPPED
        if one is None or not self._claim(one, state, is_fenced=True):
            return
        culprit = one.in_hand
        doing = self._fence(slot, one)
        error = f"TimeoutError: {name} was given up: {why}" if reason == "stuck" else why
        self._report(one, reason, f"{doing}{error}", error, culprit)

    def mark(self, name: str, state: ChildState, restarts_in_window: int) -> None:
        """Note what the supervisor says of a child, for the status query. Who is up is known here, and known first."""
        slot = self._slots[name]
        slot.restarts_in_window = restarts_in_window
        if state is not ChildState.READY:
            slot.state = state

    @abstractmethod
    def close(self) -> None:
        """End what the host itself runs. The tree must have been stopped before."""

    # -- for the subclasses -------------------------------------------------------------------------------------------

    @abstractmethod
    def _run(self, one: Incarnation, factory: Factory) -> None:
        """Make the cell and begin to feed it."""

    @abstractmethod
    def set_timer(self, owner: str, epoch: int, key: str, delay_s: float, envelope: Envelope) -> None: ...

    @abstractmethod
    def cancel_timer(self, owner: str, epoch: int, key: str) -> None: ...

    @abstractmethod
    def _cancel_timers(self, owner: str) -> None: ...

    def _make_cell(self, one: Incarnation, factory: Factory) -> AnyCell:
        """Raises what the factory raises, and TypeError where it makes something else."""
        name = one.slot.name
        made: object = factory()
        if not isinstance(made, Behaviour):
            raise TypeError(f"the factory of {name} made a {type(made).__name__}, which is no Behaviour")
        return Cell(name, one.epoch, made, self, Random(self._seed_of(one)))  # noqa: S311 - replayable, not secret

    def _seed_of(self, one: Incarnation) -> str:
        return f"{self._seed}:{one.slot.name}:{one.epoch}"

    def _begin(self, one: Incarnation, factory: Factory) -> bool:
        """Make and start the incarnation; False when it has ended by that already."""
        if one.is_over:
            return False
        try:
            one.cell = cell = self._make_cell(one, factory)
            if one.slot.live is not one:  # given up while it was made: whoever did that has not seen this cell
                cell.fence()
                return False
            cell.start()
        except BaseException as error:  # noqa: BLE001 - turned into the one report of this death
            self._died(one, "init_error", error)
            return False
        return self._goes_on(one)

    def _feed(self, one: Incarnation, cell: AnyCell, envelope: Envelope) -> bool:
        """Have one message handled; False when the incarnation has ended over it."""
        body = envelope.body
        if type(body) in _RUNTIMES_OWN:
            if isinstance(body, Ping):
                one.answered_ns = self.monotonic_ns()
                return True
            if isinstance(body, Terminated) and not self._ends_watch(one.slot.name, one.epoch, body):
                return True
            if isinstance(body, Stop):
                if is_for_another(body, one.epoch):
                    return True
                if not cell.ends_itself:
                    return self._stop(one, cell, "shutdown", body.reason)
        if not self._takes_in_hand(one, envelope):
            return False
        try:
            cell.step(envelope)
        except BaseException as error:  # noqa: BLE001 - turned into the one report of this death
            self._died(one, _reason_of(error), error, envelope)
            return False
        if one.is_over:
            return False  # given up meanwhile: what it holds and says is no more its own
        one.slot.handled += 1
        one.in_hand = one.busy_monotonic_ns = None
        return self._goes_on(one)

    def _takes_in_hand(self, one: Incarnation, envelope: Envelope) -> bool:
        """False when it was given up while it took the message, which goes to its successor then."""
        with one.lock:
            if not one.is_over:
                one.in_hand = envelope
                one.busy_monotonic_ns = self.monotonic_ns()
                return True
        self._put_back(one.slot, (envelope,))
        return False

    def _put_back(self, slot: Slot, envelopes: Sequence[Envelope]) -> None:
        for envelope in slot.mailbox.put_back(envelopes):
            self._dead(Letter(to=slot.name, envelope=envelope), "mailbox closed")

    def _goes_on(self, one: Incarnation) -> bool:
        cell = one.cell
        if cell is None or cell.ending is None:
            return not one.is_over
        return self._stop(one, cell, cell.ending.reason, cell.ending.detail)

    def _stop(self, one: Incarnation, cell: AnyCell, reason: str, detail: str) -> bool:
        """The ordered end. Always False: the incarnation is over."""
        with self._lock:
            if one.is_over:
                return False  # given up meanwhile: the state is its successor's
            one.slot.state = ChildState.STOPPING
        try:
            cell.stop(detail or reason)
        except BaseException as error:  # noqa: BLE001 - turned into the one report of this death
            self._died(one, "stop_error", error)
        else:
            if self._claim(one):
                self._report(one, reason, detail, None, None)
        return False

    def _died(self, one: Incarnation, reason: str, error: BaseException, culprit: Envelope | None = None) -> None:
        if self._claim(one):
            self._report(one, reason, _trace_of(error), f"{type(error).__name__}: {error}", culprit)

    def _claim(self, one: Incarnation, state: ChildState = ChildState.STOPPED, *, is_fenced: bool = False) -> bool:
        """True for the one who may report this incarnation's end, which is told to the gate before anything that takes
        time. `is_fenced`: from now on nothing that it says counts."""
        slot = one.slot
        with self._liveness:
            with self._lock, one.lock:
                if one.is_over:
                    return False
                slot.live, slot.state = None, state
                if is_fenced:
                    slot.epoch += 1
                    slot.is_fenced = True
            self.on_liveness(slot.name, False)
        if is_fenced:
            slot.mailbox.hand_to(slot.epoch)
        ahead = tuple(one.ahead)
        one.ahead.clear()
        self._put_back(one.slot, ahead)
        return True

    def _report(
        self, one: Incarnation, reason: str, detail: str, failure: str | None, culprit: Envelope | None
    ) -> None:
        """The one report of this incarnation's end. The message that ended it is a dead letter, never handed on."""
        slot = one.slot
        self._cancel_timers(slot.name)
        detail = detail[-MAX_DETAIL_CHARS:]
        if failure is not None:
            slot.last_failure = failure
        if slot.kind == "supervisor":
            self._fence_orphans(slot.name)
        if culprit is not None:
            self._dead(Letter(to=slot.name, envelope=culprit), f"its handler ended with {failure}", detail)
        down = ChildDown(
            child=slot.name,
            epoch=one.epoch,
            reason=reason,
            detail=detail,
            correlation_id=culprit.correlation_id if culprit else None,
        )
        self.on_down(down)
        if slot.parent is None:
            self.gone(slot.name, reason)
            self.on_orphan_down(down)
        elif slot.parent in self._slots:
            self.tell(slot.parent, down, sender="host")

    def _fence(self, slot: Slot, one: Incarnation | None = None) -> str:
        """End what can be ended of an incarnation that counts no more. Returns what it was doing."""
        return one.cell.fence() if one is not None and one.cell is not None else ""

    def _displace(self, slots: Iterable[Slot], why: str) -> None:
        """End incarnations that nobody waits for, all at once: without a report, but nothing that they held is lost
        unsaid."""
        for one in [one for slot in slots if (one := slot.live) is not None and self._claim(one, is_fenced=True)]:
            slot, culprit = one.slot, one.in_hand
            doing = self._fence(slot, one)
            self._cancel_timers(slot.name)
            if culprit is not None:
                self._dead(Letter(to=slot.name, envelope=culprit), why, doing)

    def _fence_orphans(self, parent: str) -> None:
        """What a supervisor that ended out of order leaves below it ends with it, since nobody waits for it."""
        below = self._subtree(parent)[1:]
        self._displace(below, f"{parent} above it has ended")
        for slot in below:
            if slot.state is ChildState.RESTARTING:
                slot.state = ChildState.STOPPED


def _reason_of(error: BaseException) -> str:
    if isinstance(error, ProcessDied):
        return "killed"
    is_fatal = error.is_fatal if isinstance(error, BehaviourFailed) else not isinstance(error, Exception)
    return "fatal" if is_fatal else "error"


def _trace_of(error: BaseException) -> str:
    """What went wrong, where it went wrong: for a process, its own words. Ends with the error's sentence."""
    if isinstance(error, BehaviourFailed | ProcessDied):
        said = str(error)
        return error.detail if said in error.detail else f"{error.detail}{said}"
    return "".join(traceback.format_exception(error))
