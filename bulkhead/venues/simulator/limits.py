"""Rate limits as the venue counts them: request weight per IP and minute, orders per account and interval, bans.

Counts belong to fixed windows of the venue's clock, as Binance's do. What a client is told: headers with each answer,
429 when it is over, 418 when it goes on all the same.
"""

from dataclasses import dataclass, field

from bulkhead.venues.simulator.errors import Refused, banned, too_many_orders, too_much_weight
from bulkhead.venues.simulator.settings import Limits

_MINUTE_MS, _TEN_S_MS, _DAY_MS = 60_000, 10_000, 86_400_000
_CLIENTS_BOUND = 1_000


@dataclass(slots=True)
class Window:
    """A count that starts anew with every interval of the clock."""

    length_ms: int
    index: int = -1
    used: int = 0

    def at(self, now_ms: int) -> "Window":
        index = now_ms // self.length_ms
        if index != self.index:
            self.index, self.used = index, 0
        return self

    def left_s(self, now_ms: int) -> int:
        """Whole seconds until the window ends, at least 1."""
        return max(1, -(-(self.length_ms - now_ms % self.length_ms) // 1000))


@dataclass(slots=True)
class _Client:
    weight: Window = field(default_factory=lambda: Window(_MINUTE_MS))
    refusals: Window = field(default_factory=lambda: Window(_MINUTE_MS))
    banned_until_ms: int = 0


class RateLimiter:
    """Counts of every IP, and of the one account."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._clients: dict[str, _Client] = {}
        self.refused = 0
        """Requests answered with 429 or 418 because a limit of these was reached."""
        self._orders_10s = Window(_TEN_S_MS)
        self._orders_day = Window(_DAY_MS)

    def charge(self, ip: str, weight: int, now_ms: int) -> None:
        """Count a request. Raises Refused (429 or 418) when it is one too many."""
        try:
            self._charge(ip, weight, now_ms)
        except Refused:
            self.refused += 1
            raise

    def _charge(self, ip: str, weight: int, now_ms: int) -> None:
        client = self._client(ip)
        if now_ms < client.banned_until_ms:
            raise banned(client.banned_until_ms, -(-(client.banned_until_ms - now_ms) // 1000))
        window = client.weight.at(now_ms)
        window.used += weight
        if window.used > self._limits.request_weight_per_minute:
            refusals = client.refusals.at(now_ms)
            refusals.used += 1
            if refusals.used > self._limits.requests_over_limit_before_ban:
                client.banned_until_ms = now_ms + self._limits.ban_s * 1000
                raise banned(client.banned_until_ms, self._limits.ban_s)
            raise too_much_weight(self._limits.request_weight_per_minute, window.left_s(now_ms))

    def check_order(self, now_ms: int) -> None:
        """Raise Refused when the account may not send another order now."""
        ten_s, day = self._orders_10s.at(now_ms), self._orders_day.at(now_ms)
        if ten_s.used >= self._limits.orders_per_10s:
            self.refused += 1
            raise too_many_orders(self._limits.orders_per_10s, "10 SECOND", ten_s.left_s(now_ms))
        if day.used >= self._limits.orders_per_day:
            self.refused += 1
            raise too_many_orders(self._limits.orders_per_day, "1 DAY", day.left_s(now_ms))

    def count_order(self, now_ms: int) -> None:
        self._orders_10s.at(now_ms).used += 1
        self._orders_day.at(now_ms).used += 1

    def used_weight(self, ip: str, now_ms: int) -> int:
        return self._client(ip).weight.at(now_ms).used

    def headers(self, ip: str, now_ms: int, with_orders: bool) -> dict[str, str]:
        weight = str(self.used_weight(ip, now_ms))
        headers = {"X-MBX-USED-WEIGHT": weight, "X-MBX-USED-WEIGHT-1M": weight}
        if with_orders:
            headers["X-MBX-ORDER-COUNT-10S"] = str(self._orders_10s.at(now_ms).used)
            headers["X-MBX-ORDER-COUNT-1D"] = str(self._orders_day.at(now_ms).used)
        return headers

    def order_counts(self, now_ms: int) -> list[dict[str, object]]:
        """Answer of GET /api/v3/rateLimit/order."""
        limits = (
            ("SECOND", 10, self._limits.orders_per_10s, self._orders_10s),
            ("DAY", 1, self._limits.orders_per_day, self._orders_day),
        )
        return [
            {
                "rateLimitType": "ORDERS",
                "interval": interval,
                "intervalNum": number,
                "limit": limit,
                "count": window.at(now_ms).used,
            }
            for interval, number, limit, window in limits
        ]

    def _client(self, ip: str) -> _Client:
        client = self._clients.get(ip)
        if client is None:
            if len(self._clients) >= _CLIENTS_BOUND:
                self._clients.clear()
            client = self._clients[ip] = _Client()
        return client
