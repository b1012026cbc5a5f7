"""Precheck: may this intent become an order now? The first check that fails ends it, with its code and numbers.

Entries pass every check. Exits pass only the gate (which the caller asks for the intent's kind), the rule of one order
at a time where the venue keeps no ids, the venue's own rules (tick, lot, sizes), a collar against slips of the finger,
and "no more than is held and not already being exited": whatever belongs to entries never blocks an exit. An EXIT_FULL
is cut to what is available; any other exit that asks for too much is refused.

What it is not: the risk guard, which has approved before.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple

from bulkhead.execution.claiming import is_in_doubt
from bulkhead.execution.exact import BPS, ZERO, divide, exact, floor_to_step, is_multiple, plain
from bulkhead.execution.rules import InstrumentRules, Passed, Refused, tick_at
from messages.codes import ErrorCode
from messages.market_health import DataSource
from messages.orders import OrderRow
from messages.trading import OrderIntent
from messages.values import IntentType, MarketSnapshot, OrderStatus

NS_PER_S = 1_000_000_000


class PrecheckSettings(NamedTuple):
    max_spread_bps: Decimal = Decimal(50)
    """Entries only."""
    price_collar_bps: Decimal = Decimal(200)
    """How far a limit price may lie from the market: an entry's on either side, an exit's on the losing side (a better
    one waits, and does no harm)."""
    max_market_age_s: float = 10.0
    """Entries only."""
    max_fallback_age_s: float = 45.0
    """The same where the quotes are asked for, every so many seconds, since the feed is silent."""
    broker_spread_share: Decimal = Decimal("0.5")
    """Of `max_spread_bps`, where the quotes are the broker's: it may fill its own orders at them."""
    max_rules_age_s: float = 2 * 86_400.0
    """Entries only: the trading rules are fetched daily, and a day may be missed."""
    orders_end_with_day: bool = False
    """Of the venue, for the tickets: see send."""
    is_open_at: Callable[[int], bool] | None = None
    """Entries only: whether the venue trades at a time (ns); None: it always does, or nobody here knows its hours.
    Never for exits: a calendar may be wrong, and would then hold back an exit that the venue would have taken."""

    is_one_at_a_time: bool = False
    """The venue keeps no id of ours: while one order of a symbol and side has no answer no second one may leave, or
    nobody could tell later which of them a listed one is. Exits too."""


class PrecheckInput(NamedTuple):
    intent: OrderIntent
    rules: InstrumentRules | None
    market: MarketSnapshot | None
    """The latest one, not the decision's: the market may have moved since."""
    gate_refusal: str | None
    """Why the gate lets an intent of this kind not out, or None."""
    open_orders: tuple[OrderRow, ...]
    """Every order of the account that has not ended."""
    confirmed_position: Decimal | None
    """The strategy's own, signed, from booked fills. None where the caller does not know it: an exit's quantity is
    then not judged here."""
    settings: PrecheckSettings
    now_ns: int


class Checked(NamedTuple):
    """The intent may become orders of `quantity` in all."""

    quantity: Decimal
    checks: tuple[str, ...]


Check = Callable[[PrecheckInput], str | Refused]
"""`name value<=limit` when it holds."""


def precheck(given: PrecheckInput) -> Checked | Refused:
    if given.rules is None:
        return _refuse(ErrorCode.INSTRUMENT_UNKNOWN, "rules", "none", "loaded", f"no rules for {given.intent.symbol}")
    if given.intent.intent_type.is_entry:
        outcome = run_checks(_ENTRY_CHECKS, given)
        return outcome if isinstance(outcome, Refused) else Checked(given.intent.quantity, outcome.checks)
    return _precheck_exit(given, given.rules)


def run_checks(checks: Iterable[Check], given: PrecheckInput) -> Passed | Refused:
    passed = []
    for check in checks:
        outcome = check(given)
        if isinstance(outcome, Refused):
            return outcome
        passed.append(outcome)
    return Passed(tuple(passed))


