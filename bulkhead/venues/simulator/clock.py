"""The venue's clock: the wall's, or one that starts elsewhere and runs faster, so that a day takes minutes."""

import time
from collections.abc import Callable
from decimal import Decimal


class VenueClock:
    """Venue time = start + (wall - wall at start) x speed."""

    def __init__(self, starts_at_ms: int | None, speed: Decimal, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._wall_ns = wall_ns
        self.wall_start_ns = wall_ns()
        self.start_ns = self.wall_start_ns if starts_at_ms is None else starts_at_ms * 1_000_000
        self._speed_millionths = int(speed * 1_000_000)
        self.ahead_ms = 0
        """How wrong it goes."""

    def now_ns(self) -> int:
        passed_ns = (self._wall_ns() - self.wall_start_ns) * self._speed_millionths // 1_000_000
        return self.start_ns + passed_ns + self.ahead_ms * 1_000_000

    def now_ms(self) -> int:
        return self.now_ns() // 1_000_000

    def as_json(self) -> dict[str, object]:
        """With it whoever reads the same wall can tell the venue's time."""
        return {
            "start_ns": self.start_ns,
            "wall_start_ns": self.wall_start_ns,
            "speed_millionths": self._speed_millionths,
            "now_ns": self.now_ns(),
        }
