"""Pre-trade checks of what an entry rests on: its numbers, the portfolio, the market, its data, and the price asked."""

from decimal import ROUND_CEILING, Decimal

from bulkhead.risk.health import unsound
from bulkhead.risk.numbers import BPS, WIDE, ZERO, is_sound, text
from bulkhead.risk.verdict import NS_PER_S, Check, Question, Refused, impossible, upper
from messages.codes import ErrorCode
from messages.market_health import DataSource
from messages.values import MarketSnapshot

_HALF = Decimal("0.5")
_ASKED_FOR = (DataSource.SNAPSHOT.value, DataSource.BROKER.value)


def impossible_quote(market: MarketSnapshot | None) -> Refused | None:
    """Asked before anything is computed: whoever compared with such a number would die of it."""
    for name in ("last", "bid", "ask", "bid_quantity", "ask_quantity"):
        figure = getattr(market, name, None)
        if figure is not None and not (figure.is_finite() and figure >= 0 and (figure > 0 or "quantity" in name)):
            return impossible(name, figure, "finite, a price above 0")
    return None


def numbers(q: Question) -> str | Refused:
    figures = {
        "cash": q.portfolio.cash,
        "equity": q.portfolio.equity,
        "notional": q.notional,
        **{f"position in {item.symbol}": item.quantity for item in q.portfolio.positions},
        **{f"average price of {item.symbol}": item.average_price for item in q.portfolio.positions},
        **{f"worst case of {item.intent_id}": item.notional for item in q.now.exposure.reservations.values()},
    }
    for name, figure in figures.items():
        if not is_sound(figure):
            return impossible(name, figure)
    for symbol, mark in q.marks.items():
        # A price of nothing would make exposure vanish.
        if not (is_sound(mark) and mark > 0):
            return impossible(f"mark of {symbol}", mark, "finite, above 0")
    return "numbers finite"


def currency(q: Question) -> str | Refused:
    """Nothing here converts: limits in one currency say nothing of amounts in another."""
    told, limit = q.portfolio.currency, q.limits.currency
    if told != limit:
        detail = f"the portfolio is in {told} and the limits are in {limit}, and no rate with a source is known"
        return Refused(ErrorCode.RISK_VALUE_MISSING, "currency", told, limit, detail)
    return f"currency {limit}"


def portfolio_age(q: Question) -> str | Refused:
    limit_s = q.limits.max_portfolio_age_s
    age_s = (q.now.now_ns - q.portfolio.at_ns) / NS_PER_S
    if not abs(age_s) <= limit_s:
        detail = "the portfolio is stale, so exposure cannot be judged"
        return Refused(ErrorCode.RISK_PORTFOLIO_STALE, "max_portfolio_age_s", text(age_s), text(limit_s), detail)
    return f"max_portfolio_age_s {text(age_s)}<={text(limit_s)}"


def market_age(q: Question) -> str | Refused:
    market, limit_s = q.intent.market, q.limits.max_market_age_s
    if market is not None and market.source in _ASKED_FOR:
        limit_s = max(
            limit_s, q.now.max_fallback_age_s
        )  # the precheck holds it to its own, and the health to its source
    if market is None:
        return Refused(ErrorCode.MARKET_MISSING, "max_market_age_s", "none", text(limit_s), "decided without a market")
    age_s = (q.now.now_ns - market.event_time_ns) / NS_PER_S
    # From the future is as wrong as from the past: one of the clocks is off.
    if not abs(age_s) <= limit_s:
        return Refused(ErrorCode.MARKET_STALE, "max_market_age_s", text(age_s), text(limit_s), "the market is stale")
    return f"max_market_age_s {text(age_s)}<={text(limit_s)}"


