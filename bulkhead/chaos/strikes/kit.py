"""What the strikes have in common."""

from collections.abc import Callable
from dataclasses import replace

from bulkhead.chaos.plan import Strike
from bulkhead.chaos.world import World

Heal = Callable[[], None]
Does = Callable[[World, Strike], Heal | None]
"""Begins a fault; returns what ends it, or None where it was an instant."""


def share_of(field: str) -> Does:
    """The venue does this to a share of what comes, `Strike.amount`."""

    def begin(world: World, strike: Strike) -> Heal:
        venue = world.venue
        venue.faults = replace(venue.faults, **{field: strike.amount or 0.0})

        def heal() -> None:
            venue.faults = replace(venue.faults, **{field: 0.0})

        return heal

    return begin
