"""The Korean exchange (KRX): ticks, price limits, trading hours and holidays. Facts and pure functions only.

Not here: orders, accounts, any broker's wire. Both an adapter and a simulated venue may use this module.

Where the facts come from:
- Ticks of shares, on KOSPI, KOSDAQ and KONEX alike, since 2023-01-25: KRX's announcement of 2022-11-01, as told in
  the press (etoday.co.kr 2213548, investing.com article-871878).
- Ticks of ETFs and ETNs, 1 won below 2,000 won and 5 won from there: KRX's announcement of 2023-10-05, in force since
  December 2023 (mediapen.com 860330, etoday.co.kr 2289674).
- Price limits since 2015-06-15: global.krx.co.kr, "Daily Price Limits", with the example that the tests repeat.
- Hours: 09:00 to 15:30 without a break since 2016-08-01. The year's first session opens at 10:00 and closes as ever;
  on the day of the national university entrance examination (CSAT) both come one hour later. Holidays:
  exchange_calendars' XKRX, and below what its release 4.13.2 does not know.
- KRX's own pre-market and after-market (since 2026-09-14) are not trading hours here: this house trades the regular
  session only.

Korea has had no summer time since 1988, so KST is nine hours ahead of UTC and nothing else.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache

from bulkhead.venues import exchanges
from bulkhead.venues.exchanges import CalendarMissing, Session
from messages.instruments import TickBand, tick_in

__all__ = ["CalendarMissing", "Session"]

KST = timezone(timedelta(hours=9), "KST")


def _bands(*rows: tuple[int, int]) -> tuple[TickBand, ...]:
    return tuple(TickBand(from_price=Decimal(price), tick_size=Decimal(tick)) for price, tick in rows)


TICK_BANDS = _bands((0, 1), (2_000, 5), (5_000, 10), (20_000, 50), (50_000, 100), (200_000, 500), (500_000, 1_000))
"""Shares, in won."""
ETF_TICK_BANDS = _bands((0, 1), (2_000, 5))
"""ETFs and ETNs, in won."""
LIMIT_RATIO = Decimal("0.3")
"""How far from the base price a share may trade in one day, as a ratio."""

CALENDAR_FROM, CALENDAR_TO = date(2020, 1, 1), date(2035, 12, 31)
"""The calendar answers for these days. Days to come are as the law of today has them: KRX also closes at short
notice, for elections and days that the government declares."""

CLOSED_BESIDES = frozenset(
    {
        date(2026, 6, 3),  # local elections: exchange_calendars#574, merged after 4.13.2
        date(2026, 7, 17),  # Constitution Day, a holiday again since 2026: exchange_calendars#583
        date(2027, 5, 3),  # Labour Day (a Saturday) is a public holiday since 2026, with a day in lieu: #574
        date(2027, 7, 19),  # Constitution Day (a Saturday), with a day in lieu: #583
    }
)
"""Sessions of exchange_calendars 4.13.2 on which KRX did not or will not trade."""

CSAT_DAYS = frozenset(
    {
        date(2020, 12, 3),  # hankyung.com 2020112799257
        date(2021, 11, 18),  # donga.com 110076830
        date(2022, 11, 17),  # khan.co.kr 202211161242001
        date(2023, 11, 16),  # from memory
        date(2024, 11, 14),  # from memory
        date(2025, 11, 13),  # edaily.co.kr 05520246642365064
        date(2026, 11, 19),  # the ministry's plan: news1.kr 5511338; the hour later as in every year before
    }
)
"""Days of the examination: open from 10:00 to 16:30. The date is told a year and more ahead; add the next here."""

_OPEN, _CLOSE, _LATER = time(9), time(15, 30), timedelta(hours=1)


class OutsideCalendar(ValueError):
    """A day that the calendar does not cover, or a session asked for on a day without one."""


def tick_at(price: Decimal, is_etf: bool = False) -> Decimal:
    """The tick that a price in won must be a multiple of. ETFs and ETNs have their own. ValueError below zero."""
    return tick_in(ETF_TICK_BANDS if is_etf else TICK_BANDS, price)


def limits(base_price: Decimal, is_etf: bool = False, *, leverage: int = 1) -> tuple[Decimal, Decimal]:
    """(lower, upper): the prices in won between which orders of the day are taken, both on their tick.

    `base_price` is yesterday's close but for rights. The way of rounding is KRX's: the ratio's part loses what is less
    than the base price's tick, then the limit itself what is less than its own tick, always towards the base price.
    A leveraged ETF's limits are as many times as far (a twofold one's: 60 %). ValueError when nothing is left to trade.
    """
    if base_price <= 0 or leverage < 1:
        raise ValueError(f"no price limits around a base price of {base_price} with leverage {leverage}")
    reach = _rounded(base_price * LIMIT_RATIO * leverage, tick_at(base_price, is_etf), ROUND_FLOOR)
    lower, upper = base_price - reach, base_price + reach
    lower = _rounded(lower, tick_at(lower, is_etf), ROUND_CEILING)
    upper = _rounded(upper, tick_at(upper, is_etf), ROUND_FLOOR)
    return max(lower, tick_at(Decimal(0), is_etf)), upper


def _rounded(price: Decimal, tick: Decimal, way: str) -> Decimal:
    return (price / tick).to_integral_value(way) * tick


def kst_day(at_ns: int) -> date:
    """The day in Korea."""
    return datetime.fromtimestamp(at_ns // 1_000_000_000, tz=KST).date()


def is_trading_at(at_ns: int) -> bool:
    """Whether the regular session is on, its opening included, its close not."""
    session = _schedule().get(_covered(kst_day(at_ns)))
    return session is not None and session.opens_ns <= at_ns < session.closes_ns


def next_open_ns(at_ns: int) -> int:
    """When the next session opens after `at_ns`; one that is on has opened already."""
    _covered(kst_day(at_ns))
    opens = _opens_ns()
    place = bisect_right(opens, at_ns)
    if place == len(opens):
        raise OutsideCalendar(f"no session after {kst_day(at_ns)} is known: the calendar ends on {CALENDAR_TO}")
    return opens[place]


def session_of(day: date) -> Session | None:
    """The day's session in Korea; None when KRX is closed."""
    return _schedule().get(_covered(day))


