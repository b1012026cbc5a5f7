"""Split: one intent into children whose quantities add up exactly, each with the time of its turn.

- Ten children at most, fewer where a child would fall below the venue's minimum quantity or notional. Quantities are
  whole lots. What does not divide goes to the earliest children (SINGLE, TWAP, ICEBERG), or to those that were rounded
  down most (VWAP); nothing is ever lost or added.
- TWAP: equal parts over equal slices of the horizon. VWAP: the same slices, each with its share of the volume curve; a
  part below the minimum waits for the next slice, the last one joins the part before. ICEBERG: each child at most the
  visible quantity, and due when its predecessor is filled. Where ten children or the minimums leave no other way, the
  visible quantity grows.
- AUTO chooses by size against average daily volume and visible liquidity, and SINGLE where nothing is known.
- A child's turn falls at a moment within its slice that is derived from a seed: the same seed makes the same schedule,
  and as no child leaves its slice, none overtakes another.

What it is not: it sends nothing and reads no clock. `schedule.due` says whose turn has come.
"""

import hashlib
import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import NamedTuple

from bulkhead.execution.exact import exact, is_multiple, plain
from bulkhead.execution.rules import InstrumentRules, Refused
from messages.codes import ErrorCode
from messages.trading import OrderIntent
from messages.values import STATED_PLACES, MarketSnapshot, OrderType, Side, SplitPolicy, TimeInForce

NS_PER_S = 1_000_000_000
MAX_CHILDREN = 10
"""Of the source documents; settings may ask for fewer, never for more."""


class SplitSettings(NamedTuple):
    max_children: int = MAX_CHILDREN
    horizon_s: float = 300.0
    """TWAP and VWAP: from the decision to the end of the last slice. An earlier expiry of the intent shortens it."""
    jitter_share: Decimal = Decimal("0.5")
    """How far into its slice a child may be put off, as a share of the slice; 0 to 1. What is due with the decision
    itself is never put off."""
    iceberg_visible_quantity: Decimal | None = None
    """In the instrument's own units; None: `iceberg_visible_share` of what the market shows."""
    iceberg_visible_share: Decimal = Decimal("0.2")
    auto_min_adv_share: Decimal = Decimal("0.01")
    """AUTO: more than this share of a day's volume is spread over time."""
    auto_min_visible_share: Decimal = Decimal(1)
    """AUTO: more than this share of the visible quantity is not shown or taken at once."""


class SplitFacts(NamedTuple):
    """What is known of the instrument's liquidity. None and empty: not known."""

    average_daily_volume: Decimal | None = None
    """In the instrument's units."""
    visible_quantity: Decimal | None = None
    """Best level of the side that the intent would take."""
    volume_curve: tuple[Decimal, ...] = ()
    """Relative volume in equal parts of the horizon, from the decision on; any unit."""


class Child(NamedTuple):
    number: int
    quantity: Decimal
    limit_price: Decimal | None
    due_after_ns: int = 0
    """Nanoseconds from the decision to its turn."""
    waits_for: int | None = None
    """The child that must be filled first; None: only the time counts."""


class Chosen(NamedTuple):
    policy: SplitPolicy
    check: str
    """Why, as `name value`, so that the way of an order can be explained."""


class _Bounds(NamedTuple):
    """In whole lots."""

    total: int
    least: int
    most: int
    lot_size: Decimal


NOTHING_KNOWN = SplitFacts()


def visible_quantity(side: Side, market: MarketSnapshot | None) -> Decimal | None:
    """What the best level shows that an order on `side` would take; None when it is not known."""
    if market is None:
        return None
    return market.ask_quantity if side is Side.BUY else market.bid_quantity


