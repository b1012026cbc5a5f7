"""Directory: every name with its mailbox, who listens to what, who watches whom, and what cannot be delivered.

A name has one slot: its mailbox and its epoch outlive each incarnation. Siblings hold names, never actors.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import count
from threading import Lock, RLock
from typing import Any, NamedTuple

from messages.base import Body, Letter, envelope_of, letter_to
from messages.supervision import Busy, ChildDown, DeadLetter, NodeStatus, Terminated
from supervisor.runtime.behaviour import Behaviour
from supervisor.runtime.clock import Clock
from supervisor.runtime.mailbox import Bounds, Mailbox, Put
from supervisor.runtime.slot import Slot
from supervisor.runtime.timers import TimerHeap

OUTSIDE_EPOCH = 0


def _nothing(*_: Any) -> None:
    """What nobody listens to."""


class _Watch(NamedTuple):
    """A watch ends when it is answered, when it is taken back, and with the incarnation that asked for it."""

    epoch: int
    number: int


class Directory(ABC):
    """Names and delivery, safe to use from any thread."""

    def __init__(self, clock: Clock, seed: int, bounds: Bounds) -> None:
        self.clock = clock
        self._seed = seed
        self._bounds = bounds
        self._slots: dict[str, Slot] = {}
        self._topics: dict[str, tuple[str, ...]] = {}
        self.topics_version = 0
        """Counts the changes of who listens to what."""
        self._watches: dict[tuple[str, str], _Watch] = {}
        self._watchers: dict[str, set[str]] = {}  # of each target that is not gone
        self._watch_numbers = count(1)
        self._last_epochs: dict[str, int] = {}  # of names that were removed: an epoch is never given twice
        self._timers = TimerHeap()
        self._lock = Lock()
        self._liveness = RLock()  # so that it is told in the order in which it happened
        self._outside: dict[str, count[int]] = {}
        self.dead_letters = 0
        self.dead_letter_to: str | None = None
        self.on_orphan_down: Callable[[ChildDown], None] = _nothing
        self.on_liveness: Callable[[str, bool], None] = _nothing
        """(name, is up). Told at once, in the dying or starting thread, before any message: the gate hangs on it."""
        self.on_down: Callable[[ChildDown], None] = _nothing
        """Every report of an end, in the thread that reports it: for a log that works though nothing else does."""
        self.on_dead_letter: Callable[[Letter, str], None] = _nothing
        """(letter, reason). Told at once, in the thread that sent or died, before the DeadLetter is on its way."""
        self.on_flood: Callable[[str], None] = _nothing
        """The name whose order lane has just gone over its bound; `is_flooded` says when that is over."""

    # -- the world of the cells ----------------------------------------------------------------------------------------

    def now_ns(self) -> int:
        return self.clock.now_ns()

    def monotonic_ns(self) -> int:
        return self.clock.monotonic_ns()

    def subscribers(self, topic: str) -> tuple[str, ...]:
        return self._topics.get(topic, ())

    def current_epoch(self, name: str) -> int:
        """Epoch of the live incarnation; 0 for a name that was never an actor's."""
        slot = self._slots.get(name)
        return slot.epoch if slot else self._last_epochs.get(name, OUTSIDE_EPOCH)

    def deliver(self, letter: Letter) -> None:
        """Put a letter into its mailbox; a closed or unknown address makes it a dead letter."""
        slot = self._slots.get(letter.to)
        if slot is None:
            self._dead(letter, "no such address")
            return
        verdict = slot.mailbox.put(letter.envelope)
        if verdict is Put.QUEUED:
            self._woken(slot)
        elif verdict is Put.REFUSED:
            self._dead(letter, "mailbox closed")
        elif verdict is Put.BUSY:
            self._say_busy(letter)
        elif verdict is Put.FLOODED:
            self._woken(slot)
            self.on_flood(slot.name)

    def _say_busy(self, letter: Letter) -> None:
        envelope = letter.envelope
        if envelope.sender in self._slots:
            body = envelope.body
            busy = Busy(to=letter.to, message_id=envelope.id, message_type=type(body).__name__, about=body.subject)
            self.tell(envelope.sender, busy, sender="host", correlation_id=envelope.correlation_id)

    # -- from outside the tree -----------------------------------------------------------------------------------------

    def tell(self, to: str, body: Body, sender: str, correlation_id: str | None = None) -> None:
        """Post a message from an I/O thread, the command line or the host itself; it begins a chain of its own."""
        with self._lock:
            seq = next(self._outside.setdefault(sender, count()))
        own_id = f"{sender}.{OUTSIDE_EPOCH}.{seq}"
        envelope = envelope_of(
            body,
            sender=sender,
            epoch=OUTSIDE_EPOCH,
            seq=seq,
            own_id=own_id,
            at_ns=self.clock.now_ns(),
            correlation_id=correlation_id or own_id,
            causation_id=None,
        )
        self.deliver(letter_to(to, envelope))

    def publish(self, topic: str, body: Body, sender: str) -> None:
        """Tell every subscriber of `topic`, from outside the tree."""
        for name in self.subscribers(topic):
            self.tell(name, body, sender)

    # -- names ---------------------------------------------------------------------------------------------------------

    def register(self, name: str, parent: str | None, kind: str = "worker") -> bool:
        """Make the name's mailbox before its first incarnation, so that what is told early waits for it. False when the
        name has one already."""
        with self._lock:
            is_free = name not in self._slots
            if is_free:
                epoch = self._last_epochs.get(name, OUTSIDE_EPOCH)
                self._slots[name] = Slot(name, kind, parent, Mailbox(self._bounds), epoch)
        return is_free

    def remove_child(self, name: str) -> None:
        """Forget a stopped child for ever, and what was below it; what was queued becomes dead letters."""
        for slot in reversed(self._subtree(name)):
            self._subscribe(slot, ())
            for envelope in slot.mailbox.close():
                self._dead(Letter(to=slot.name, envelope=envelope), "child removed")
            with self._lock:
                self._last_epochs[slot.name] = slot.epoch
                del self._slots[slot.name]

    def _subscribe(self, slot: Slot, topics: tuple[str, ...]) -> None:
        if topics == slot.topics:
            return
        with self._lock:
            for topic in slot.topics:
                self._topics[topic] = tuple(name for name in self._topics.get(topic, ()) if name != slot.name)
            for topic in topics:
                self._topics[topic] = (*self._topics.get(topic, ()), slot.name)
            slot.topics = topics
            self.topics_version += 1

    # -- watching ------------------------------------------------------------------------------------------------------

    def watch(self, watcher: str, epoch: int, target: str) -> None:
        """Terminated to `watcher` once `target` is gone for good; at once if it is, or never was there."""
        watch = _Watch(epoch, next(self._watch_numbers))
        with self._lock:
            slot = self._slots.get(target)
            gone = "no such actor" if slot is None else slot.gone
            self._watches[watcher, target] = watch
            if gone is None:
                self._watchers.setdefault(target, set()).add(watcher)
        if gone is not None:
            self._say_terminated(watcher, target, gone, watch)

    def unwatch(self, watcher: str, epoch: int, target: str) -> None:
        with self._lock:
            watch = self._watches.get((watcher, target))
            if watch is not None and watch.epoch == epoch:
                del self._watches[watcher, target]

    def gone(self, name: str, reason: str) -> None:
        """Nobody will start `name` again by itself, nor anything below it: their watchers are told, once."""
        told: list[tuple[str, str, _Watch]] = []
        with self._lock:
            for slot in self._subtree(name):
                slot.gone = reason
                for watcher in sorted(self._watchers.pop(slot.name, ())):
                    watch = self._watches.get((watcher, slot.name))
                    if watch is not None:
                        told.append((watcher, slot.name, watch))
        for watcher, target, watch in told:
            self._say_terminated(watcher, target, reason, watch)

    def _say_terminated(self, watcher: str, target: str, reason: str, watch: "_Watch") -> None:
        slot = self._slots.get(watcher)
        if slot is not None and slot.live is not None and slot.live.epoch == watch.epoch:
            self.tell(watcher, Terminated(child=target, reason=reason, watch=watch.number), sender="host")

    def _ends_watch(self, watcher: str, epoch: int, said: Terminated) -> bool:
        """Whether the watch that this answers still stands; it does no more then."""
        with self._lock:
            key = (watcher, said.child)
            is_open = self._watches.get(key) == _Watch(epoch, said.watch)
            if is_open:
                del self._watches[key]
            return is_open

    def _subtree(self, name: str) -> list[Slot]:
        slot = self._slots.get(name)
        found = [slot] if slot else []
        for parent in found:  # grows while it is walked
            if parent.kind == "supervisor":
                found += (child for child in tuple(self._slots.values()) if child.parent == parent.name)
        return found

    # -- asking --------------------------------------------------------------------------------------------------------

    def behaviour(self, name: str) -> Behaviour | None:
        """The live incarnation's behaviour, for reading its figures; None while there is none in this process."""
        slot = self._slots.get(name)
        live = slot.live if slot else None
        return live.cell.behaviour if live and live.cell else None

    def names(self) -> frozenset[str]:
        """Every name that has a mailbox."""
        return frozenset(self._slots)

    def __contains__(self, name: object) -> bool:
        """Whether the name has a mailbox."""
        return name in self._slots

    def is_flooded(self, name: str) -> bool:
        """Whether the name's order lane is over its bound, so that its source had better wait."""
        slot = self._slots.get(name)
        return slot is not None and slot.mailbox.is_flooded

    def answered_ns(self, name: str) -> int | None:
        """Monotonic time of the live incarnation's latest answer to a Ping; None before the first."""
        slot = self._slots.get(name)
        live = slot.live if slot else None
        return live.answered_ns if live else None

    def parent_of(self, name: str) -> str | None:
        """Who supervises the name; None for the root and for strangers."""
        slot = self._slots.get(name)
        return slot.parent if slot else None

    def status(self) -> tuple[NodeStatus, ...]:
        """Every node, in the order of first start."""
        now_ns, monotonic_ns = self.clock.now_ns(), self.clock.monotonic_ns()
        return tuple(slot.status(now_ns, monotonic_ns) for slot in tuple(self._slots.values()))

    # -- for the subclasses --------------------------------------------------------------------------------------------

    @abstractmethod
    def await_room(self, name: str) -> None:
        """Wait while the name is flooded: for the thread that reads a socket, so that the peer waits too."""

    @abstractmethod
    def _woken(self, slot: Slot) -> None:
        """A message has been queued for the slot."""

    def _dead(self, letter: Letter, reason: str, detail: str = "") -> None:
        self.dead_letters += 1
        self.on_dead_letter(letter, reason)
        target = self.dead_letter_to
        envelope = letter.envelope
        if target is None or target == letter.to or target not in self._slots or isinstance(envelope.body, DeadLetter):
            return
        report = DeadLetter(
            to=letter.to,
            message_id=envelope.id,
            message_type=type(envelope.body).__name__,
            message_lane=envelope.body.lane,
            correlation_id=envelope.correlation_id,
            reason=reason,
            detail=detail,
        )
        self.tell(target, report, sender="host")
