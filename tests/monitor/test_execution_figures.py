"""Execution quality of a session: shares, quantiles and stages, as the records tell them."""

from decimal import Decimal
from typing import Any

import pytest

from bulkhead.monitor.execution_figures import BpsHistogram, ExecutionFigures
from bulkhead.monitor.histogram import Histogram
from bulkhead.monitor.summary import SummaryBuilder
from messages.values import OrderStatus
from tests.monitor.sessions import at, fill, intent, order

NEW, UNKNOWN = OrderStatus.PENDING_SUBMIT, OrderStatus.UNKNOWN


def middle_ms(spans: Histogram) -> float:
    found = spans.quantile_ms(0.5)
    assert found is not None
    return found


@pytest.mark.req("D-04")
def test_shares_of_how_orders_ended() -> None:
    builder = SummaryBuilder()
    ends = (
        (OrderStatus.FILLED, "0.5"),
        (OrderStatus.EXPIRED, "0.25"),
        (OrderStatus.EXPIRED, "0"),
        (OrderStatus.REJECTED, "0"),
        (OrderStatus.FAILED, "0"),
    )
    for n, (status, filled) in enumerate(ends, 1):
        builder.add(order(n, NEW, "created", at(1)))
        builder.add(order(n, status, status.value.lower(), at(2), filled=filled, created_ns=at(1)))
    kpi = builder.kpi()
    assert (kpi.reject_rate, kpi.partial_fill_rate) == (Decimal("0.25"), Decimal("0.25")), "what never left is no share"
    assert kpi.fill_ratio == Decimal("0.375")
    builder.add(order(2, OrderStatus.FILLED, "filled", at(3), filled="0.5", created_ns=at(1)))
    late = builder.kpi()
    assert (late.partial_fill_rate, late.fill_ratio) == (Decimal(0), Decimal("0.5")), "a late fill changes how it ended"


def test_without_orders_there_are_no_figures() -> None:
    kpi = SummaryBuilder().kpi()
    assert (kpi.reject_rate, kpi.fill_ratio, kpi.slippage_bps_p50, kpi.spread_bps_p95) == (None, None, None, None)


@pytest.mark.req("D-04")
def test_stages_from_the_decision_to_the_first_fill() -> None:
    figures = ExecutionFigures()
    figures.on_intent(intent(1, at(1)))
    times: dict[str, Any] = {"created_ns": at(1.010), "submitted_ns": at(1.030)}
    figures.on_order(order(1, NEW, "created", at(1.010)).order, None)
    figures.on_order(order(1, OrderStatus.SUBMITTED, "accepted", at(1.030), **times).order, NEW)
    figures.on_order(order(1, OrderStatus.FILLED, "filled", at(1.100), filled="0.5", **times).order, NEW)
    spans = {stage: middle_ms(found) for stage, found in figures.spans.items()}
    wanted = {"decision_to_order": 10, "order_to_ack": 20, "order_to_first_fill": 90, "decision_to_first_fill": 100}
    assert spans == pytest.approx(wanted, rel=0.06)


def test_how_long_an_outcome_was_unknown() -> None:
    figures = ExecutionFigures()
    figures.on_order(order(1, NEW, "created", at(1)).order, None)
    figures.on_order(order(1, UNKNOWN, "unknown", at(2)).order, NEW)
    figures.on_order(order(1, UNKNOWN, "unknown", at(4)).order, UNKNOWN)
    figures.on_order(order(1, OrderStatus.EXPIRED, "resolved", at(7)).order, UNKNOWN)
    assert middle_ms(figures.spans["unknown_to_resolved"]) == pytest.approx(5_000, rel=0.06)


def test_slippage_is_above_zero_when_it_was_worse() -> None:
    figures = ExecutionFigures()
    for price in ("64010.15", "64016.551", "64022.952"):
        figures.on_fill(fill(1, 1, "0.1", at(1), price=price))
    assert (figures.shares()["slippage_bps_p50"], figures.shares()["slippage_bps_p95"]) == (Decimal(1), Decimal(2))


def test_basis_points_have_a_sign_and_a_bound() -> None:
    histogram = BpsHistogram()
    assert histogram.quantile(0.5) is None
    for bps in ("-5", "-0.04", "3.26", "1e9"):
        histogram.add(Decimal(bps))
    assert [histogram.quantile(share) for share in (0.25, 0.5, 0.75, 1.0)] == [
        Decimal("-5.0"), Decimal(0), Decimal("3.3"), Decimal(10_000),
    ]  # fmt: skip
