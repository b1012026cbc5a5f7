"""Adjust: what is to become of the unfilled rest of one child: wait, cancel, replace it nearer the market, or give up.

Called again after each piece of evidence and each deadline, with every attempt of the child; it remembers nothing.

- First the cancel, then the proof, then the replacement: nothing is replaced while an attempt may still trade. Proof is
  the venue's word that an order was cancelled or expired. UNKNOWN, PENDING_CANCEL and FAILED (our own conclusion, which
  any word of the venue overrules) prove nothing; after a reject, which is final, nothing is tried again.
- A replacement has the quantity of the child less what all attempts have filled, so that filled + live + unknown never
  exceeds the child. Where the venue breaks that by a fill after its own cancel, the live attempt is cancelled at once.
- The price goes from our side of the spread (attempt 1: a third of the way) to the other (attempt 3), is never more
  than 0.5 % from the child's first price and never beyond the collar of the precheck.
- Only what this stage has cancelled itself is replaced. What a stop plan, a strategy or the venue has cancelled stays
  cancelled; the order's `reason` tells, and it is on disk.

What it is not: it does not ask whether the rest should be cancelled when it has given up (escape), and the replacement
is prechecked like any order (micro_pipeline.plan_adjustment).
"""

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import NamedTuple

from bulkhead.execution.exact import BPS, ZERO, divide, exact, floor_to_step, plain
from bulkhead.execution.rules import InstrumentRules, on_tick
from bulkhead.execution.stages.monitor import FILL_TIMEOUT_S, NS_PER_S, working_since_ns
from bulkhead.execution.stages.schedule import quantity_of
from messages.orders import OrderRow
from messages.values import MarketSnapshot, OrderStatus, Side, TimeInForce

MAX_ADJUSTMENTS = 3
MAX_MOVE_BPS = Decimal(50)
"""Of the source documents (0.5 %), as is the number of adjustments; settings may be stricter, never wider."""
ADJUST_REASON = "adjust: "
"""How the reason of a cancel begins that this stage has asked for."""

_WORKING = frozenset({OrderStatus.SUBMITTED, OrderStatus.PARTIAL})
_PROVEN = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED})
_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


class AdjustSettings(NamedTuple):
    max_adjustments: int = MAX_ADJUSTMENTS
    max_move_bps: Decimal = MAX_MOVE_BPS
    """From the price of the child's first attempt, either way."""
    price_collar_bps: Decimal = Decimal(200)
    """As in PrecheckSettings: entries on either side of the market, exits on the losing side."""
    fill_timeout_s: float = FILL_TIMEOUT_S
    """How long an attempt may work before it is adjusted."""
    pause_s: float = 1.0
    """After any news of a working order: nobody cancels what is filling just now, nor asks again at once after a
    refused cancel."""
    max_market_age_s: float = 10.0
    max_wait_s: float = 60.0
    """How long a rest that no order works for may wait for the gate or the market before it is given up."""


class AdjustInput(NamedTuple):
    attempts: tuple[OrderRow, ...]
    """Every order of one child, ended ones included."""
    rules: InstrumentRules | None
    market: MarketSnapshot | None
    """The latest."""
    settings: AdjustSettings
    now_ns: int
    gate_refusal: str | None = None
    """Why the gate lets an order of this kind not out at present, or None."""
    stopped: str | None = None
    """Why the intent is not to be worked any more (escape, stop plan, its strategy has ended), or None."""


class GaveUp(StrEnum):
    NOTHING_LEFT = "nothing_left"
    """The child is filled. The one good end."""
    BELOW_MINIMUM = "below_minimum"
    ATTEMPTS_USED = "attempts_used"
    PRICE_BOUND = "price_bound"
    """No price lies within both the total move and the collar."""
    NOT_ADJUSTABLE = "not_adjustable"
    """No limit price, or what does not fill at once is not wanted."""
    REJECTED = "rejected"
    NEVER_SENT = "never_sent"
    ENDED_BY_OTHERS = "ended_by_others"
    STOPPED = "stopped"
    INSTRUMENT_UNKNOWN = "instrument_unknown"
    SETTINGS_IMPOSSIBLE = "settings_impossible"
    WAITED = "waited"
    """Neither gate nor market let the rest out in time."""
    INCOMPLETE = "incomplete"
    """Not every attempt is known, so neither is what was filled."""


