"""The catalogue of faults, as data: what can go wrong, how often a plan draws it, when it likes to strike, and for how
long. What is done is in `bulkhead/chaos/strikes/`, one function for each name.

A weight is how much likelier than another of weight 1 it is drawn. `alarms` names the failure that the house must
report while it lasts (invariant 21); where it is None the house may well have nothing to say.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
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


CATALOGUE: Mapping[str, Fault] = MappingProxyType(
    {
        "venue.reject": Fault("the venue rejects orders", lasts_s=(5, 60), amount=(0.1, 0.6)),
        "venue.ack_lost": Fault(
            "the venue takes the order and its answer is lost", weight=2, lasts_s=(5, 60), amount=(0.1, 0.6)
        ),
        "transport.request_lost": Fault("a request never arrives", weight=2, lasts_s=(5, 60), amount=(0.1, 0.6)),
        "process.kill": Fault(
            "the process is killed, and started again after a while",
            weight=3,
            moments=(Moment.WRITING, Moment.WRITTEN, Moment.SENDING, Moment.EXECUTED, Moment.RECOVERING, Moment.ANY),
            amount=(0.1, 20.0),
        ),
        "actor.crash": Fault(
            "a handler raises",
            weight=2,
            moments=(Moment.WRITTEN, Moment.SENDING, Moment.EXECUTED, Moment.ANY),
            targets=Targets.ACTORS,
        ),
    }
)


def group_of(name: str) -> Group:
    return Group(name.partition(".")[0])


class UnknownFault(ValueError):
    """No fault of the catalogue has this name; the message lists those that are near."""


def fault(name: str) -> Fault:
    """Raises UnknownFault."""
    from difflib import get_close_matches

    found = CATALOGUE.get(name)
    if found is None:
        near = ", ".join(get_close_matches(name, CATALOGUE, n=3, cutoff=0.4)) or "see `bulkhead chaos --faults`"
        raise UnknownFault(f"no fault is called {name!r}: {near}")
    return found
