"""Pre-trade: may this intent be approved? The first limit that it would break ends it, with the numbers compared.

Entries pass every limit. An exit is refused only as a duplicate, or for a quantity or price that no order can have: it
gives exposure back, and no limit on entries may stand in its way (its quantity is held against the confirmed position
by the order path). A number that is not finite
refuses; it never disables a limit.
"""

from collections.abc import Callable, Container, Mapping
from decimal import Decimal
from typing import NamedTuple

from bulkhead.risk.exposure import (
    Exposure,
    held_notional,
    open_positions,
    reserved_notional,
    worst_case_notional,
)
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.numbers import BPS, WIDE, ZERO, is_sound, is_within, text
from bulkhead.risk.rate import OrderRate
from messages.codes import ErrorCode
from messages.portfolio import PortfolioSnapshot
from messages.trading import OrderIntent
from messages.values import Side

NS_PER_S = 1_000_000_000


class Passed(NamedTuple):
    checks: tuple[str, ...]
    """Each as `name value<=limit`."""
    reserved_notional: Decimal
    """To be reserved until terminal evidence; zero for exits."""


class Refused(NamedTuple):
    code: ErrorCode
    limit_name: str
    value: str
    limit: str
    detail: str


class _Question(NamedTuple):
    intent: OrderIntent
    limits: RiskLimits
    exposure: Exposure
    portfolio: PortfolioSnapshot
    rate: OrderRate
    marks: Mapping[str, Decimal]
    notional: Decimal
    now_ns: int


def check(
    intent: OrderIntent,
    limits: RiskLimits,
    *,
    exposure: Exposure,
    portfolio: PortfolioSnapshot | None,
    rate: OrderRate,
    now_ns: int,
    marks: Mapping[str, Decimal] | None = None,
    seen_actions: Container[str] = frozenset(),
) -> Passed | Refused:
    """`marks` are last prices by symbol; the intent's own market stands in for its symbol, cost for the others."""
    if intent.intent_id in exposure.reservations or intent.action_key in seen_actions:
        detail = "this intent, or this decision's, was handed in before"
        return Refused(ErrorCode.INTENT_DUPLICATE, "action_key", intent.action_key, "once", detail)
    impossible = _impossible(intent)
    if impossible is not None:
        return impossible
    if not intent.intent_type.is_entry:
        return Passed(("duplicate none", "exit: limits on entries do not apply"), ZERO)
    notional = worst_case_notional(intent, limits.price_collar_bps)
    if notional is None:
        detail = "a market order without a market cannot be valued"
        return Refused(ErrorCode.MARKET_MISSING, "market", "none", "a price", detail)
    if not limits.enabled:
        return Passed(("duplicate none", "guard disabled"), notional)
    if portfolio is None:
        detail = "no portfolio has been told yet"
        return Refused(ErrorCode.RISK_PORTFOLIO_MISSING, "portfolio", "none", "a snapshot", detail)
    at_market = dict(marks or {})
    if intent.market is not None and intent.market.mid is not None:
        at_market.setdefault(intent.symbol, intent.market.mid)
    question = _Question(intent, limits, exposure, portfolio, rate.at(now_ns), at_market, notional, now_ns)
    passed = ["duplicate none"]
    for ask in _CHECKS:
        answer = ask(question)
        if isinstance(answer, Refused):
            return answer
        passed.append(answer)
    return Passed(tuple(passed), notional)


def _impossible(intent: OrderIntent) -> Refused | None:
    """Of an exit, too: no order can have such a number, and whoever compared with it would die of it."""
    for name, figure in (("quantity", intent.quantity), ("limit_price", intent.limit_price)):
        if figure is not None and not (figure.is_finite() and figure > 0):
            detail = f"{name} is not a number that can be"
            return Refused(ErrorCode.NUMBER_IMPOSSIBLE, name, str(figure), "finite, above 0", detail)
    return None


def _upper(code: ErrorCode, name: str, value: Decimal | int, limit: Decimal | int, detail: str) -> str | Refused:
    shown, bound = text(Decimal(value)), text(Decimal(limit))
    if not Decimal(value).is_finite():
        return Refused(ErrorCode.NUMBER_IMPOSSIBLE, name, shown, bound, f"{name} is not a number that can be")
    if not is_within(Decimal(value), Decimal(limit)):
        return Refused(code, name, shown, bound, detail)
    return f"{name} {shown}<={bound}"


# -- the market and the price ---------------------------------------------------------------------------------------


def _numbers(q: _Question) -> str | Refused:
    figures = {
        "cash": q.portfolio.cash,
        "equity": q.portfolio.equity,
        "quantity": q.intent.quantity,
        "notional": q.notional,
        **{f"mark of {symbol}": mark for symbol, mark in q.marks.items()},
        **{f"position in {item.symbol}": item.quantity for item in q.portfolio.positions},
    }
    for name, figure in figures.items():
        if not is_sound(figure):
            detail = f"{name} is not a number that can be"
            return Refused(ErrorCode.NUMBER_IMPOSSIBLE, name, str(figure), "finite", detail)
    return "numbers finite"


def _market_age(q: _Question) -> str | Refused:
    limit_s = q.limits.max_market_age_s
    if q.intent.market is None:
        return Refused(ErrorCode.MARKET_MISSING, "max_market_age_s", "none", text(limit_s), "decided without a market")
    age_s = (q.now_ns - q.intent.market.event_time_ns) / NS_PER_S
    # From the future is as wrong as from the past: one of the clocks is off.
    if not abs(age_s) <= limit_s:
        return Refused(ErrorCode.MARKET_STALE, "max_market_age_s", text(age_s), text(limit_s), "the market is stale")
    return f"max_market_age_s {text(age_s)}<={text(limit_s)}"


