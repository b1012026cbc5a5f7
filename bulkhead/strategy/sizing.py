"""How large an entry is: from the policy in the settings to a quantity that the venue will take.

Pure. It never rounds up: a size too small for the venue is refused with the numbers, not enlarged, and a policy whose
figure is missing (equity, stop, volatility) refuses by its name instead of guessing. It is no risk check; the risk
guard comes after it.
"""

from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import Field, model_validator

from messages.instruments import Instrument
from messages.values import Number, Quantity, Side, Value

Amount = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[Decimal, Field(gt=0, lt=1, allow_inf_nan=False)]
BPS = Decimal(10_000)


class SizingKind(StrEnum):
    FIXED_NOTIONAL = "fixed_notional"
    """Each entry is worth `notional`."""
    FIXED_QUANTITY = "fixed_quantity"
    """Each entry is `quantity` base units."""
    SHARE_OF_EQUITY = "share_of_equity"
    """An entry that is stopped out loses `risk_share` of the equity: its stop is the decision's `stop_price`, else
    `stop_distance_bps` away."""
    VOLATILITY_TARGET = "volatility_target"
    """An entry that moves `atr_multiple` average true ranges against it loses `risk_share` of the equity."""


_NEEDS = {
    SizingKind.FIXED_NOTIONAL: ("notional",),
    SizingKind.FIXED_QUANTITY: ("quantity",),
    SizingKind.SHARE_OF_EQUITY: ("risk_share",),
    SizingKind.VOLATILITY_TARGET: ("risk_share",),
}
_MAY = {
    SizingKind.SHARE_OF_EQUITY: ("stop_distance_bps",),
    SizingKind.VOLATILITY_TARGET: ("atr_multiple", "atr_bar_s", "atr_bars"),
}
_ALWAYS = frozenset({"kind", "max_notional", "max_quantity"})


class SizingPolicy(Value):
    """Settings of the sizing of one strategy."""

    kind: SizingKind = SizingKind.FIXED_NOTIONAL
    """What each of them does stands in `bulkhead/strategy/sizing.py`; it takes its own keys and no other's."""
    notional: Amount | None = None
    """fixed_notional: wanted value of an entry, in the quote currency."""
    quantity: Quantity | None = None
    """fixed_quantity: wanted size of an entry, in base units."""
    risk_share: Share | None = None
    """share_of_equity and volatility_target: the share of the equity that one entry may lose at its stop."""
    stop_distance_bps: Amount | None = None
    """share_of_equity: how far the stop lies where the decision names no `stop_price`; None: it is refused then."""
    atr_multiple: Amount = Decimal(2)
    """volatility_target: the stop's distance in average true ranges."""
    atr_bar_s: Annotated[int, Field(ge=1)] = 60
    """volatility_target: length of the bars that the true range is taken of."""
    atr_bars: Annotated[int, Field(ge=2)] = 14
    """volatility_target: so many whole bars are averaged; until there are as many, entries are refused."""
    max_notional: Amount | None = None
    """Cap on the value of an entry, also of one whose quantity the strategy chose itself, in the quote currency."""
    max_quantity: Quantity | None = None
    """Cap in base units."""

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> "SizingPolicy":
        needs = _NEEDS[self.kind]
        missing = [name for name in needs if getattr(self, name) is None]
        strange = self.model_fields_set - _ALWAYS - {*needs, *_MAY.get(self.kind, ())}
        faults = [f"{self.kind} needs {name}" for name in missing]
        faults += [f"{self.kind} makes no use of {name}: take it out" for name in sorted(strange)]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def needs_equity(self) -> bool:
        return self.kind in (SizingKind.SHARE_OF_EQUITY, SizingKind.VOLATILITY_TARGET)

    @property
    def needs_volatility(self) -> bool:
        return self.kind is SizingKind.VOLATILITY_TARGET


class SizingFacts(NamedTuple):
    """What some policies need to know beside the price; None: not known."""

    side: Side = Side.BUY
    equity: Decimal | None = None
    """Of the account, in the quote currency."""
    stop_price: Decimal | None = None
    """Of the decision."""
    true_range: Decimal | None = None
    """Average, of the latest bars."""


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
    """NO_PRICE, SIZE_BELOW_LOT, SIZE_BELOW_MIN_QUANTITY or SIZE_BELOW_MIN_NOTIONAL; where the policy needs it:
    NO_EQUITY, NO_STOP_DISTANCE, STOP_ON_WRONG_SIDE or NO_VOLATILITY."""
    detail: str


def size_entry(
    policy: SizingPolicy,
    rules: LotRules,
    price: Decimal | None,
    wanted: Decimal | None = None,
    facts: SizingFacts = SizingFacts(),  # noqa: B008 - it cannot be changed
) -> Decimal | SizeRefused:
    """Quantity of an entry at `price`: a multiple of the lot, never above any cap.

    `wanted` is the quantity the strategy asked for, None to leave it to the policy.
    """
    if price is None or not price.is_finite() or price <= 0:
        return SizeRefused(code="NO_PRICE", detail=f"no usable price to size with ({price})")
    quantity = wanted if wanted is not None else _by_policy(policy, price, facts)
    if isinstance(quantity, SizeRefused):
        return quantity
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


def _by_policy(policy: SizingPolicy, price: Decimal, facts: SizingFacts) -> Decimal | SizeRefused:
    if policy.quantity is not None:
        return policy.quantity
    if policy.notional is not None:
        return policy.notional / price
    distance = _stop_distance(policy, price, facts)
    if isinstance(distance, SizeRefused):
        return distance
    equity = facts.equity
    if equity is None or not equity.is_finite() or equity <= 0 or policy.risk_share is None:
        return SizeRefused(code="NO_EQUITY", detail=f"{policy.kind} needs the account's equity, and it is {equity}")
    return equity * policy.risk_share / distance


def _stop_distance(policy: SizingPolicy, price: Decimal, facts: SizingFacts) -> Decimal | SizeRefused:
    """In the quote currency, above zero."""
    if policy.needs_volatility:
        moves = facts.true_range
        if moves is None or not moves.is_finite() or moves <= 0:
            detail = f"{policy.kind} needs {policy.atr_bars} bars of {policy.atr_bar_s} s; the true range is {moves}"
            return SizeRefused(code="NO_VOLATILITY", detail=detail)
        return moves * policy.atr_multiple
    if facts.stop_price is not None:
        distance = (price - facts.stop_price) * facts.side.sign
        if not distance.is_finite() or distance <= 0:
            detail = f"a {facts.side} at {price:f} cannot be stopped at {facts.stop_price}"
            return SizeRefused(code="STOP_ON_WRONG_SIDE", detail=detail)
        return distance
    if policy.stop_distance_bps is None:
        detail = f"{policy.kind} needs the decision's stop_price, or stop_distance_bps"
        return SizeRefused(code="NO_STOP_DISTANCE", detail=detail)
    return price * policy.stop_distance_bps / BPS
