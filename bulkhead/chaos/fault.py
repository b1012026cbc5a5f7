"""What the catalogue (`bulkhead/chaos/faults.py`) says of a fault."""

from enum import StrEnum
from typing import NamedTuple

from bulkhead.chaos.plan import Moment, VenueKind
from messages.failure import FailureMode


class Group(StrEnum):
    VENUE = "venue"
    FEED = "feed"
    TRANSPORT = "transport"
    ACTOR = "actor"
    STORE = "store"
    PROCESS = "process"
    TIME = "time"
    OPERATOR = "operator"


STATES = (Moment.WRITING, Moment.WRITTEN, Moment.SENDING, Moment.EXECUTED, Moment.RECOVERING, Moment.ANY)
"""Of an order, when a connection is lost: in each of them something else is pending."""


class Targets(StrEnum):
    """What `Strike.target` is drawn from."""

    NOTHING = "nothing"
    ACTORS = "actors"
    SYMBOLS = "symbols"
    STRATEGIES = "strategies"


class Fault(NamedTuple):
    sentence: str
    weight: float = 1.0
    moments: tuple[Moment, ...] = (Moment.ANY,)
    """Drawn from, alike; crashes like those in which something is pending."""
    lasts_s: tuple[float, float] = (0.0, 0.0)
    """At least, at most; zero for an instant."""
    amount: tuple[float, float] | None = None
    """What `Strike.amount` is drawn from."""
    targets: Targets = Targets.NOTHING
    at_most: int = 5
    """Strikes in one plan."""
    alarms: FailureMode | None = None
    venues: tuple[VenueKind, ...] = tuple(VenueKind)
