"""Facts of the Korean exchange, each beside what KRX or the press says of it."""

import sys
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.venues import krx
from bulkhead.venues.krx import KST, CalendarMissing, OutsideCalendar

_WON = st.integers(1, 3_000_000).map(Decimal)


def _at(*parts: int) -> int:
    """Nanoseconds of a time in Korea."""
    return int(datetime(*parts, tzinfo=KST).timestamp()) * 1_000_000_000  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        *((1, 1), (1_999, 1), (2_000, 5), (4_995, 5), (5_000, 10), (19_990, 10), (20_000, 50), (49_950, 50)),
        *((50_000, 100), (199_900, 100), (200_000, 500), (499_500, 500), (500_000, 1_000), (2_000_000, 1_000)),
    ],
)
def test_the_tick_of_a_share_grows_with_its_price(price: int, tick: int) -> None:
    assert krx.tick_at(Decimal(price)) == tick


@pytest.mark.parametrize(("price", "tick"), [(1_999, 1), (2_000, 5), (35_000, 5), (600_000, 5)])
def test_the_tick_of_an_etf_is_five_won_and_one_below_2000(price: int, tick: int) -> None:
    assert krx.tick_at(Decimal(price), is_etf=True) == tick


def test_no_tick_below_zero() -> None:
    with pytest.raises(ValueError, match="-1"):
        krx.tick_at(Decimal(-1))


@pytest.mark.parametrize(
    ("base", "lower", "upper"),
    [
        (9_980, 6_990, 12_970),  # KRX's own example for KOSPI
        (9_940, 6_960, 12_920),  # and for KOSDAQ, by the ticks of today
        (70_000, 49_000, 91_000),
        (160_000, 112_000, 208_000),  # the upper one lies in a band of 500
        (165_700, 116_000, 215_000),  # 215,400 is no price there
        (1, 1, 1),  # nothing is left of the third of a won
    ],
)
def test_the_limits_are_thirty_per_cent_rounded_as_krx_rounds(base: int, lower: int, upper: int) -> None:
    assert krx.limits(Decimal(base)) == (Decimal(lower), Decimal(upper))


def test_a_twofold_etf_may_go_twice_as_far() -> None:
    assert krx.limits(Decimal(10_000), is_etf=True, leverage=2) == (Decimal(4_000), Decimal(16_000))


@given(base=_WON, is_etf=st.booleans())
def test_limits_lie_on_their_ticks_and_never_further_than_the_ratio(base: Decimal, is_etf: bool) -> None:
    lower, upper = krx.limits(base, is_etf)
    for limit in (lower, upper):
        assert limit % krx.tick_at(limit, is_etf) == 0
        assert abs(limit - base) <= base * krx.LIMIT_RATIO or limit == 1
    assert 0 < lower <= upper


@pytest.mark.parametrize("base", [Decimal(0), Decimal(-5)])
def test_no_limits_around_nothing(base: Decimal) -> None:
    with pytest.raises(ValueError, match="base price"):
        krx.limits(base)


@pytest.mark.parametrize(
    ("at_ns", "is_trading"),
    [
        (_at(2026, 3, 3, 8, 59, 59), False),
        (_at(2026, 3, 3, 9), True),
        (_at(2026, 3, 3, 15, 29, 59), True),
        (_at(2026, 3, 3, 15, 30), False),
        (_at(2026, 3, 7, 10), False),  # a Saturday
    ],
)
def test_the_regular_session_is_from_nine_to_half_past_three(at_ns: int, is_trading: bool) -> None:
    assert krx.is_trading_at(at_ns) is is_trading


