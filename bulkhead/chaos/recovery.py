"""How a run ends: what an operator does once nothing is broken any more, and how trading is brought to rest."""

from bulkhead.chaos.world import World

BOUND_S = 300.0
"""Within which the house must have put itself right, once nothing is broken."""
STEP_S = 1.0


def come_right(world: World) -> None:
    """Wait until the books are compared and nothing is unknown; then re-arm what only an operator may."""
    end_s = world.elapsed_s() + BOUND_S
    while world.elapsed_s() < end_s and not (world.house.gate.is_recovered and is_certain(world)):
        world.run_for(STEP_S)
    for reason in world.house.gate.reasons():
        if reason.needs_operator:
            world.house.gate.lift(reason.reason_id, by=None)


def come_to_rest(world: World) -> None:
    """No more entries; whatever works is worked off or cancelled."""
    world.house.stop_trading()
    world.run_for(60)
    end_s = world.elapsed_s() + BOUND_S
    while world.elapsed_s() < end_s and not (is_certain(world) and world.house.oms.figures().working == 0):
        world.run_for(STEP_S)
    world.run_for(STEP_S)


def is_certain(world: World) -> bool:
    return world.house.oms.figures().unknown == 0
