"""Quantiles of durations in bounded memory: counts in buckets that grow by a tenth, so a quantile is within 5 %."""

from math import ceil, log

_GROWTH = log(1.1)


class Histogram:
    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.count = 0

    def add(self, span_ns: int) -> None:
        """A negative span (two clocks that disagree) counts as none."""
        bucket = -1 if span_ns <= 0 else int(log(span_ns) / _GROWTH)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1

    def quantile_ms(self, share: float) -> float | None:
        """In milliseconds: the middle of the bucket where the quantile lies; None without data."""
        rank = max(1, ceil(share * self.count))
        for bucket in sorted(self._buckets):
            rank -= self._buckets[bucket]
            if rank <= 0:
                return 0.0 if bucket < 0 else round(1.1 ** (bucket + 0.5) / 1e6, 6)
        return None