# -- entries ----------------------------------------------------------------------------------------------------------


def _not_expired(given: PrecheckInput) -> str | Refused:
    expires_ns = given.intent.expires_at_ns
    if expires_ns is not None and given.now_ns > expires_ns:
        return _refuse(ErrorCode.INTENT_EXPIRED, "expires_at_ns", str(given.now_ns), str(expires_ns), "too late")
    return "not_expired"


def _gate(given: PrecheckInput) -> str | Refused:
    if given.gate_refusal is not None:
        return _refuse(ErrorCode.GATE_SHUT, "gate", "shut", "open", given.gate_refusal)
    return "gate open"


def _trading(given: PrecheckInput) -> str | Refused:
    rules = _rules(given)
    if not rules.is_trading:
        return _refuse(ErrorCode.INSTRUMENT_NOT_TRADING, "is_trading", "no", "yes", f"{rules.symbol} is not traded now")
    return "is_trading"


def _hours(given: PrecheckInput) -> str | Refused:
    is_open_at = given.settings.is_open_at
    if is_open_at is None:
        return "market_hours unjudged"
    if not is_open_at(given.now_ns):
        return _refuse(ErrorCode.INSTRUMENT_NOT_TRADING, "market_hours", "closed", "open", "the venue is closed now")
    return "market_hours open"


def _rules_age(given: PrecheckInput) -> str | Refused:
    as_of_ns, limit_s = _rules(given).as_of_ns, given.settings.max_rules_age_s
    if as_of_ns is None:
        return "rules_age_s unjudged"
    age_s = (given.now_ns - as_of_ns) / NS_PER_S
    if age_s > limit_s:
        detail = "the trading rules could not be fetched for too long"
        return _refuse(ErrorCode.INSTRUMENTS_STALE, "rules_age_s", f"{age_s:.0f}", f"{limit_s:g}", detail)
    return f"rules_age_s {age_s:.0f}<={limit_s:g}"


def _not_frozen(given: PrecheckInput) -> str | Refused:
    for order in given.open_orders:
        if _is_same_book(order, given.intent) and order.status is OrderStatus.UNKNOWN:
            client_order_id = order.ticket.client_order_id
            detail = f"the outcome of order {client_order_id} is unknown"
            return _refuse(ErrorCode.SYMBOL_FROZEN, "unknown_orders", client_order_id, "none", detail)
    return "unknown_orders 0<=0"


def _side_is_clear(given: PrecheckInput) -> str | Refused:
    if not given.settings.is_one_at_a_time:
        return "unanswered_orders unjudged"
    for order in given.open_orders:
        if _is_same_book(order, given.intent) and order.ticket.side is given.intent.side and is_in_doubt(order):
            key = order.ticket.client_order_id
            detail = f"order {key} of this symbol and side has no answer yet, and this venue keeps no ids"
            return _refuse(ErrorCode.SIDE_IN_DOUBT, "unanswered_orders", key, "none", detail)
    return "unanswered_orders 0<=0"


def _fresh(given: PrecheckInput) -> str | Refused:
    market = given.market
    if market is None or market.mid is None:
        return _refuse(ErrorCode.MARKET_MISSING, "market", "none", "a price", "no price of the symbol is known")
    is_of_feed = market.source == DataSource.FEED
    limit_s = given.settings.max_market_age_s if is_of_feed else given.settings.max_fallback_age_s
    age_s = (given.now_ns - market.event_time_ns) / NS_PER_S
    # From the future is as wrong as from the past: one of the clocks is off.
    if abs(age_s) > limit_s:
        return _refuse(ErrorCode.MARKET_STALE, "market_age_s", f"{age_s:.3f}", f"{limit_s:g}", "the market is stale")
    return f"market_age_s {age_s:.3f}<={limit_s:g}"


