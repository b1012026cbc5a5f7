"""Restart policy, pure: who is restarted, whether the budget allows it, and after how long."""

from collections import deque
from random import Random

from supervisor.spec import Backoff, Budget, Restart, Strategy

NORMAL_ENDS = frozenset({"normal", "shutdown"})
IGNORE = "ignore"
"""A child that ends with this while it starts has nothing to do: that is neither a start nor a failure."""


def should_restart(restart: Restart, reason: str) -> bool:
    """permanent: always; transient: after an abnormal end; temporary: never. `escalated` is always abnormal."""
    if restart is Restart.PERMANENT:
        return True
    return restart is Restart.TRANSIENT and reason not in NORMAL_ENDS


def affected(strategy: Strategy, order: tuple[str, ...], failed: str) -> tuple[str, ...]:
    """Children to start again when `failed` has ended, in the order of start."""
    at = order.index(failed)
    if strategy is Strategy.ONE_FOR_ALL:
        return order
    if strategy is Strategy.REST_FOR_ONE:
        return order[at:]
    return (failed,)


def backoff_s(backoff: Backoff, attempt: int, rng: Random) -> float:
    """Full-range jitter over the capped exponential, so that many failures do not restart in step.

    Never less than `min_s`: a restart at once would only burn the budget.
    """
    cap_s = min(backoff.max_s, backoff.min_s * 2.0 ** min(attempt, 60))
    return max(backoff.min_s, rng.uniform(0.0, cap_s))


class RestartWindow:
    """Sliding window of restarts on the monotonic clock; charged once per failure event."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._charges_ns: deque[int] = deque()

    def charge(self, now_ns: int) -> bool:
        """Note a failure; False when that is one more than the budget allows."""
        self._charges_ns.append(now_ns)
        self._forget(now_ns)
        return len(self._charges_ns) <= self._budget.intensity

    def count(self, now_ns: int) -> int:
        """Failures within the window."""
        self._forget(now_ns)
        return len(self._charges_ns)

    def clear(self) -> None:
        """An operator starts afresh."""
        self._charges_ns.clear()

    def _forget(self, now_ns: int) -> None:
        horizon_ns = now_ns - int(self._budget.period_s * 1e9)
        while self._charges_ns and self._charges_ns[0] <= horizon_ns:
            self._charges_ns.popleft()
