"""Life and death of the actors, what an operator may ask of a supervisor, and timers."""

from enum import StrEnum

from pydantic import Field

from messages.base import Body, Command, Lane
from messages.values import Nanoseconds, Value


class ChildState(StrEnum):
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    """Down, and waiting for its next attempt."""
    STOPPING = "stopping"
    STOPPED = "stopped"
    PARKED = "parked"
    """Its budget is spent; only an operator starts it again."""
    ABANDONED = "abandoned"
    """Its thread gave no answer: fenced, and no longer waited for."""


class NodeStatus(Value):
    """One row of the status query."""

    id: str
    kind: str
    """worker or supervisor."""
    host: str
    """Where it runs: thread or process."""
    pid: int | None
    """Of its own process, where it has one."""
    parent: str | None
    state: ChildState
    epoch: int
    restarts_in_window: int
    last_failure: str | None
    mailbox_depth: int
    oldest_message_age_s: float
    busy_since_ns: Nanoseconds | None
    """Trading time at which the message in hand was taken; None while it waits."""
    handled: int
    conflated: int
    dropped: int
    """Data that the reader was too slow for."""
    refused_busy: int
    """Intents for which there was no room."""


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
    """normal, shutdown, ignore, error, init_error, stop_error, fatal, killed, stuck, start_failed, escalated."""
    detail: str
    """The traceback, or the words of a clean end."""
    correlation_id: str | None
    """What it was working on."""


class RestartDue(Command):
    """A delayed message of a supervisor to itself."""

    lane = Lane.SYSTEM
    child: str
    attempt: int


class ChildCommand(Command):
    """What may be asked of a supervisor. `reply_to` hears a ChildAnswer once it is done or refused."""

    lane = Lane.SYSTEM
    child: str
    reply_to: str | None = None


class StartChild(ChildCommand):
    """Add a child made from the supervisor's template."""

    arguments: dict[str, str] = Field(default_factory=dict)


class StopChild(ChildCommand):
    """Stop a child in order. It stays stopped, whatever its siblings do, until it is asked for again."""


class RestartChild(ChildCommand):
    """Start a child that is stopped or parked, with a fresh budget."""


class RemoveChild(ChildCommand):
    """Forget a stopped child; what waits for it becomes dead letters."""


class Outcome(StrEnum):
    DONE = "done"
    NOT_FOUND = "not_found"
    ALREADY_STARTED = "already_started"
    ALREADY_PRESENT = "already_present"
    """It is known and stopped: restart it instead."""
    RESTARTING = "restarting"
    RUNNING = "running"
    NO_TEMPLATE = "no_template"
    BAD_SPEC = "bad_spec"
    FAILED = "failed"
    """It was started and did not come up."""
    STOPPING = "stopping"
    """The supervisor itself is on its way down."""


class ChildAnswer(Body):
    lane = Lane.SYSTEM
    child: str
    command: str
    outcome: Outcome
    detail: str = ""


class Stop(Command):
    """Asks an actor to end in order. Its `on_stop` runs, then its cell closes."""

    lane = Lane.SYSTEM
    reason: str
    epoch_meant: int | None = None
    """Of the incarnation that is meant; the next one must not stop for it. None: whoever is there."""


class Ping(Body):
    """Answered by the runtime, not by the behaviour: shows that the actor takes its messages."""

    lane = Lane.SYSTEM


class Terminated(Body):
    """To a watcher: the one watched has ended, and nobody will start it again by itself."""

    lane = Lane.SYSTEM
    child: str
    reason: str
    watch: int = 0
    """Which watch it answers: the runtime hands it on only while that watch stands."""


class Busy(Body):
    """To the sender: the receiver has all the intents that it may have waiting; nothing was queued."""

    lane = Lane.SYSTEM
    to: str
    message_id: str
    message_type: str
    about: str
    """The `subject` of what was refused."""


class DeadLetter(Body):
    """A message nobody will handle: its receiver died over it, is closed, or does not exist."""

    lane = Lane.SYSTEM
    to: str
    message_id: str
    message_type: str
    message_lane: Lane = Lane.ORDER
    correlation_id: str
    reason: str
    detail: str = ""
    """The stack trace, where its handler raised."""


class TimerFired(Command):
    """A timer of the behaviour's own. It dies with its incarnation: one that has fired and waits is a stale command."""

    lane = Lane.SYSTEM
    key: str
