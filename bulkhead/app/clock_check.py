"""How far our clock and a venue's are apart, as well as one question over the wire can tell."""

from collections.abc import Callable
from typing import NamedTuple

from bulkhead.venues.port import OrderVenue

MAX_CLOCK_SKEW_MS = 1_000
"""Binance refuses a request whose timestamp lies more than this ahead of its own clock."""
NO_VENUE_CLOCK = "this venue does not tell its time, so ours is not compared: keep this machine's clock right by NTP"
_NS_PER_MS = 1_000_000


class ClockCheck(NamedTuple):
    skew_ms: int
    """Ours less the venue's; the answer is taken to have been made half way between question and answer."""
    took_ms: int

    @property
    def is_beyond(self) -> bool:
        """Whether they surely differ by more than is allowed: a slow answer alone is no reason."""
        return abs(self.skew_ms) - self.took_ms / 2 > MAX_CLOCK_SKEW_MS

    @property
    def words(self) -> str:
        return f"our clock and the venue's differ by {self.skew_ms} ms (at most {MAX_CLOCK_SKEW_MS})"


def check_clock(orders: OrderVenue, now_ns: Callable[[], int]) -> ClockCheck | None:
    """None where the venue tells no time, and nobody can compare. Raises VenueUnavailable and VenueRefused."""
    if not orders.capabilities.has_server_time:
        return None
    before_ns = now_ns()
    venue_ms = orders.server_time_ms()
    after_ns = now_ns()
    return ClockCheck((before_ns + after_ns) // 2 // _NS_PER_MS - venue_ms, (after_ns - before_ns) // _NS_PER_MS)
