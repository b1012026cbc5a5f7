"""Drift: how the venue's balances differ from our books, when that is no fill on its way, and what it is about.

Pure. A difference is drift once it holds still: seen twice with no fill of ours in that asset between, or four times
the same to the last digit while fills go by (the lists of a venue are not taken in one instant, and a fill on its way
makes another difference each time).

What it is about: executions of orders that are not ours explain a difference to the last digit, and name the symbol.
Without them the base asset of what is traded names it. Money that nothing explains is about everything.
"""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from bulkhead.execution.exact import ZERO, exact, plain
from messages.orders import Balance, VenueExecution
from messages.values import Side

ALL = "all"
_ANY = Decimal("1e-300")
"""Smaller than any amount that is not zero."""
QUIET_ROUNDS = 2
"""Comparisons that must show the same difference with no fill in the asset between (order path, section 6)."""
STEADY_ROUNDS = 4
"""The same with fills between: one in flight may look like the one before it, but hardly three times over."""

Assets = Mapping[str, tuple[str, str]]
"""Base and quote asset of each symbol."""


class Difference(NamedTuple):
    ours: Decimal
    theirs: Decimal

    @property
    def amount(self) -> Decimal:
        """What our books lack; below zero, what they have too much."""
        with exact():
            return self.theirs - self.ours

    @property
    def words(self) -> str:
        return f"books {plain(self.ours)}, venue {plain(self.theirs)}"


class Watch(NamedTuple):
    """One asset's difference over the comparisons that showed it."""

    amount: Decimal
    seen: int = 1
    quiet: int = 1
    """The latest ones of these with no fill in the asset between."""

    @property
    def holds_still(self) -> bool:
        return self.quiet >= QUIET_ROUNDS or self.seen >= STEADY_ROUNDS


class Unbooked(NamedTuple):
    """An execution in our account that is no order's of ours, with what it did to balances that is not settled yet."""

    symbol: str
    changes: Mapping[str, Decimal]

    def without(self, assets: Collection[str]) -> "Unbooked":
        return Unbooked(self.symbol, {name: change for name, change in self.changes.items() if name not in assets})


def differences(
    ours: Iterable[Balance], theirs: Iterable[Balance], units: Mapping[str, Decimal] = MappingProxyType({})
) -> dict[str, Difference]:
    """By asset, sorted; those that agree are left out. Less than an asset's unit the venue cannot state."""
    mine = {balance.asset: balance.total for balance in ours}
    stated = {balance.asset: balance.total for balance in theirs}
    both = {name: Difference(mine.get(name, ZERO), stated.get(name, ZERO)) for name in sorted(mine.keys() | stated)}
    return {name: found for name, found in both.items() if abs(found.amount) >= units.get(name, _ANY)}


def watched(before: Mapping[str, Watch], found: Mapping[str, Difference], touched: Collection[str]) -> dict[str, Watch]:
    """After one more comparison; `touched` are the assets in which fills were booked since the one before."""
    after: dict[str, Watch] = {}
    for name, difference in found.items():
        known = before.get(name)
        if known is None or known.amount != difference.amount:
            after[name] = Watch(difference.amount)
        else:
            after[name] = Watch(known.amount, known.seen + 1, 1 if name in touched else known.quiet + 1)
    return after


def changes_of(execution: VenueExecution, base_asset: str, quote_asset: str) -> dict[str, Decimal]:
    """What an execution did to each balance."""
    with exact():
        sign = 1 if execution.side is Side.BUY else -1
        changes = {base_asset: ZERO, quote_asset: ZERO, execution.fee_asset: ZERO}
        changes[base_asset] += sign * execution.quantity
        changes[quote_asset] -= sign * execution.quantity * execution.price
        changes[execution.fee_asset] -= execution.fee
    return {name: change for name, change in changes.items() if name and change}


def unexplained(asset: str, amount: Decimal, unbooked: Iterable[Unbooked]) -> Decimal:
    """What of a difference no execution of a stranger's order has made."""
    with exact():
        return amount - sum((each.changes.get(asset, ZERO) for each in unbooked), ZERO)


def scopes_of(asset: str, amount: Decimal, unbooked: Collection[Unbooked], traded: Assets) -> frozenset[str]:
    """What to shut for this difference, as the gate names its scopes."""
    by_symbol: dict[str, Decimal] = {}
    with exact():
        for each in unbooked:
            if asset in each.changes:
                by_symbol[each.symbol] = by_symbol.get(each.symbol, ZERO) + each.changes[asset]
    rest = unexplained(asset, amount, unbooked)
    symbols = {symbol for symbol, change in by_symbol.items() if change}
    if rest:
        is_money = any(asset == quote for _, quote in traded.values())
        based = {symbol for symbol, (base, _) in traded.items() if base == asset}
        if is_money or not based:
            return frozenset({ALL})
        symbols |= based
    return frozenset(f"symbol:{symbol}" for symbol in symbols)


def position_symbol(asset: str, traded: Assets) -> tuple[str, ...]:
    """The traded symbols whose position is held in this asset, sorted."""
    return tuple(sorted(symbol for symbol, (base, _) in traded.items() if base == asset))
