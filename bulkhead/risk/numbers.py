"""Comparing numbers that may be wrong: a number that is not finite never counts as within a limit."""

from decimal import Context, Decimal

ZERO = Decimal(0)
BPS = Decimal(10_000)
WIDE = Context(prec=60, traps=[])
"""Products and sums of real amounts do not round here, and nothing traps: NaN stays NaN, and is seen."""


def is_sound(value: Decimal | None) -> bool:
    return value is not None and value.is_finite()


def is_within(value: Decimal, limit: Decimal) -> bool:
    """value <= limit; False when either is not finite (a comparison with NaN would raise, or lie)."""
    return value.is_finite() and limit.is_finite() and value <= limit


def text(value: Decimal | float | str) -> str:
    """For people: no exponent, at most eight places."""
    if isinstance(value, str):
        return value
    number = Decimal(str(value))
    if not number.is_finite():
        return str(number)
    shown = format(number, ".8f").rstrip("0").rstrip(".")
    return "0" if shown in {"-0", ""} else shown
