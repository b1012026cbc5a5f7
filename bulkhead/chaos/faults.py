"""The catalogue of faults, as data: what can go wrong, how often a plan draws it, when it likes to strike, and for how
long. What is done is in `bulkhead/chaos/strikes/`, one function for each name.

A weight is how much likelier than another of weight 1 it is drawn. `alarms` names the failure that the house must
report while it lasts (invariant 21); where it is None the house may well have nothing to say.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bulkhead.chaos.fault import Fault, Group, Targets
from bulkhead.chaos.faults_outside import FEED, TRANSPORT, VENUE
from bulkhead.chaos.plan import Moment
from messages.failure import FailureMode

__all__ = ["CATALOGUE", "Fault", "Group", "Targets", "UnknownFault", "fault", "group_of"]


BUSY = (Moment.WRITTEN, Moment.SENDING, Moment.EXECUTED, Moment.ANY)
"""Something is under way."""

CATALOGUE: Mapping[str, Fault] = MappingProxyType(
    {
        **VENUE,
        **FEED,
        **TRANSPORT,
        "actor.crash": Fault("a handler raises before it has done anything", 2, BUSY, targets=Targets.ACTORS),
        "actor.crash_after": Fault("a handler raises when it has done all", 2, BUSY, targets=Targets.ACTORS),
        "actor.timer": Fault("a handler raises over its own timer", targets=Targets.ACTORS),
        "actor.fatal": Fault("a handler raises what is no Exception", 0.5, BUSY, targets=Targets.ACTORS, at_most=2),
        "actor.init": Fault("an actor dies, and cannot be made once or twice", amount=(1, 2), targets=Targets.ACTORS),
        "actor.stop": Fault("an actor that is stopped raises over it", lasts_s=(0.5, 10), targets=Targets.ACTORS),
        "actor.crash_loop": Fault(
            "a handler raises over every message", 0.5, lasts_s=(1, 30), targets=Targets.ACTORS, at_most=2
        ),
        "actor.hang": Fault("a handler does not return for a while", 2, BUSY, amount=(0.5, 20), targets=Targets.ACTORS),
        "actor.hang_for_ever": Fault("a handler never returns", moments=BUSY, targets=Targets.ACTORS, at_most=2),
        "actor.slow": Fault("each message takes its time", lasts_s=(5, 30), amount=(0.01, 0.5), targets=Targets.ACTORS),
        "actor.circle": Fault(
            "an actor tells itself the same over and over", amount=(100, 2000), targets=Targets.ACTORS
        ),
        "actor.flood": Fault(
            "more waits for an actor than may", 0.5, amount=(10_100, 12_000), targets=Targets.ACTORS, at_most=1
        ),
        "store.full": Fault("the ledger's disk is full", lasts_s=(1, 60), at_most=2, alarms=FailureMode.LEDGER_FAILURE),
        "store.sync_error": Fault(
            "the ledger's sync fails, and what it was about may be on disk or not",
            lasts_s=(0.5, 30),
            moments=(Moment.WRITTEN, Moment.SENDING, Moment.ANY),
            at_most=2,
            alarms=FailureMode.LEDGER_FAILURE,
        ),
        "store.torn": Fault(
            "the process is killed in the middle of a write",
            weight=2,
            moments=(Moment.SENDING, Moment.EXECUTED, Moment.RECOVERING, Moment.ANY),
            amount=(0.1, 10.0),
        ),
        "store.slow": Fault("each sync takes its time", lasts_s=(5, 40), amount=(0.02, 2.0)),
        "store.taken": Fault(
            "another process gets the ledger while ours lives", weight=0.5, lasts_s=(0.5, 20), at_most=2
        ),
        "store.bit_flip": Fault("a bit of a copy of the ledger is another", weight=0.5, at_most=1),
        "process.kill": Fault(
            "the process is killed, and started again after a while",
            weight=3,
            moments=(Moment.WRITING, Moment.WRITTEN, Moment.SENDING, Moment.EXECUTED, Moment.RECOVERING, Moment.ANY),
            amount=(0.1, 20.0),
        ),
        "process.stopped": Fault("the process is stopped, and goes on after a while", 2, BUSY, amount=(0.2, 40.0)),
        "process.restart": Fault("a run is ended in order, and the next one begins", 1, BUSY, lasts_s=(0.05, 5)),
        "process.second_instance": Fault("another run is started on the same ledger", 0.5),
        "process.locked_out": Fault(
            "killed, and another process has the ledger meanwhile", 0.5, amount=(1.0, 30.0), at_most=2
        ),
        "time.forward": Fault(
            "our clock is put forward, and back later",
            lasts_s=(5, 60),
            amount=(1, 7200),
            at_most=2,
            alarms=FailureMode.CLOCK_SKEW,
        ),
        "time.back": Fault(
            "our clock is put back, and forward later",
            lasts_s=(5, 60),
            amount=(1, 7200),
            at_most=2,
            alarms=FailureMode.CLOCK_SKEW,
        ),
        "time.pause": Fault(
            "the machine stands still for a while, and so does its clock",
            lasts_s=(25, 60),
            amount=(0.5, 20),
            at_most=2,
            alarms=FailureMode.CLOCK_SKEW,
        ),
        "time.day_roll": Fault("it is midnight", weight=0.5, at_most=1),
        "time.dst": Fault("the clocks of a region are put forward", weight=0.2, at_most=1),
        "operator.kill": Fault(
            "an operator stops everything, and resumes", lasts_s=(1, 60), amount=(0, 3), moments=BUSY
        ),
        "operator.kill_symbol": Fault(
            "an operator stops a symbol, and resumes",
            lasts_s=(1, 60),
            amount=(0, 3),
            moments=BUSY,
            targets=Targets.SYMBOLS,
        ),
        "operator.resume": Fault(
            "an operator resumes what he has stopped a moment ago", lasts_s=(0.03, 2), amount=(0, 3), moments=BUSY
        ),
        "operator.close": Fault("an operator has everything closed, and resumes", lasts_s=(1, 30), moments=BUSY),
        "operator.close_symbol": Fault(
            "an operator has a symbol closed, and resumes", lasts_s=(1, 30), moments=BUSY, targets=Targets.SYMBOLS
        ),
        "operator.restart": Fault(
            "an operator stops an actor, and starts it or what is parked", lasts_s=(0.5, 20), targets=Targets.ACTORS
        ),
        "operator.confirm_plan": Fault(
            "the order channel goes for long, and an operator has a plan run that waits",
            weight=0.5,
            lasts_s=(100, 140),
            amount=(65, 90),
            at_most=1,
            alarms=FailureMode.BROKER_DISCONNECT,
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
