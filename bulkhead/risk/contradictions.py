"""Limits that contradict each other: every one that can never be reached, or that would let nothing through, in words.

Pure; several at once, so that a file is corrected in one go. What depends on the venue's hours is judged where those
are known (`window_contradictions`).
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from bulkhead.risk.quality import DEFAULT_WINDOW
from bulkhead.risk.trips import TRIPPABLE, Rearm, TripRule
from messages.portfolio import PORTFOLIO_TOLD_EVERY_S
from messages.trading_day import NS_PER_DAY, NS_PER_S, TradingDay
from messages.values import StopLevel

if TYPE_CHECKING:
    from bulkhead.risk.limits import RiskLimits

_SMALLER_FIRST = (
    ("dust_notional", "max_order_notional"),
    ("max_order_notional", "max_symbol_exposure"),
    ("max_symbol_exposure", "max_sector_exposure"),
    ("max_symbol_exposure", "max_gross_exposure"),
    ("max_sector_exposure", "max_gross_exposure"),
    ("max_net_exposure", "max_gross_exposure"),
    ("max_orders_per_s", "max_orders_per_day"),
    ("max_daily_loss", "max_weekly_loss"),
)
"""A limit that is reached later than the second one never speaks. One that is unset contradicts nothing."""
_ALONG_WITH_DRAWDOWN = ("max_daily_loss", "max_weekly_loss")
"""No day loses more than the drawdown; held against it where the file sets both."""
_AT_MOST = (
    ("min_slippage_sample", DEFAULT_WINDOW, "fills that are looked at"),
    ("min_reject_sample", DEFAULT_WINDOW, "orders that are looked at"),
)


def contradictions(limits: "RiskLimits") -> list[str]:
    """A sentence for each; none when all is well."""
    return [*_never_reached(limits), *_without_a_table(limits), *_of_alerts(limits), *_of_trips(limits)]


def _never_reached(limits: "RiskLimits") -> Iterator[str]:
    pairs = list(_SMALLER_FIRST)
    pairs += [(name, "max_drawdown") for name in _ALONG_WITH_DRAWDOWN if {name, "max_drawdown"} <= _given(limits)]
    for small, large in pairs:
        low, high = getattr(limits, small), getattr(limits, large)
        if low is not None and high is not None and low > high:
            yield (f"{small} = {low} can never be reached, since {large} = {high}: lower the first or raise the second")
    for name, most, what in _AT_MOST:
        value = getattr(limits, name)
        if value > most:
            yield f"{name} = {value} can never be reached: it is above the {most} {what}, so nothing is ever judged"
    if limits.max_portfolio_age_s <= PORTFOLIO_TOLD_EVERY_S:
        yield (
            f"max_portfolio_age_s = {limits.max_portfolio_age_s:g} stops every entry of a quiet market: a portfolio is"
            f" told every {PORTFOLIO_TOLD_EVERY_S:g} s"
        )
    window_s = limits.no_entry_first_s + limits.no_entry_last_s
    if window_s >= NS_PER_DAY / NS_PER_S:
        yield f"no_entry_first_s and no_entry_last_s, together {window_s:g} s, leave nothing of any day"


def _given(limits: "RiskLimits") -> set[str]:
    return limits.model_fields_set


def _without_a_table(limits: "RiskLimits") -> Iterator[str]:
    for name, table in (("max_sector_exposure", "sectors"), ("max_adv_share", "adv_notional")):
        if getattr(limits, name) is not None and not getattr(limits, table):
            yield f"{name} is set and [risk.{table}] is empty: every entry would be refused"


def _of_alerts(limits: "RiskLimits") -> Iterator[str]:
    if limits.approach_clear_share >= limits.approach_share:
        yield (
            f"approach_clear_share = {limits.approach_clear_share} is not below approach_share ="
            f" {limits.approach_share}: an alert would come once and never again"
        )


def _of_trips(limits: "RiskLimits") -> Iterator[str]:
    if limits.trip_level < StopLevel.SOFT:
        yield f"trip_level = {limits.trip_level.name} would let entries go on: use SOFT, MEDIUM or HARD"
    for name, rule in limits.trips.items():
        yield from _of_trip(name, rule, limits.trip_level)


def _of_trip(name: str, rule: TripRule, default: StopLevel) -> Iterator[str]:
    kind = TRIPPABLE.get(name)
    if kind is None:
        yield f"trips.{name}: no such limit trips; those that do are {', '.join(TRIPPABLE)}"
        return
    level = default if rule.level is None else rule.level
    if rule.level is not None and level < StopLevel.SOFT:
        yield f"trips.{name}.level = {level.name} would let entries go on: use SOFT, MEDIUM or HARD"
    if rule.scope in ("strategy", "symbol") and rule.scope not in kind.subjects:
        yield f"trips.{name}.scope = {rule.scope}: this limit concerns no single {rule.scope}; name one, or use all"
    if rule.rearm is Rearm.AUTOMATIC and not kind.falls_by_itself:
        yield f"trips.{name}.rearm = automatic: its figure cannot fall while entries are stopped; use operator"
    if rule.rearm is Rearm.AUTOMATIC and level is StopLevel.HARD:
        yield f"trips.{name}.rearm = automatic: what has flattened is lifted by an operator"


def missing_symbols(limits: "RiskLimits", symbols: tuple[str, ...]) -> list[str]:
    """Symbols that are to be traded and lack a value that a limit needs, in words."""
    found = []
    for name, table in (("max_sector_exposure", "sectors"), ("max_adv_share", "adv_notional")):
        lacking = [symbol for symbol in symbols if symbol not in getattr(limits, table)]
        if getattr(limits, name) is not None and lacking:
            found.append(f"risk.{name} is set and [risk.{table}] lacks {', '.join(lacking)}")
    return found


def window_contradictions(limits: "RiskLimits", day: TradingDay) -> list[str]:
    """Of the time windows with the hours that the venue has on `day`."""
    window_s = limits.no_entry_first_s + limits.no_entry_last_s
    if not window_s:
        return []
    if not day.has_sessions:
        return ["risk.no_entry_first_s or no_entry_last_s is set, but this venue never opens or closes: leave both 0"]
    if day.session is None:
        return []
    length_s = Decimal(day.session.closes_ns - day.session.opens_ns) / NS_PER_S
    if window_s < length_s:
        return []
    words = f"risk.no_entry_first_s and no_entry_last_s, together {window_s:g} s, leave nothing of a session"
    return [f"{words} of {length_s:f} s"]
