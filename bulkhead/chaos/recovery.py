"""How a run ends: what an operator does once nothing is broken any more, and how trading is brought to rest."""

from actors import addresses
from actors.reconciler import Reconciler
from bulkhead.chaos.eyes import Watcher
from bulkhead.chaos.person import Person
from bulkhead.chaos.world import World
from messages.supervision import ChildState

BOUND_S = 300.0
"""Within which the house must have put itself right, once nothing is broken."""
STEP_S = 1.0
LOOKS_EVERY_S = 5
"""The operator, in steps."""


def come_right(world: World) -> None:
    """Wait until the books are compared, nothing is unknown and nothing is down or stopped; an operator helps where the
    runbook says that one must."""
    person, end_s, steps = Person(world), world.elapsed_s() + BOUND_S, 0
    while world.elapsed_s() < end_s and not is_right(world):
        world.run_for(STEP_S)
        steps += 1
        if steps % LOOKS_EVERY_S == 0:
            person.put_right()
    world.eyes.tell(Watcher.rearming)


def come_to_rest(world: World) -> None:
    """No more entries; whatever works is worked off or cancelled. A process that begins meanwhile is told, too."""
    end_s, earliest_s = world.elapsed_s() + 60 + BOUND_S, world.elapsed_s() + 60
    told = None
    person, steps = Person(world), 0
    while world.elapsed_s() < end_s and not (world.elapsed_s() >= earliest_s and is_at_rest(world)):
        if told is not world.house:
            told = world.house
            told.stop_trading()
        world.run_for(STEP_S)
        steps += 1
        if steps % LOOKS_EVERY_S == 0:
            person.resolve_doubts()
    world.run_for(STEP_S)


def is_right(world: World) -> bool:
    gate = world.house.gate
    is_whole = not any(node.state is ChildState.PARKED for node in world.host.status())
    return is_whole and gate.is_recovered and gate.is_open and is_certain(world)


def is_at_rest(world: World) -> bool:
    found = world.host.behaviour(addresses.OMS)
    return isinstance(found, Reconciler) and is_certain(world) and found.figures().working == 0


def is_certain(world: World) -> bool:
    """Its OMS lives, and knows of each order what became of it."""
    found = world.host.behaviour(addresses.OMS)
    return isinstance(found, Reconciler) and found.figures().unknown == 0
