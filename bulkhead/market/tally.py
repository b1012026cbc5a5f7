"""What came of a symbol within the last minute, and in all. Pure."""

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

NS_PER_S = 1_000_000_000
SPAN_S = 60


class Counted(IntEnum):
    TICKS = 0
    LATE = 1
    DUPLICATES = 2
    GAPS = 3
    AHEAD = 4


class Totals(NamedTuple):
    ticks: int = 0
    late: int = 0
    duplicates: int = 0
    gaps: int = 0
    ahead: int = 0


@dataclass(slots=True)
class Tally:
    """Counts by the second, so that its memory does not grow with the ticks. `now_ns` is monotonic."""

    _total: list[int] = field(default_factory=lambda: [0] * len(Counted))
    _seconds: deque[tuple[int, list[int]]] = field(default_factory=deque)

    def count(self, what: Counted, now_ns: int) -> None:
        self._total[what] += 1
        second = now_ns // NS_PER_S
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append((second, [0] * len(Counted)))
            self._forget(second)
        self._seconds[-1][1][what] += 1

    def _forget(self, second: int) -> None:
        while self._seconds and self._seconds[0][0] <= second - SPAN_S:
            self._seconds.popleft()

    @property
    def total(self) -> Totals:
        return Totals(*self._total)

    def last_minute(self, now_ns: int) -> Totals:
        self._forget(now_ns // NS_PER_S)
        return Totals(*(sum(counts[what] for _, counts in self._seconds) for what in Counted))
