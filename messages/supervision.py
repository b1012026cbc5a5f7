"""Life and death of the actors, and timers."""

from enum import StrEnum

from messages.base import Body, Command, Lane
from messages.values import Nanoseconds, Value


class ChildState(StrEnum):
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    PARKED = "parked"
    ABANDONED = "abandoned"


class NodeStatus(Value):
    """One row of the status query."""

    id: str
    kind: str
    """worker or supervisor."""
    parent: str | None
    state: ChildState
    epoch: int
    restarts_in_window: int
    last_failure: str | None
    mailbox_depth: int
    oldest_message_age_s: float
    busy_since_ns: Nanoseconds | None
    handled: int


class ChildReady(Body):
    lane = Lane.SYSTEM
    child: str
    epoch: int


class ChildDown(Body):
    """One death, one report. A report of an older epoch is ignored by the supervisor."""

    lane = Lane.SYSTEM
    child: str
    epoch: int
    reason: str
    """normal, shutdown, error, init_error, fatal, stuck, escalated."""
    detail: str
    """The traceback, or the words of a clean end."""
    correlation_id: str | None
    """What it was working on."""


class RestartChild(Command):
    """A delayed message of a supervisor to itself."""

    lane = Lane.SYSTEM
    child: str
    attempt: int


class StopChild(Command):
    lane = Lane.SYSTEM
    child: str


class Stop(Command):
    """Asks an actor to end in order. Its `on_stop` runs, then its cell closes."""

    lane = Lane.SYSTEM
    reason: str


class Terminated(Body):
    lane = Lane.SYSTEM
    child: str
    reason: str


class DeadLetter(Body):
    """A message nobody will handle: its receiver died over it, is closed, or does not exist."""

    lane = Lane.SYSTEM
    to: str
    message_id: str
    message_type: str
    correlation_id: str
    reason: str


class TimerFired(Body):
    """A timer of the behaviour's own. Timers die with their incarnation."""

    lane = Lane.SYSTEM
    key: str
