"""Host: names, mailboxes, epochs and incarnations; what the threaded and the simulated runtime have in common.

A name has one slot for ever: its mailbox and its epoch outlive each incarnation. Siblings hold names, never actors.
One death gives one ChildDown, posted to the parent's name (or to `on_orphan_down` for the root).
"""

import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from threading import Lock

from messages.base import Body, Envelope, Letter
from messages.supervision import ChildDown, ChildReady, ChildState, DeadLetter, NodeStatus, Stop
from supervisor.runtime.behaviour import Behaviour
from supervisor.runtime.cell import Cell
from supervisor.runtime.clock import Clock
from supervisor.runtime.mailbox import Mailbox, Put
from supervisor.runtime.timers import TimerHeap

Factory = Callable[[], Behaviour]
OUTSIDE_EPOCH = 0
MAX_DETAIL_CHARS = 8_000


@dataclass(slots=True)
class Slot:
    """One name: what stays the same when its actor is restarted."""

    name: str
    kind: str
    parent: str | None
    mailbox: Mailbox
    epoch: int = 0
    state: ChildState = ChildState.STOPPED
    cell: Cell | None = None
    handled: int = 0
    overflowed: int = 0
    busy_since_ns: int | None = None
    last_failure: str | None = None
    restarts_in_window: int = 0
    topics: tuple[str, ...] = field(default_factory=tuple)


