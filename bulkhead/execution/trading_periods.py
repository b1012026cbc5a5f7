"""What the account was worth when the trading day and the week began, over restarts. Pure.

A day begins with the last equity told before it, so that what the market did over night counts, whether the process ran
then or not. A clock that steps back over midnight gives no day back.
"""

from decimal import Decimal
from typing import NamedTuple

from bulkhead.execution.exact import exact
from messages.portfolio import PortfolioSnapshot
from messages.trading_day import TradingDay


class Periods(NamedTuple):
    day_start_ns: int
    week_start_ns: int
    day_equity: Decimal | None
    """None: the day begins with the next valuation."""
    week_equity: Decimal | None

    def begun_with(self, equity: Decimal) -> "Periods":
        """After a valuation: what had no beginning has one."""
        return self._replace(
            day_equity=equity if self.day_equity is None else self.day_equity,
            week_equity=equity if self.week_equity is None else self.week_equity,
        )


EMPTY = Periods(-1, -1, None, None)


def rolled(periods: Periods, day: TradingDay, last_equity: Decimal | None) -> Periods:
    """As of `day`. `last_equity` None: nothing was ever told, and what begins waits for the next valuation."""
    if day.start_ns > periods.day_start_ns:
        periods = periods._replace(day_start_ns=day.start_ns, day_equity=last_equity)
    if day.week_start_ns > periods.week_start_ns:
        periods = periods._replace(week_start_ns=day.week_start_ns, week_equity=last_equity)
    return periods


def resumed(last: PortfolioSnapshot, its_day: TradingDay, day: TradingDay) -> Periods:
    """From the last portfolio on record and the day that it is of. A snapshot of an older version does not tell the
    week's profit: that of its day stands for it."""
    with exact():
        week_pnl = last.day_pnl if last.week_pnl is None else last.week_pnl
        then = Periods(its_day.start_ns, its_day.week_start_ns, last.equity - last.day_pnl, last.equity - week_pnl)
    return rolled(then, day, last.equity)


def shifted(periods: Periods, amount: Decimal) -> Periods:
    """Money came in or went out: neither profit nor loss. Call inside `exact()`."""
    return periods._replace(
        day_equity=None if periods.day_equity is None else periods.day_equity + amount,
        week_equity=None if periods.week_equity is None else periods.week_equity + amount,
    )
