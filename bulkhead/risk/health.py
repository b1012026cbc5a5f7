"""Data quality as the risk guard knows it: what each feed told of each symbol last, and what an entry may rest on.

Pure. It trusts no figure that cannot be, and says which one. Where no feed has ever told anything, freshness is judged
by the market that came with the intent alone.
"""

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from messages.market_health import DataHealth, SymbolHealth

NS_PER_S = 1_000_000_000


class HealthBoard(NamedTuple):
    """By feed, what it told last."""

    feeds: Mapping[str, DataHealth]


NOTHING_TOLD = HealthBoard({})


def told(board: HealthBoard, health: DataHealth) -> HealthBoard:
    return HealthBoard({**board.feeds, health.feed: health})


def unsound(board: HealthBoard, symbol: str, now_ns: int, max_age_s: float) -> str | None:
    """Why no entry may rest on the data of this symbol, or None. One feed that is sound is enough."""
    reasons = []
    for feed in board.feeds.values():
        found = next((each for each in feed.symbols if each.symbol == symbol), None)
        if found is None:
            continue
        reason = _unsound(found, (now_ns - feed.at_ns) / NS_PER_S, max_age_s)
        if reason is None:
            return None
        reasons.append(f"{feed.feed}: {reason}")
    if reasons:
        return "; ".join(reasons)
    return f"no feed tells of {symbol}" if board.feeds else None


def _unsound(health: SymbolHealth, told_s: float, max_age_s: float) -> str | None:
    if not abs(told_s) <= max_age_s:
        return f"told {told_s:g} s ago, at most {max_age_s:g} s"
    wrong = next(_wrong(health), None)
    if wrong is not None:
        return wrong
    if health.is_sound:
        return None
    return f"not sound (source {health.source}, age {health.age_s} s, lag {health.lag_ms} ms, {health.gaps} gaps)"


def impossible(board: HealthBoard) -> list[str]:
    """Figures that cannot be, in words."""
    return [
        f"{each.symbol} of {feed.feed}: {w}"
        for feed in board.feeds.values()
        for each in feed.symbols
        for w in _wrong(each)
    ]


def _wrong(health: SymbolHealth) -> Iterator[str]:
    for name, value in (("age_s", health.age_s), ("lag_ms", health.lag_ms)):
        if value is not None and not math.isfinite(value):
            yield f"{name} is {value}"
    for name, count in (
        ("ticks", health.ticks),
        ("late", health.late),
        ("duplicates", health.duplicates),
        ("gaps", health.gaps),
    ):
        if not math.isfinite(count) or count < 0:
            yield f"{name} is {count}"


def late_shares(board: HealthBoard, min_sample: int) -> Iterator[tuple[str, Decimal, int]]:
    """(symbol, late share of its ticks, ticks) where there are enough of them."""
    for feed in board.feeds.values():
        for each in feed.symbols:
            if next(_wrong(each), None) is None and (ticks := max(each.ticks, each.late)) >= min_sample:
                yield each.symbol, Decimal(each.late) / ticks, ticks
