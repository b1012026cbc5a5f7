"""The sessions of an exchange, by the name that exchange_calendars gives it (its MIC: XKRX, XNYS, XTKS...).

This is the one module that reads that library; with KRX come the corrections that `krx.py` keeps. A break at noon ends
one session, and the next begins after it: nothing trades meanwhile.
"""

from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple

FIRST, LAST = date(2010, 1, 1), date(2035, 12, 31)
"""So far sessions are read where the library knows them: some holidays are told a year ahead only."""
HOW_TO_INSTALL = "pip install -e '.[calendars]' here"


class CalendarMissing(ImportError):
    """exchange_calendars is not installed."""


class UnknownExchange(ValueError):
    """No exchange is known by this name."""


class Session(NamedTuple):
    """In nanoseconds since 1970 UTC: open at `opens_ns`, closed at `closes_ns`. `day` is the exchange's name for it."""

    day: date
    opens_ns: int
    closes_ns: int


class Exchange(NamedTuple):
    zone: tzinfo
    sessions: tuple[Session, ...]
    """Oldest first; two a day where there is a break."""


@lru_cache(maxsize=8)
def exchange(name: str) -> Exchange:
    """Every session from FIRST to LAST, or as far as the library knows. Takes a second or two, once a process.

    Raises CalendarMissing and UnknownExchange."""
    found = _calendar(name, FIRST, LAST)
    if name == "XKRX":
        from bulkhead.venues import krx  # which asks this module for the days

        return Exchange(krx.KST, tuple(Session(*each) for each in krx.sessions()))
    schedule = found.schedule
    columns = [schedule[part].tolist() for part in ("open", "break_start", "break_end", "close")]
    sessions: list[Session] = []
    for day, opens, break_start, break_end, closes in zip(schedule.index.tolist(), *columns, strict=True):
        # NaT, where there is no break, is the one time that differs from itself.
        parts = ((opens, closes),) if break_start != break_start else ((opens, break_start), (break_end, closes))
        sessions += (Session(day.date(), _ns(start), _ns(end)) for start, end in parts)
    return Exchange(found.tz, tuple(sessions))


def days(name: str, first: date, last: date) -> list[date]:
    """The days with a session, as the library has them. Raises as `exchange`."""
    return [stamp.date() for stamp in _calendar(name, first, last).sessions]


def _calendar(name: str, first: date, last: date) -> Any:
    # Imported here: with pandas it takes a second and 180 MB, which nobody who trades elsewhere should need.
    try:
        import exchange_calendars
    except ImportError as error:
        raise CalendarMissing(f"the sessions of {name} need exchange_calendars: {HOW_TO_INSTALL}") from error
    names = exchange_calendars.get_calendar_names()
    if name not in names:
        raise UnknownExchange(f"no exchange is called {name!r}; exchange_calendars knows {', '.join(_mics(names))}")
    try:
        return exchange_calendars.get_calendar(name, start=first, end=last)
    except ValueError:
        # Some exchanges tell their holidays a year ahead, and the library refuses to guess further.
        return exchange_calendars.get_calendar(name)


def _mics(names: list[str]) -> list[str]:
    return sorted(name for name in names if len(name) == 4 and name.startswith("X") and name.isupper())


def _ns(stamp: Any) -> int:
    at: datetime = stamp.to_pydatetime().astimezone(UTC)
    return int(at.timestamp()) * 1_000_000_000
