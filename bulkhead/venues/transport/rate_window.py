"""One window of a venue's rate limit, counted so that no window which the venue may use is ever exceeded.

The venue counts a request at an instant we cannot see, between our asking for its turn and the end of its exchange. So
a request counts here from its turn until the window's length, and a margin for clocks that run apart, have passed
since that end. Whatever the venue's windows are (sliding, or fixed at any offset of any clock), a request counted there
in the same window as a newer one is still counted here when the newer one asks. Fixed windows could be used better
across their edges; that is the price of needing no clock of the venue's for our own requests.

What others at the same address or account have used only the venue's headers tell. The newest header rules until its
window has ended by the venue's clock; it can make the count higher than our own, never lower.

Not thread-safe: `RateBudget` holds the lock.
"""

from collections import deque
from dataclasses import dataclass

from bulkhead.venues.wire.facts import RateLimit

NS_PER_S = 1_000_000_000
_STEPS = 100
"""Requests that ended within a hundredth of the window are kept as one number: a day of orders is a hundred numbers."""
VENUE_CLOCK_ERROR_NS = NS_PER_S
"""How far our reading of the venue's clock may be off where a header's count ends; our own count does not use it."""


@dataclass(slots=True)
class Now:
    """One instant on both clocks: ours, monotonic, and Unix time as near to the venue's as we know it."""

    monotonic_ns: int
    venue_ns: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a window stood when a request had its turn."""

    settled: int
    sequence: int


@dataclass(frozen=True, slots=True)
class _Stated:
    """What a header said: `offset` + everything taken since is what the venue may have counted by now, at most."""

    offset: int
    sequence: int
    until_ns: int


class RateWindow:
    def __init__(self, limit: RateLimit, margin_s: float) -> None:
        self.limit = limit
        self._length_ns = limit.length_s * NS_PER_S
        self._kept_ns = self._length_ns + int(margin_s * NS_PER_S)
        self._step_ns = max(1, self._length_ns // _STEPS)
        self._ended: deque[tuple[int, int]] = deque()  # when it no longer counts, how much
        self._ended_used = 0
        self._under_way = 0
        self._settled = 0  # ever; with _under_way: everything ever taken
        self._sequence = 0
        self._stated: _Stated | None = None
        self.stated_count: int | None = None
        """As the venue last gave it; None before it did."""

    def set_limit(self, limit: RateLimit) -> None:
        """The venue has told its limit; what is counted stays."""
        self.limit = limit

    # -- counting -----------------------------------------------------------------------------------------------------

    def take(self, amount: int) -> Mark:
        self._sequence += 1
        self._under_way += amount
        return Mark(self._settled, self._sequence)

    def put_back(self, amount: int) -> None:
        """Of a request of which nothing left."""
        self._under_way -= amount

    def settle(self, amount: int, mark: Mark, now: Now, stated: int | None) -> None:
        """The exchange has ended; `stated` is the count in its answer's header, if there was one."""
        self._sequence += 1
        self._under_way -= amount
        self._settled += amount
        self._forget(now)
        ends_ns = -(-(now.monotonic_ns + self._kept_ns) // self._step_ns) * self._step_ns
        if self._ended and self._ended[-1][0] >= ends_ns:
            last_ns, used = self._ended.pop()
            self._ended.append((last_ns, used + amount))
        elif amount:
            self._ended.append((ends_ns, amount))
        self._ended_used += amount
        if stated is not None:
            self._note(stated, amount, mark, now)

    def _note(self, stated: int, amount: int, mark: Mark, now: Now) -> None:
        self.stated_count = stated
        # Not in the venue's figure, perhaps: whatever had not ended when this request had its turn, but itself.
        offset = stated - mark.settled - amount
        known = self._stated
        is_newer = known is None or mark.sequence > known.sequence or now.monotonic_ns >= known.until_ns
        # Of two that were under way together nobody knows which was counted last: the higher stands.
        if is_newer or (known is not None and offset > known.offset):
            self._stated = _Stated(offset, self._sequence, self._end_ns(now))

    def _end_ns(self, now: Now) -> int:
        if not self.limit.is_aligned:
            return now.monotonic_ns + self._kept_ns
        into_ns = (now.venue_ns + VENUE_CLOCK_ERROR_NS) % self._length_ns
        return now.monotonic_ns + self._length_ns - into_ns + 2 * VENUE_CLOCK_ERROR_NS

    def _forget(self, now: Now) -> None:
        while self._ended and self._ended[0][0] <= now.monotonic_ns:
            self._ended_used -= self._ended.popleft()[1]

    # -- asking -------------------------------------------------------------------------------------------------------

    def own(self, now: Now) -> int:
        """What the venue may have counted of our own requests in any window that includes now."""
        self._forget(now)
        return self._under_way + self._ended_used

    def stated(self, now: Now) -> int:
        """What the venue's newest header leads to; 0 when it says nothing about now any more."""
        known = self._stated
        if known is None or now.monotonic_ns >= known.until_ns:
            return 0
        return max(0, known.offset + self._settled + self._under_way)

    def used(self, now: Now) -> int:
        return max(self.own(now), self.stated(now))

    def free_in_ns(self, amount: int, ceiling: int, now: Now) -> int:
        """Nanoseconds until `amount` more may fit under `ceiling`, 0 if it does; a newer header may shorten it."""
        own_ns = self.own_free_in_ns(amount, ceiling, now)
        if self.stated(now) + amount <= ceiling or self._stated is None:
            return own_ns
        return max(own_ns, self._stated.until_ns - now.monotonic_ns)

    def own_free_in_ns(self, amount: int, ceiling: int, now: Now) -> int:
        """The same by our own count alone."""
        over = self.own(now) + amount - ceiling
        if over <= 0:
            return 0
        for ends_ns, used in self._ended:
            over -= used
            if over <= 0:
                return ends_ns - now.monotonic_ns
        return self._kept_ns  # of what is under way nobody knows when it ends: not before now