def choose(
    intent: OrderIntent, quantity: Decimal, settings: SplitSettings, facts: SplitFacts = NOTHING_KNOWN
) -> Chosen | Refused:
    """The policy that the intent names, or for AUTO the one that suits its size. Never AUTO.

    Refuses with NUMBER_IMPOSSIBLE facts that are negative or no numbers, and with SPLIT_UNSUPPORTED a FOK order that
    is to be split: parts of it cannot be all or nothing together.
    """
    named, is_whole = intent.split, intent.time_in_force is TimeInForce.FOK
    if named is not SplitPolicy.AUTO:
        if is_whole and named is not SplitPolicy.SINGLE:
            detail = "an order that fills whole or not at all cannot be split"
            return _refuse(ErrorCode.SPLIT_UNSUPPORTED, "split", f"{named} FOK", SplitPolicy.SINGLE.value, detail)
        return Chosen(named, f"split {named} asked for")
    daily, visible = facts.average_daily_volume, facts.visible_quantity
    shares = (settings.auto_min_adv_share, settings.auto_min_visible_share)
    names = ("quantity", "average_daily_volume", "visible_quantity", "auto_min_adv_share", "auto_min_visible_share")
    for name, value in zip(names, (quantity, daily, visible, *shares), strict=True):
        if value is not None and not _is_amount(value):
            return _impossible(name, str(value), ">=0", "no amount")
    if is_whole or intent.time_in_force is TimeInForce.IOC:
        return Chosen(SplitPolicy.SINGLE, f"split SINGLE {intent.time_in_force}")
    with exact():
        is_large = daily is not None and quantity > daily * settings.auto_min_adv_share
        is_visible = visible is not None and quantity > visible * settings.auto_min_visible_share
    if daily is not None and is_large:
        policy = SplitPolicy.VWAP if any(facts.volume_curve) else SplitPolicy.TWAP
        return Chosen(policy, f"split {policy} {plain(quantity)} of {plain(daily)} a day")
    if visible is not None and is_visible:
        policy = SplitPolicy.ICEBERG if intent.order_type is OrderType.LMT else SplitPolicy.TWAP
        return Chosen(policy, f"split {policy} {plain(quantity)} against {plain(visible)} shown")
    return Chosen(SplitPolicy.SINGLE, "split SINGLE small or nothing known")


def split(
    intent: OrderIntent,
    quantity: Decimal,
    *,
    settings: SplitSettings | None = None,
    rules: InstrumentRules | None = None,
    price: Decimal | None = None,
    facts: SplitFacts = NOTHING_KNOWN,
    policy: SplitPolicy | None = None,
    seed: str = "",
) -> tuple[Child, ...] | Refused:
    """Children of `quantity` in all, which the precheck may have cut below the intent's own; in the order of their
    turns, numbered from 0.

    `policy` is what `choose` gave (None: the intent's own); `price` values a child where the intent has no limit, and
    is the market's in the instrument's quote asset; `seed` names the schedule.
    Without settings only SINGLE is carried out: a caller that cannot wait must never send a split at once.
    """
    wanted = intent.split if policy is None else policy
    if not _is_amount(quantity) or quantity == 0:
        return _impossible("quantity", str(quantity), ">0", "no quantity")
    if settings is None:
        if wanted is not SplitPolicy.SINGLE:
            detail = f"{wanted} is not carried out by this version; nothing was sent"
            return _refuse(ErrorCode.SPLIT_UNSUPPORTED, "split", wanted.value, SplitPolicy.SINGLE.value, detail)
        return (Child(0, quantity, intent.limit_price),)
    bounds = _bounds(intent, quantity, rules, intent.limit_price or price, is_whole=wanted is SplitPolicy.SINGLE)
    if isinstance(bounds, Refused):
        return bounds
    if not 1 <= settings.max_children <= MAX_CHILDREN:
        return _impossible("max_children", str(settings.max_children), f"1..{MAX_CHILDREN}", "no number of children")
    match wanted:
        case SplitPolicy.SINGLE:
            children: tuple[Child, ...] | Refused = (Child(0, quantity, intent.limit_price),)
        case SplitPolicy.TWAP:
            children = _over_time(intent, bounds, settings, None, seed)
        case SplitPolicy.VWAP:
            children = _over_time(intent, bounds, settings, facts.volume_curve, seed)
        case SplitPolicy.ICEBERG:
            children = _iceberg(intent, bounds, settings, facts)
        case _:
            detail = "choose() says which policy it is to be"
            children = _refuse(ErrorCode.SPLIT_UNSUPPORTED, "split", wanted.value, "a policy", detail)
    return children if isinstance(children, Refused) else _below_most(children, bounds)


# -- quantities -------------------------------------------------------------------------------------------------------