def _spread(given: PrecheckInput) -> str | Refused:
    limit = given.settings.max_spread_bps
    if given.market is not None and given.market.source == DataSource.BROKER:
        with exact():
            limit *= given.settings.broker_spread_share
    spread = None if given.market is None else given.market.spread_bps
    if spread is None:
        return _refuse(ErrorCode.MARKET_MISSING, "spread_bps", "none", plain(limit), "a bid or an ask is missing")
    if spread < 0 or spread > limit:
        detail = "the quotes are crossed" if spread < 0 else "the spread is too wide"
        return _refuse(ErrorCode.SPREAD_TOO_WIDE, "spread_bps", f"{spread:.2f}", plain(limit), detail)
    return f"spread_bps {spread:.2f}<={plain(limit)}"


def _entry_collar(given: PrecheckInput) -> str | Refused:
    return _collar(given, given.settings.price_collar_bps, is_two_sided=True)


def _no_self_cross(given: PrecheckInput) -> str | Refused:
    for order in given.open_orders:
        if _is_same_book(order, given.intent) and _could_cross(given.intent, order):
            ticket = order.ticket
            theirs = "MKT" if ticket.limit_price is None else plain(ticket.limit_price)
            detail = f"{ticket.side} {theirs} of our own ({ticket.client_order_id}) rests on the other side"
            return _refuse(ErrorCode.SELF_CROSS, "own_orders_crossed", _price_text(given.intent), theirs, detail)
    return "own_orders_crossed 0<=0"


def _could_cross(intent: OrderIntent, order: OrderRow) -> bool:
    ticket = order.ticket
    if ticket.side is intent.side:
        return False
    if intent.limit_price is None or ticket.limit_price is None:
        return True
    return (intent.limit_price - ticket.limit_price) * intent.side.sign >= 0


# -- the venue's rules, for both ------------------------------------------------------------------------------------


def _tick(given: PrecheckInput) -> str | Refused:
    price = given.intent.limit_price
    if price is None:
        return "tick_size MKT"
    tick = tick_at(_rules(given), price)
    if not is_multiple(price, tick):
        return _refuse(ErrorCode.PRICE_OFF_TICK, "tick_size", plain(price), plain(tick), "no multiple of the tick")
    return f"tick_size {plain(price)}%{plain(tick)}=0"


def _sizes(given: PrecheckInput) -> str | Refused:
    return _size_of(given.intent.quantity, given)


def _size_of(quantity: Decimal, given: PrecheckInput) -> str | Refused:
    rules = _rules(given)
    text = plain(quantity)
    if not is_multiple(quantity, rules.lot_size):
        return _refuse(ErrorCode.QUANTITY_OFF_LOT, "lot_size", text, plain(rules.lot_size), "no multiple of the lot")
    if quantity < rules.min_quantity:
        limit = plain(rules.min_quantity)
        return _refuse(ErrorCode.QUANTITY_TOO_SMALL, "min_quantity", text, limit, "below the venue's minimum")
    if quantity > rules.max_quantity:
        limit = plain(rules.max_quantity)
        return _refuse(ErrorCode.QUANTITY_TOO_LARGE, "max_quantity", text, limit, "above the venue's maximum")
    price = given.intent.limit_price or (given.market.mid if given.market is not None else None)
    if price is None:
        return f"lot_size {text}%{plain(rules.lot_size)}=0"
    with exact():
        notional = quantity * price
    if notional < rules.min_notional:
        limit = plain(rules.min_notional)
        return _refuse(
            ErrorCode.NOTIONAL_TOO_SMALL, "min_notional", plain(notional), limit, "below the venue's minimum"
        )
    return f"min_notional {plain(notional)}>={plain(rules.min_notional)}"


def _collar(given: PrecheckInput, limit: Decimal, *, is_two_sided: bool) -> str | Refused:
    price = given.intent.limit_price
    reference = None if given.market is None else given.market.mid
    if price is None or reference is None:
        return "price_collar_bps unpriced"
    with exact():
        worse_bps = divide((price - reference) * given.intent.side.sign * BPS, reference)
    away_bps = abs(worse_bps) if is_two_sided else worse_bps
    if away_bps > limit:
        detail = f"{plain(price)} against a market at {plain(reference)}"
        return _refuse(ErrorCode.PRICE_OUTSIDE_COLLAR, "price_collar_bps", f"{away_bps:.2f}", plain(limit), detail)
    return f"price_collar_bps {away_bps:.2f}<={plain(limit)}"


