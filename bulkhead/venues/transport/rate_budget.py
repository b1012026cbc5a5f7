"""The budget of requests at one venue: who may send now, and who has to wait how long.

Sans-I/O, thread-safe, and it knows no venue. It is shared by everything in the process that asks the venue something,
because the venue counts that together, too.

- Every limit of a kind is charged with a request's cost of that kind, and none is ever exceeded (`rate_window.py`).
- Of each limit, shares are held back for the more urgent purposes: entries cannot use up what exits, questions about
  orders without a verdict, and cancels need. A share that rounds to nothing (a limit of 1 per second) holds nothing.
- Told to wait (Retry-After), everything waits but cancels, which lower risk; during a ban nothing goes.
- Cancels are held back by our own count, and by a header of the venue's only in part: the header may be out of date,
  and a cancel refused does no harm, so one goes each `PROBE_S` all the same; not more, since refusals end in a ban.

The caller waits, not the budget: `take` never blocks.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bulkhead.venues.transport.rate_window import NS_PER_S, Mark, Now, RateWindow
from bulkhead.venues.wire.facts import RateLimit

PROBE_S = 1.0
_BEHIND_NS = NS_PER_S // 20
"""There is room but for those who go before: look again so soon."""
RATE_LIMITED = "RATE_LIMITED"
BANNED = "BANNED"
MARGIN_S = 0.25
"""A request counts this much longer than the window: our clock and the venue's do not run at quite the same pace."""


class Purpose(StrEnum):
    """What a request is for, the most urgent first."""

    CANCEL = "cancel"
    EXIT = "exit"
    QUERY = "query"
    """About one order, usually one without a verdict."""
    ENTRY = "entry"
    SURVEY = "survey"
    """Everything else: snapshots, trading rules, the venue's clock."""


