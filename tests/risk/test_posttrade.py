"""Trips by loss at the number and not before, never on profit; numbers that cannot be trip by themselves."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.risk import posttrade
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.posttrade import Findings, State
from bulkhead.risk.quality import ExecutionQuality
from messages.codes import ErrorCode
from messages.portfolio import PortfolioSnapshot
from messages.values import StopLevel
from tests.risk.portfolios import D, broken, portfolio

LIMITS = RiskLimits()


def check(state: PortfolioSnapshot | None, quality: ExecutionQuality, limits: RiskLimits) -> Findings:
    """What was judged besides, is left out: these tests are about trips and approaches."""
    return posttrade.check(State(state, quality), limits)._replace(measures=(), broken=frozenset())


CALM = ExecutionQuality()


def down(day_pnl: str = "0", drawdown: str = "0") -> PortfolioSnapshot:
    equity = D(100_000) - D(drawdown)
    return portfolio(day_pnl=D(day_pnl), drawdown=D(drawdown), equity=equity)


def names(findings: Findings) -> tuple[list[str], list[str]]:
    return [trip.limit_name for trip in findings.trips], [near.limit_name for near in findings.approaches]


@pytest.mark.parametrize(
    ("name", "calm", "near", "broken_"),
    [
        ("max_daily_loss", down("-799.99"), down("-800"), down("-1000")),
        ("max_drawdown", down("0", "1599.99"), down("0", "1600"), down("0", "2000")),
    ],
)
@pytest.mark.req("P-08", "S-19")
def test_losses_alert_near_their_limit_and_trip_at_it(
    name: str, calm: PortfolioSnapshot, near: PortfolioSnapshot, broken_: PortfolioSnapshot
) -> None:
    assert names(check(calm, CALM, LIMITS)) == ([], [])
    assert names(check(near, CALM, LIMITS)) == ([], [name])
    assert names(check(broken_, CALM, LIMITS)) == ([name], [])


def quality(**changes: Any) -> ExecutionQuality:
    return CALM._replace(**changes)


@pytest.mark.parametrize(
    ("name", "near", "broken_"),
    [
        ("max_consecutive_rejects", quality(consecutive_rejects=4), quality(consecutive_rejects=5)),
        ("max_consecutive_losses", quality(consecutive_losses=16), quality(consecutive_losses=20)),
        ("max_reject_rate", quality(orders=20, reject_rate=D("0.4")), quality(orders=20, reject_rate=D("0.5"))),
        (
            "max_slippage_bps_p95",
            quality(fills=20, slippage_bps_p95=D(40)),
            quality(fills=20, slippage_bps_p95=D(50)),
        ),
    ],
)
@pytest.mark.req("P-08", "S-08")
def test_bad_execution_alerts_and_trips(name: str, near: ExecutionQuality, broken_: ExecutionQuality) -> None:
    assert names(check(portfolio(), near, LIMITS)) == ([], [name])
    assert names(check(None, broken_, LIMITS)) == ([name], [])


@pytest.mark.parametrize(
    "few",
    [quality(orders=19, reject_rate=D(1)), quality(fills=19, slippage_bps_p95=D(9999)), quality(fills=20)],
)
def test_too_few_to_judge_judge_nothing(few: ExecutionQuality) -> None:
    assert check(portfolio(), few, LIMITS) == Findings()


@pytest.mark.req("P-09")
def test_a_trip_carries_the_numbers_the_portfolio_and_the_quality() -> None:
    state = down("-1234.5")
    (trip,) = check(state, quality(orders=3), LIMITS).trips
    assert (trip.code, trip.value, trip.limit) == (ErrorCode.RISK_GUARD_TRIPPED, "1234.5", "1000")
    assert (trip.level, trip.scope, trip.portfolio) == (StopLevel.MEDIUM, "all", state)
    assert trip.execution_quality["orders"] == "3"
    assert trip.execution_quality["slippage_bps_p95"] == "none"


@pytest.mark.req("S-19")
def test_an_approach_tells_how_near() -> None:
    (near,) = check(down("-900"), CALM, LIMITS).approaches
    assert (near.value, near.limit, near.share) == ("900", "1000", "0.9")


def test_a_disabled_guard_is_silent() -> None:
    assert check(down("-99999"), CALM, RiskLimits(enabled=False)) == Findings()


@pytest.mark.lesson("L23")
@given(
    st.decimals("0", "1e12", places=2),
    st.decimals("-1e12", "1e12", places=2),
    st.decimals("-9999", "0", places=2),
)
def test_lesson_l23_profit_and_idleness_never_trip(profit: Decimal, realised: Decimal, slippage: Decimal) -> None:
    """Whatever is won, however much better than asked fills come, and when nothing was traded at all."""
    winning = portfolio(
        day_pnl=profit, realised_pnl=realised, equity=D(100_000) + profit, peak_equity=D(100_000) + profit
    )
    better = quality(fills=100, slippage_bps_p50=slippage, slippage_bps_p95=slippage, orders=100)
    assert check(winning, better, LIMITS) == Findings()
    assert check(portfolio(), CALM, LIMITS) == Findings()


FIGURES = ["cash", "equity", "realised_pnl", "unrealised_pnl", "day_pnl", "peak_equity", "drawdown"]


@pytest.mark.lesson("L24")
@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity"])
def test_lesson_l24_an_impossible_number_trips_and_disables_nothing(figure: str, bad: str) -> None:
    losing = broken(down("-5000", "5000"), **{figure: Decimal(bad)})
    tripped, _ = names(check(losing, CALM, LIMITS))
    assert "impossible_number" in tripped
    assert len(set(tripped) & {"max_daily_loss", "max_drawdown"}) >= 1


@pytest.mark.parametrize(
    ("figures", "words"),
    [({"drawdown": D(-1)}, "drawdown is -1"), ({"peak_equity": D(1)}, "lies below equity")],
)
def test_figures_that_contradict_each_other_trip(figures: dict[str, Decimal], words: str) -> None:
    (trip,) = check(broken(portfolio(), **figures), CALM, LIMITS).trips
    assert words in trip.detail


def test_quality_that_is_no_number_trips() -> None:
    assert names(check(None, quality(impossible=("slippage_bps",)), LIMITS))[0] == ["impossible_number"]
    bad = quality(orders=20, reject_rate=Decimal("NaN"))
    assert names(check(None, bad, LIMITS))[0] == ["max_reject_rate"]
