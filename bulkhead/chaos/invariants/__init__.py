"""The invariants, one file each: the oracle of a run. They share no code with the order path."""

from bulkhead.chaos.invariants.i02_booked_once import BookedOnce
from bulkhead.chaos.invariants.kit import Invariant

ALL: tuple[type[Invariant], ...] = (BookedOnce,)
