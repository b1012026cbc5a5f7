"""The interface of fill models, and what all of them share: an order's luck, and how a resting order fills.

A model is pure: the same question has the same answer, always. Chance is a function of the seed, the symbol and the
order's number, so that nothing has to be remembered over a restart. It decides only what would trade; the engine of
the simulated venue settles it.
"""

from decimal import Decimal
from random import Random
from typing import NamedTuple, Protocol

from bulkhead.venues.paper.market import ZERO, Asked, Market, Rung, Slice
from bulkhead.venues.paper.settings import FillSettings

_GRAIN = 10_000
"""Chances and shares are drawn in steps of a basis point, as exact decimals."""


class Luck(NamedTuple):
    """What chance holds for one order."""

    fails: bool
    crowding_share: Decimal
    """Of what is displayed, gone before the order arrives."""


class FillModel(Protocol):
    def take(self, asked: Asked, market: Market) -> tuple[Slice, ...]:
        """What an arriving order trades at once, best price first; empty: nothing."""

    def touched(self, asked: Asked, market: Market) -> Decimal:
        """What a resting order trades since the other side is displayed at its price, or beyond."""

    def queue_ahead(self, asked: Asked, market: Market) -> Decimal:
        """What stands before an order that joins at its limit now."""

    def queue_left(self, asked: Asked, ahead: Decimal, market: Market) -> Decimal:
        """The same for an order that has stood there for a while, given what is displayed now."""

    def printed(self, asked: Asked, ahead: Decimal, print_at: Slice) -> tuple[Decimal, Decimal]:
        """What a resting order trades when others traded at its price or beyond, and what then stands before it."""

    def latency_ns(self, number: int) -> int:
        """From sending to arrival, of the request of this number."""


class ModelBase:
    """Settings, luck and volume, for both models."""

    def __init__(self, settings: FillSettings, symbol: str) -> None:
        self._settings = settings
        self._symbol = symbol

    def luck(self, number: int) -> Luck:
        settings = self._settings
        rng = Random(f"{settings.seed}/{self._symbol}/{number}")  # noqa: S311 - replayable, not secret
        fails, crowding = Decimal(rng.randrange(_GRAIN)) / _GRAIN, Decimal(rng.randrange(_GRAIN + 1)) / _GRAIN
        return Luck(
            fails=settings.failed_fills and fails < settings.fail_rate,
            crowding_share=crowding * settings.crowding_share if settings.partial_fills else ZERO,
        )

    def volume(self, rung: Rung, asked: Asked) -> Decimal:
        """What can be had at a price."""
        return asked.quantity * self._settings.assumed_volume_ratio if rung.quantity is None else rung.quantity

    def enough(self, asked: Asked, available: Decimal, market: Market) -> Decimal:
        """How much of the order trades, whole lots of it."""
        settings = self._settings
        if not settings.partial_fills:
            return asked.quantity if available > 0 or not settings.failed_fills else ZERO
        filled = min(asked.quantity, market.lots(available))
        return filled if filled or settings.failed_fills else min(asked.quantity, market.lot_size)

    def touched(self, asked: Asked, market: Market) -> Decimal:
        met = [self.volume(rung, asked) for rung in market.against(asked.is_buy) if asked.accepts(rung.price)]
        return self.enough(asked, sum(met, ZERO), market) if met else ZERO

    def queue_ahead(self, asked: Asked, market: Market) -> Decimal:
        return ZERO

    def queue_left(self, asked: Asked, ahead: Decimal, market: Market) -> Decimal:
        return ahead

    def printed(self, asked: Asked, ahead: Decimal, print_at: Slice) -> tuple[Decimal, Decimal]:
        """A print beyond its price was passed on by nobody before it: the queue counts at its own price only."""
        if not asked.accepts(print_at.price):
            return ZERO, ahead
        beyond = print_at.quantity
        if print_at.price == asked.limit:
            beyond, ahead = max(ZERO, beyond - ahead), max(ZERO, ahead - beyond)
        if beyond and not self._settings.partial_fills:
            return asked.quantity, ahead
        return min(asked.quantity, beyond), ahead

    def latency_ns(self, number: int) -> int:
        return 0