def open_ns(day: date) -> int:
    return _session(day).opens_ns


def close_ns(day: date) -> int:
    """When the day's session closes. OutsideCalendar for a day without one."""
    return _session(day).closes_ns


def sessions_between(first: date, last: date) -> tuple[date, ...]:
    """The days with a session, both ends included, oldest first."""
    _covered(first), _covered(last)
    return tuple(day for day in _schedule() if first <= day <= last)


def sessions() -> tuple[Session, ...]:
    """Every session that the calendar covers, oldest first."""
    return tuple(_schedule().values())


def _session(day: date) -> Session:
    session = session_of(day)
    if session is None:
        raise OutsideCalendar(f"KRX has no session on {day}")
    return session


def _covered(day: date) -> date:
    if not CALENDAR_FROM <= day <= CALENDAR_TO:
        raise OutsideCalendar(f"{day} is outside of the calendar, which covers {CALENDAR_FROM} to {CALENDAR_TO}")
    return day


@lru_cache(maxsize=1)
def _opens_ns() -> tuple[int, ...]:
    return tuple(session.opens_ns for session in _schedule().values())


@lru_cache(maxsize=1)
def _schedule() -> dict[date, Session]:
    """Every session by its day, oldest first. Made once, when first asked for: it takes about two seconds."""
    days = [day for day in exchanges.days("XKRX", CALENDAR_FROM, CALENDAR_TO) if day not in CLOSED_BESIDES]
    first_of_year = {day.year: day for day in reversed(days)}
    return {day: _hours(day, is_first=first_of_year[day.year] == day) for day in days}


def _hours(day: date, *, is_first: bool) -> Session:
    is_csat = day in CSAT_DAYS
    opens = datetime.combine(day, _OPEN, tzinfo=KST) + (_LATER if is_first or is_csat else timedelta(0))
    closes = datetime.combine(day, _CLOSE, tzinfo=KST) + (_LATER if is_csat else timedelta(0))
    return Session(day, _ns(opens), _ns(closes))


def _ns(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000
