"""When a market is open, as data, and what follows from it: whether silence counts, and which trading day it is. Pure.

All times are UTC nanoseconds. The sessions come from whoever knows the exchange (`bulkhead/venues/exchanges.py`).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from messages.trading_day import Hours, TradingDay

NS_PER_S = 1_000_000_000
ALWAYS = "always"


class MarketSession(NamedTuple):
    """Open at `opens_ns`, closed at `closes_ns`. `day` is the exchange's name for it."""

    day: date
    opens_ns: int
    closes_ns: int


class Calendar:
    """The sessions of one exchange. Without any it is always open, and its day is the day in UTC.

    Beyond its last session, and before its first one, nothing is known: silence counts there, since too early an alarm
    is better than none, and nothing is open.
    """

    def __init__(self, name: str, sessions: Iterable[MarketSession] = (), zone: tzinfo = UTC) -> None:
        self.name = name
        self._sessions = tuple(sorted(sessions, key=lambda each: each.opens_ns))
        self._opens = tuple(each.opens_ns for each in self._sessions)
        self._zone = zone

    @property
    def is_always_open(self) -> bool:
        return not self._sessions

    def covers(self, at_ns: int) -> bool:
        return self.is_always_open or self._opens[0] <= at_ns < self._sessions[-1].closes_ns

    def session_at(self, at_ns: int) -> MarketSession | None:
        """The session that is on; None while the market is closed, and where it never closes."""
        place = bisect_right(self._opens, at_ns) - 1
        if place < 0 or at_ns >= self._sessions[place].closes_ns:
            return None
        return self._sessions[place]

    def is_open_at(self, at_ns: int) -> bool:
        return self.is_always_open or self.session_at(at_ns) is not None

    def silent_s(self, at_ns: int, since_last_s: float) -> float:
        """How much of a silence up to now counts: none while the market is closed, and of the rest what lies in the
        session that is on."""
        if not self.covers(at_ns) or self.is_always_open:
            return since_last_s
        session = self.session_at(at_ns)
        if session is None:
            return 0.0
        return min(since_last_s, (at_ns - session.opens_ns) / NS_PER_S)

    def trading_day(self, at_ns: int) -> date:
        """The day of the session that is on, else the day where the exchange is."""
        session = self.session_at(at_ns)
        if session is not None:
            return session.day
        return datetime.fromtimestamp(at_ns // NS_PER_S, tz=self._zone).date()

    def day_at(self, at_ns: int) -> TradingDay:
        """From midnight to midnight where the exchange is, with what is between its first opening and its last close
        of that day; a week begins there on Monday."""
        here = datetime.fromtimestamp(at_ns // NS_PER_S, tz=self._zone).date()
        start_ns, next_ns = self._midnight_ns(here), self._midnight_ns(here + timedelta(days=1))
        of_day = self._sessions[bisect_left(self._opens, start_ns) : bisect_left(self._opens, next_ns)]
        return TradingDay(
            start_ns,
            self._midnight_ns(here - timedelta(days=here.weekday())),
            has_sessions=not self.is_always_open,
            session=Hours(of_day[0].opens_ns, of_day[-1].closes_ns) if of_day else None,
        )

    def _midnight_ns(self, day: date) -> int:
        return int(datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp()) * NS_PER_S


NEVER_CLOSED = Calendar(ALWAYS)
