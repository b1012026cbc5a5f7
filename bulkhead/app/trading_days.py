"""Which trading day it is at the venue of a configuration: the one function that all who count by day are given."""

import time
from collections.abc import Mapping

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import Settings
from bulkhead.market.calendar import Calendar
from bulkhead.risk.contradictions import window_contradictions
from messages.trading_day import NS_PER_S, DayOf, TradingDay, day_with_offset, utc_day

_KST_NS = 9 * 3_600 * NS_PER_S


def day_of(settings: Settings, calendars: Mapping[str, Calendar]) -> DayOf:
    """The day of the one exchange that the symbols follow, with its session. Without one, or with several, it has no
    session: then it is Korea's at KIS, and else that of UTC."""
    exchanges = {calendar.name: calendar for calendar in calendars.values() if not calendar.is_always_open}
    if len(exchanges) == 1:
        return next(iter(exchanges.values())).day_at
    return korean_day if settings.venue.adapter == "kis" else utc_day


def korean_day(now_ns: int) -> TradingDay:
    """Midnight to midnight in Korea, without hours."""
    return day_with_offset(now_ns, _KST_NS)


def check_windows(settings: Settings, calendars: Mapping[str, Calendar]) -> None:
    """The risk guard's time windows, against the hours that the exchange has today. Raises Stopped."""
    found = window_contradictions(settings.risk, day_of(settings, calendars)(time.time_ns()))
    if found:
        raise Stopped(ExitCode.CONFIG, "; ".join(found))
