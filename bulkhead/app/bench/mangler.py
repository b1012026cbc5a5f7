"""A seeded mangler: makes of a stream in order one whose ticks come late, twice, or never. And one that plays it.

The clock of the arrivals is that of the stream: a tick that is not touched arrives at its event time. The first tick is
never touched, since nobody could know what came before it.
"""

from collections.abc import Iterable, Sequence
from random import Random
from typing import NamedTuple

from bulkhead.market.guarantee import FeedOrder
from bulkhead.market.ordering import NS_PER_MS, Dropped, Out
from messages.market import FeedGap, MarketData


class Mangling(NamedTuple):
    late_share: float = 0.05
    """Of the ticks; each comes up to `late_ms` after its time."""
    late_ms: int = 249
    twice_share: float = 0.05
    """Each comes once more, up to `twice_ms` later."""
    twice_ms: int = 30_000
    hole_share: float = 0.0
    """These never come."""


class Arrival(NamedTuple):
    at_ns: int
    tick: MarketData


def mangled(ticks: Sequence[MarketData], seed: int, how: Mangling) -> list[Arrival]:
    """Deterministic in the seed; in the order of arrival."""
    rng = Random(seed)  # noqa: S311 - a test's dice
    arrivals: list[tuple[int, int, MarketData]] = []
    for place, tick in enumerate(ticks):
        if place and rng.random() < how.hole_share:
            continue
        at_ns = tick.event_time_ns
        if place and rng.random() < how.late_share:
            at_ns += rng.randint(1, how.late_ms * NS_PER_MS)
        arrivals.append((at_ns, place, tick))
        if rng.random() < how.twice_share:
            arrivals.append((at_ns + rng.randint(0, how.twice_ms * NS_PER_MS), place, tick))
    return [Arrival(at_ns, tick) for at_ns, _, tick in sorted(arrivals, key=lambda each: each[:2])]


def play(order: FeedOrder, arrivals: Iterable[Arrival]) -> list[Out]:
    """Everything that comes out, with each wait ended at its time, and the last ones at the end."""
    out: list[Out] = []
    for at_ns, tick in arrivals:
        while (due_ns := order.due_ns) is not None and due_ns <= at_ns:
            out += order.expire(due_ns)
        out += order.arrive(tick, at_ns)
    while (due_ns := order.due_ns) is not None:
        out += order.expire(due_ns)
    return out


def passed(out: Iterable[Out]) -> list[MarketData]:
    return [each for each in out if not isinstance(each, Dropped | FeedGap)]


def dropped(out: Iterable[Out]) -> list[Dropped]:
    return [each for each in out if isinstance(each, Dropped)]


def gaps(out: Iterable[Out]) -> list[FeedGap]:
    return [each for each in out if isinstance(each, FeedGap)]
