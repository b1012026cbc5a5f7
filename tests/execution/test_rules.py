"""Ticks: one for every price, or bands whose tick grows with the price."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.execution.rules import on_tick, tick_at
from tests.execution.orders import KRX_LIKE, D, Rules

_PRICES = st.decimals(D("0.01"), D(100_000), places=4)


def test_without_bands_one_tick_holds_everywhere() -> None:
    assert tick_at(Rules(), D(1)) == tick_at(Rules(), D(1_000_000)) == D("0.01")
    assert on_tick(Rules(), D("100.126"), ROUND_FLOOR) == D("100.12")


@pytest.mark.parametrize(("price", "tick"), [("0", 1), ("1999.5", 1), ("2000", 5), ("19990", 10), ("20000", 50)])
def test_a_band_holds_from_its_price_up(price: str, tick: int) -> None:
    assert tick_at(KRX_LIKE, D(price)) == tick


@pytest.mark.parametrize(
    ("price", "rounding", "rounded"),
    [
        ("19999", ROUND_CEILING, "20000"),  # into the next band, at the edge of both
        ("20001", ROUND_FLOOR, "20000"),
        ("20001", ROUND_CEILING, "20050"),
        ("19999", ROUND_FLOOR, "19990"),
        ("0.5", ROUND_FLOOR, "0"),
    ],
)
def test_rounding_meets_the_edge_of_a_band(price: str, rounding: str, rounded: str) -> None:
    assert on_tick(KRX_LIKE, D(price), rounding) == D(rounded)


@given(price=_PRICES, rounding=st.sampled_from([ROUND_FLOOR, ROUND_CEILING]))
def test_what_was_rounded_is_a_price_and_no_other_is_nearer_on_that_side(price: Decimal, rounding: str) -> None:
    rounded = on_tick(KRX_LIKE, price, rounding)
    assert rounded % tick_at(KRX_LIKE, rounded) == 0
    assert rounded <= price if rounding == ROUND_FLOOR else rounded >= price
    # Every price is whole, so each whole number from the price itself to the rounded one is looked at.
    low, high = sorted((rounded, price.to_integral_value(ROUND_CEILING if rounding == ROUND_FLOOR else ROUND_FLOOR)))
    nearer = [D(whole) for whole in range(int(low), int(high) + 1) if D(whole) != rounded]
    side = [whole for whole in nearer if (whole <= price if rounding == ROUND_FLOOR else whole >= price)]
    assert not [whole for whole in side if whole % tick_at(KRX_LIKE, whole) == 0]
