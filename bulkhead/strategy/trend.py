"""EmaTrend: long while a fast mean of the price is above a slow one.

Enters when the fast mean rises more than `entry_threshold_bps` above the slow one, leaves when it falls
`exit_threshold_bps` below it, or at the stop, the target or the time limit of `LongOnly`. Both means are weighted by
time, so bursts of ticks do not count for more than the seconds they last.
"""

from decimal import Decimal
from typing import ClassVar

from pydantic import model_validator

from bulkhead.strategy.indicators import Ema
from bulkhead.strategy.longonly import Bps, LongOnly, LongOnlyParameters, Seconds
from messages.values import OnStop

_NS_PER_S = 1_000_000_000


class _Means:
    __slots__ = ("fast", "gap_bps", "slow", "warm_at_ns")

    def __init__(self, fast_s: float, slow_s: float) -> None:
        self.fast = Ema(fast_s)
        self.slow = Ema(slow_s)
        self.gap_bps = 0.0
        self.warm_at_ns: int | None = None


class EmaTrend(LongOnly):
    """Follows trends, long only."""

    class Parameters(LongOnlyParameters):
        fast_s: Seconds = 15.0
        """Time constant of the fast mean."""
        slow_s: Seconds = 60.0
        warm_up_s: Seconds = 60.0
        """No opinion before this much time has been seen."""
        entry_threshold_bps: Bps = Decimal(2)
        exit_threshold_bps: Bps = Decimal(0)

        @model_validator(mode="after")
        def _fast_is_faster(self) -> "EmaTrend.Parameters":
            if self.fast_s >= self.slow_s:
                raise ValueError("fast_s must be shorter than slow_s")
            return self

    on_stop: ClassVar[OnStop] = OnStop.FLATTEN

    def __init__(self, symbols: tuple[str, ...], parameters: Parameters) -> None:
        super().__init__(symbols, parameters)
        self._fast_s = parameters.fast_s
        self._slow_s = parameters.slow_s
        self._warm_up_ns = int(parameters.warm_up_s * _NS_PER_S)
        self._entry_bps = float(parameters.entry_threshold_bps)
        self._exit_bps = float(parameters.exit_threshold_bps)
        self._means = {symbol: _Means(self._fast_s, self._slow_s) for symbol in symbols}

    def observe(self, symbol: str, price: float, at_ns: int) -> bool:
        means = self._means[symbol]
        fast = means.fast.update(price, at_ns)
        slow = means.slow.update(price, at_ns)
        means.gap_bps = (fast / slow - 1.0) * 10_000
        if means.warm_at_ns is None:
            means.warm_at_ns = at_ns + self._warm_up_ns
        return at_ns >= means.warm_at_ns

    def restart(self, symbol: str) -> None:
        self._means[symbol] = _Means(self._fast_s, self._slow_s)

    def entry(self, symbol: str) -> tuple[str, str] | None:
        gap_bps = self._means[symbol].gap_bps
        if gap_bps < self._entry_bps:
            return None
        return f"the fast mean is {gap_bps:.2f} bps above the slow one (threshold {self._entry_bps:g})", "CROSS_UP"

    def leave(self, symbol: str) -> tuple[str, str] | None:
        gap_bps = self._means[symbol].gap_bps
        if gap_bps >= -self._exit_bps:
            return None
        return f"the fast mean is {-gap_bps:.2f} bps below the slow one (threshold {self._exit_bps:g})", "CROSS_DOWN"

    def scores(self, symbol: str) -> dict[str, str]:
        means = self._means[symbol]
        if means.fast.value is None or means.slow.value is None:
            return {}
        return {
            "fast": f"{means.fast.value:.6f}",
            "slow": f"{means.slow.value:.6f}",
            "gap_bps": f"{means.gap_bps:.3f}",
        }
