"""The pulse of the house: every critical actor is asked to answer, and only while all do is a sign of life passed on.

An actor answers from its own loop, behind whatever it is busy with: a process whose order path hangs falls silent
however lively its main thread is (field lesson L30).
"""

from collections.abc import Iterable
from typing import Protocol

from messages.supervision import Ping
from supervisor.runtime.host import Host

ASK_EVERY = 0.25
"""Of the interval that the service manager counts with."""
SILENT_AFTER = 0.6
"""Of that interval: an answer older than this is none."""


class Watchdog(Protocol):
    @property
    def watchdog_s(self) -> float | None: ...
    def watchdog(self) -> None: ...


class Pulse:
    """Does nothing where nobody counts. To be looked at more often than the interval asks."""

    def __init__(self, host: Host, names: Iterable[str], notifier: Watchdog) -> None:
        self._host = host
        self._names = tuple(names)
        self._notifier = notifier
        self._next_ns = 0

    def look(self, now_ns: int) -> None:
        """Ask everybody, and pass on that all have answered. `now_ns`: the monotonic clock."""
        interval_s = self._notifier.watchdog_s
        if interval_s is None or now_ns < self._next_ns:
            return
        self._next_ns = now_ns + int(interval_s * ASK_EVERY * 1e9)
        if not self.silent(now_ns, interval_s * SILENT_AFTER):
            self._notifier.watchdog()
        for name in self._names:
            self._host.tell(name, Ping(), sender="pulse")

    def silent(self, now_ns: int, limit_s: float) -> tuple[str, ...]:
        """Who has not answered for `limit_s`, or never."""
        limit_ns = int(limit_s * 1e9)
        return tuple(name for name in self._names if self._age_ns(name, now_ns) > limit_ns)

    def _age_ns(self, name: str, now_ns: int) -> float:
        answered_ns = self._host.answered_ns(name)
        return float("inf") if answered_ns is None else now_ns - answered_ns
