"""A cell holds one incarnation of one behaviour and has one method that matters: `step(envelope)`.

It knows nothing of threads: a host calls `start`, then `step` for each message, then `stop`. Whatever the behaviour
raises comes out of these three; the host turns it into exactly one report. `process.RemoteCell` is the same for a
behaviour in a child process.
"""

from collections.abc import Callable
from random import Random
from typing import NamedTuple, Protocol

from messages.base import Body, Envelope, Letter, Nature, envelope_of, letter_to
from messages.supervision import Stop, TimerFired
from supervisor.runtime.behaviour import Behaviour


class World(Protocol):
    """What a host offers its cells."""

    def now_ns(self) -> int: ...
    def monotonic_ns(self) -> int: ...
    def deliver(self, letter: Letter) -> None: ...
    def subscribers(self, topic: str) -> tuple[str, ...]: ...
    def set_timer(self, owner: str, epoch: int, key: str, delay_s: float, envelope: Envelope) -> None: ...
    def cancel_timer(self, owner: str, epoch: int, key: str) -> None: ...
    def current_epoch(self, name: str) -> int: ...
    def child_ready(self, name: str, epoch: int) -> None: ...
    def watch(self, watcher: str, epoch: int, target: str) -> None: ...
    def unwatch(self, watcher: str, epoch: int, target: str) -> None: ...


class Ending(NamedTuple):
    """What `ctx.end` said."""

    reason: str
    detail: str


class AnyCell(Protocol):
    """One incarnation, wherever it runs. Not thread-safe but for `fence`: one host drives it, one call at a time."""

    name: str
    epoch: int
    behaviour: Behaviour | None
    ending: Ending | None
    refused_stale: int
    ends_itself: bool
    pid: int | None
    """Of its own process; None in ours."""

    def start(self) -> None: ...
    def step(self, envelope: Envelope) -> None: ...
    def stop(self, reason: str) -> None: ...
    def fence(self) -> str:
        """The incarnation has been given up: end it if that can be done. Returns what it was doing, or nothing."""


def is_stale(envelope: Envelope, world: World) -> bool:
    """Whether this is a command of an incarnation that has ended. Evidence and events never are."""
    return envelope.body.nature is Nature.COMMAND and envelope.epoch < world.current_epoch(envelope.sender)


class Cell:
    """One incarnation, in the caller's thread."""

    def __init__(self, name: str, epoch: int, behaviour: Behaviour, world: World, rng: Random) -> None:
        self.name = name
        self.epoch = epoch
        self.behaviour: Behaviour | None = behaviour
        self.ending: Ending | None = None
        self.refused_stale = 0
        self.pid: int | None = None
        self.ends_itself = behaviour.ends_itself
        self.context = CellContext(self, world, rng)
        self._behaviour = behaviour
        self._world = world

    def start(self) -> None:
        """Run `on_start`; report ready unless the behaviour does so itself, or has ended already."""
        self._behaviour.on_start(self.context)
        if self._behaviour.starts_ready and self.ending is None:
            self.context.ready()

    def step(self, envelope: Envelope) -> None:
        """Handle one message. Commands of an incarnation that has ended are refused, evidence never is."""
        if is_stale(envelope, self._world):
            self.refused_stale += 1
            return
        self.context.current = envelope
        try:
            self._behaviour.receive(envelope.body, self.context)
        finally:
            self.context.current = None

    def stop(self, reason: str) -> None:
        self._behaviour.on_stop(self.context, reason)

    def fence(self) -> str:
        """A thread cannot be ended from outside; its host knows where it stands."""
        return ""


class CellContext:
    """The context of one cell: seals every message with who, when, in which order and because of what."""

    def __init__(self, cell: Cell, world: World, rng: Random) -> None:
        self._cell = cell
        self._world = world
        self._rng = rng
        self._seq = 0
        self._said_ready = False
        self.current: Envelope | None = None
        self.now_ns: Callable[[], int] = world.now_ns
        self.monotonic_ns: Callable[[], int] = world.monotonic_ns

    @property
    def name(self) -> str:
        return self._cell.name

    @property
    def epoch(self) -> int:
        return self._cell.epoch

    @property
    def rng(self) -> Random:
        return self._rng

    def seal(self, to: str, body: Body, *, correlation_id: str | None = None) -> Letter:
        return letter_to(to, self._sealed(body, correlation_id))

    def _sealed(self, body: Body, correlation_id: str | None = None) -> Envelope:
        cell, cause = self._cell, self.current
        seq = self._seq
        self._seq = seq + 1
        own_id = f"{cell.name}.{cell.epoch}.{seq}"
        return envelope_of(
            body,
            sender=cell.name,
            epoch=cell.epoch,
            seq=seq,
            own_id=own_id,
            at_ns=self._world.now_ns(),
            correlation_id=correlation_id or (cause.correlation_id if cause else own_id),
            causation_id=cause.id if cause else None,
        )

    def seal_all(self, topic: str, body: Body, *, correlation_id: str | None = None) -> tuple[Letter, ...]:
        names = self._world.subscribers(topic)
        if not names:
            return ()
        envelope = self._sealed(body, correlation_id)
        return tuple([letter_to(name, envelope) for name in names])

    def tell(self, to: str, body: Body, *, correlation_id: str | None = None) -> None:
        self.post(self.seal(to, body, correlation_id=correlation_id))

    def publish(self, topic: str, body: Body) -> None:
        for letter in self.seal_all(topic, body):
            self.post(letter)

    def post(self, letter: Letter) -> None:
        """One that was given up is heard no more: whatever it comes back with was true of another time. What a venue
        said is the exception, for that is true at any time."""
        cell, world = self._cell, self._world
        if cell.epoch < world.current_epoch(cell.name) and letter.envelope.body.nature is not Nature.EVIDENCE:
            cell.refused_stale += 1
        else:
            world.deliver(letter)

    def after(self, delay_s: float, key: str, body: Body | None = None) -> None:
        envelope = self._sealed(body if body is not None else TimerFired(key=key))
        self._world.set_timer(self._cell.name, self._cell.epoch, key, delay_s, envelope)

    def cancel_timer(self, key: str) -> None:
        self._world.cancel_timer(self._cell.name, self._cell.epoch, key)

    def ready(self) -> None:
        if not self._said_ready:
            self._said_ready = True
            self._world.child_ready(self._cell.name, self._cell.epoch)

    def end(self, reason: str = "normal", detail: str = "") -> None:
        if self._cell.ending is None:
            self._cell.ending = Ending(reason, detail)

    def watch(self, name: str) -> None:
        self._world.watch(self._cell.name, self._cell.epoch, name)

    def unwatch(self, name: str) -> None:
        self._world.unwatch(self._cell.name, self._cell.epoch, name)


def is_for_another(stop: Stop, epoch: int) -> bool:
    """A Stop that was meant for an incarnation which ended before it came."""
    return stop.epoch_meant is not None and stop.epoch_meant != epoch
