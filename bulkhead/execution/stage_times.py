"""How long the stages of the order path take: of one order for its record, and of the latest ones as figures."""

from collections import deque
from collections.abc import Callable

from messages.values import Value

KEPT = 1_000
"""Latest measurements of each stage that the figures are made of."""


class StageFigures(Value):
    """In microseconds."""

    count: int
    """Since the start."""
    p50_us: int
    p99_us: int


class StageTimes:
    """Of one actor, which hands in its monotonic clock."""

    def __init__(self) -> None:
        self._latest: dict[str, deque[int]] = {}
        self._counts: dict[str, int] = {}

    def note(self, stage: str, took_us: int) -> None:
        self._latest.setdefault(stage, deque(maxlen=KEPT)).append(took_us)
        self._counts[stage] = self._counts.get(stage, 0) + 1

    def figures(self) -> dict[str, StageFigures]:
        """By stage, in the order in which they were first met."""
        return {stage: self._figures_of(stage, sorted(latest)) for stage, latest in self._latest.items()}

    def _figures_of(self, stage: str, ordered: list[int]) -> StageFigures:
        last = len(ordered) - 1
        return StageFigures(count=self._counts[stage], p50_us=ordered[last // 2], p99_us=ordered[last * 99 // 100])


class Stopwatch:
    """Called with a stage's name when it has ended; the next one begins then."""

    def __init__(self, monotonic_ns: Callable[[], int], times: StageTimes) -> None:
        self._monotonic_ns, self._times = monotonic_ns, times
        self._since_ns = monotonic_ns()
        self.took_us: dict[str, int] = {}

    def __call__(self, stage: str) -> None:
        now_ns = self._monotonic_ns()
        took_us = (now_ns - self._since_ns) // 1_000
        self._since_ns = now_ns
        self._times.note(stage, took_us)
        self.took_us[stage] = self.took_us.get(stage, 0) + took_us