def data_health(q: Question) -> str | Refused:
    if q.now.wants_health and not q.now.health.feeds:
        detail = "no feed has told of its data since the restart"
        return Refused(ErrorCode.RISK_DATA_UNSOUND, "data_health", "untold", "sound", detail)
    why = unsound(q.now.health, q.intent.symbol, q.now.now_ns, q.limits.max_health_age_s)
    if why is not None:
        return Refused(ErrorCode.RISK_DATA_UNSOUND, "data_health", "unsound", "sound", why)
    return "data_health sound" if q.now.health.feeds else "data_health untold"


def spread(q: Question) -> str | Refused:
    found = None if q.intent.market is None else q.intent.market.spread_bps
    if found is None:
        # A feed of prints alone has no spread; whether an order may leave without one is for the precheck to say.
        return "max_spread_bps unquoted"
    if found < 0:
        limit = text(q.limits.max_spread_bps)
        return Refused(ErrorCode.SPREAD_TOO_WIDE, "max_spread_bps", text(found), limit, "the quotes are crossed")
    return upper(ErrorCode.SPREAD_TOO_WIDE, "max_spread_bps", found, q.limits.max_spread_bps, "the spread is wide")


def collar(q: Question) -> str | Refused:
    price = q.intent.limit_price
    reference = None if q.intent.market is None else q.intent.market.mid
    if price is None or reference is None:
        return "price_collar_bps unpriced"
    away_bps = WIDE.abs(_worse_bps(price, reference, 1))
    detail = f"{text(price)} against a market at {text(reference)}"
    return upper(ErrorCode.PRICE_OUTSIDE_COLLAR, "price_collar_bps", away_bps, q.limits.price_collar_bps, detail)


def slippage(q: Question) -> str | Refused:
    """At its limit at worst; a market order as the quotes let expect."""
    market = q.intent.market
    if market is None or market.mid is None:
        return "max_order_slippage_bps unpriced"
    if q.intent.limit_price is not None:
        worst_bps = _worse_bps(q.intent.limit_price, market.mid, q.intent.side.sign)
        found, detail = max(ZERO, worst_bps), "worse than the market, at its limit"
    else:
        found, detail = expected_slippage_bps(q.intent.quantity, q.intent.side.sign, market, q.limits.price_collar_bps)
    name, limit = "max_order_slippage_bps", q.limits.max_order_slippage_bps
    return upper(ErrorCode.RISK_ORDER_SLIPPAGE, name, found, limit, detail)


def expected_slippage_bps(
    quantity: Decimal, sign: int, market: MarketSnapshot, collar_bps: Decimal
) -> tuple[Decimal, str]:
    """Of a market order, against the mid, and what it was taken from.

    Up to what the best level shows, the order gets its price. What is beyond is taken to find as much at every further
    spread away: an estimate, as no deeper level is known here. Where there are no quotes, what a market order is
    assumed to slip at worst stands for it.
    """
    touch, shown = (market.ask, market.ask_quantity) if sign > 0 else (market.bid, market.bid_quantity)
    if market.mid is None or market.spread_bps is None or touch is None:
        return collar_bps, "no quotes: as a market order is assumed to slip at worst"
    at_touch = _worse_bps(touch, market.mid, sign)
    if shown is None:
        return at_touch, "expected at the best price"
    if not shown:
        return collar_bps, "the best level shows nothing: as a market order is assumed to slip at worst"
    levels = WIDE.divide(quantity, shown).to_integral_value(ROUND_CEILING, WIDE)
    deeper = WIDE.multiply(WIDE.multiply(market.spread_bps, WIDE.subtract(levels, Decimal(1))), _HALF)
    return WIDE.add(at_touch, deeper), f"expected over {text(levels)} levels as deep as the best"


def _worse_bps(price: Decimal, reference: Decimal, sign: int) -> Decimal:
    away = WIDE.multiply(WIDE.subtract(price, reference), Decimal(sign))
    return WIDE.multiply(WIDE.divide(away, reference), BPS)


CHECKS: tuple[Check, ...] = (numbers, currency, portfolio_age, market_age, data_health, spread, collar)