class CancelFirst(NamedTuple):
    """Cancel this order now, with this reason, and call again upon its evidence."""

    client_order_id: str
    symbol: str
    reason: str
    """Begins with ADJUST_REASON."""
    quantity: Decimal
    """What would replace it if nothing fills meanwhile; zero where it is cancelled because too much works."""
    limit_price: Decimal | None


class Replace(NamedTuple):
    """Record and send this: its predecessors are proven to have ended."""

    child: int
    attempt: int
    quantity: Decimal
    limit_price: Decimal


class Wait(NamedTuple):
    reason: str
    until_ns: int | None = None
    """When to call again at the latest; None: upon evidence, or new quotes."""


class GiveUp(NamedTuple):
    """No adjustment any more, with the numbers that were compared."""

    why: GaveUp
    check: str
    value: str
    limit: str
    detail: str
    rest: Decimal
    """Of the child's quantity, what no attempt has filled."""
    is_working: bool
    """An order of the child has not ended: it is left as it is."""


Adjusted = CancelFirst | Replace | Wait | GiveUp


class _Child(NamedTuple):
    """One child as its attempts tell it."""

    attempts: tuple[OrderRow, ...]
    open: tuple[OrderRow, ...]
    quantity: Decimal
    filled: Decimal
    leaves: Decimal

    @property
    def rest(self) -> Decimal:
        with exact():
            return max(ZERO, self.quantity - self.filled)

    @property
    def newest(self) -> OrderRow:
        return self.attempts[-1]

    @property
    def side(self) -> Side:
        return self.newest.ticket.side

    def gives_up(self, why: GaveUp, check: str, value: str, limit: str, detail: str) -> GiveUp:
        return GiveUp(why, check, value, limit, detail, self.rest, bool(self.open))


def is_proven_ended(order: OrderRow) -> bool:
    """Whether the venue's own word says that nothing of the order works any more."""
    return order.status in _PROVEN


def adjust(given: AdjustInput) -> Adjusted:
    """The next step for one child. Raises ValueError when `attempts` is empty or not of one child of one intent."""
    child = _gather(given.attempts)
    ended = _excess(child) or _over(given, child) or _owed(child) or _not_for_us(given, child)
    if ended is not None:
        return ended
    waits = _early(given, child) or _unquoted(given)
    return _priced(given, child) if waits is None else bounded(waits, given)


def bounded(wait: Wait, given: AdjustInput) -> Wait | GiveUp:
    """A rest that nothing works for is not waited for without end: its intent holds a reservation. Raises ValueError
    as `adjust` does."""
    child = _gather(given.attempts)
    if child.open:
        return wait
    until_ns = child.newest.updated_ns + int(given.settings.max_wait_s * NS_PER_S)
    if given.now_ns < until_ns:
        return wait._replace(until_ns=until_ns)
    value = f"{(given.now_ns - child.newest.updated_ns) / NS_PER_S:.3f}"
    return child.gives_up(GaveUp.WAITED, "max_wait_s", value, f"{given.settings.max_wait_s:g}", wait.reason)


def _gather(attempts: Iterable[OrderRow]) -> _Child:
    rows = tuple(sorted(attempts, key=lambda row: row.attempt))
    if len({(row.intent_id, row.child) for row in rows}) != 1:
        raise ValueError("adjust() takes the attempts of exactly one child")
    if len({row.attempt for row in rows}) != len(rows):
        raise ValueError("adjust() takes each attempt once")
    with exact():
        filled = sum((row.filled for row in rows), ZERO)
        leaves = sum((row.leaves for row in rows), ZERO)
    return _Child(rows, tuple(row for row in rows if not row.status.is_terminal), quantity_of(rows), filled, leaves)


# -- what ends it, or must come first -----------------------------------------------------------------------------


def _excess(child: _Child) -> Adjusted | None:
    """More works than is left: the venue has filled an order after its own word that it had ended."""
    with exact():
        excess = child.filled + child.leaves - child.quantity
    if excess <= 0 or not child.open:
        return None
    working = [row for row in child.open if row.status in _WORKING]
    if not working:
        return Wait(f"{plain(excess)} too much works, and the venue owes an answer")
    ticket = working[-1].ticket
    reason = f"{ADJUST_REASON}{plain(excess)} too much works"
    return CancelFirst(ticket.client_order_id, ticket.symbol, reason, ZERO, None)


