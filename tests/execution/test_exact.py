"""Money is not rounded behind anyone's back."""

from decimal import Decimal, DivisionByZero, InvalidOperation

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.execution.exact import divide, exact, floor_to_step, is_multiple, plain

amounts = st.decimals("0.00000001", "100000000", places=8)


def test_sums_beyond_28_digits_are_exact() -> None:
    with exact():
        assert Decimal("1e30") + Decimal("1e-18") - Decimal("1e30") == Decimal("1e-18")


def test_what_is_no_number_raises() -> None:
    with pytest.raises(DivisionByZero):
        divide(Decimal(1), Decimal(0))
    with pytest.raises(InvalidOperation):
        divide(Decimal(0), Decimal(0))


@given(amounts, amounts)
def test_flooring_stays_below_and_within_one_step(value: Decimal, step: Decimal) -> None:
    floored = floor_to_step(value, step)
    assert is_multiple(floored, step)
    assert floored <= value < floored + step


@pytest.mark.parametrize(
    ("value", "text"),
    [("1", "1"), ("1.000", "1"), ("1E+3", "1000"), ("0.10", "0.1"), ("-0", "0"), ("1e-8", "0.00000001"), ("0.0", "0")],
)
def test_one_number_has_one_text(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text
