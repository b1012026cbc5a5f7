"""Execution quality over a bounded window."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.risk.quality import QualityWindow, percentile
from messages.values import OrderStatus as S
from messages.values import Side
from tests.risk.portfolios import D, booked, trade, update


def test_an_empty_window_says_nothing() -> None:
    figures = QualityWindow().figures()
    assert (figures.orders, figures.reject_rate, figures.slippage_bps_p95) == (0, D(0), None)
    assert figures.as_texts()["latency_ms_p99"] == "none"


@pytest.mark.req("P-14")
def test_rates_over_ended_orders() -> None:
    window = QualityWindow()
    for number, (status, filled) in enumerate(
        [(S.FILLED, "10"), (S.CANCELLED, "5"), (S.REJECTED, "0"), (S.EXPIRED, "0"), (S.FAILED, "0"), (S.SUBMITTED, "0")]
    ):
        window.on_order_update(update(status, filled, number))
    figures = window.figures()
    assert figures.orders == 4, "what never left and what still works are not counted"
    assert (figures.reject_rate, figures.partial_fill_rate) == (D("0.25"), D("0.25"))
    assert figures.fill_ratio == D("0.375")


def test_a_late_fill_corrects_the_order_it_belongs_to() -> None:
    window = QualityWindow()
    window.on_order_update(update(S.CANCELLED, "0"))
    window.on_order_update(update(S.CANCELLED, "5"))
    assert (window.figures().orders, window.figures().fill_ratio) == (1, D("0.5"))


@pytest.mark.parametrize("life", [S.SUBMITTED, S.PARTIAL, S.FILLED, S.CANCELLED, S.EXPIRED])
def test_rejects_in_a_row_end_with_any_order_that_the_venue_took(life: S) -> None:
    window = QualityWindow()
    for number in range(3):
        window.on_order_update(update(S.PENDING_SUBMIT, number=number))
        window.on_order_update(update(S.REJECTED, number=number))
        window.on_order_update(update(S.REJECTED, number=number))
    window.on_order_update(update(S.FAILED, number=7))
    assert window.figures().consecutive_rejects == 3
    window.on_order_update(update(life, "0", 8))
    assert window.figures().consecutive_rejects == 0


def test_unknown_orders_are_counted_until_they_are_resolved() -> None:
    window = QualityWindow()
    window.on_order_update(update(S.UNKNOWN, number=1))
    window.on_order_update(update(S.UNKNOWN, number=2))
    window.on_order_update(update(S.SUBMITTED, number=1))
    assert window.figures().unknown == 1


def test_slippage_is_positive_when_worse_on_either_side() -> None:
    window = QualityWindow()
    window.on_fill(booked(Side.BUY, "101"))
    window.on_fill(booked(Side.SELL, "99"))
    window.on_fill(booked(Side.BUY, "100", None))
    figures = window.figures()
    assert (figures.fills, figures.slippage_bps_p50, figures.slippage_bps_p95) == (2, D(100), D(100))


@pytest.mark.req("S-08")
def test_losses_in_a_row() -> None:
    window = QualityWindow()
    for pnl in ("-1", "-1", "0"):
        window.on_round_trip(trade(pnl))
    assert window.figures().consecutive_losses == 2
    window.on_round_trip(trade("1"))
    assert window.figures().consecutive_losses == 0
    window.on_round_trip(trade("0").model_copy(update={"pnl": Decimal("NaN")}))
    assert window.figures().consecutive_losses == 1


@pytest.mark.lesson("L24")
def test_lesson_l24_slippage_that_is_no_number_is_named_and_hides_no_other() -> None:
    window = QualityWindow()
    odd = booked(Side.BUY, "101")
    window.on_fill(odd.model_copy(update={"decision_price": Decimal("NaN")}))
    window.on_fill(odd)
    figures = window.figures()
    assert (figures.impossible, figures.fills, figures.slippage_bps_p95) == (("slippage_bps",), 1, D(100))
    assert figures.as_texts()["impossible"] == "slippage_bps"


@pytest.mark.req("P-14")
def test_latencies_in_milliseconds() -> None:
    window = QualityWindow()
    for latency_ms in range(1, 101):
        window.on_latency(latency_ms * 1_000_000)
    figures = window.figures()
    assert (figures.latency_ms_p50, figures.latency_ms_p95, figures.latency_ms_p99) == (D(50), D(95), D(99))


@pytest.mark.lesson("L31")
def test_lesson_l31_the_window_is_bounded() -> None:
    window = QualityWindow(window=3)
    for number in range(10):
        window.on_order_update(update(S.REJECTED if number < 7 else S.FILLED, "0" if number < 7 else "10", number))
        window.on_fill(booked(Side.BUY, "101" if number < 7 else "100"))
    figures = window.figures()
    assert (figures.orders, figures.fills, figures.reject_rate, figures.slippage_bps_p95) == (3, 3, D(0), D(0))


@pytest.mark.parametrize(
    "news",
    [
        lambda window: window.on_order_update(update(S.FILLED, "10", 9)),
        lambda window: window.on_order_update(update(S.UNKNOWN, number=9)),
        lambda window: window.on_fill(booked(Side.BUY, "105")),
        lambda window: window.on_latency(9_000_000),
        lambda window: window.on_round_trip(trade("-1")),
        lambda window: window.forget("max_slippage_bps_p95"),
    ],
)
def test_what_it_is_told_after_a_look_shows_at_the_next(news: Callable[[QualityWindow], None]) -> None:
    """It sums anew only when there is news."""
    window, fresh = QualityWindow(), QualityWindow()
    for each in (window, fresh):
        each.on_fill(booked(Side.BUY, "101"))
    before = window.figures()
    assert window.figures() is before
    for each in (window, fresh):
        news(each)
    assert window.figures() == fresh.figures() != before


def test_a_window_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="one order at least"):
        QualityWindow(0)


@given(st.lists(st.integers(0, 1000).map(Decimal), min_size=1), st.integers(1, 100))
def test_a_percentile_is_a_value_that_enough_do_not_exceed(values: list[Decimal], percent: int) -> None:
    ordered = sorted(values)
    found = percentile(ordered, percent)
    assert found in ordered
    assert sum(value <= found for value in ordered) * 100 >= percent * len(ordered)
    assert sum(value < found for value in ordered) * 100 < percent * len(ordered)
