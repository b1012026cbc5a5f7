"""The trading day as a value: when it began, when its week began, and the session that it has.

Who counts something by day is given one function, `DayOf`, so that another calendar can be put in its place.
"""

from collections.abc import Callable
from typing import NamedTuple

NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S
_DAYS_OF_WEEK = 7
_EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday; a week begins on Monday."""


class Hours(NamedTuple):
    """Open at `opens_ns`, closed at `closes_ns`; nanoseconds since 1970 UTC."""

    opens_ns: int
    closes_ns: int


class TradingDay(NamedTuple):
    start_ns: int
    week_start_ns: int
    has_sessions: bool = False
    """False: a market that never closes."""
    session: Hours | None = None
    """None: no session on this day, or the market never closes."""


DayOf = Callable[[int], TradingDay]
"""The trading day that a moment (ns since 1970 UTC) belongs to."""


def utc_day(now_ns: int) -> TradingDay:
    """Days and weeks of UTC, for markets that never close."""
    return day_with_offset(now_ns, 0)


def day_with_offset(now_ns: int, offset_ns: int) -> TradingDay:
    """Days that begin at midnight of a place `offset_ns` ahead of UTC, all year the same."""
    day = (now_ns + offset_ns) // NS_PER_DAY
    monday = day - (day + _EPOCH_WEEKDAY) % _DAYS_OF_WEEK
    return TradingDay(day * NS_PER_DAY - offset_ns, monday * NS_PER_DAY - offset_ns)
