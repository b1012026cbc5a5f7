"""Pauses after losses: a strategy that lost so many round trips in a row makes no entry for a while. Pure.

It is no trip: exits go on, other strategies go on, and nobody has to lift it. Told of the same trades again after a
restart it comes to the same pauses, since it counts from when a trade ended.
"""

from collections.abc import Mapping
from typing import NamedTuple

from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.numbers import is_sound
from messages.portfolio import RoundTrip

NS_PER_S = 1_000_000_000


class Cooldowns(NamedTuple):
    """By strategy."""

    losses_in_row: Mapping[str, int] = {}
    until_ns: Mapping[str, int] = {}


def after_trade(cooldowns: Cooldowns, trade: RoundTrip, limits: RiskLimits) -> Cooldowns:
    """Neither won nor lost leaves the row as it is; a result that is no number is not a win."""
    owner = trade.strategy_id
    is_lost = not is_sound(trade.pnl) or trade.pnl < 0
    if not is_lost and trade.pnl == 0:
        return cooldowns
    row = cooldowns.losses_in_row.get(owner, 0) + 1 if is_lost else 0
    if not limits.cooldown_s or row < limits.cooldown_after_losses:
        return cooldowns._replace(losses_in_row={**cooldowns.losses_in_row, owner: row})
    until_ns = trade.exit_ns + int(limits.cooldown_s * NS_PER_S)
    longest_ns = max(until_ns, cooldowns.until_ns.get(owner, 0))
    return Cooldowns({**cooldowns.losses_in_row, owner: 0}, {**cooldowns.until_ns, owner: longest_ns})
