"""Exact decimal arithmetic for money: wide enough that a sum or product of real amounts is never rounded.

Python's default context rounds at 28 digits, silently. Here 100 digits are kept, and whatever would leave the finite
numbers raises. Only a division may be inexact; it is quantised to `QUANTUM` by the one who divides, who then books the
remainder instead of losing it.
"""

from contextlib import AbstractContextManager
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)

PRECISION_DIGITS = 100
QUANTUM = Decimal("1e-18")
"""Finest step of a quotient (a cost share, an average price): Ethereum's wei, finer than any venue's."""
ZERO = Decimal(0)
BPS = Decimal(10_000)

_CONTEXT = Context(prec=PRECISION_DIGITS, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])


def exact() -> AbstractContextManager[Context]:
    """Arithmetic inside is exact for every amount that a venue can state."""
    return localcontext(_CONTEXT)


def divide(numerator: Decimal, denominator: Decimal) -> Decimal:
    """The quotient at `QUANTUM`, half to even. Raises decimal.DivisionByZero or InvalidOperation."""
    with exact():
        return (numerator / denominator).quantize(QUANTUM)


def floor_to_step(value: Decimal, step: Decimal) -> Decimal:
    """Largest multiple of `step` that is not above `value` (which must not be negative)."""
    with exact():
        return (value / step).to_integral_value(ROUND_DOWN) * step


def is_multiple(value: Decimal, step: Decimal) -> bool:
    with exact():
        return value % step == 0


def plain(value: Decimal) -> str:
    """One text for one number: no exponent, no trailing zeros (`1`, `1.0` and `1E+0` are all `1`)."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
