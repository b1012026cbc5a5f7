"""Days and weeks: what the account was worth when they began, over restarts, deposits and clocks that step back."""

from typing import Any

import pytest

from bulkhead.execution.exact import exact
from bulkhead.execution.trading_periods import EMPTY, Periods, resumed, rolled, shifted
from messages.trading_day import NS_PER_DAY, day_with_offset, utc_day
from tests.risk.portfolios import D, portfolio

MONDAY = 1_699_833_600 * 1_000_000_000
"""2023-11-13, a Monday, 00:00 UTC."""


def at(days: float) -> int:
    return MONDAY + int(days * NS_PER_DAY)


def equities(periods: Periods) -> tuple[Any, Any]:
    return periods.day_equity, periods.week_equity


@pytest.mark.parametrize(("days", "day", "week"), [(0, 0, 0), (0.999, 0, 0), (1, 1, 0), (6.5, 6, 0), (7, 7, 7)])
def test_weeks_begin_on_monday(days: float, day: int, week: int) -> None:
    found = utc_day(at(days))
    assert (found.start_ns, found.week_start_ns) == (at(day), at(week))


def test_a_day_may_begin_elsewhere() -> None:
    nine = 9 * 3_600 * 1_000_000_000
    assert day_with_offset(at(0) - 1, nine).start_ns == at(0) - nine
    assert day_with_offset(at(1) - nine, nine).start_ns == at(1) - nine
    assert day_with_offset(at(1) - nine - 1, nine).start_ns == at(0) - nine
    assert day_with_offset(at(0), nine).week_start_ns == at(0) - nine


def test_a_new_day_begins_with_what_was_told_last_and_a_step_back_changes_nothing() -> None:
    first = rolled(EMPTY, utc_day(at(0)), None).begun_with(D(100))
    assert equities(first) == (100, 100)
    second = rolled(first, utc_day(at(1)), D(90))
    assert equities(second) == (90, 100)
    assert rolled(second, utc_day(at(0.5)), D(50)) == second
    week = rolled(second, utc_day(at(7)), D(80))
    assert equities(week) == (80, 80)
    assert rolled(week, utc_day(at(6)), D(50)) == week


@pytest.mark.req("S-07")
@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (1.1, (110, 130)),  # the same day: 10 lost of it, 30 of the week
        (2.1, (100, 130)),  # what came after counts to the new day
        (8.1, (100, 100)),
    ],
)
def test_a_restart_goes_on_with_the_day_and_week_that_it_finds(days: float, expected: tuple[int, int]) -> None:
    last = portfolio(equity=D(100), day_pnl=D(-10), week_pnl=D(-30), at_ns=at(1.05))
    assert equities(resumed(last, utc_day(last.at_ns), utc_day(at(days)))) == expected


def test_a_snapshot_of_an_older_version_has_no_week() -> None:
    last = portfolio(equity=D(100), day_pnl=D(-10), at_ns=at(1.05))
    assert equities(resumed(last, utc_day(last.at_ns), utc_day(at(1.1)))) == (110, 110)


def test_a_deposit_is_no_profit() -> None:
    with exact():
        assert equities(shifted(Periods(0, 0, D(100), D(90)), D(50))) == (150, 140)
        assert shifted(EMPTY, D(50)) == EMPTY
