"""Planted bugs: deliberate defects, at least one for each invariant. They prove that the oracle can go red."""

from bulkhead.chaos.planted import house, orders, rest
from bulkhead.chaos.planted.kit import Planted, UnknownPlanted, by_name, chosen

__all__ = ["PLANTED", "Planted", "UnknownPlanted", "planted_bug"]

PLANTED: dict[str, Planted] = by_name(*orders.PLANTED.values(), *house.PLANTED.values(), *rest.PLANTED.values())


def planted_bug(name: str) -> Planted:
    """Raises UnknownPlanted."""
    return chosen(name, PLANTED)
