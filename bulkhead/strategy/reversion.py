"""MeanReversion: buys when the price has fallen unusually far below its rolling mean, sells when it is back.

The distance is a z-score: (price - mean) / standard deviation over the last `window_s`, sampled every `sample_s`, so
memory and time per tick stay the same however many ticks come. A dip also has to be worth the costs (`min_edge_bps`)
and must not be a collapse (`max_entry_z`).
"""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from bulkhead.strategy.indicators import RollingStats
from bulkhead.strategy.longonly import Bps, LongOnly, LongOnlyParameters, Seconds
from messages.values import OnStop

_NS_PER_S = 1_000_000_000
_MAX_SAMPLES = 10_000

Score = Annotated[Decimal, Field(gt=0, le=100)]


class _Window:
    __slots__ = ("deviation", "mean", "next_sample_ns", "price", "stats")

    def __init__(self, size: int) -> None:
        self.stats = RollingStats(size)
        self.next_sample_ns = 0
        self.mean = 0.0
        self.deviation = 0.0
        self.price = 0.0

    @property
    def z(self) -> float:
        return (self.price - self.mean) / self.deviation if self.deviation > 0.0 else 0.0

    @property
    def edge_bps(self) -> float:
        return (self.mean / self.price - 1.0) * 10_000 if self.price else 0.0


class MeanReversion(LongOnly):
    """Buys dips, long only."""

    class Parameters(LongOnlyParameters):
        window_s: Seconds = 120.0
        sample_s: Seconds = 1.0
        entry_z: Score = Decimal("2.0")
        max_entry_z: Score = Decimal("6.0")
        """Deeper falls than this are not dips."""
        exit_z: Annotated[Decimal, Field(ge=-100, le=100)] = Decimal(0)
        """Leave at this z or above: 0 is the mean."""
        min_edge_bps: Bps = Decimal(2)
        """The mean must be at least this far above the price, or the costs eat the trade."""

        @model_validator(mode="after")
        def _relations(self) -> "MeanReversion.Parameters":
            if not self.entry_z < self.max_entry_z:
                raise ValueError("entry_z must be below max_entry_z")
            if self.exit_z <= -self.entry_z:
                raise ValueError("exit_z must be above -entry_z")
            if not 10 <= self.window_s / self.sample_s <= _MAX_SAMPLES:
                raise ValueError(f"window_s / sample_s must be between 10 and {_MAX_SAMPLES} samples")
            return self

    on_stop: ClassVar[OnStop] = OnStop.FLATTEN

    def __init__(self, symbols: tuple[str, ...], parameters: Parameters) -> None:
        super().__init__(symbols, parameters)
        self._size = int(parameters.window_s / parameters.sample_s)
        self._sample_ns = int(parameters.sample_s * _NS_PER_S)
        self._entry_z = float(parameters.entry_z)
        self._max_entry_z = float(parameters.max_entry_z)
        self._exit_z = float(parameters.exit_z)
        self._min_edge_bps = float(parameters.min_edge_bps)
        self._windows = {symbol: _Window(self._size) for symbol in symbols}

    def observe(self, symbol: str, price: float, at_ns: int) -> bool:
        window = self._windows[symbol]
        window.price = price
        if at_ns >= window.next_sample_ns:
            window.next_sample_ns = at_ns + self._sample_ns
            window.stats.add(price)
            window.mean = window.stats.mean
            window.deviation = window.stats.deviation
        return window.stats.is_full

    def restart(self, symbol: str) -> None:
        self._windows[symbol] = _Window(self._size)

    def entry(self, symbol: str) -> tuple[str, str] | None:
        window = self._windows[symbol]
        z = window.z
        if z > -self._entry_z or z < -self._max_entry_z or window.edge_bps < self._min_edge_bps:
            return None
        return (
            f"{-z:.2f} deviations below the mean (threshold {self._entry_z:g}), {window.edge_bps:.1f} bps to gain",
            "DIP",
        )

    def leave(self, symbol: str) -> tuple[str, str] | None:
        z = self._windows[symbol].z
        if z < self._exit_z:
            return None
        return f"back at {z:.2f} deviations (target {self._exit_z:g})", "BACK_AT_MEAN"

    def scores(self, symbol: str) -> dict[str, str]:
        window = self._windows[symbol]
        return {
            "mean": f"{window.mean:.6f}",
            "deviation": f"{window.deviation:.6f}",
            "z": f"{window.z:.3f}",
            "edge_bps": f"{window.edge_bps:.3f}",
        }
