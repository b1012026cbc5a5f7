"""Post-trade: has a limit been broken, or come near?

By loss, never by profit: each figure is turned so that up is worse, and anything at or below zero is fine. A limit is
broken when its figure reaches it. A number that is not finite, or that contradicts another, trips by itself; it never
disables the limit that needed it. Nothing is latched here: the caller keeps what has tripped.
"""

from decimal import Decimal
from typing import NamedTuple

from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.numbers import WIDE, ZERO, text
from bulkhead.risk.quality import ExecutionQuality
from messages.codes import ErrorCode
from messages.failure import LimitApproached, RiskTripped
from messages.portfolio import PortfolioSnapshot


class Findings(NamedTuple):
    trips: tuple[RiskTripped, ...] = ()
    approaches: tuple[LimitApproached, ...] = ()


class _Measure(NamedTuple):
    """One figure beside its limit; up is worse."""

    name: str
    value: Decimal
    limit: Decimal
    detail: str


def check(portfolio: PortfolioSnapshot | None, quality: ExecutionQuality, limits: RiskLimits) -> Findings:
    """Without a portfolio only the execution quality is judged. With the guard disabled nothing is."""
    if not limits.enabled:
        return Findings()
    measures = [*_of_quality(quality, limits)]
    impossible = [f"{name} is not a number that can be" for name in quality.impossible]
    if portfolio is not None:
        impossible += _impossible(portfolio)
        measures += _of_portfolio(portfolio, limits)
    trips = [
        _trip("impossible_number", "not finite", "finite", words, portfolio, quality, limits) for words in impossible
    ]
    approaches = []
    for measure in measures:
        if not measure.value.is_finite():
            if not impossible:
                detail = f"{measure.name} is not a number that can be"
                trips.append(_trip(measure.name, str(measure.value), "finite", detail, portfolio, quality, limits))
        elif measure.value >= measure.limit:
            value, limit = text(measure.value), text(measure.limit)
            trips.append(_trip(measure.name, value, limit, measure.detail, portfolio, quality, limits))
        elif measure.value > 0 and measure.value >= WIDE.multiply(measure.limit, limits.approach_share):
            approaches.append(_approach(measure))
    return Findings(tuple(trips), tuple(approaches))


def _of_portfolio(portfolio: PortfolioSnapshot, limits: RiskLimits) -> tuple[_Measure, ...]:
    currency = portfolio.currency
    return (
        _Measure("max_daily_loss", _loss(portfolio.day_pnl), limits.max_daily_loss, f"lost today, in {currency}"),
        _Measure("max_drawdown", portfolio.drawdown, limits.max_drawdown, f"below the highest equity, in {currency}"),
    )


def _loss(pnl: Decimal) -> Decimal:
    if not pnl.is_finite():
        return pnl
    return max(ZERO, -pnl)


def _of_quality(quality: ExecutionQuality, limits: RiskLimits) -> tuple[_Measure, ...]:
    measures = [
        _Measure(
            "max_consecutive_rejects",
            Decimal(quality.consecutive_rejects),
            Decimal(limits.max_consecutive_rejects),
            "orders rejected in a row",
        ),
        _Measure(
            "max_consecutive_losses",
            Decimal(quality.consecutive_losses),
            Decimal(limits.max_consecutive_losses),
            "round trips lost in a row",
        ),
    ]
    if quality.orders >= limits.min_reject_sample:
        detail = f"of {quality.orders} orders"
        measures.append(_Measure("max_reject_rate", quality.reject_rate, limits.max_reject_rate, detail))
    if quality.fills >= limits.min_slippage_sample and quality.slippage_bps_p95 is not None:
        detail = f"over {quality.fills} fills"
        measures.append(_Measure("max_slippage_bps_p95", quality.slippage_bps_p95, limits.max_slippage_bps_p95, detail))
    return tuple(measures)


def _impossible(portfolio: PortfolioSnapshot) -> list[str]:
    figures = {
        "cash": portfolio.cash,
        "equity": portfolio.equity,
        "realised_pnl": portfolio.realised_pnl,
        "unrealised_pnl": portfolio.unrealised_pnl,
        "day_pnl": portfolio.day_pnl,
        "peak_equity": portfolio.peak_equity,
        "drawdown": portfolio.drawdown,
        **{f"position in {position.symbol}": position.quantity for position in portfolio.positions},
    }
    found = [f"{name} is {figure}" for name, figure in figures.items() if not figure.is_finite()]
    if not found and portfolio.drawdown < 0:
        found.append(f"drawdown is {text(portfolio.drawdown)}")
    if not found and portfolio.peak_equity < portfolio.equity:
        found.append(f"peak equity {text(portfolio.peak_equity)} lies below equity {text(portfolio.equity)}")
    return found


def _trip(
    name: str,
    value: str,
    limit: str,
    detail: str,
    portfolio: PortfolioSnapshot | None,
    quality: ExecutionQuality,
    limits: RiskLimits,
) -> RiskTripped:
    return RiskTripped(
        code=ErrorCode.RISK_GUARD_TRIPPED.value,
        limit_name=name,
        value=value,
        limit=limit,
        level=limits.trip_level,
        scope=limits.trip_scope,
        detail=detail,
        portfolio=portfolio,
        execution_quality=quality.as_texts(),
    )


def _approach(measure: _Measure) -> LimitApproached:
    share = WIDE.divide(measure.value, measure.limit)
    return LimitApproached(
        limit_name=measure.name, value=text(measure.value), limit=text(measure.limit), share=text(share)
    )
