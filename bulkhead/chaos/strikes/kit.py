"""What the strikes have in common."""

from collections.abc import Callable

from bulkhead.chaos.plan import Strike
from bulkhead.chaos.world import World

Heal = Callable[[], None]
Does = Callable[[World, Strike], Heal | None]
"""Begins a fault; returns what ends it, or None where it was an instant."""


def goes_wrong(world: World, strike: Strike) -> Heal:
    """From now on it is so at the venue, which does the rest and counts it, until it is over."""
    return world.venue.wrongs.begin(strike.fault, strike.target, strike.amount)
