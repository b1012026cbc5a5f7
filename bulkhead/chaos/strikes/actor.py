"""Faults of single actors."""

from bulkhead.chaos.plan import Strike
from bulkhead.chaos.strikes.kit import Does
from bulkhead.chaos.world import World


class Broken(RuntimeError):
    """What a handler raises that has a fault."""


def crash(world: World, strike: Strike) -> None:
    assert strike.target is not None

    def count() -> None:
        world.fired["actor.crash"] += 1

    world.host.will_raise[strike.target] = (Broken("by the plan"), count)


DOES: dict[str, Does] = {"actor.crash": crash}
