"""Slot and Incarnation: a name, and whoever bears it at present."""

from collections import deque
from dataclasses import dataclass, field
from threading import Lock

from messages.base import Envelope
from messages.supervision import ChildState, NodeStatus
from supervisor.runtime.cell import AnyCell
from supervisor.runtime.mailbox import Mailbox
from supervisor.runtime.process import Compartment


@dataclass(slots=True, eq=False)
class Incarnation:
    """One life of a name. It has ended, for everybody, once its slot's `live` is another or None."""

    slot: "Slot"
    epoch: int
    cell: AnyCell | None = None
    in_hand: Envelope | None = None
    ahead: deque[Envelope] = field(default_factory=deque)
    """Taken after it, and not begun: goes back into the mailbox when this life ends."""
    window: int = 1
    """How many messages to take at a time."""
    lock: Lock = field(default_factory=Lock)
    """Between taking the next message and being given up. Its own, since every message takes it."""
    busy_monotonic_ns: int | None = None
    """When it took the message in hand."""
    is_working: bool = False
    """Its thread is in the behaviour's code, and not waiting for a message."""
    answered_ns: int | None = None
    """Monotonic time of its latest answer to a Ping."""

    @property
    def is_over(self) -> bool:
        return self.slot.live is not self

    def is_stuck(self, monotonic_ns: int) -> bool:
        """It holds one message for longer than it may. While it starts or stops, its supervisor's deadline counts."""
        busy_ns, limit_ns = self.busy_monotonic_ns, self.slot.stuck_after_ns
        if busy_ns is None or limit_ns is None or self.slot.state is ChildState.STOPPING:
            return False
        return monotonic_ns - busy_ns > limit_ns

    def what_it_holds(self) -> str:
        """For the report of one that is stuck."""
        what = type(self.in_hand.body).__name__ if self.in_hand else "a message"
        return f"it has held {what} for more than {(self.slot.stuck_after_ns or 0) / 1e9:g} s"


@dataclass(slots=True, eq=False)
class Slot:
    """What stays the same of a name when its actor is restarted."""

    name: str
    kind: str
    parent: str | None
    mailbox: Mailbox
    epoch: int = 0
    live: Incarnation | None = None
    is_fenced: bool = False
    """`epoch` was raised by a fence and belongs to no incarnation yet."""
    gone: str | None = None
    """Why nobody will start it again by itself; None while somebody may."""
    state: ChildState = ChildState.STOPPED
    compartment: Compartment | None = None
    stuck_after_ns: int | None = None
    handled: int = 0
    last_failure: str | None = None
    restarts_in_window: int = 0
    topics: tuple[str, ...] = ()

    def status(self, now_ns: int, monotonic_ns: int) -> NodeStatus:
        """One row of the status query; exact but for what changes while it is read."""
        live, counts, oldest_ns = self.live, self.mailbox.counts(), self.mailbox.oldest_ns()
        cell, busy_ns = (live.cell, live.busy_monotonic_ns) if live else (None, None)
        return NodeStatus(
            id=self.name,
            kind=self.kind,
            host="process" if self.compartment else "thread",
            pid=cell.pid if cell else None,
            parent=self.parent,
            state=self.state,
            epoch=self.epoch,
            restarts_in_window=self.restarts_in_window,
            last_failure=self.last_failure,
            mailbox_depth=counts.queued,
            oldest_message_age_s=0.0 if oldest_ns is None else max(0, now_ns - oldest_ns) / 1e9,
            busy_since_ns=None if busy_ns is None else max(0, now_ns - (monotonic_ns - busy_ns)),
            handled=self.handled,
            conflated=counts.conflated,
            dropped=counts.dropped,
            refused_busy=counts.busy,
        )
