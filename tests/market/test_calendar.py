"""Calendars: when silence counts, and which day it is."""

from datetime import date, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.market.calendar import NEVER_CLOSED, NS_PER_S, Calendar, MarketSession
from messages.trading_day import utc_day

HOUR = 3_600 * NS_PER_S
DAY = 24 * HOUR
MONDAY = 20_000 * DAY
"""2024-10-04 in UTC, at midnight."""
KST = timezone(timedelta(hours=9))
SESSIONS = [MarketSession(date(2024, 10, 4 + n), MONDAY + n * DAY, MONDAY + n * DAY + 6 * HOUR) for n in range(3)]
KOREAN = Calendar("XTST", reversed(SESSIONS), KST)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [(-1, False), (0, True), (6 * HOUR - 1, True), (6 * HOUR, False), (DAY, True), (2 * DAY + 6 * HOUR, False)],
)
def test_open_from_the_opening_to_the_close(at: int, is_open: bool) -> None:
    assert KOREAN.is_open_at(MONDAY + at) is is_open
    assert NEVER_CLOSED.is_open_at(MONDAY + at)


@pytest.mark.parametrize(
    ("at", "counts_s"),
    [(7 * HOUR, 0.0), (DAY + 5 * NS_PER_S, 5.0), (DAY + 2_000 * NS_PER_S, 1_000.0), (-1, 1_000.0), (9 * DAY, 1_000.0)],
)
def test_silence_counts_in_sessions_and_where_nothing_is_known(at: int, counts_s: float) -> None:
    assert KOREAN.silent_s(MONDAY + at, 1_000.0) == counts_s
    assert NEVER_CLOSED.silent_s(MONDAY + at, 1_000.0) == 1_000.0


def test_the_trading_day_is_the_sessions_else_that_where_the_exchange_is() -> None:
    assert KOREAN.trading_day(MONDAY) == date(2024, 10, 4)
    assert KOREAN.trading_day(MONDAY + 14 * HOUR) == date(2024, 10, 4)
    assert KOREAN.trading_day(MONDAY + 15 * HOUR) == date(2024, 10, 5), "midnight in Korea"
    assert NEVER_CLOSED.trading_day(MONDAY + 15 * HOUR) == date(2024, 10, 4), "in UTC"


def test_a_session_over_midnight_has_one_day() -> None:
    night = Calendar("XTST", [MarketSession(date(2024, 10, 5), MONDAY + 22 * HOUR, MONDAY + 30 * HOUR)])
    assert {night.trading_day(MONDAY + hour * HOUR) for hour in (22, 23, 24, 29)} == {date(2024, 10, 5)}


@given(st.integers(-DAY, 4 * DAY), st.floats(0, 1e6))
def test_no_more_counts_than_was_silent(at: int, silent_s: float) -> None:
    assert 0.0 <= KOREAN.silent_s(MONDAY + at, silent_s) <= silent_s


@pytest.mark.parametrize(
    ("at", "start", "has_session"),
    [
        (-9 * HOUR, -9, True),
        (0, -9, True),
        (15 * HOUR - 1, -9, True),
        (15 * HOUR, 15, True),
        (9 * DAY, 9 * 24 - 9, False),
    ],
)
def test_its_day_is_from_midnight_to_midnight_there_with_its_session(at: int, start: int, has_session: bool) -> None:
    day = KOREAN.day_at(MONDAY + at)
    assert day.start_ns == MONDAY + start * HOUR
    assert day.has_sessions
    opens_ns = MONDAY + (start + 9) * HOUR
    assert (day.session is not None) is has_session
    if day.session is not None:
        assert day.session == (opens_ns, opens_ns + 6 * HOUR)


def test_a_break_at_noon_is_within_the_session_of_the_day() -> None:
    morning = MarketSession(date(2024, 10, 4), MONDAY, MONDAY + 2 * HOUR)
    noon = MarketSession(date(2024, 10, 4), MONDAY + 3 * HOUR, MONDAY + 6 * HOUR)
    assert Calendar("XTST", [morning, noon], KST).day_at(MONDAY).session == (MONDAY, MONDAY + 6 * HOUR)


def test_a_day_with_a_change_of_the_clock_is_as_long_as_it_is() -> None:
    new_york = Calendar("XTST", SESSIONS, ZoneInfo("America/New_York"))
    winter = 1_730_606_400 * NS_PER_S  # Sunday 2024-11-03, 00:00 there: 25 hours long
    assert new_york.day_at(winter).start_ns == winter
    assert new_york.day_at(winter + 25 * HOUR - 1).start_ns == winter
    assert new_york.day_at(winter + 25 * HOUR).start_ns == winter + 25 * HOUR
    assert new_york.day_at(winter).week_start_ns == winter - 6 * DAY


def test_what_never_closes_has_the_days_of_utc_and_no_session() -> None:
    assert NEVER_CLOSED.day_at(MONDAY + HOUR) == utc_day(MONDAY + HOUR)