# -- exits ------------------------------------------------------------------------------------------------------------


def available_to_exit(intent: OrderIntent, confirmed_position: Decimal, open_orders: Iterable[OrderRow]) -> Decimal:
    """What an exit on this side may still sell (or buy back): the confirmed position, less everything of the strategy
    that is working on the same side. Unknown orders count in full. Never negative."""
    with exact():
        held = max(ZERO, -intent.side.sign * confirmed_position)
        working = sum(
            (
                order.leaves
                for order in open_orders
                if _is_same_book(order, intent)
                and order.strategy_id == intent.strategy_id
                and order.ticket.side is intent.side
            ),
            ZERO,
        )
        return max(ZERO, held - working)


def _precheck_exit(given: PrecheckInput, rules: InstrumentRules) -> Checked | Refused:
    clear = run_checks((_gate, _side_is_clear), given)
    if isinstance(clear, Refused):
        return clear
    sized = _exit_quantity(given, rules)
    if isinstance(sized, Refused):
        return sized
    passed = [*clear.checks, *sized.checks]
    for outcome in (_tick(given), _size_of(sized.quantity, given), _exit_collar(given)):
        if isinstance(outcome, Refused):
            return outcome
        passed.append(outcome)
    return Checked(sized.quantity, tuple(passed))


def _exit_quantity(given: PrecheckInput, rules: InstrumentRules) -> Checked | Refused:
    intent, quantity = given.intent, given.intent.quantity
    if given.confirmed_position is None:
        return Checked(quantity, ("available unstated",))
    available = available_to_exit(intent, given.confirmed_position, given.open_orders)
    position = plain(given.confirmed_position)
    if intent.intent_type is IntentType.EXIT_FULL:
        # Cutting it to one order's maximum still makes progress; what is left is asked for again.
        quantity = floor_to_step(min(quantity, available, rules.max_quantity), rules.lot_size)
        if quantity == 0:
            detail = f"position {position}, asked for {plain(intent.quantity)}"
            return _refuse(ErrorCode.NOTHING_TO_EXIT, "available", plain(available), plain(rules.lot_size), detail)
    elif quantity > available:
        detail = f"position {position}; the rest is gone or being exited already"
        return _refuse(ErrorCode.EXIT_EXCEEDS_POSITION, "available", plain(quantity), plain(available), detail)
    return Checked(quantity, (f"available {plain(quantity)}<={plain(available)}",))


def _exit_collar(given: PrecheckInput) -> str | Refused:
    return _collar(given, given.settings.price_collar_bps, is_two_sided=False)


# -- shared -----------------------------------------------------------------------------------------------------------


def _is_same_book(order: OrderRow, intent: OrderIntent) -> bool:
    ticket = order.ticket
    return not order.status.is_terminal and (ticket.venue, ticket.account, ticket.symbol) == (
        intent.venue,
        intent.account,
        intent.symbol,
    )


def _rules(given: PrecheckInput) -> InstrumentRules:
    if given.rules is None:
        raise ValueError("precheck() looks for the rules before it runs a check")
    return given.rules


def _price_text(intent: OrderIntent) -> str:
    return "MKT" if intent.limit_price is None else plain(intent.limit_price)


def _refuse(code: ErrorCode, check: str, value: str, limit: str, detail: str) -> Refused:
    return Refused(code.value, check, value, limit, detail)


_ENTRY_CHECKS: tuple[Check, ...] = (
    _not_expired,
    _gate,
    _trading,
    _hours,
    _rules_age,
    _not_frozen,
    _side_is_clear,
    _fresh,
    _spread,
    _entry_collar,
    _tick,
    _sizes,
    _no_self_cross,
)
