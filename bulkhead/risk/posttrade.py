"""Post-trade: has a limit been broken, or come near?

By loss, never by profit: each figure is turned so that up is worse, and anything at or below zero is fine. A limit is
broken when its figure reaches it. A number that is not finite, or that contradicts another, trips by itself; it never
disables the limit that needed it. Nothing is latched here: the caller keeps what has tripped, and what was alerted.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from bulkhead.risk.health import NOTHING_TOLD, HealthBoard
from bulkhead.risk.health import impossible as impossible_health
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.measures import Measure, of_data, of_execution, of_losses
from bulkhead.risk.numbers import WIDE, text
from bulkhead.risk.quality import ExecutionQuality
from messages.codes import ErrorCode
from messages.failure import LimitApproached, RiskTripped
from messages.portfolio import PortfolioSnapshot

IMPOSSIBLE = "impossible_number"


class Findings(NamedTuple):
    trips: tuple[RiskTripped, ...] = ()
    approaches: tuple[LimitApproached, ...] = ()
    """Of figures at `approach_share` of their limit that have not tripped."""
    measures: tuple[Measure, ...] = ()
    """Everything that was judged."""
    broken: frozenset[str] = frozenset()
    """Keys of the measures that have tripped."""


class State(NamedTuple):
    """What is judged."""

    portfolio: PortfolioSnapshot | None
    """None: the execution quality and the data are judged without."""
    quality: ExecutionQuality
    health: HealthBoard = NOTHING_TOLD
    portfolio_age_s: Decimal | None = None
    marks: Mapping[str, Decimal] = {}
    more: tuple[Measure, ...] = ()
    """Figures of the moment, as the slippage of one order."""


def check(state: State, limits: RiskLimits) -> Findings:
    """With the guard disabled nothing is judged."""
    if not limits.enabled:
        return Findings()
    portfolio = state.portfolio
    measures = [
        *of_execution(state.quality, limits),
        *of_data(state.health, state.portfolio_age_s, limits),
        *state.more,
    ]
    impossible = [f"{name} is not a number that can be" for name in state.quality.impossible]
    impossible += [f"mark of {symbol} is {mark}" for symbol, mark in state.marks.items() if not _is_price(mark)]
    impossible += impossible_health(state.health)
    if portfolio is not None:
        impossible += _impossible(portfolio)
        measures += of_losses(portfolio, limits)
    trips = [trip for words in impossible if (trip := _trip(_of_number(words), "finite", state, limits))]
    approaches, broken = [], set()
    for measure in measures:
        if not measure.value.is_finite():
            if not impossible:
                wrong = measure._replace(detail=f"{measure.name} is not a number that can be")
                trips += [trip for trip in (_trip(wrong, "finite", state, limits),) if trip]
        elif measure.value >= measure.limit and (trip := _trip(measure, text(measure.limit), state, limits)):
            trips.append(trip)
            broken.add(measure.key)
        elif is_near(measure, limits):
            approaches.append(approach(measure))
    return Findings(tuple(trips), tuple(approaches), tuple(measures), frozenset(broken))


def _is_price(mark: Decimal) -> bool:
    return mark.is_finite() and mark > 0


def _of_number(words: str) -> Measure:
    return Measure(IMPOSSIBLE, Decimal("NaN"), Decimal("NaN"), words)


def _impossible(portfolio: PortfolioSnapshot) -> list[str]:
    figures = {
        "cash": portfolio.cash,
        "equity": portfolio.equity,
        "realised_pnl": portfolio.realised_pnl,
        "unrealised_pnl": portfolio.unrealised_pnl,
        "day_pnl": portfolio.day_pnl,
        "week_pnl": portfolio.day_pnl if portfolio.week_pnl is None else portfolio.week_pnl,
        "peak_equity": portfolio.peak_equity,
        "drawdown": portfolio.drawdown,
        **{f"position in {position.symbol}": position.quantity for position in portfolio.positions},
        **{f"average price of {position.symbol}": position.average_price for position in portfolio.positions},
    }
    found = [f"{name} is {figure}" for name, figure in figures.items() if not figure.is_finite()]
    if not found and portfolio.drawdown < 0:
        found.append(f"drawdown is {text(portfolio.drawdown)}")
    if not found and portfolio.peak_equity < portfolio.equity:
        found.append(f"peak equity {text(portfolio.peak_equity)} lies below equity {text(portfolio.equity)}")
    return found


def _trip(measure: Measure, limit: str, state: State, limits: RiskLimits) -> RiskTripped | None:
    """None where the settings let this limit alert only; a figure that is no number trips whatever they say."""
    is_number = measure.value.is_finite()
    rule = limits.trip_of(measure.name, dict(measure.subjects)) or (None if is_number else limits.trip_of(IMPOSSIBLE))
    if rule is None:
        return None
    value = "not finite" if measure.name == IMPOSSIBLE else text(measure.value)
    return RiskTripped(
        code=ErrorCode.RISK_GUARD_TRIPPED.value,
        limit_name=measure.name,
        value=value,
        limit=limit,
        level=rule.level,
        scope=rule.scope,
        detail=measure.detail,
        portfolio=state.portfolio,
        execution_quality=state.quality.as_texts(),
        about=rule.subject,
        rearm=rule.rearm,
    )


# -- approaches -------------------------------------------------------------------------------------------------------


def is_near(measure: Measure, limits: RiskLimits) -> bool:
    """At `approach_share` of its limit, or beyond. A limit of zero is never near."""
    value = measure.value
    return value.is_finite() and value > 0 and value >= WIDE.multiply(measure.limit, limits.approach_share)


def approach(measure: Measure) -> LimitApproached:
    return LimitApproached(
        limit_name=measure.name,
        value=text(measure.value),
        limit=text(measure.limit),
        share=text(WIDE.divide(measure.value, measure.limit)),
        about=measure.subject,
        detail=measure.detail,
    )


def alerts(
    alerted: frozenset[str], measures: Iterable[Measure], tripped: frozenset[str], limits: RiskLimits
) -> tuple[frozenset[str], tuple[LimitApproached, ...]]:
    """Which alerts are due now, and the keys that have alerted from then on: each once per approach.

    A key may alert again once its figure has fallen `approach_clear_share` of its limit below the share at which it
    alerts, or is gone. What has tripped is told by its trip, and does not alert on its way back.
    """
    clear_below = limits.approach_share - limits.approach_clear_share
    still: set[str] = set()
    due = []
    for measure in measures:
        key = measure.key
        if (key in alerted and not is_below(measure, clear_below)) or key in tripped:
            still.add(key)
        elif is_near(measure, limits):
            still.add(key)
            due.append(approach(measure))
    return frozenset(still), tuple(due)


def is_below(measure: Measure, share: Decimal) -> bool:
    """False of a figure that is no number: nothing is known to be over."""
    return measure.value.is_finite() and measure.value < WIDE.multiply(measure.limit, share)
