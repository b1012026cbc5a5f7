"""Clocks: the trading clock stamps decisions; the monotonic clock measures spans and drives the process's own waits.

Nothing outside supervisor/runtime and the transports may ask the operating system for the time: a test holds that.
"""

import time
from typing import Protocol


class Clock(Protocol):
    def now_ns(self) -> int:
        """The trading clock: UTC nanoseconds since the epoch."""

    def monotonic_ns(self) -> int:
        """Nanoseconds that never go back; only differences mean anything."""

    @property
    def speed(self) -> float:
        """How many of its seconds pass in one of the machine's."""


class SystemClock:
    """The machine's clocks."""

    speed = 1.0

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()


class VirtualClock:
    """Stands still until it is moved. Both readings are the same time line, until somebody sets the wall's clock."""

    speed = 0.0

    def __init__(self, start_ns: int) -> None:
        self._now_ns = start_ns
        self._set_by_ns = 0

    def now_ns(self) -> int:
        return self._now_ns + self._set_by_ns

    def monotonic_ns(self) -> int:
        return self._now_ns

    def set_wall_by(self, ns: int) -> None:
        """As an operator or a bad time server does: the trading clock jumps, and no time has passed."""
        self._set_by_ns += ns

    def advance_to(self, now_ns: int) -> None:
        """Move forward. Raises ValueError on the way back: virtual time has one direction too."""
        if now_ns < self._now_ns:
            raise ValueError(f"the clock stands at {self._now_ns} and cannot go back to {now_ns}")
        self._now_ns = now_ns
