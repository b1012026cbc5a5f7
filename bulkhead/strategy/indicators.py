"""Small pure indicators: O(1) per observation, bounded memory, no clock of their own.

They compute in floats. That is allowed here and only here: an indicator is an opinion about the market, not an amount
of money; whatever becomes a price or a quantity of an order is Decimal again.
"""

from collections import deque
from math import exp, sqrt

_NS_PER_S = 1_000_000_000


class Ema:
    """Exponential mean over time: an observation's weight falls to 1/e after `tau_s`, however irregular the ticks.

    A time that runs backwards counts as no time passed, so late data cannot shake it.
    """

    __slots__ = ("_last_ns", "_tau_ns", "value")

    def __init__(self, tau_s: float) -> None:
        self._tau_ns = tau_s * _NS_PER_S
        self._last_ns = 0
        self.value: float | None = None

    def update(self, price: float, at_ns: int) -> float:
        """Take in `price` seen at `at_ns`; returns the new mean."""
        value = self.value
        if value is None:
            value = price
            self._last_ns = at_ns
        elif at_ns > self._last_ns:
            value += (1.0 - exp((self._last_ns - at_ns) / self._tau_ns)) * (price - value)
            self._last_ns = at_ns
        self.value = value
        return value


class RollingStats:
    """Mean and standard deviation of the last `size` samples.

    Samples are kept relative to the first one and the sums are made anew once per window, so that rounding cannot add
    up over millions of updates.
    """

    __slots__ = ("_anchor", "_samples", "_since_resum", "_sum", "_sum_squares", "size")

    def __init__(self, size: int) -> None:
        if size < 2:
            raise ValueError("a rolling window needs at least 2 samples")
        self.size = size
        self._samples: deque[float] = deque()
        self._anchor = 0.0
        self._sum = 0.0
        self._sum_squares = 0.0
        self._since_resum = 0

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def is_full(self) -> bool:
        return len(self._samples) == self.size

    def add(self, value: float) -> None:
        """Push a sample; the oldest leaves once the window is full."""
        if not self._samples:
            self._anchor = value
        offset = value - self._anchor
        self._samples.append(offset)
        self._sum += offset
        self._sum_squares += offset * offset
        if len(self._samples) > self.size:
            oldest = self._samples.popleft()
            self._sum -= oldest
            self._sum_squares -= oldest * oldest
        self._since_resum += 1
        if self._since_resum >= self.size:
            self._since_resum = 0
            self._resum()

    def _resum(self) -> None:
        shift = self._samples[0]
        self._anchor += shift
        self._samples = deque(offset - shift for offset in self._samples)
        self._sum = sum(self._samples)
        self._sum_squares = sum(offset * offset for offset in self._samples)

    @property
    def mean(self) -> float:
        """Mean of the window. Raises ZeroDivisionError when it is empty."""
        return self._anchor + self._sum / len(self._samples)

    @property
    def deviation(self) -> float:
        """Population standard deviation, 0.0 below two samples."""
        count = len(self._samples)
        if count < 2:
            return 0.0
        mean_offset = self._sum / count
        return sqrt(max(0.0, self._sum_squares / count - mean_offset * mean_offset))


class JumpFilter:
    """Holds back prices too far from the last good one until several in a row agree on the new level.

    One off-hours print or fat finger is dropped; a true move is followed `confirmations` observations late.
    """

    __slots__ = ("_agreeing", "_confirmations", "_max_jump", "_suspect", "good", "has_moved")

    def __init__(self, max_jump_pct: float, confirmations: int) -> None:
        self._max_jump = max_jump_pct / 100.0
        self._confirmations = confirmations
        self._suspect = 0.0
        self._agreeing = 0
        self.good: float | None = None
        self.has_moved = False
        """The last accepted price ended a jump: what was learned before it is of another level."""

    def accept(self, price: float) -> bool:
        """True when `price` may be used; it is then the last good one."""
        good = self.good
        if good is None or abs(price - good) <= good * self._max_jump:
            self.good = price
            self._agreeing = 0
            self.has_moved = False
            return True
        if self._agreeing and abs(price - self._suspect) <= self._suspect * self._max_jump:
            self._agreeing += 1
        else:
            self._agreeing = 1
        self._suspect = price
        if self._agreeing < self._confirmations:
            return False
        self.good = price
        self._agreeing = 0
        self.has_moved = True
        return True
