"""What is wrong with actors: those that are to raise, to hang, to be slow, to be kept busy. Asked by the host at each
message, and counted where it happens.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from messages.base import Body, Envelope, Lane
from messages.supervision import Stop, TimerFired
from supervisor.runtime.behaviour import Behaviour
from supervisor.runtime.cell import AnyCell, Ending


class Where(StrEnum):
    """When in the life of an actor it raises."""

    BEFORE = "before"
    """A handler has done nothing yet."""
    AFTER = "after"
    """A handler has done all that it does."""
    TIMER = "timer"
    INIT = "init"
    STOP = "stop"


class Broken(RuntimeError):
    """What something raises that has a fault."""


class Fatal(BaseException):
    """As a SystemExit of somebody's library: no Exception."""


@dataclass
class Break:
    """One that is to raise, `times` times."""

    where: Where
    error: BaseException
    count: Callable[[], None]
    times: int | None = 1
    """None: for as long as it is not taken away."""

    def happens(self) -> BaseException:
        if self.times is not None:
            self.times -= 1
        self.count()
        return self.error


@dataclass
class Hold:
    """One that does not return from a message for a while."""

    seconds: float | None
    """None: never."""
    count: Callable[[], None]
    kinds: tuple[type[Body], ...] = (Body,)
    times: int | None = 1
    """None: over every message."""

    def happens(self) -> None:
        if self.times is not None:
            self.times -= 1
        self.count()


class Ballast(Body):
    """Says nothing to anybody: fills mailboxes."""

    lane = Lane.ORDER


class Again(Body):
    """What an actor that runs in a circle tells itself."""

    lane = Lane.ORDER


class Teller(Protocol):
    def tell(self, to: str, body: Body, sender: str, correlation_id: str | None = None) -> None: ...


@dataclass
class Afflictions:
    """Of one process."""

    breaks: dict[tuple[Where, str], Break] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    circles: dict[str, int] = field(default_factory=dict)
    """By name: how often it will tell itself the same."""

    def add(self, name: str, breaks: Break) -> None:
        self.breaks[breaks.where, name] = breaks

    def take(self, where: Where, name: str) -> Break | None:
        """One that is to happen now; the caller lets it happen."""
        found = self.breaks.get((where, name))
        if found is not None and found.times is not None and found.times <= 1:
            del self.breaks[where, name]
        return found

    def of_message(self, name: str, envelope: Envelope) -> Break | None:
        body = envelope.body
        if isinstance(body, Stop):
            return None
        if isinstance(body, TimerFired) or envelope.sender == name:
            found = self.take(Where.TIMER, name)
            if found is not None:
                return found
        return self.take(Where.BEFORE, name) or self.take(Where.AFTER, name)

    def hold_of(self, name: str, body: Body) -> Hold | None:
        found = self.holds.get(name)
        if found is None or not isinstance(body, found.kinds) or isinstance(body, Ballast | Again):
            return None
        if found.times is not None and found.times <= 1:
            del self.holds[name]
        return found

    def swallows(self, host: Teller, name: str, body: Body) -> bool:
        """Whether the message is one of the experiment's, which no behaviour is shown."""
        if isinstance(body, Again):
            left = self.circles.get(name, 0)
            if left > 0:
                self.circles[name] = left - 1
                host.tell(name, Again(), sender=name)
            return True
        return isinstance(body, Ballast)


class StopsBadly:
    """A cell whose `on_stop` raises once it has done all that it does."""

    def __init__(self, cell: AnyCell, breaks: Break) -> None:
        self._cell, self._breaks = cell, breaks
        self.name, self.epoch, self.pid = cell.name, cell.epoch, cell.pid
        self.behaviour: Behaviour | None = cell.behaviour
        self.ending: Ending | None = cell.ending
        self.refused_stale, self.ends_itself = cell.refused_stale, cell.ends_itself

    def start(self) -> None:
        self._cell.start()

    def step(self, envelope: Envelope) -> None:
        self._cell.step(envelope)

    def stop(self, reason: str) -> None:
        self._cell.stop(reason)
        raise self._breaks.happens()

    def fence(self) -> str:
        return self._cell.fence()
