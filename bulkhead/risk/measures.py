"""Figures beside their limits: up is worse in each, and anything at or below zero is fine.

Those of `of_losses` and `of_execution` trip, those of `of_data` alert or trip, those of `of_growth` only alert: what
they limit is refused before the trade. Pure; posttrade.py judges them.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import reduce
from typing import NamedTuple

from bulkhead.risk.exposure import Exposure, by_symbol, open_positions, worst_net
from bulkhead.risk.health import HealthBoard, late_shares
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.numbers import WIDE, ZERO
from bulkhead.risk.pretrade_exposure import in_sector
from bulkhead.risk.quality import ExecutionQuality
from bulkhead.risk.rate import OrderRate
from messages.portfolio import PortfolioSnapshot
from messages.values import Side


class Measure(NamedTuple):
    """One figure beside its limit."""

    name: str
    """Of the limit."""
    value: Decimal
    limit: Decimal
    detail: str
    subject: str = ""
    """Of which symbol, sector or order, where a limit holds for each of them."""
    subjects: Mapping[str, str] = {}
    """Scopes that it concerns, by kind: symbol, strategy."""

    @property
    def key(self) -> str:
        return f"{self.name}:{self.subject}" if self.subject else self.name


def of_losses(portfolio: PortfolioSnapshot, limits: RiskLimits) -> tuple[Measure, ...]:
    currency = portfolio.currency
    below = f"below the highest equity, in {currency}"
    return (
        Measure("max_daily_loss", _loss(portfolio.day_pnl), limits.max_daily_loss, f"lost today, in {currency}"),
        Measure("max_weekly_loss", _loss(week_pnl(portfolio)), limits.weekly_loss_limit, f"this week, in {currency}"),
        Measure("max_drawdown", portfolio.drawdown, limits.max_drawdown, below),
    )


def week_pnl(portfolio: PortfolioSnapshot) -> Decimal:
    return portfolio.day_pnl if portfolio.week_pnl is None else portfolio.week_pnl


def _loss(pnl: Decimal) -> Decimal:
    if not pnl.is_finite():
        return pnl
    return max(ZERO, -pnl)


def of_execution(quality: ExecutionQuality, limits: RiskLimits) -> tuple[Measure, ...]:
    rejects, losses = Decimal(quality.consecutive_rejects), Decimal(quality.consecutive_losses)
    measures = [
        Measure("max_consecutive_rejects", rejects, Decimal(limits.max_consecutive_rejects), "orders refused in a row"),
        Measure("max_consecutive_losses", losses, Decimal(limits.max_consecutive_losses), "round trips lost in a row"),
    ]
    if quality.orders >= limits.min_reject_sample:
        detail = f"of {quality.orders} orders"
        measures.append(Measure("max_reject_rate", quality.reject_rate, limits.max_reject_rate, detail))
    if quality.fills >= limits.min_slippage_sample and quality.slippage_bps_p95 is not None:
        detail = f"over {quality.fills} fills"
        measures.append(Measure("max_slippage_bps_p95", quality.slippage_bps_p95, limits.max_slippage_bps_p95, detail))
    return tuple(measures)


def of_data(health: HealthBoard, portfolio_age_s: Decimal | None, limits: RiskLimits) -> Iterator[Measure]:
    """`portfolio_age_s` None: none has been told, and every entry is refused for it."""
    if portfolio_age_s is not None:
        limit = Decimal(str(limits.max_portfolio_age_s))
        yield Measure("max_portfolio_age_s", portfolio_age_s, limit, "since the last portfolio")
    for symbol, share, ticks in late_shares(health, limits.min_tick_sample):
        detail = f"of {ticks} ticks of {symbol} came late"
        yield Measure("max_late_share", share, limits.max_late_share, detail, symbol, {"symbol": symbol})


def of_growth(
    exposure: Exposure,
    portfolio: PortfolioSnapshot,
    marks: Mapping[str, Decimal],
    rate: OrderRate,
    limits: RiskLimits,
) -> Iterator[Measure]:
    """`rate` as it stands now."""
    symbols = by_symbol(exposure, portfolio, marks)
    for symbol, worth in symbols.items():
        yield Measure("max_symbol_exposure", worth, limits.max_symbol_exposure, "held and in flight", symbol)
    if limits.max_sector_exposure is not None:
        for sector in sorted(set(limits.sectors.values())):
            worth = in_sector(symbols, limits.sectors, sector)
            yield Measure("max_sector_exposure", worth, limits.max_sector_exposure, "held and in flight", sector)
    gross = reduce(WIDE.add, symbols.values(), ZERO)
    yield Measure("max_gross_exposure", gross, limits.max_gross_exposure, "held and in flight")
    for side in Side:
        net = worst_net(exposure, portfolio, marks, side)
        yield Measure("max_net_exposure", net, limits.net_exposure_limit, "held and in flight", f"{side} side")
    taken = len(open_positions(exposure, portfolio, marks, limits.dust_notional))
    yield Measure("max_positions", Decimal(taken), Decimal(limits.max_positions), "open or being opened")
    of_day = (("max_orders_per_day", rate.orders_today), ("max_trades_per_day", rate.trades_today + taken))
    for name, count in of_day:
        yield Measure(name, Decimal(count), Decimal(getattr(limits, name)), "on this trading day")
