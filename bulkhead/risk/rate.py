"""How many orders went out in the last second and on this trading day, and how many trades were finished on it. Pure.

Which day it is, is told by the caller: `day_start_ns`, when it began.
"""

from typing import NamedTuple

NS_PER_S = 1_000_000_000
KEPT = 1_000
"""Order times remembered at most, unless a limit needs more."""


class OrderRate(NamedTuple):
    recent_ns: tuple[int, ...] = ()
    day_start_ns: int = 0
    orders_today: int = 0
    trades_today: int = 0

    def at(self, now_ns: int, day_start_ns: int) -> "OrderRate":
        """As it stands at `now_ns`: a second is the half-open window (now - 1 s, now]; a new day begins at zero."""
        recent = tuple(at_ns for at_ns in self.recent_ns if at_ns > now_ns - NS_PER_S)
        # A clock that steps back over midnight must not give the day's count back.
        if day_start_ns <= self.day_start_ns:
            return self._replace(recent_ns=recent)
        return OrderRate(recent, day_start_ns)

    def with_order(self, now_ns: int, day_start_ns: int, keep: int = KEPT) -> "OrderRate":
        """`keep` order times at least are remembered: those that a limit per second needs."""
        rate = self.at(now_ns, day_start_ns)
        recent = (*rate.recent_ns, now_ns)[-max(KEPT, keep) :]
        return rate._replace(recent_ns=recent, orders_today=rate.orders_today + 1)

    def with_trade(self, now_ns: int, day_start_ns: int) -> "OrderRate":
        rate = self.at(now_ns, day_start_ns)
        return rate._replace(trades_today=rate.trades_today + 1)

    @property
    def orders_in_last_s(self) -> int:
        return len(self.recent_ns)