@pytest.mark.parametrize(
    "day",
    [
        *(date(2026, 1, 1), date(2026, 2, 16), date(2026, 2, 17), date(2026, 2, 18)),  # Seollal, by the moon
        *(date(2026, 3, 2), date(2026, 5, 1), date(2026, 5, 5), date(2026, 5, 25)),
        *(date(2026, 6, 3), date(2026, 7, 17), date(2026, 8, 17)),  # elections and Constitution Day: ours
        *(date(2026, 9, 24), date(2026, 9, 25), date(2026, 10, 5), date(2026, 10, 9)),  # Chuseok, by the moon
        *(date(2026, 12, 25), date(2026, 12, 31)),  # the last day of the year is none
    ],
)
def test_the_holidays_of_2026(day: date) -> None:
    assert krx.session_of(day) is None
    assert not krx.is_trading_at(_at(day.year, day.month, day.day, 11))


def test_2026_has_244_sessions_and_no_other_holidays() -> None:
    # 261 days from Monday to Friday, less the 17 above.
    days = krx.sessions_between(date(2026, 1, 1), date(2026, 12, 31))
    assert len(days) == 244
    assert (days[0], days[-1]) == (date(2026, 1, 2), date(2026, 12, 30))


@pytest.mark.parametrize("day", [date(2021, 11, 18), date(2025, 11, 13), date(2026, 11, 19)])
def test_on_the_examination_day_the_session_is_an_hour_later(day: date) -> None:
    parts = (day.year, day.month, day.day)
    assert krx.open_ns(day) == _at(*parts, 10)
    assert krx.close_ns(day) == _at(*parts, 16, 30)


@pytest.mark.parametrize("day", [date(2025, 1, 2), date(2026, 1, 2), date(2027, 1, 4)])
def test_the_first_session_of_the_year_opens_an_hour_later_and_closes_as_ever(day: date) -> None:
    parts = (day.year, day.month, day.day)
    assert krx.open_ns(day) == _at(*parts, 10)
    assert krx.close_ns(day) == _at(*parts, 15, 30)


def test_the_next_open_is_after_the_weekend_and_the_holidays() -> None:
    assert krx.next_open_ns(_at(2026, 2, 13, 15, 30)) == _at(2026, 2, 19, 9)  # over Seollal
    assert krx.next_open_ns(_at(2026, 3, 3, 8)) == _at(2026, 3, 3, 9)
    assert krx.next_open_ns(_at(2026, 3, 3, 9)) == _at(2026, 3, 4, 9)  # it has opened
    assert krx.next_open_ns(_at(2026, 12, 30, 16)) == _at(2027, 1, 4, 10)


def test_the_day_is_that_in_korea() -> None:
    late = int(datetime(2026, 3, 2, 23, 59, tzinfo=UTC).timestamp()) * 1_000_000_000
    assert krx.kst_day(late) == date(2026, 3, 3)


def test_a_day_without_a_session_has_no_close() -> None:
    with pytest.raises(OutsideCalendar, match="2026-02-17"):
        krx.close_ns(date(2026, 2, 17))


def test_days_that_the_calendar_does_not_cover_are_refused_rather_than_closed() -> None:
    with pytest.raises(OutsideCalendar, match="2019-12-30"):
        krx.is_trading_at(_at(2019, 12, 30, 10))
    with pytest.raises(OutsideCalendar, match="2036-01-02"):
        krx.sessions_between(date(2026, 1, 2), date(2036, 1, 2))
    with pytest.raises(OutsideCalendar, match="2035-12-31"):
        krx.next_open_ns(_at(2035, 12, 31, 10))


def test_the_days_of_our_own_tables_are_days_on_which_they_matter() -> None:
    """A holiday on a weekend, or an examination without a session, would be a typing error."""
    assert all(day.weekday() < 5 for day in krx.CLOSED_BESIDES)
    assert all(krx.session_of(day) is not None for day in krx.CSAT_DAYS)


def test_whoever_lacks_the_calendar_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    krx._schedule.cache_clear()  # it is made once a process
    with pytest.raises(CalendarMissing, match=r"\.\[calendars\]"):
        krx.is_trading_at(_at(2026, 3, 3, 10))
