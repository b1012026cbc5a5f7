"""Whether the feed's data of one symbol is fresh. Pure.

Two times are looked at: how long nothing has come (silence, by the monotonic clock, in market hours only), and how far
the venue's time lay behind ours when it came (lag). What was stale is fresh again once ticks have flowed, within both
limits, for a settle time.
"""

from enum import StrEnum
from typing import NamedTuple

NS_PER_S = 1_000_000_000


class Limits(NamedTuple):
    max_silence_s: float = 30.0
    max_lag_s: float = 10.0
    settle_s: float = 5.0


class Phase(StrEnum):
    FRESH = "fresh"
    STALE = "stale"
    SETTLING = "settling"
    """Ticks flow again, and not for long enough."""


class Freshness:
    """One symbol of one feed. `now_ns` is monotonic."""

    def __init__(self, limits: Limits, now_ns: int) -> None:
        self._limits = limits
        self.phase = Phase.FRESH
        self.why = ""
        self.is_proven = False
        """Ticks have flowed for a settle time since somebody listens: what was reported of it before is over."""
        self.last_ns: int | None = None
        """When data of it came last."""
        self.lag_s: float | None = None
        """Of the last tick with a time of the venue's."""
        self._since_ns = now_ns
        self._settling_since_ns: int | None = None

    @property
    def is_fresh(self) -> bool:
        return self.phase is Phase.FRESH

    def age_s(self, now_ns: int) -> float:
        """Since data came, or since somebody listens."""
        return (now_ns - (self._since_ns if self.last_ns is None else self.last_ns)) / NS_PER_S

    def ticked(self, now_ns: int, lag_s: float | None) -> None:
        """Data was passed on. `lag_s` is None where the venue gives no time of its own."""
        self.last_ns = now_ns
        if lag_s is not None:
            self.lag_s = lag_s
            if lag_s > self._limits.max_lag_s:
                self._stale(f"its data is {lag_s:.1f} s behind (limit {self._limits.max_lag_s:g} s)")
                return
        if self.is_proven:
            return
        if self._settling_since_ns is None:
            self._settling_since_ns = now_ns
            self.phase = Phase.FRESH if self.phase is Phase.FRESH else Phase.SETTLING
        elif now_ns - self._settling_since_ns >= self._limits.settle_s * NS_PER_S:
            self.phase, self.why, self.is_proven = Phase.FRESH, "", True

    def looked_at(self, silent_s: float) -> bool:
        """`silent_s`: how much of the silence counts. Whether it has just become stale by it."""
        if silent_s <= self._limits.max_silence_s or self.phase is Phase.STALE:
            return False
        self._stale(f"no tick for {silent_s:.0f} s (limit {self._limits.max_silence_s:g} s)")
        return True

    def _stale(self, why: str) -> None:
        self.phase, self.why = Phase.STALE, why
        self.is_proven, self._settling_since_ns = False, None
