"""A context that only takes notes, so that one actor can be told a story by hand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from messages.base import Body, Envelope, Letter
from messages.failure import StopReason
from messages.records import Append, Record
from messages.supervision import TimerFired
from supervisor.gate import Gate
from supervisor.runtime.behaviour import Behaviour
from tests.execution.orders import T0

B = TypeVar("B", bound=Body)
R = TypeVar("R", bound=Record)
NS_PER_S = 1_000_000_000


@dataclass
class FakeContext:
    """Records what is told, published, posted and timed. The clock is `now`; subscribers are given by topic."""

    name: str = "under-test"
    epoch: int = 1
    now: int = T0
    subscribed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    told: list[tuple[str, Body]] = field(default_factory=list)
    chains: list[str | None] = field(default_factory=list)
    """The correlation that each told body was given, None where it goes on from what was heard."""
    published: list[tuple[str, Body]] = field(default_factory=list)
    posted: list[Letter] = field(default_factory=list)
    timers: dict[str, tuple[float, Body]] = field(default_factory=dict)
    current: Envelope | None = None
    is_ready: bool = False
    ended: tuple[str, str] | None = None
    watched: set[str] = field(default_factory=set)
    rng: Random = field(default_factory=lambda: Random(1))
    tick_ns: int = 0
    _seq: int = 0
    _looks: int = 0

    def now_ns(self) -> int:
        return self.now

    def monotonic_ns(self) -> int:
        """Each look takes `tick_ns`, for whoever measures."""
        self._looks += self.tick_ns
        return self.now + self._looks

    def tell(self, to: str, body: Body, *, correlation_id: str | None = None) -> None:
        self.told.append((to, body))
        self.chains.append(correlation_id)

    def publish(self, topic: str, body: Body) -> None:
        self.published.append((topic, body))

    def seal(self, to: str, body: Body, *, correlation_id: str | None = None) -> Letter:
        self._seq += 1
        return Letter(to=to, envelope=enveloped(body, self.name, self._seq, self.epoch, self.now, correlation_id))

    def seal_all(self, topic: str, body: Body, *, correlation_id: str | None = None) -> tuple[Letter, ...]:
        return tuple(self.seal(name, body, correlation_id=correlation_id) for name in self.subscribed.get(topic, ()))

    def post(self, letter: Letter) -> None:
        self.posted.append(letter)

    def after(self, delay_s: float, key: str, body: Body | None = None) -> None:
        self.timers[key] = (delay_s, body or TimerFired(key=key))

    def cancel_timer(self, key: str) -> None:
        self.timers.pop(key, None)

    def ready(self) -> None:
        self.is_ready = True

    def end(self, reason: str = "normal", detail: str = "") -> None:
        self.ended = (reason, detail)

    def watch(self, name: str) -> None:
        self.watched.add(name)

    def unwatch(self, name: str) -> None:
        self.watched.discard(name)

    # -- asking -------------------------------------------------------------------------------------------------------

    def tells(self, kind: type[B], to: str | None = None) -> list[B]:
        return [body for name, body in self.told if isinstance(body, kind) and to in (None, name)]

    def publishes(self, kind: type[B], topic: str | None = None) -> list[B]:
        return [body for name, body in self.published if isinstance(body, kind) and topic in (None, name)]

    def appends(self) -> list[Append]:
        return self.tells(Append)

    def records(self, kind: type[R]) -> list[R]:
        return [record for append in self.appends() for record in append.records if isinstance(record, kind)]

    def forget(self) -> None:
        self.told.clear()
        self.published.clear()
        self.posted.clear()


def enveloped(
    body: Body, sender: str = "test", seq: int = 0, epoch: int = 1, at_ns: int = T0, correlation_id: str | None = None
) -> Envelope:
    own_id = f"{sender}.{epoch}.{seq}"
    return Envelope(
        id=own_id,
        sender=sender,
        seq=seq,
        epoch=epoch,
        at_ns=at_ns,
        received_at_ns=at_ns,
        correlation_id=correlation_id or own_id,
        causation_id=None,
        body=body,
    )


def released(append: Append, kind: type[B]) -> list[tuple[str, B]]:
    """Letters of one kind that wait for the commit, with their addresses."""
    return [(letter.to, letter.envelope.body) for letter in append.release if isinstance(letter.envelope.body, kind)]


class Story:
    """One actor and its notes. `hear` hands it a body as a host would; `later` moves the clock and fires a timer."""

    def __init__(self, actor: Behaviour, name: str = "under-test", epoch: int = 1) -> None:
        self.actor = actor
        self.ctx = FakeContext(name=name, epoch=epoch)
        self._heard = 0

    def start(self) -> FakeContext:
        self.actor.on_start(self.ctx)
        return self.ctx

    def hear(self, *bodies: Body, sender: str = "test", chain: str | None = None) -> FakeContext:
        for body in bodies:
            self._heard += 1
            self.ctx.current = enveloped(body, sender, self._heard, at_ns=self.ctx.now, correlation_id=chain)
            self.actor.receive(body, self.ctx)
            self.ctx.current = None
        return self.ctx

    def later(self, seconds: float, timer: str | None = None) -> FakeContext:
        self.ctx.now += int(seconds * NS_PER_S)
        if timer is not None:
            _, body = self.ctx.timers.pop(timer)
            self.hear(body, sender=self.ctx.name)
        return self.ctx


class NoLatch:
    def write(self, reason: StopReason) -> None:
        """Not kept."""

    def remove(self, reason_id: str) -> None:
        """Not kept."""


def open_gate(current_epoch: Callable[[str], int] = lambda name: 1) -> Gate:
    return Gate((), current_epoch, NoLatch())
