"""Sessions of exchanges by name, each beside what the exchange publishes."""

import sys
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from bulkhead.venues import exchanges, krx
from bulkhead.venues.exchanges import CalendarMissing, Session, UnknownExchange, exchange

NEW_YORK_WINTER, NEW_YORK_SUMMER = timezone(timedelta(hours=-5)), timezone(timedelta(hours=-4))


def ns(year: int, month: int, day: int, hour: int, minute: int, zone: timezone = UTC) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=zone).timestamp()) * 1_000_000_000


@pytest.mark.req("P-02")
@pytest.mark.parametrize(
    ("day", "opens_ns", "closes_ns"),
    [
        ((2013, 10, 9), ns(2013, 10, 9, 9, 30, NEW_YORK_SUMMER), ns(2013, 10, 9, 16, 0, NEW_YORK_SUMMER)),
        ((2026, 1, 5), ns(2026, 1, 5, 9, 30, NEW_YORK_WINTER), ns(2026, 1, 5, 16, 0, NEW_YORK_WINTER)),
        # The day after Thanksgiving is a short one.
        ((2025, 11, 28), ns(2025, 11, 28, 9, 30, NEW_YORK_WINTER), ns(2025, 11, 28, 13, 0, NEW_YORK_WINTER)),
    ],
)
def test_new_york_with_summer_time_and_short_days(day: tuple[int, int, int], opens_ns: int, closes_ns: int) -> None:
    assert Session(date(*day), opens_ns, closes_ns) in exchange("XNYS").sessions


def test_a_break_at_noon_ends_a_session() -> None:
    day = date(2026, 1, 5)
    of_day = [each for each in exchange("XTKS").sessions if each.day == day]
    assert [(each.opens_ns, each.closes_ns) for each in of_day] == [
        (ns(2026, 1, 5, 0, 0), ns(2026, 1, 5, 2, 30)),  # 9:00 to 11:30 in Tokyo
        (ns(2026, 1, 5, 3, 30), ns(2026, 1, 5, 6, 30)),  # 12:30 to 15:30
    ]


def test_korea_has_its_corrections() -> None:
    sessions = exchange("XKRX").sessions
    days = {each.day: each for each in sessions}
    assert date(2026, 7, 17) not in days, "Constitution Day, which the library does not know"
    assert days[date(2026, 11, 19)].opens_ns == krx.open_ns(date(2026, 11, 19)), "the examination day"


def test_an_exchange_whose_holidays_are_told_a_year_ahead_is_read_as_far_as_it_is_known() -> None:
    assert exchange("XSHG").sessions[-1].day >= date(2026, 1, 5)


def test_unknown_names_are_told_which_there_are() -> None:
    with pytest.raises(UnknownExchange, match=r"'NOPE'.*XKRX.*XNYS"):
        exchange("NOPE")


def test_whoever_lacks_the_library_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    exchanges.exchange.cache_clear()
    with pytest.raises(CalendarMissing, match=r"XLON.*\.\[calendars\]"):
        exchange("XLON")