def _over(given: AdjustInput, child: _Child) -> GiveUp | None:
    numbers = [row.attempt for row in child.attempts]
    if numbers != list(range(len(numbers))):
        known = ",".join(str(number) for number in numbers)
        limit = f"0..{numbers[-1]}"
        return child.gives_up(GaveUp.INCOMPLETE, "attempts", known, limit, "an attempt is not in the books")
    if child.rest == 0:
        return child.gives_up(GaveUp.NOTHING_LEFT, "rest", "0", plain(child.quantity), "filled")
    if given.stopped is not None:
        return child.gives_up(GaveUp.STOPPED, "stopped", "yes", "no", given.stopped)
    settings = given.settings
    if not 0 <= settings.max_adjustments <= MAX_ADJUSTMENTS:
        value, limit = str(settings.max_adjustments), f"0..{MAX_ADJUSTMENTS}"
        return child.gives_up(GaveUp.SETTINGS_IMPOSSIBLE, "max_adjustments", value, limit, "no number of adjustments")
    for name, bps, most in (
        ("max_move_bps", settings.max_move_bps, MAX_MOVE_BPS),
        ("price_collar_bps", settings.price_collar_bps, BPS),
    ):
        if not bps.is_finite() or not 0 <= bps <= most:
            limit = f"0..{plain(most)}"
            return child.gives_up(GaveUp.SETTINGS_IMPOSSIBLE, name, str(bps), limit, "no distance of a price")
    return None


def _owed(child: _Child) -> Wait | None:
    for row in child.open:
        if row.status not in _WORKING:
            return Wait(f"the venue owes an answer about {row.ticket.client_order_id}, which is {row.status}")
    return None


def _not_for_us(given: AdjustInput, child: _Child) -> GiveUp | None:
    """The attempts have ended in a way that is not ours to repair, or none may follow."""
    newest, most = child.newest, given.settings.max_adjustments
    tif = newest.ticket.time_in_force
    if newest.ticket.limit_price is None or tif in _AT_ONCE:
        value = "MKT" if newest.ticket.limit_price is None else tif.value
        return child.gives_up(GaveUp.NOT_ADJUSTABLE, "order", value, "resting limit", "has no price to adjust")
    if newest.attempt >= most:
        value = str(newest.attempt)
        return child.gives_up(GaveUp.ATTEMPTS_USED, "adjustments", value, str(most), "adjusted as often as allowed")
    if child.open:
        return None
    key, said = newest.ticket.client_order_id, newest.reason or "no reason was given"
    if newest.status is OrderStatus.REJECTED:
        return child.gives_up(GaveUp.REJECTED, "status", newest.status, "CANCELLED", f"{key}: {said}")
    for row in child.attempts:
        if not is_proven_ended(row):
            detail = f"that {row.ticket.client_order_id} never reached the venue is our own conclusion"
            return child.gives_up(GaveUp.NEVER_SENT, "status", row.status, "CANCELLED", detail)
    if newest.status is OrderStatus.CANCELLED and not said.startswith(ADJUST_REASON):
        return child.gives_up(GaveUp.ENDED_BY_OTHERS, "reason", said, ADJUST_REASON, f"{key} was not cancelled by us")
    return None


# -- what is not the time for it --------------------------------------------------------------------------------


def _early(given: AdjustInput, child: _Child) -> Wait | None:
    if child.open:
        row, limits = child.open[-1], given.settings
        timeout_ns, pause_ns = int(limits.fill_timeout_s * NS_PER_S), int(limits.pause_s * NS_PER_S)
        until_ns = max(working_since_ns(row) + timeout_ns, row.updated_ns + pause_ns)
        if given.now_ns < until_ns:
            return Wait("it has not worked for long, or there was news of it just now", until_ns)
    if given.gate_refusal is not None:
        return Wait(f"the gate is shut: {given.gate_refusal}")
    return None