RANK = {purpose: rank for rank, purpose in enumerate(Purpose)}
WindowKey = tuple[str, int]
"""Kind and length in seconds."""
NOBODY: Mapping[str, int] = {}
Shares = Mapping[str, Mapping[Purpose, float]]
"""By kind of limit: the share of it held back for each purpose, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Go now. Handed back with `settle` or `put_back`, exactly once."""

    taken: tuple[tuple[RateWindow, int, Mark], ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now; in so many seconds at the earliest, as far as is known now."""

    code: str
    reason: str
    seconds: float
    is_told: bool = False
    """The venue asked for it; else our own count does."""


@dataclass(frozen=True, slots=True)
class Never:
    """It costs more than its purpose may ever use of a limit."""

    reason: str


@dataclass(frozen=True, slots=True)
class WindowState:
    kind: str
    length_s: int
    limit: int
    used: int
    """By our count or the venue's, whichever is higher."""
    stated: int | None
    """As the venue last gave it; None before it did."""


@dataclass(frozen=True, slots=True)
class RateState:
    """For display. Times on our monotonic clock, 0 for never."""

    windows: tuple[WindowState, ...]
    blocked_until_ns: int
    banned_until_ns: int

    def window(self, kind: str, length_s: int) -> WindowState | None:
        return next((w for w in self.windows if (w.kind, w.length_s) == (kind, length_s)), None)


class RateBudget:
    """`shares` of one kind must add up to less than 1. `venue_ns` is Unix time as near to the venue's as is known.

    Not enforced, it counts and tells as ever, and holds nothing back but for Retry-After and bans."""

    def __init__(
        self,
        limits: Iterable[RateLimit],
        shares: Shares,
        monotonic_ns: Callable[[], int],
        venue_ns: Callable[[], int],
        *,
        margin_s: float = MARGIN_S,
        is_enforced: bool = True,
    ) -> None:
        if any(sum(of_kind.values()) >= 1 or min(of_kind.values(), default=0) < 0 for of_kind in shares.values()):
            raise ValueError("the shares held back of one limit must be 0 or more and leave something to the others")
        self._shares = shares
        self._monotonic_ns, self._venue_ns = monotonic_ns, venue_ns
        self._margin_s = margin_s
        self._is_enforced = is_enforced
        self._lock = threading.Lock()
        self._windows: dict[WindowKey, RateWindow] = {}
        self._blocked_until_ns = self._banned_until_ns = 0
        self._probe_ns: int | None = None
        self.set_limits(limits)

    def set_limits(self, limits: Iterable[RateLimit]) -> None:
        """The venue has told its limits: these, and no others, hold from now on. What is counted stays."""
        with self._lock:
            known, self._windows = self._windows, {}
            for limit in limits:
                key = (limit.kind, limit.length_s)
                window = known.get(key)
                if window is None:
                    window = RateWindow(limit, self._margin_s)
                else:
                    window.set_limit(limit)
                self._windows[key] = window

    @property
    def state(self) -> RateState:
        with self._lock:
            now = self._now()
            windows = tuple(
                WindowState(w.limit.kind, w.limit.length_s, w.limit.limit, w.used(now), w.stated_count)
                for w in self._windows.values()
            )
            return RateState(windows, self._blocked_until_ns, self._banned_until_ns)

    def ceiling(self, purpose: Purpose, limit: RateLimit) -> int:
        """How far a purpose may fill a limit: what the more urgent ones need stays free."""
        shares = self._shares.get(limit.kind, {})
        urgent = (share for other, share in shares.items() if RANK[other] < RANK[purpose])
        return limit.limit - sum(int(limit.limit * share) for share in urgent)

    # -- a request's way ----------------------------------------------------------------------------------------------

    def take(
        self, purpose: Purpose, costs: Mapping[str, int], ahead: Mapping[str, int] = NOBODY
    ) -> Grant | Wait | Never:
        """Ask for a turn; costs by kind of limit. `ahead` is what those need who go before: it stays free for them."""
        with self._lock:
            now = self._now()
            return (
                self._held_back(purpose, now)
                or (self._full(purpose, costs, ahead, now) if self._is_enforced else None)
                or self._grant(costs)
            )

    def charge(self, costs: Mapping[str, int]) -> None:
        """Count what was sent without asking, since nothing may hold it back."""
        with self._lock:
            self._settle(self._grant(costs), {})

    def put_back(self, grant: Grant) -> None:
        """Nothing of the request left."""
        with self._lock:
            for window, amount, _ in grant.taken:
                window.put_back(amount)

    def settle(self, grant: Grant, stated: Mapping[WindowKey, int]) -> None:
        """The exchange has ended, answered or not; `stated` are the counts in the answer's headers."""
        with self._lock:
            self._settle(grant, stated)

    def block(self, seconds: float, *, is_ban: bool = False) -> None:
        """The venue wants to be left alone. A shorter wait does not shorten a longer one."""
        with self._lock:
            until_ns = self._monotonic_ns() + int(seconds * NS_PER_S)
            if is_ban:
                self._banned_until_ns = max(self._banned_until_ns, until_ns)
            else:
                self._blocked_until_ns = max(self._blocked_until_ns, until_ns)

    # -- with the lock held -------------------------------------------------------------------------------------------

    def _now(self) -> Now:
        return Now(self._monotonic_ns(), self._venue_ns())

    def _grant(self, costs: Mapping[str, int]) -> Grant:
        taken = []
        for (kind, _), window in self._windows.items():
            amount = costs.get(kind, 0)
            taken.append((window, amount, window.take(amount)))
        return Grant(tuple(taken))

    def _settle(self, grant: Grant, stated: Mapping[WindowKey, int]) -> None:
        now = self._now()
        for window, amount, mark in grant.taken:
            window.settle(amount, mark, now, stated.get((window.limit.kind, window.limit.length_s)))

    def _held_back(self, purpose: Purpose, now: Now) -> Wait | None:
        left_s = (self._banned_until_ns - now.monotonic_ns) / NS_PER_S
        if left_s > 0:
            return Wait(BANNED, f"this address is banned for {left_s:.0f} s more", left_s)
        left_s = (self._blocked_until_ns - now.monotonic_ns) / NS_PER_S
        if left_s > 0 and purpose is not Purpose.CANCEL:
            return Wait(RATE_LIMITED, f"asked to wait {left_s:.1f} s more", left_s, is_told=True)
        return None

    def _full(
        self, purpose: Purpose, costs: Mapping[str, int], ahead: Mapping[str, int], now: Now
    ) -> Wait | Never | None:
        longest_ns, tightest, own_ns = 0, None, 0
        for (kind, _), window in self._windows.items():
            amount = costs.get(kind, 0)
            if not amount:
                continue
            ceiling = self.ceiling(purpose, window.limit)
            if amount > ceiling:
                return Never(f"it costs {amount} {kind}, and {_of(window)} leave {ceiling} to {purpose}")
            in_all = amount + ahead.get(kind, 0)
            if window.used(now) + in_all <= ceiling:
                continue
            # Without those ahead: they may give up, and it would be wrong to have been told to wait for longer.
            wait_ns = window.free_in_ns(amount, ceiling, now) or _BEHIND_NS
            if wait_ns > longest_ns:
                longest_ns, tightest = wait_ns, window
            own_ns = max(own_ns, window.own_free_in_ns(in_all, ceiling, now))
        if tightest is None:
            return None
        if purpose is Purpose.CANCEL and not own_ns:
            if self._probe_ns is None or now.monotonic_ns >= self._probe_ns:
                self._probe_ns = now.monotonic_ns + int(PROBE_S * NS_PER_S)
                return None
            longest_ns = min(longest_ns, self._probe_ns - now.monotonic_ns)
        seconds = longest_ns / NS_PER_S
        reason = f"{tightest.used(now)} of {_of(tightest)} used; room for another {purpose} in {seconds:.1f} s"
        return Wait(RATE_LIMITED, reason, seconds)


def _of(window: RateWindow) -> str:
    limit = window.limit
    return f"{limit.limit} {limit.kind} per {limit.length_s} s"
