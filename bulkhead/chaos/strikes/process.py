"""Faults of the whole process."""

from bulkhead.chaos.plan import Strike
from bulkhead.chaos.strikes.kit import Does
from bulkhead.chaos.world import World


def kill(world: World, strike: Strike) -> None:
    world.fired["process.kill"] += 1
    world.cut(strike.amount or 1.0)


DOES: dict[str, Does] = {"process.kill": kill}