class Host(ABC):
    """Names and delivery. Subclasses run the cells."""

    def __init__(self, clock: Clock, seed: int, data_bound: int | None = 10_000) -> None:
        self.clock = clock
        self._seed = seed
        self._data_bound = data_bound
        self._slots: dict[str, Slot] = {}
        self._topics: dict[str, tuple[str, ...]] = {}
        self._timers = TimerHeap()
        self._lock = Lock()
        self._outside: dict[str, count[int]] = {}
        self.dead_letters = 0
        self.dead_letter_to: str | None = None
        self.on_orphan_down: Callable[[ChildDown], None] = lambda down: None
        self.on_liveness: Callable[[str, bool], None] = lambda name, is_up: None
        """Told at once, in the dying or starting thread, before any message: the gate hangs on it."""

    # -- the world of the cells ---------------------------------------------------------------------------------------

    def now_ns(self) -> int:
        return self.clock.now_ns()

    def monotonic_ns(self) -> int:
        return self.clock.monotonic_ns()

    def subscribers(self, topic: str) -> tuple[str, ...]:
        return self._topics.get(topic, ())

    def current_epoch(self, name: str) -> int:
        """Epoch of the live incarnation; 0 for a name that is not an actor's."""
        slot = self._slots.get(name)
        return slot.epoch if slot else OUTSIDE_EPOCH

    def deliver(self, letter: Letter) -> None:
        """Put a letter into its mailbox; a closed or unknown address makes it a dead letter."""
        slot = self._slots.get(letter.to)
        if slot is None:
            self._dead(letter, "no such address")
            return
        verdict = slot.mailbox.put(letter.envelope)
        if verdict is Put.REFUSED:
            self._dead(letter, "mailbox closed")
        elif verdict is Put.OVERFLOWED:
            slot.overflowed += 1
        elif verdict is Put.QUEUED:
            self._woken(slot)

    def child_ready(self, name: str, epoch: int) -> None:
        slot = self._slots[name]
        if slot.epoch == epoch and slot.state is ChildState.STARTING:
            slot.state = ChildState.READY
            self.on_liveness(name, True)
            if slot.parent is not None:
                self.tell(slot.parent, ChildReady(child=name, epoch=epoch), sender="host")

    # -- from outside the tree ----------------------------------------------------------------------------------------

    def tell(self, to: str, body: Body, sender: str, correlation_id: str | None = None) -> None:
        """Post a message from an I/O thread, the command line or the host itself; it begins a chain of its own."""
        with self._lock:
            seq = next(self._outside.setdefault(sender, count()))
        now_ns = self.clock.now_ns()
        own_id = f"{sender}.{OUTSIDE_EPOCH}.{seq}"
        envelope = Envelope(
            id=own_id,
            sender=sender,
            seq=seq,
            epoch=OUTSIDE_EPOCH,
            at_ns=now_ns,
            received_at_ns=now_ns,
            correlation_id=correlation_id or own_id,
            causation_id=None,
            body=body,
        )
        self.deliver(Letter(to=to, envelope=envelope))

    # -- children -----------------------------------------------------------------------------------------------------

    def register(self, name: str, parent: str | None, kind: str = "worker") -> None:
        """Make the name's mailbox before its first incarnation, so that what is told early waits for it."""
        if name not in self._slots:
            self._slots[name] = Slot(name=name, kind=kind, parent=parent, mailbox=Mailbox(self._data_bound))

    def start_child(
        self, name: str, factory: Factory, *, parent: str | None, kind: str = "worker", topics: tuple[str, ...] = ()
    ) -> int:
        """Begin a new incarnation; returns its epoch. Readiness or death comes to the parent as a message."""
        self.register(name, parent, kind)
        slot = self._slots[name]
        slot.parent = parent
        slot.epoch += 1
        slot.state = ChildState.STARTING
        self._subscribe(slot, topics)
        self._run(slot, factory, Random(f"{self._seed}:{name}:{slot.epoch}"))  # noqa: S311 - replayable, not secret
        return slot.epoch

    def stop_child(self, name: str, reason: str) -> None:
        """Ask for an ordered end; the ChildDown says when it has happened."""
        slot = self._slots[name]
        slot.state = ChildState.STOPPING
        self.tell(name, Stop(reason=reason), sender="host")

    def abandon(self, name: str, reason: str) -> None:
        """Fence an incarnation that does not answer: its commands are refused from now on, and it is reported down."""
        slot = self._slots[name]
        fenced = slot.epoch
        self._down(slot, fenced, "stuck", TimeoutError(f"{name} gave no answer: {reason}"), None)
        slot.epoch += 1
        slot.state = ChildState.ABANDONED
        slot.mailbox.wake()

    def remove_child(self, name: str) -> None:
        """Close the mailbox of a stopped child for ever; what was queued becomes dead letters."""
        slot = self._slots[name]
        self._subscribe(slot, ())
        for envelope in slot.mailbox.close():
            self._dead(Letter(to=name, envelope=envelope), "child removed")

    def mark(self, name: str, state: ChildState, restarts_in_window: int) -> None:
        """Note what the supervisor says of a child, for the status query."""
        slot = self._slots[name]
        slot.state, slot.restarts_in_window = state, restarts_in_window

    @abstractmethod
    def close(self) -> None:
        """End what the host itself runs. The tree must have been stopped before."""

    def behaviour(self, name: str) -> Behaviour | None:
        """The live incarnation's behaviour, for reading its figures; None while there is none."""
        slot = self._slots.get(name)
        cell = slot.cell if slot else None
        return cell.behaviour if cell else None

    def status(self) -> tuple[NodeStatus, ...]:
        """Every node, in the order of first start."""
        now_ns = self.clock.now_ns()
        rows = []
        for slot in tuple(self._slots.values()):
            oldest_ns = slot.mailbox.oldest_ns()
            rows.append(
                NodeStatus(
                    id=slot.name,
                    kind=slot.kind,
                    parent=slot.parent,
                    state=slot.state,
                    epoch=slot.epoch,
                    restarts_in_window=slot.restarts_in_window,
                    last_failure=slot.last_failure,
                    mailbox_depth=slot.mailbox.depth(),
                    oldest_message_age_s=0.0 if oldest_ns is None else max(0, now_ns - oldest_ns) / 1e9,
                    busy_since_ns=slot.busy_since_ns,
                    handled=slot.handled,
                )
            )
        return tuple(rows)

    # -- for the subclasses -------------------------------------------------------------------------------------------

    @abstractmethod
    def _run(self, slot: Slot, factory: Factory, rng: Random) -> None:
        """Make the cell and begin to feed it."""

    @abstractmethod
    def _woken(self, slot: Slot) -> None:
        """A message has been queued for the slot."""

    @abstractmethod
    def set_timer(self, owner: str, epoch: int, key: str, delay_s: float, envelope: Envelope) -> None: ...

    @abstractmethod
    def cancel_timer(self, owner: str, key: str) -> None: ...

    def _down(self, slot: Slot, epoch: int, reason: str, error: BaseException | None, culprit: Envelope | None) -> None:
        """The one report of this incarnation's end. The message that killed it is a dead letter, never handed on."""
        if slot.epoch != epoch:
            return
        self.on_liveness(slot.name, False)
        detail = "" if error is None else "".join(traceback.format_exception(error))[-MAX_DETAIL_CHARS:]
        slot.cell = None
        slot.busy_since_ns = None
        slot.state = ChildState.STOPPED
        if error is not None:
            slot.last_failure = f"{type(error).__name__}: {error}"
        down = ChildDown(
            child=slot.name,
            epoch=epoch,
            reason=reason,
            detail=detail,
            correlation_id=culprit.correlation_id if culprit else None,
        )
        if culprit is not None and error is not None:
            self._dead(Letter(to=slot.name, envelope=culprit), f"its handler raised {type(error).__name__}")
        if slot.parent is None:
            self.on_orphan_down(down)
        else:
            self.tell(slot.parent, down, sender="host")

    def _subscribe(self, slot: Slot, topics: tuple[str, ...]) -> None:
        with self._lock:
            for topic in slot.topics:
                self._topics[topic] = tuple(name for name in self._topics.get(topic, ()) if name != slot.name)
            for topic in topics:
                self._topics[topic] = (*self._topics.get(topic, ()), slot.name)
            slot.topics = topics

    def _dead(self, letter: Letter, reason: str) -> None:
        self.dead_letters += 1
        target = self.dead_letter_to
        if target is None or target == letter.to or target not in self._slots:
            return
        envelope = letter.envelope
        report = DeadLetter(
            to=letter.to,
            message_id=envelope.id,
            message_type=type(envelope.body).__name__,
            correlation_id=envelope.correlation_id,
            reason=reason,
        )
        if not isinstance(envelope.body, DeadLetter):
            self.tell(target, report, sender="host")