def _spread(q: _Question) -> str | Refused:
    spread = None if q.intent.market is None else q.intent.market.spread_bps
    if spread is None:
        # A feed of prints alone has no spread; whether an order may leave without one is for the precheck to say.
        return "max_spread_bps unquoted"
    if spread < 0:
        limit = text(q.limits.max_spread_bps)
        return Refused(ErrorCode.SPREAD_TOO_WIDE, "max_spread_bps", text(spread), limit, "the quotes are crossed")
    return _upper(ErrorCode.SPREAD_TOO_WIDE, "max_spread_bps", spread, q.limits.max_spread_bps, "the spread is wide")


def _collar(q: _Question) -> str | Refused:
    price = q.intent.limit_price
    reference = None if q.intent.market is None else q.intent.market.mid
    if price is None or reference is None:
        return "price_collar_bps unpriced"
    away_bps = WIDE.multiply(WIDE.divide(WIDE.abs(WIDE.subtract(price, reference)), reference), BPS)
    detail = f"{text(price)} against a market at {text(reference)}"
    return _upper(ErrorCode.PRICE_OUTSIDE_COLLAR, "price_collar_bps", away_bps, q.limits.price_collar_bps, detail)


# -- size and exposure ------------------------------------------------------------------------------------------------


def _order_notional(q: _Question) -> str | Refused:
    detail = f"worst case in {q.limits.currency}"
    return _upper(ErrorCode.RISK_ORDER_NOTIONAL, "max_order_notional", q.notional, q.limits.max_order_notional, detail)


def _order_quantity(q: _Question) -> str | Refused:
    limit = q.limits.max_order_quantity
    if limit is None:
        return "max_order_quantity unset"
    return _upper(ErrorCode.RISK_ORDER_QUANTITY, "max_order_quantity", q.intent.quantity, limit, "in base units")


def _positions(q: _Question) -> str | Refused:
    taken = open_positions(q.exposure, q.portfolio, q.marks, q.limits.dust_notional)
    mine = (q.intent.strategy_id, q.intent.symbol)
    if mine in taken:
        return f"max_positions {len(taken)} (held already)"
    detail = "one position more would be open"
    return _upper(ErrorCode.RISK_MAX_POSITIONS, "max_positions", len(taken) + 1, q.limits.max_positions, detail)


def _symbol_exposure(q: _Question) -> str | Refused:
    symbol = q.intent.symbol
    held = held_notional(q.portfolio, q.marks, symbol)
    reserved = reserved_notional(q.exposure, symbol)
    total = WIDE.add(WIDE.add(held, reserved), q.notional)
    detail = f"{symbol}: {text(held)} held, {text(reserved)} in flight, {text(q.notional)} asked for"
    return _upper(ErrorCode.RISK_SYMBOL_EXPOSURE, "max_symbol_exposure", total, q.limits.max_symbol_exposure, detail)


def _gross_exposure(q: _Question) -> str | Refused:
    held = held_notional(q.portfolio, q.marks)
    reserved = reserved_notional(q.exposure)
    total = WIDE.add(WIDE.add(held, reserved), q.notional)
    detail = f"{text(held)} held, {text(reserved)} in flight, {text(q.notional)} asked for"
    return _upper(ErrorCode.RISK_GROSS_EXPOSURE, "max_gross_exposure", total, q.limits.max_gross_exposure, detail)


def _cash(q: _Question) -> str | Refused:
    if q.intent.side is Side.SELL:
        return "min_cash not touched"
    promised = WIDE.add(reserved_notional(q.exposure, side=Side.BUY), q.notional)
    left = WIDE.subtract(q.portfolio.cash, promised)
    shown, bound = text(left), text(q.limits.min_cash)
    if not is_within(q.limits.min_cash, left):
        detail = f"{text(q.portfolio.cash)} {q.limits.currency} less {text(promised)} promised"
        return Refused(ErrorCode.RISK_MIN_CASH, "min_cash", shown, bound, detail)
    return f"min_cash {shown}>={bound}"


# -- how often --------------------------------------------------------------------------------------------------------


def _per_second(q: _Question) -> str | Refused:
    asked, limit = q.rate.orders_in_last_s + 1, q.limits.max_orders_per_s
    return _upper(ErrorCode.RISK_ORDER_RATE, "max_orders_per_s", asked, limit, "orders in one second")


def _per_day(q: _Question) -> str | Refused:
    asked, limit = q.rate.orders_today + 1, q.limits.max_orders_per_day
    return _upper(ErrorCode.RISK_ORDERS_PER_DAY, "max_orders_per_day", asked, limit, "orders on this UTC day")


def _trades_per_day(q: _Question) -> str | Refused:
    asked, limit = q.rate.trades_today + 1, q.limits.max_trades_per_day
    return _upper(ErrorCode.RISK_TRADES_PER_DAY, "max_trades_per_day", asked, limit, "trades on this UTC day")


_CHECKS: tuple[Callable[[_Question], str | Refused], ...] = (
    _numbers,
    _market_age,
    _spread,
    _collar,
    _order_notional,
    _order_quantity,
    _positions,
    _symbol_exposure,
    _gross_exposure,
    _cash,
    _per_second,
    _per_day,
    _trades_per_day,
)
