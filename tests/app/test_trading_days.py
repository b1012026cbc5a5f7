"""The day that limits count by: the exchange's where there is one, and time windows that must leave something of it."""

import time
from datetime import date
from typing import Any

import pytest

from bulkhead.app import trading_days
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import Settings, check_settings
from bulkhead.market.calendar import NEVER_CLOSED, Calendar, MarketSession
from messages.trading_day import NS_PER_DAY, utc_day

NOON = 20_000 * NS_PER_DAY + NS_PER_DAY // 2
HOUR = NS_PER_DAY // 24
OPEN_NOW = MarketSession(date(2024, 10, 4), NOON - HOUR, NOON + HOUR)
ONE, OTHER = Calendar("XONE", [OPEN_NOW]), Calendar("XTWO", [OPEN_NOW])


def settings(adapter: str = "binance", **risk: Any) -> Settings:
    return check_settings({"venue": {"adapter": adapter}, "risk": risk}, "test")


def test_the_day_is_that_of_the_one_exchange() -> None:
    assert trading_days.day_of(settings(), {"A": ONE, "B": ONE})(NOON) == ONE.day_at(NOON)
    assert trading_days.day_of(settings(), {"A": ONE, "B": NEVER_CLOSED})(NOON).session is not None


@pytest.mark.parametrize("calendars", [{}, {"A": NEVER_CLOSED}, {"A": ONE, "B": OTHER}])
def test_without_one_it_has_no_session(calendars: dict[str, Calendar]) -> None:
    assert trading_days.day_of(settings(), calendars)(NOON) == utc_day(NOON)
    assert trading_days.day_of(settings("kis"), calendars)(NOON) == trading_days.korean_day(NOON)
    assert trading_days.korean_day(NOON).start_ns == NOON - 21 * HOUR, "noon is nine in the evening there"


@pytest.mark.parametrize(
    ("calendar", "seconds", "words"),
    [
        (ONE, 3_599, None),
        (ONE, 3_600, "leave nothing of a session of 7200 s"),
        (NEVER_CLOSED, 60, "never opens or closes"),
        (NEVER_CLOSED, 0, None),
    ],
)
def test_windows_that_leave_nothing_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, calendar: Calendar, seconds: float, words: str | None
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: NOON)
    both = settings(no_entry_first_s=seconds, no_entry_last_s=seconds)
    if words is None:
        trading_days.check_windows(both, {"A": calendar})
        return
    with pytest.raises(Stopped, match=words) as stopped:
        trading_days.check_windows(both, {"A": calendar})
    assert stopped.value.code is ExitCode.CONFIG
