"""What a venue has said about our request rate, and whether it wants to be left alone now. Thread-safe.

It obeys Retry-After and bans; it does not yet budget weights ahead of them.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from bulkhead.venues.wire.binance_outcomes import IP_BANNED_STATUS, RATE_LIMITED_STATUS, retry_after_s
from bulkhead.venues.wire.facts import Answered, HttpFact

_NS_PER_S = 1_000_000_000
SHORTEST_BAN_S = 120.0
"""A ban lasts two minutes at least, also when the answer does not say how long."""
_HEADERS = {
    "x-mbx-used-weight-1m": "used_weight_1m",
    "x-mbx-order-count-10s": "order_count_10s",
    "x-mbx-order-count-1d": "order_count_1d",
}
_MAX_DIGITS = 12


@dataclass(frozen=True, slots=True)
class RateState:
    """Counts as the venue last stated them; None before it did. Times on our monotonic clock."""

    used_weight_1m: int | None = None
    order_count_10s: int | None = None
    order_count_1d: int | None = None
    blocked_until_ns: int = 0
    banned_until_ns: int = 0


@dataclass(frozen=True, slots=True)
class Blocked:
    code: str
    reason: str
    retry_after_s: float


class RateBook:
    """Fed with every answer; asked before every request."""

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self._lock = threading.Lock()
        self._state = RateState()

    @property
    def state(self) -> RateState:
        with self._lock:
            return self._state

    def note(self, fact: HttpFact) -> None:
        if not isinstance(fact, Answered):
            return
        counts: dict[str, int] = {}
        for header, name in _HEADERS.items():
            value = fact.headers.get(header, "")
            if value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
                counts[name] = int(value)
        with self._lock:
            state = replace(self._state, **counts) if counts else self._state
            wait_s = retry_after_s(fact)
            if fact.status == IP_BANNED_STATUS:
                until_ns = self._after(SHORTEST_BAN_S if wait_s is None else wait_s)
                state = replace(state, banned_until_ns=max(state.banned_until_ns, until_ns))
            elif fact.status == RATE_LIMITED_STATUS and wait_s is not None:
                state = replace(state, blocked_until_ns=max(state.blocked_until_ns, self._after(wait_s)))
            self._state = state

    def blocked(self, *, is_cancel: bool = False) -> Blocked | None:
        """Why nothing may be sent now. A cancel lowers risk: only a ban, which would refuse it, holds it back."""
        now_ns = self._monotonic_ns()
        state = self.state
        if now_ns < state.banned_until_ns:
            left_s = (state.banned_until_ns - now_ns) / _NS_PER_S
            return Blocked("BANNED", f"this address is banned for {left_s:.0f} s more", left_s)
        if not is_cancel and now_ns < state.blocked_until_ns:
            left_s = (state.blocked_until_ns - now_ns) / _NS_PER_S
            return Blocked("RATE_LIMITED", f"asked to wait {left_s:.1f} s more", left_s)
        return None

    def _after(self, wait_s: float) -> int:
        return self._monotonic_ns() + int(wait_s * _NS_PER_S)
