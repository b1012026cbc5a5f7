"""How large an entry is: from an amount in the quote currency to a quantity that the venue will take.

Pure. It never rounds up: a size too small for the venue is refused with the numbers, not enlarged. It is no risk check;
the risk guard comes after it.
"""

from decimal import ROUND_DOWN, Decimal
from typing import Annotated, Literal

from pydantic import Field

from messages.instruments import Instrument
from messages.values import Number, Quantity, Value

Amount = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]


class SizingPolicy(Value):
    """Settings of the sizing of one strategy."""

    kind: Literal["fixed_notional"] = "fixed_notional"
    notional: Amount
    """Wanted value of an entry, in the quote currency."""
    max_notional: Amount | None = None
    """Cap on the value of an entry whose quantity the strategy chose itself, in the quote currency."""
    max_quantity: Quantity | None = None
    """Cap in base units."""


class LotRules(Value):
    """What the venue demands of a quantity; the same numbers as its instrument list."""

    lot_size: Quantity
    min_quantity: Number = Decimal(0)
    max_quantity: Quantity | None = None
    min_notional: Number = Decimal(0)

    @classmethod
    def of(cls, instrument: Instrument) -> "LotRules":
        return cls(
            lot_size=instrument.lot_size,
            min_quantity=instrument.min_quantity,
            max_quantity=instrument.max_quantity,
            min_notional=instrument.min_notional,
        )


class SizeRefused(Value):
    """No order: why, with the numbers compared."""

    code: str
    """NO_PRICE, SIZE_BELOW_LOT, SIZE_BELOW_MIN_QUANTITY or SIZE_BELOW_MIN_NOTIONAL."""
    detail: str


def size_entry(
    policy: SizingPolicy, rules: LotRules, price: Decimal | None, wanted: Decimal | None = None
) -> Decimal | SizeRefused:
    """Quantity of an entry at `price`: a multiple of the lot, never above any cap.

    `wanted` is the quantity the strategy asked for, None to leave it to the policy.
    """
    if price is None or not price.is_finite() or price <= 0:
        return SizeRefused(code="NO_PRICE", detail=f"no usable price to size with ({price})")
    quantity = wanted if wanted is not None else policy.notional / price
    if policy.max_notional is not None:
        quantity = min(quantity, policy.max_notional / price)
    for cap in (policy.max_quantity, rules.max_quantity):
        if cap is not None:
            quantity = min(quantity, cap)
    floored = (quantity / rules.lot_size).to_integral_value(ROUND_DOWN) * rules.lot_size
    if floored <= 0:
        return SizeRefused(code="SIZE_BELOW_LOT", detail=f"{quantity:.12g} is less than one lot of {rules.lot_size:f}")
    if floored < rules.min_quantity:
        return SizeRefused(code="SIZE_BELOW_MIN_QUANTITY", detail=f"{floored:f} < {rules.min_quantity:f}")
    if floored * price < rules.min_notional:
        return SizeRefused(
            code="SIZE_BELOW_MIN_NOTIONAL",
            detail=f"{floored:f} × {price:f} = {floored * price:f} < {rules.min_notional:f}",
        )
    return floored
