"""Comparisons that cannot be fooled."""

from decimal import Decimal

import pytest

from bulkhead.risk.numbers import WIDE, is_sound, is_within, text

NAN = Decimal("NaN")


@pytest.mark.parametrize("bad", [NAN, Decimal("Infinity"), Decimal("-Infinity"), Decimal("sNaN")])
def test_what_is_no_number_is_within_nothing(bad: Decimal) -> None:
    assert not is_within(bad, Decimal(1))
    assert not is_within(Decimal(1), bad)
    assert not is_sound(bad)


def test_none_is_no_number() -> None:
    assert not is_sound(None)
    assert is_sound(Decimal(0))


def test_arithmetic_keeps_what_is_no_number() -> None:
    assert WIDE.subtract(Decimal("Infinity"), Decimal("Infinity")).is_nan()
    assert WIDE.divide(Decimal(1), Decimal(0)).is_infinite()


@pytest.mark.parametrize(
    ("value", "shown"), [(Decimal("1.50"), "1.5"), (Decimal("1E+3"), "1000"), (0.25, "0.25"), (NAN, "NaN"), ("x", "x")]
)
def test_numbers_for_people(value: Decimal | float | str, shown: str) -> None:
    assert text(value) == shown
