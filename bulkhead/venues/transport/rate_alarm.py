"""When a used-up limit stops being a matter of waiting: told once when it begins, and once when it is over.

It begins when a request does not get its turn because our budget is spent, when the venue bans us, or when its "too
many requests" has gone on for longer than an order is sent again for. It is over when a request as little urgent as
those refused gets an answer: cancels pass long before, on what is held back for them, and prove nothing.
"""

import threading
from collections.abc import Callable

from bulkhead.venues.transport.rate_budget import Purpose

PATIENCE_S = 7.0
"""An order refused so is sent again after 1, 2 and 4 s (order path, section 3)."""
_RANK = {purpose: rank for rank, purpose in enumerate(Purpose)}
Told = Callable[[str | None], None]
"""Told why, and None when it is over. Called on the thread of the request."""


class RateAlarm:
    """Thread-safe."""

    def __init__(self, monotonic_ns: Callable[[], int], patience_s: float = PATIENCE_S) -> None:
        self._monotonic_ns = monotonic_ns
        self._patience_ns = int(patience_s * 1e9)
        self._lock = threading.Lock()
        self._since_ns: int | None = None  # of the first refusal that nothing has followed but refusals
        self._rank = 0
        self._is_on = False
        self.on_change: Told = lambda reason: None

    @property
    def is_on(self) -> bool:
        return self._is_on

    def refused(self, purpose: Purpose, reason: str, *, is_final: bool) -> None:
        """`is_final`: waiting was all that could be done, and was not enough."""
        with self._lock:
            now_ns = self._monotonic_ns()
            self._rank = max(self._rank, _RANK[purpose])
            if self._since_ns is None:
                self._since_ns = now_ns
            is_over_patience = now_ns - self._since_ns >= self._patience_ns
            if self._is_on or not (is_final or is_over_patience):
                return
            self._is_on = True
        self.on_change(reason)

    def passed(self, purpose: Purpose) -> None:
        with self._lock:
            if self._since_ns is None or _RANK[purpose] < self._rank:
                return
            was_on, self._is_on, self._since_ns, self._rank = self._is_on, False, None, 0
        if was_on:
            self.on_change(None)
