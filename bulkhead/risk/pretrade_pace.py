"""Pre-trade checks of how often and when: orders per second and day, trades per day, pauses after losses, and the
first and last minutes of a session."""

from bulkhead.risk.exposure import open_positions
from bulkhead.risk.numbers import text
from bulkhead.risk.verdict import NS_PER_S, Check, Question, Refused, upper
from messages.codes import ErrorCode


def per_second(q: Question) -> str | Refused:
    asked, limit = q.rate.orders_in_last_s + 1, q.limits.max_orders_per_s
    return upper(ErrorCode.RISK_ORDER_RATE, "max_orders_per_s", asked, limit, "orders in one second")


def restored(q: Question) -> str | Refused:
    """Before the ledger has told of the day, and the OMS of what is in flight, a restart would begin every count, every
    row of losses and the exposure anew."""
    if not q.now.is_restored:
        detail = "the figures of the day, or what is in flight, have not been told yet after a restart"
        return Refused(ErrorCode.RISK_HISTORY_MISSING, "history", "none", "read", detail)
    return "history read"


def per_day(q: Question) -> str | Refused:
    asked, limit = q.rate.orders_today + 1, q.limits.max_orders_per_day
    return upper(ErrorCode.RISK_ORDERS_PER_DAY, "max_orders_per_day", asked, limit, "orders on this trading day")


def trades_per_day(q: Question) -> str | Refused:
    """What is open, or being opened, is a trade to come."""
    taken = open_positions(q.now.exposure, q.portfolio, q.marks, q.limits.dust_notional)
    to_come = len(taken | {(q.intent.strategy_id, q.intent.symbol)})
    detail = f"trades on this trading day, {to_come} of them open or to be opened"
    asked, limit = q.rate.trades_today + to_come, q.limits.max_trades_per_day
    return upper(ErrorCode.RISK_TRADES_PER_DAY, "max_trades_per_day", asked, limit, detail)


def cooldown(q: Question) -> str | Refused:
    until_ns = q.now.resting_until_ns.get(q.intent.strategy_id, 0)
    left_s = (until_ns - q.now.now_ns) / NS_PER_S
    if left_s > 0:
        detail = f"{q.intent.strategy_id} lost {q.limits.cooldown_after_losses} round trips in a row and pauses"
        return Refused(ErrorCode.RISK_COOLDOWN, "cooldown_s", text(left_s), "0", detail)
    return "cooldown_s over"


def window(q: Question) -> str | Refused:
    first_s, last_s = q.limits.no_entry_first_s, q.limits.no_entry_last_s
    if not first_s and not last_s:
        return "time_window unset"
    session = q.now.day.session
    if session is None:
        detail = "the hours of the session are not known, or there is none today"
        return Refused(ErrorCode.RISK_TIME_WINDOW, "no_entry_first_s", "none", "a session", detail)
    since_s = (q.now.now_ns - session.opens_ns) / NS_PER_S
    until_s = (session.closes_ns - q.now.now_ns) / NS_PER_S
    for name, found_s, bound_s, what in (
        ("no_entry_first_s", since_s, first_s, "after the session opens"),
        ("no_entry_last_s", until_s, last_s, "before the session closes"),
    ):
        if found_s < bound_s or found_s < 0:
            detail = f"no entry in the {text(bound_s)} s {what}, nor outside of it"
            return Refused(ErrorCode.RISK_TIME_WINDOW, name, text(found_s), text(bound_s), detail)
    return f"time_window {text(since_s)}>={text(first_s)}, {text(until_s)}>={text(last_s)}"


CHECKS: tuple[Check, ...] = (restored, window, cooldown, per_second, per_day, trades_per_day)
