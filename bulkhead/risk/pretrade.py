"""Pre-trade: may this intent be approved? The first limit that it would break ends it, with the numbers compared.

Entries pass every limit. An exit is refused only as a duplicate, for a quantity or price that no order can have, or
where a portfolio that can be trusted shows that it would flip or enlarge the position: it gives exposure back, and no
limit on entries may stand in its way. (The order path holds it against the confirmed position, and cuts one of all.)
A number that is not finite refuses an entry; it never disables a limit. The checks lie by theme in pretrade_*.py.
"""

from decimal import Decimal

from bulkhead.risk import exposure as exposures
from bulkhead.risk import pretrade_exposure, pretrade_market, pretrade_pace
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.numbers import WIDE, ZERO, is_sound, text
from bulkhead.risk.verdict import NS_PER_S, Check, Passed, Question, Refused, Situation, impossible
from messages.codes import ErrorCode
from messages.trading import OrderIntent
from messages.values import IntentType

__all__ = ["CHECKS", "Passed", "Refused", "Situation", "check"]

CHECKS: tuple[Check, ...] = (
    *pretrade_market.CHECKS,
    *pretrade_exposure.CHECKS,
    pretrade_market.slippage,  # behind the sizes: what is too large slips as well, and its size says more
    *pretrade_pace.CHECKS,
)
"""Of entries, in the order in which they are asked."""


def check(intent: OrderIntent, limits: RiskLimits, now: Situation) -> Passed | Refused:
    if intent.intent_id in now.exposure.reservations or intent.action_key in now.seen_actions:
        detail = "this intent, or this decision's, was handed in before"
        return Refused(ErrorCode.INTENT_DUPLICATE, "action_key", intent.action_key, "once", detail)
    if (wrong := _impossible(intent)) is not None:
        return wrong
    if not intent.intent_type.is_entry:
        return _check_exit(intent, limits, now)
    if (wrong := pretrade_market.impossible_quote(intent.market)) is not None:
        return wrong
    notional = exposures.worst_case_notional(intent, limits.price_collar_bps)
    if notional is None:
        detail = "a market order without a market cannot be valued"
        return Refused(ErrorCode.MARKET_MISSING, "market", "none", "a price", detail)
    if not limits.enabled:
        return Passed(("duplicate none", "guard disabled"), notional)
    if now.portfolio is None:
        detail = "no portfolio has been told yet"
        return Refused(ErrorCode.RISK_PORTFOLIO_MISSING, "portfolio", "none", "a snapshot", detail)
    at_market = dict(now.marks)
    if intent.market is not None and intent.market.mid is not None:
        mark = at_market.get(intent.symbol)
        # A mark that is no number stays: its own market must not hide it.
        if mark is None or (is_sound(mark) and 0 < mark < intent.market.mid):
            at_market[intent.symbol] = intent.market.mid
    rate = now.rate.at(now.now_ns, now.day.start_ns)
    question = Question(intent, limits, now, now.portfolio, rate, at_market, notional)
    passed = ["duplicate none"]
    for ask in CHECKS:
        answer = ask(question)
        if isinstance(answer, Refused):
            return answer
        passed.append(answer)
    return Passed(tuple(passed), notional)


def _impossible(intent: OrderIntent) -> Refused | None:
    """Of an exit, too: no order can have such a number, and whoever compared with it would die of it."""
    for name, figure in (("quantity", intent.quantity), ("limit_price", intent.limit_price)):
        if figure is not None and not (figure.is_finite() and figure > 0):
            return impossible(name, figure, "finite, above 0")
    return None


def _check_exit(intent: OrderIntent, limits: RiskLimits, now: Situation) -> Passed | Refused:
    free = _free_to_exit(intent, limits, now)
    if free is None:
        judged = "exit: the order path judges its quantity"
    elif intent.quantity <= free:
        judged = f"exit {text(intent.quantity)}<={text(free)}"
    elif free and intent.intent_type is IntentType.EXIT_FULL:
        judged = f"exit {text(intent.quantity)} is cut to {text(free)} by the order path"
    else:
        detail = f"of {intent.symbol}, after the exits in flight; more would flip or enlarge the position"
        code = ErrorCode.EXIT_EXCEEDS_POSITION if free else ErrorCode.NOTHING_TO_EXIT
        return Refused(code, "position", text(intent.quantity), text(free), detail)
    return Passed(("duplicate none", "exit: limits on entries do not apply", judged), ZERO)


def _free_to_exit(intent: OrderIntent, limits: RiskLimits, now: Situation) -> Decimal | None:
    """What the exit may take at most; None where nothing that can be trusted says so."""
    portfolio = now.portfolio
    if portfolio is None or not abs(now.now_ns - portfolio.at_ns) <= limits.max_portfolio_age_s * NS_PER_S:
        return None
    owned = (intent.strategy_id, intent.symbol)
    held = ZERO
    for position in portfolio.positions:
        if (position.strategy_id, position.symbol) == owned:
            held = WIDE.add(held, position.quantity)
    if not is_sound(held):
        return None
    in_flight = exposures.exiting(now.exposure, *owned, intent.side)
    lies = WIDE.multiply(held, Decimal(-intent.side.sign))
    return max(ZERO, WIDE.subtract(lies, in_flight)) if is_sound(in_flight) else None