def _bounds(
    intent: OrderIntent, quantity: Decimal, rules: InstrumentRules | None, price: Decimal | None, *, is_whole: bool
) -> _Bounds | Refused:
    """The quantity and what one child may be, in lots; or why the quantity cannot be ordered at all."""
    if rules is None:
        return _refuse(ErrorCode.INSTRUMENT_UNKNOWN, "rules", "none", "loaded", f"no rules for {intent.symbol}")
    lot, text = rules.lot_size, plain(quantity)
    if not _is_amount(lot) or lot == 0:
        return _impossible("lot_size", str(lot), ">0", "no lot size")
    if not is_multiple(quantity, lot):
        return _refuse(ErrorCode.QUANTITY_OFF_LOT, "lot_size", text, plain(lot), "no multiple of the lot")
    if price is not None and (not _is_amount(price) or price == 0):
        return _impossible("price", str(price), ">0", "no price")
    if price is None and rules.min_notional > 0 and not is_whole:
        detail = "without a price nobody can say whether a part is above the venue's minimum"
        return _refuse(ErrorCode.MARKET_MISSING, "price", "none", "a price", detail)
    with exact():
        total, most = int(quantity // lot), int(rules.max_quantity // lot)
        by_quantity = _steps_up(rules.min_quantity, lot)
        by_notional = 1 if price is None else _steps_up(rules.min_notional, price * lot)
        notional = "" if price is None else plain(quantity * price)
    if total < by_quantity:
        limit = plain(rules.min_quantity)
        return _refuse(ErrorCode.QUANTITY_TOO_SMALL, "min_quantity", text, limit, "below the venue's minimum")
    if total < by_notional:
        limit = plain(rules.min_notional)
        return _refuse(ErrorCode.NOTIONAL_TOO_SMALL, "min_notional", notional, limit, "below the venue's minimum")
    return _Bounds(total, max(1, by_quantity, by_notional), most, lot)


def _steps_up(value: Decimal, step: Decimal) -> int:
    """How many steps reach `value`. To be called inside exact(): a quotient would be rounded, this never is."""
    whole, rest = divmod(value, step)
    return int(whole) + (rest > 0)


def _evenly(total: int, parts: int) -> list[int]:
    """Equal parts; what does not divide goes to the earliest, one each."""
    each, rest = divmod(total, parts)
    return [each + (number < rest) for number in range(parts)]


def _by_weight(total: int, weights: Sequence[int]) -> list[int]:
    """Parts in proportion; what does not divide goes to those that were rounded down most, the earlier first."""
    whole = sum(weights)
    divided = [divmod(total * weight, whole) for weight in weights]
    parts = [part for part, _ in divided]
    short = sorted(range(len(parts)), key=lambda number: (-divided[number][1], number))
    for number in short[: total - sum(parts)]:
        parts[number] += 1
    return parts


def _carried(parts: list[int], least: int) -> list[int]:
    """What is too small for an order waits for the next slice; what the last one lacks joins the order before it."""
    carried, kept, waiting = [0] * len(parts), None, 0
    for number, part in enumerate(parts):
        waiting += part
        if waiting >= least:
            carried[number], kept, waiting = waiting, number, 0
    if waiting:
        carried[len(parts) - 1 if kept is None else kept] += waiting
    return carried


def _slice_weights(curve: Sequence[Decimal], slices: int) -> list[int]:
    """The curve's volume in each of so many equal slices of it, in one unit that makes all of them whole numbers."""
    places = max(0, *(-int(volume.as_tuple().exponent) for volume in curve))
    with exact():
        volumes = [int(volume.scaleb(places)) for volume in curve]
    until = [0, *accumulate(volumes)]
    borders = []
    for number in range(slices + 1):
        whole, part = divmod(number * len(volumes), slices)
        # A border within a part of the curve takes its share of that part's volume.
        borders.append(until[whole] * slices + (part * volumes[whole] if part else 0))
    return [end - begin for begin, end in pairwise(borders)]


def _below_most(children: tuple[Child, ...], bounds: _Bounds) -> tuple[Child, ...] | Refused:
    with exact():
        limit = bounds.most * bounds.lot_size
        largest = max(child.quantity for child in children)
    if largest > limit:
        detail = f"one of {len(children)} children is above the venue's maximum"
        return _refuse(ErrorCode.QUANTITY_TOO_LARGE, "max_quantity", plain(largest), plain(limit), detail)
    return children


def _child(intent: OrderIntent, number: int, lots: int, lot_size: Decimal, due_after_ns: int = 0) -> Child:
    with exact():
        return Child(number, lots * lot_size, intent.limit_price, due_after_ns)


# -- policies ---------------------------------------------------------------------------------------------------------


def _over_time(
    intent: OrderIntent, bounds: _Bounds, settings: SplitSettings, curve: tuple[Decimal, ...] | None, seed: str
) -> tuple[Child, ...] | Refused:
    """TWAP without a curve, VWAP with one."""
    horizon_ns = _horizon_ns(intent, settings)
    if isinstance(horizon_ns, Refused):
        return horizon_ns
    if curve is None:
        slices = min(settings.max_children, bounds.total // bounds.least, horizon_ns)
        parts = _evenly(bounds.total, slices)
    else:
        for number, weight in enumerate(curve):
            if not _is_amount(weight):
                return _impossible(f"volume_curve[{number}]", str(weight), ">=0", "no volume")
        if not any(curve):
            detail = "the volume curve is empty" if not curve else "the volume curve has zeros only"
            return _impossible("volume_curve", str(len(curve)), "some volume", detail)
        slices = min(settings.max_children, horizon_ns)
        parts = _carried(_by_weight(bounds.total, _slice_weights(curve, slices)), bounds.least)
    turns = _turns_ns(horizon_ns, slices, settings.jitter_share, seed)
    filled_slices = [(turns[place], part) for place, part in enumerate(parts) if part]
    return tuple(
        _child(intent, number, part, bounds.lot_size, turn) for number, (turn, part) in enumerate(filled_slices)
    )


def _horizon_ns(intent: OrderIntent, settings: SplitSettings) -> int | Refused:
    if not math.isfinite(settings.horizon_s) or settings.horizon_s * NS_PER_S < 1:
        return _impossible("horizon_s", str(settings.horizon_s), ">0", "no time to spread the children over")
    share = settings.jitter_share
    if not share.is_finite() or not 0 <= share <= 1:
        return _impossible("jitter_share", str(share), "0..1", "no share of a slice")
    horizon_ns = int(settings.horizon_s * NS_PER_S)
    if intent.expires_at_ns is None:
        return horizon_ns
    left_ns = intent.expires_at_ns - intent.decision_time_ns
    if left_ns <= 0:
        return _refuse(ErrorCode.INTENT_EXPIRED, "expires_after_ns", str(left_ns), ">0", "it expires with the decision")
    return min(horizon_ns, left_ns)


def _turns_ns(horizon_ns: int, slices: int, jitter_share: Decimal, seed: str) -> list[int]:
    """A moment in each slice, rising, all below the horizon. The first is the decision itself: so that something is
    sent at once where something is to be traded at once."""
    upper, lower = jitter_share.as_integer_ratio()
    turns = []
    for number in range(slices):
        begin, end = horizon_ns * number // slices, horizon_ns * (number + 1) // slices
        widest = min(upper * (end - begin) // lower, end - begin - 1)
        turns.append(begin + (_drawn(seed, number) % (widest + 1) if number else 0))
    return turns


def _drawn(seed: str, number: int) -> int:
    """A number that looks random and is not: derived like the ids, so that every version of Python draws the same."""
    return int.from_bytes(hashlib.sha256(f"{number}:{seed}".encode()).digest()[:16], "big")


def _iceberg(
    intent: OrderIntent, bounds: _Bounds, settings: SplitSettings, facts: SplitFacts
) -> tuple[Child, ...] | Refused:
    shown = settings.iceberg_visible_quantity
    if shown is None:
        if facts.visible_quantity is None:
            detail = "how much may be seen is neither set nor to be told from the market"
            return _refuse(ErrorCode.MARKET_MISSING, "visible_quantity", "none", "a quantity", detail)
        with exact():
            shown = facts.visible_quantity * settings.iceberg_visible_share
    if not _is_amount(shown) or shown == 0:
        return _impossible("visible_quantity", str(shown), ">0", "nothing would be seen")
    with exact():
        lots = max(1, int(shown // bounds.lot_size))
    parts = _evenly(bounds.total, min(-(-bounds.total // lots), settings.max_children, bounds.total // bounds.least))
    return tuple(
        _child(intent, number, part, bounds.lot_size)._replace(waits_for=number - 1 if number else None)
        for number, part in enumerate(parts)
    )


# -- shared -----------------------------------------------------------------------------------------------------------


def _is_amount(value: Decimal) -> bool:
    """Finite, not negative, and of no more digits than a message may state: nobody adds up `1E+999999`."""
    if not value.is_finite() or value < 0:
        return False
    return value.adjusted() < STATED_PLACES and -int(value.as_tuple().exponent) <= STATED_PLACES


def _impossible(check: str, value: str, limit: str, detail: str) -> Refused:
    return _refuse(ErrorCode.NUMBER_IMPOSSIBLE, check, value, limit, detail)


def _refuse(code: ErrorCode, check: str, value: str, limit: str, detail: str) -> Refused:
    return Refused(code.value, check, value, limit, detail)
