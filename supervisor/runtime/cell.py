"""A cell holds one incarnation of one behaviour and has one method that matters: `step(envelope)`.

It knows nothing of threads: a host calls `start`, then `step` for each message, then `stop`. Whatever the behaviour
raises comes out of these three; the host turns it into exactly one report.
"""

from collections.abc import Callable
from random import Random
from typing import Protocol

from messages.base import Body, Envelope, Letter, Nature
from messages.supervision import TimerFired
from supervisor.runtime.behaviour import Behaviour


class World(Protocol):
    """What a host offers its cells."""

    def now_ns(self) -> int: ...
    def monotonic_ns(self) -> int: ...
    def deliver(self, letter: Letter) -> None: ...
    def subscribers(self, topic: str) -> tuple[str, ...]: ...
    def set_timer(self, owner: str, epoch: int, key: str, delay_s: float, envelope: Envelope) -> None: ...
    def cancel_timer(self, owner: str, key: str) -> None: ...
    def current_epoch(self, name: str) -> int: ...
    def child_ready(self, name: str, epoch: int) -> None: ...


class Cell:
    """One incarnation. Not thread-safe: one host drives it, one call at a time."""

    def __init__(self, name: str, epoch: int, behaviour: Behaviour, world: World, rng: Random) -> None:
        self.name = name
        self.epoch = epoch
        self.behaviour = behaviour
        self.refused_stale = 0
        self.context = CellContext(self, world, rng)
        self._world = world

    def start(self) -> None:
        """Run `on_start`; report ready unless the behaviour does so itself."""
        self.behaviour.on_start(self.context)
        if self.behaviour.starts_ready:
            self.context.ready()

    def step(self, envelope: Envelope) -> None:
        """Handle one message. Commands of an incarnation that has ended are refused, evidence never is."""
        if envelope.body.nature is Nature.COMMAND and envelope.epoch < self._world.current_epoch(envelope.sender):
            self.refused_stale += 1
            return
        self.context.current = envelope
        try:
            self.behaviour.receive(envelope.body, self.context)
        finally:
            self.context.current = None

    def stop(self, reason: str) -> None:
        self.behaviour.on_stop(self.context, reason)


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
        cell, cause = self._cell, self.current
        seq = self._seq
        self._seq = seq + 1
        now_ns = self._world.now_ns()
        own_id = f"{cell.name}.{cell.epoch}.{seq}"
        envelope = Envelope(
            id=own_id,
            sender=cell.name,
            seq=seq,
            epoch=cell.epoch,
            at_ns=now_ns,
            received_at_ns=now_ns,
            correlation_id=correlation_id or (cause.correlation_id if cause else own_id),
            causation_id=cause.id if cause else None,
            body=body,
        )
        return Letter(to=to, envelope=envelope)

    def seal_all(self, topic: str, body: Body, *, correlation_id: str | None = None) -> tuple[Letter, ...]:
        names = self._world.subscribers(topic)
        return tuple(self.seal(name, body, correlation_id=correlation_id) for name in names)

    def tell(self, to: str, body: Body, *, correlation_id: str | None = None) -> None:
        self._world.deliver(self.seal(to, body, correlation_id=correlation_id))

    def publish(self, topic: str, body: Body) -> None:
        for name in self._world.subscribers(topic):
            self.tell(name, body)

    def post(self, letter: Letter) -> None:
        self._world.deliver(letter)

    def after(self, delay_s: float, key: str, body: Body | None = None) -> None:
        letter = self.seal(self._cell.name, body if body is not None else TimerFired(key=key))
        self._world.set_timer(self._cell.name, self._cell.epoch, key, delay_s, letter.envelope)

    def cancel_timer(self, key: str) -> None:
        self._world.cancel_timer(self._cell.name, key)

    def ready(self) -> None:
        if not self._said_ready:
            self._said_ready = True
            self._world.child_ready(self._cell.name, self._cell.epoch)
