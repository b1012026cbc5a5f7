"""Whether positions, fills and balances say the same: an account of its own, made from the events alone.

At an observation with which our books agreed, each symbol's position, summed over strategies, must be the sum of its
fills net of fees paid in the base asset, and each balance must be the opening one plus every fill and adjustment. Fills
that Portfolio had not yet counted at that moment (they come after its position's `last_fill_id`) are left out on both
sides.

Adjustments count from the moment they are recorded, on both sides. Not checked: deposits that nobody recorded; their
observations differ.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal, localcontext
from typing import NamedTuple

from bulkhead.ledger.exact import EXACT, plain
from messages.adjustments import MOVE_POSITIONS, AdjustmentRecorded
from messages.catalogue import record_from_json
from messages.orders import Fill
from messages.portfolio import Position
from messages.records import (
    AccountObserved,
    FillRecorded,
    LedgerEvent,
    OpeningBalancesRecorded,
    PortfolioRecorded,
    PositionRecorded,
)

Assets = Mapping[str, tuple[str, str]]
"""Base and quote asset of each symbol."""
_Key = tuple[str, str, str, str]
_READ = {
    cls.__name__: cls
    for cls in (
        *(AccountObserved, AdjustmentRecorded, FillRecorded, OpeningBalancesRecorded, PortfolioRecorded),
        PositionRecorded,
    )
}


class Books:
    """What the events say up to the one applied last."""

    def __init__(self) -> None:
        self.positions: dict[_Key, Position] = {}
        self.counted: defaultdict[str, list[Fill]] = defaultdict(list)
        """Per symbol, the fills that a position has taken in."""
        self.opening: dict[tuple[str, str], dict[str, Decimal]] = {}
        self.adjustments: list[AdjustmentRecorded] = []
        self.currencies: set[str] = set()
        self._waiting: defaultdict[_Key, list[Fill]] = defaultdict(list)

    def apply(self, event: LedgerEvent) -> None:
        if event.type not in _READ:
            return
        match record_from_json(json.loads(event.payload)):
            case FillRecorded(fill=fill):
                self._waiting[_key(fill)].append(fill)
            case AdjustmentRecorded() as adjustment:
                self.adjustments.append(adjustment)
            case PositionRecorded(position=position):
                self._take_in(position)
            case OpeningBalancesRecorded() as opening:
                totals = {balance.asset: balance.total for balance in opening.balances}
                self.opening[opening.venue, opening.account] = totals
            case PortfolioRecorded(snapshot=snapshot):
                self.currencies.add(snapshot.currency)
            case _:
                pass

    def adjusted(self, symbol: str) -> Decimal:
        """What splits and operators added to the positions in a symbol."""
        found = (each for each in self.adjustments if each.kind in MOVE_POSITIONS and each.symbol == symbol)
        return sum((each.amount for each in found), Decimal(0))

    def _take_in(self, position: Position) -> None:
        key = _key(position)
        self.positions[key] = position
        waiting = self._waiting[key]
        for index, fill in enumerate(waiting):
            if fill.fill_id == position.last_fill_id:
                self.counted[fill.symbol].extend(waiting[: index + 1])
                del waiting[: index + 1]
                return


def _key(of: Fill | Position) -> _Key:
    return of.strategy_id, of.venue, of.account, of.symbol


class BalanceCheck(NamedTuple):
    """`errors` in words; `symbols_unsplit` could not be told into base and quote, so balances were not compared."""

    errors: tuple[str, ...]
    observed_seq: int | None
    symbols_unsplit: tuple[str, ...]


def last_agreed(events: Iterable[LedgerEvent]) -> int | None:
    """Seq of the last AccountObserved without differences."""
    found = None
    for event in events:
        if event.type == AccountObserved.__name__ and not json.loads(event.payload)["differences"]:
            found = event.seq
    return found


def check_balances(events: Iterable[LedgerEvent], observed_seq: int, assets: Assets | None = None) -> BalanceCheck:
    """`events` are all from the ledger's first one to `observed_seq`, across sessions.

    Without `assets` each symbol is split by the names of the assets that occur.
    """
    books = Books()
    observed: AccountObserved | None = None
    for event in events:
        if event.seq == observed_seq:
            record = record_from_json(json.loads(event.payload))
            observed = record if isinstance(record, AccountObserved) else None
            break
        books.apply(event)
    if observed is None:
        return BalanceCheck((f"event {observed_seq} is not an AccountObserved",), None, ())
    known = dict(assets or {})
    names = _asset_names(books, observed)
    for symbol in books.counted:
        split = known.get(symbol) or split_symbol(symbol, names, books.currencies)
        if split is not None:
            known[symbol] = split
    unsplit = tuple(sorted(symbol for symbol in books.counted if symbol not in known))
    with localcontext(EXACT):
        errors = _position_errors(books, known)
        if not unsplit:
            errors += _balance_errors(books, observed, known)
    return BalanceCheck(tuple(errors), observed_seq, unsplit)


def _asset_names(books: Books, observed: AccountObserved) -> set[str]:
    names = {balance.asset for balance in observed.balances} | books.currencies
    for totals in books.opening.values():
        names |= set(totals)
    return names | {fill.fee_asset for fills in books.counted.values() for fill in fills if fill.fee_asset}


def split_symbol(symbol: str, names: set[str], currencies: set[str]) -> tuple[str, str] | None:
    """Base and quote, when the symbol is two known assets with or without a separator, in one way only."""
    found = {
        (first, second)
        for first in names
        for second in names
        if symbol in {first + second, f"{first}-{second}", f"{first}_{second}", f"{first}.{second}"}
    }
    if len(found) != 1:
        return None
    first, second = found.pop()
    # Some venues name the currency first (KRW-BTC).
    return (second, first) if first in currencies and second not in currencies else (first, second)


def _position_errors(books: Books, assets: Assets) -> list[str]:
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    for position in books.positions.values():
        held[position.symbol] += position.quantity
    errors = []
    for symbol in sorted(held.keys() | books.counted.keys()):
        base = assets[symbol][0] if symbol in assets else None
        bought = sum((_net(fill, base) for fill in books.counted.get(symbol, ())), books.adjusted(symbol))
        if held[symbol] != bought:
            errors.append(f"the position in {symbol} is {plain(held[symbol])} and its fills give {plain(bought)}")
    return errors


def _net(fill: Fill, base: str | None) -> Decimal:
    return fill.side.sign * fill.quantity - (fill.fee if fill.fee_asset == base else 0)


def _balance_errors(books: Books, observed: AccountObserved, assets: Assets) -> list[str]:
    account = (observed.venue, observed.account)
    if account not in books.opening:
        return [f"no opening balances of {observed.venue}/{observed.account} are recorded"]
    expected = defaultdict(Decimal, books.opening[account])
    for symbol, fills in books.counted.items():
        base, quote = assets[symbol]
        for fill in fills:
            if (fill.venue, fill.account) == account:
                expected[base] += fill.side.sign * fill.quantity
                expected[quote] -= fill.side.sign * fill.quantity * fill.price + fill.tax
                expected[fill.fee_asset] -= fill.fee
    for adjustment in books.adjustments:
        if (adjustment.venue, adjustment.account) == account:
            expected[adjustment.asset] += adjustment.amount
    seen = defaultdict(Decimal, {balance.asset: balance.total for balance in observed.balances})
    return [
        f"the venue has {plain(seen[asset])} {asset}, and opening plus fills give {plain(expected[asset])}"
        for asset in sorted(expected.keys() | seen.keys())
        if seen[asset] != expected[asset]
    ]
