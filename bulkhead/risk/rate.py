"""How many orders went out in the last second and today (UTC), and how many trades were finished today. Pure."""

from typing import NamedTuple

NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S
KEPT = 1_000
"""Order times remembered at most; more in one second is beyond any limit that makes sense."""


class OrderRate(NamedTuple):
    recent_ns: tuple[int, ...] = ()
    day: int = 0
    orders_today: int = 0
    trades_today: int = 0

    def at(self, now_ns: int) -> "OrderRate":
        """As it stands at `now_ns`: a second is the half-open window (now - 1 s, now]; a new day begins at zero."""
        recent = tuple(at_ns for at_ns in self.recent_ns if at_ns > now_ns - NS_PER_S)
        day = now_ns // NS_PER_DAY
        # A clock that steps back over midnight must not give the day's count back.
        if day <= self.day:
            return self._replace(recent_ns=recent)
        return OrderRate(recent, day)

    def with_order(self, now_ns: int) -> "OrderRate":
        rate = self.at(now_ns)
        return rate._replace(recent_ns=(*rate.recent_ns, now_ns)[-KEPT:], orders_today=rate.orders_today + 1)

    def with_trade(self, now_ns: int) -> "OrderRate":
        rate = self.at(now_ns)
        return rate._replace(trades_today=rate.trades_today + 1)

    @property
    def orders_in_last_s(self) -> int:
        return len(self.recent_ns)