def _unquoted(given: AdjustInput) -> Wait | None:
    market, limit_s = given.market, given.settings.max_market_age_s
    if market is None or market.bid is None or market.ask is None:
        return Wait("no quotes are known")
    if market.bid > market.ask:
        return Wait(f"the quotes are crossed: {plain(market.bid)} over {plain(market.ask)}")
    age_s = (given.now_ns - market.event_time_ns) / NS_PER_S
    if abs(age_s) > limit_s:
        return Wait(f"the quotes are stale: {age_s:.3f} s against {limit_s:g} s")
    return None


# -- the new price --------------------------------------------------------------------------------------------------


def _priced(given: AdjustInput, child: _Child) -> Adjusted:
    rules, market = given.rules, given.market
    if rules is None:
        symbol = child.newest.ticket.symbol
        return child.gives_up(GaveUp.INSTRUMENT_UNKNOWN, "rules", "none", "loaded", f"no rules for {symbol}")
    if market is None or market.bid is None or market.ask is None:
        raise ValueError("adjust() looks for quotes before it makes a price")
    attempt = child.newest.attempt + 1
    price = _price(given.settings, rules, market.bid, market.ask, child, attempt)
    if isinstance(price, GiveUp):
        return price
    quantity = floor_to_step(child.rest, rules.lot_size)
    small = _too_small(child, rules, quantity, price)
    if small is not None:
        return small
    if not child.open:
        return Replace(child.newest.child, attempt, quantity, price)
    working = child.open[-1].ticket
    if working.limit_price is not None and (price - working.limit_price) * child.side.sign <= 0:
        return Wait(f"{plain(working.limit_price)} is as near to the market as {plain(price)}")
    reason = f"{ADJUST_REASON}attempt {attempt} at {plain(price)}"
    return CancelFirst(working.client_order_id, working.symbol, reason, quantity, price)


def _price(
    settings: AdjustSettings, rules: InstrumentRules, bid: Decimal, ask: Decimal, child: _Child, attempt: int
) -> Decimal | GiveUp:
    """On a tick, rounded away from the market and into the bounds."""
    first, sign = child.attempts[0].ticket.limit_price, child.side.sign
    if first is None:
        raise ValueError("adjust() turns market orders away before it makes a price")
    near, far = (bid, ask) if child.side is Side.BUY else (ask, bid)
    with exact():
        middle = divide(bid + ask, Decimal(2))
        lowest = first * (BPS - settings.max_move_bps) / BPS
        highest = first * (BPS + settings.max_move_bps) / BPS
        collar_low = middle * (BPS - settings.price_collar_bps) / BPS
        collar_high = middle * (BPS + settings.price_collar_bps) / BPS
        # An exit on the better side of the market waits, and does no harm: its collar has one side.
        if child.newest.ticket.intent_type.is_entry or sign < 0:
            lowest = max(lowest, collar_low)
        if child.newest.ticket.intent_type.is_entry or sign > 0:
            highest = min(highest, collar_high)
        bottom, top = on_tick(rules, lowest, ROUND_CEILING), on_tick(rules, highest, ROUND_FLOOR)
        wanted = near + divide((far - near) * attempt, Decimal(settings.max_adjustments))
        wanted = on_tick(rules, wanted, ROUND_FLOOR if sign > 0 else ROUND_CEILING)
    if bottom > top or top <= 0:
        value, limit = plain(wanted), f"{plain(lowest)}..{plain(highest)}"
        detail = f"no price on a tick is near both the first ({plain(first)}) and the market ({plain(middle)})"
        return child.gives_up(GaveUp.PRICE_BOUND, "limit_price", value, limit, detail)
    return min(max(wanted, bottom), top)


def _too_small(child: _Child, rules: InstrumentRules, quantity: Decimal, price: Decimal) -> GiveUp | None:
    text = plain(quantity)
    if quantity < rules.min_quantity or quantity == 0:
        limit = plain(max(rules.min_quantity, rules.lot_size))
        return child.gives_up(GaveUp.BELOW_MINIMUM, "min_quantity", text, limit, "the rest cannot be ordered")
    with exact():
        notional = quantity * price
    if notional < rules.min_notional:
        value, limit = plain(notional), plain(rules.min_notional)
        return child.gives_up(GaveUp.BELOW_MINIMUM, "min_notional", value, limit, "the rest cannot be ordered")
    return None
