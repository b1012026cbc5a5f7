"""Which source of quotes is in force for a symbol, and whom to ask next. Pure.

Down at once, up with patience: the feed is better than snapshots of its provider, those are better than the broker's
quotes, and those than nothing. A source that has failed twice running, or whose last answer is too old, is not fresh.
The feed is fresh again only after its settle time (`freshness.py`); a better fallback source takes over from a worse
one with its second good answer running. While the feed is fresh nobody is asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from messages.market_health import DataSource

NS_PER_S = 1_000_000_000
FALLBACKS = (DataSource.SNAPSHOT, DataSource.BROKER)
"""In the order in which they are fallen back upon."""
MAX_FAILURES = 2
AGE_FACTOR = 1.5
"""An answer is too old after so many intervals: one that is late must not end a source."""


class Turned(NamedTuple):
    """Another source is in force."""

    source: DataSource
    before: DataSource
    reason: str


@dataclass(slots=True)
class _Fallback:
    asked_ns: int | None = None
    answered_ns: int | None = None
    good: int = 0
    """Answers running."""
    failures: int = 0
    """Failures running."""
    said: str = ""


@dataclass(slots=True)
class Sources:
    """One symbol. `now_ns` is monotonic. `available` are the fallback sources that there are."""

    interval_s: float
    available: tuple[DataSource, ...]
    current: DataSource = DataSource.FEED
    _kept: dict[DataSource, _Fallback] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._kept = {source: _Fallback() for source in FALLBACKS if source in self.available}

    def answered(self, source: DataSource, now_ns: int) -> None:
        kept = self._kept[source]
        kept.answered_ns, kept.good, kept.failures = now_ns, kept.good + 1, 0

    def failed(self, source: DataSource, reason: str) -> None:
        kept = self._kept[source]
        kept.failures, kept.good, kept.said = kept.failures + 1, 0, reason

    def due(self, is_feed_fresh: bool, now_ns: int) -> tuple[DataSource, ...]:
        """Whom to ask now; they count as asked. The next one is asked, too, while the one before has not answered."""
        if is_feed_fresh:
            return ()
        due = []
        for source, kept in self._kept.items():
            # A little early rather than a whole look late: who asks looks once a second.
            if kept.asked_ns is None or now_ns - kept.asked_ns >= (self.interval_s - 0.5) * NS_PER_S:
                kept.asked_ns = now_ns
                due.append(source)
            if self._is_fresh(kept, now_ns) and not kept.failures:
                break
            if kept.answered_ns is None and not kept.failures and now_ns - kept.asked_ns < self.interval_s * NS_PER_S:
                break  # the first answer is on its way
        return tuple(due)

    def judge(self, is_feed_fresh: bool, why_not: str, now_ns: int) -> Turned | None:
        """The source in force now; None where it stays. `why_not`: what is wrong with the feed."""
        best, reason = self._best(is_feed_fresh, why_not, now_ns)
        if best is self.current:
            return None
        before, self.current = self.current, best
        if best is DataSource.FEED:
            for kept in self._kept.values():
                kept.asked_ns = kept.answered_ns = None
                kept.good = kept.failures = 0
        return Turned(best, before, reason)

    def _best(self, is_feed_fresh: bool, why_not: str, now_ns: int) -> tuple[DataSource, str]:
        if is_feed_fresh:
            return DataSource.FEED, "ticks flow again"
        reasons = [f"feed: {why_not}"]
        fresh = [source for source, kept in self._kept.items() if self._is_fresh(kept, now_ns)]
        for source in fresh:
            is_up = self.current in FALLBACKS and FALLBACKS.index(source) < FALLBACKS.index(self.current)
            if is_up and self._kept[source].good < 2 and self.current in fresh:
                continue
            return source, "; ".join(reasons)
        reasons += [f"{source.value}: {self._kept[source].said or 'no answer'}" for source in self._kept]
        return DataSource.NONE, "; ".join(reasons)

    def _is_fresh(self, kept: _Fallback, now_ns: int) -> bool:
        if kept.answered_ns is None or kept.failures >= MAX_FAILURES:
            return False
        return now_ns - kept.answered_ns <= self.interval_s * AGE_FACTOR * NS_PER_S


class Delay(NamedTuple):
    """What is reported of a scope while its feed is stale."""

    detail: str
    fallback: DataSource | None


def scopes(venue: str, symbols: Iterable[str], stale: dict[str, Delay]) -> dict[str, Delay]:
    """The reports that ought to be in force, by scope. All symbols stale, and all on the same source: the venue's."""
    if stale and set(symbols) <= stale.keys() and len({delay.fallback for delay in stale.values()}) == 1:
        first = stale[min(stale)]
        return {f"venue:{venue}": Delay(f"all symbols; {min(stale)}: {first.detail}", first.fallback)}
    return {f"symbol:{symbol}": delay for symbol, delay in stale.items()}


def changes(reported: dict[str, Delay], wanted: dict[str, Delay]) -> tuple[list[tuple[str, Delay]], list[str]]:
    """What to report, then which scopes to take back: in this order, so that no moment lies between. That the words of
    a report have changed is no news; that another source stands in, or none, is."""
    told = reported.items()
    news = [(scope, d) for scope, d in wanted.items() if (scope, d.fallback) not in {(s, o.fallback) for s, o in told}]
    return sorted(news), sorted(set(reported) - set(wanted))
