"""Days and hours of the simulated exchange, as text and as yes or no. Time is the venue's, days are Korea's."""

from datetime import date, datetime, timedelta
from functools import lru_cache

from bulkhead.venues import krx
from bulkhead.venues.simulator.errors import SimulatorError

_LONGEST_BREAK_DAYS = 30
"""Far more than KRX was ever closed between two sessions."""


def kst(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, tz=krx.KST)


def date_text(day: date) -> str:
    return day.strftime("%Y%m%d")


def time_text(at_ms: int) -> str:
    return kst(at_ms).strftime("%H%M%S")


class Hours:
    """When orders are taken, and which days count for settlement. `is_always_open`: at any time, and every day."""

    def __init__(self, is_always_open: bool, now_ms: int) -> None:
        """Raises SimulatorError when the calendar cannot be read or does not reach so far."""
        self._is_always_open = is_always_open
        self._after = lru_cache(maxsize=1_000)(self._find_after)
        if not is_always_open:
            try:
                krx.is_trading_at(now_ms * 1_000_000)
            except (krx.OutsideCalendar, krx.CalendarMissing) as error:
                raise SimulatorError(f"no trading hours: {error}; always_open = true needs none") from error

    def is_open(self, at_ms: int) -> bool:
        return self._is_always_open or krx.is_trading_at(at_ms * 1_000_000)

    def sessions_after(self, day: date, count: int) -> date:
        """The day of the session that is `count` sessions after `day`, which need not be one itself."""
        return self._after(day, count)

    def _find_after(self, day: date, count: int) -> date:
        if self._is_always_open:
            return day + timedelta(days=count)
        one = timedelta(days=1)
        return krx.sessions_between(day + one, day + one * _LONGEST_BREAK_DAYS)[count - 1]
