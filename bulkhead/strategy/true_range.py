"""AverageTrueRange: how far a price moves within a bar, from the prices as they come.

Bars lie on event time. A bar without a price is left out: it says nothing of how far the price would have moved, and
would make an entry too large. There is no value before there are enough whole bars.
"""

from collections import deque
from decimal import Decimal
from typing import NamedTuple

NS_PER_S = 1_000_000_000


class _Bar(NamedTuple):
    number: int
    high: Decimal
    low: Decimal
    last: Decimal


class AverageTrueRange:
    """The mean of the true ranges (high less low, the close before it included) of the last `bars` whole bars."""

    def __init__(self, bar_s: int, bars: int) -> None:
        self._bar_ns = bar_s * NS_PER_S
        self._ranges: deque[Decimal] = deque(maxlen=bars)
        self._bar: _Bar | None = None
        self._close: Decimal | None = None

    def update(self, price: Decimal, at_ns: int) -> None:
        """A price that is not above zero, or older than the bar under way, is passed over."""
        if not price.is_finite() or price <= 0:
            return
        number, bar = at_ns // self._bar_ns, self._bar
        if bar is None:
            self._bar = _Bar(number, price, price, price)
        elif number == bar.number:
            self._bar = _Bar(number, max(bar.high, price), min(bar.low, price), price)
        elif number > bar.number:
            self._end(bar)
            self._bar = _Bar(number, price, price, price)

    def _end(self, bar: _Bar) -> None:
        before = self._close
        high, low = (bar.high, bar.low) if before is None else (max(bar.high, before), min(bar.low, before))
        self._ranges.append(high - low)
        self._close = bar.last

    @property
    def value(self) -> Decimal | None:
        """In the quote currency; None before there are enough bars."""
        if len(self._ranges) < (self._ranges.maxlen or 0):
            return None
        return sum(self._ranges, Decimal(0)) / len(self._ranges)
