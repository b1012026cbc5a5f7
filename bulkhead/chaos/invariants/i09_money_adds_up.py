"""Cash, fees, what was traded and what was adjusted add up, to the last digit."""

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from bulkhead.chaos.invariants.kit import EXACT, ZERO, Invariant, Say
from bulkhead.chaos.model.market import INSTRUMENTS, OPENING
from bulkhead.chaos.world import World
from bulkhead.ledger.port import Entry
from messages.adjustments import AdjustmentRecorded
from messages.orders import Fill
from messages.portfolio import PortfolioSnapshot
from messages.records import FillRecorded, LedgerEvent, OpeningBalancesRecorded, PortfolioRecorded

Amounts = dict[str, Decimal]
"""By asset."""
AVERAGED: Final = Decimal("1e-9")
"""A venue that tells totals leaves us averages, which are exact to 1e-18 for each unit and fill."""


class MoneyAddsUp(Invariant):
    """Each portfolio that is written must be what the account began with, and all fills up to some fill (never an
    earlier one than before), and all adjustments: in each asset, exactly. At rest it has all of them, and is what the
    venue says the account holds: exactly where the venue tells executions, within 1e-9 where it tells totals.

    Not looked at: what positions are worth, and whether an adjustment should have been booked.
    """

    number = 9
    name = "money-adds-up"

    def __init__(self, world: World, say: Say) -> None:
        super().__init__(world, say)
        self._opening: Amounts | None = None
        self._adjusted: Amounts = {}
        self._states: deque[Amounts] = deque([{}])
        """Sums over the fills: as of the portfolio that was written last, then with each fill since."""

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        for entry in entries:
            record = entry.record
            if isinstance(record, FillRecorded):
                self._states.append(_after(self._states[-1], record.fill))
            elif isinstance(record, PortfolioRecorded):
                self._compare(record.snapshot)
            elif isinstance(record, AdjustmentRecorded):
                self._adjusted[record.asset] = EXACT.add(self._adjusted.get(record.asset, ZERO), record.amount)
            elif isinstance(record, OpeningBalancesRecorded):
                self._open({balance.asset: balance.total for balance in record.balances})

    def _open(self, found: Amounts) -> None:
        if self._opening is not None:
            self.violated("the account is opened twice")
        self._opening = found
        if {asset: total for asset, total in found.items() if total} != {a: t for a, t in OPENING.items() if t}:
            self.violated(f"the account is opened with {_text(found)}, and it had {_text(OPENING)}")

    def _compare(self, snapshot: PortfolioSnapshot) -> None:
        said = {balance.asset: balance.total for balance in snapshot.balances}
        if snapshot.cash != said.get(snapshot.currency, ZERO):
            self.violated(f"cash of {snapshot.cash:f}, and a balance of {said.get(snapshot.currency, ZERO):f}")
        for skipped, state in enumerate(self._states):
            if self._differences(said, self._all_with(state)) == "":
                for _ in range(skipped):
                    self._states.popleft()
                return
        self.violated(
            f"no sum of fills gives this portfolio: {self._differences(said, self._all_with(self._states[-1]))}"
        )

    def _all_with(self, fills: Amounts) -> Amounts:
        total: Amounts = dict(self._opening or {})
        for changes in (self._adjusted, fills):
            for asset, change in changes.items():
                total[asset] = EXACT.add(total.get(asset, ZERO), change)
        return total

    def at_rest(self) -> None:
        if self._opening is None or self.world.house.oms.figures().unknown:
            return  # nobody knows yet what was traded: invariant 20 has its say about that
        tolerance = ZERO if self.world.venue.capabilities.has_execution_ids else AVERAGED
        wrong = self._differences(self._all_with(self._states[-1]), self.world.venue.balances, tolerance)
        if wrong:
            self.violated(f"at rest, ours and the venue's: {wrong}")

    @staticmethod
    def _differences(ours: Amounts, theirs: Amounts, tolerance: Decimal = ZERO) -> str:
        return ", ".join(
            f"{asset} {ours.get(asset, ZERO):f} against {theirs.get(asset, ZERO):f}"
            for asset in sorted(ours.keys() | theirs.keys())
            if abs(EXACT.subtract(ours.get(asset, ZERO), theirs.get(asset, ZERO))) > tolerance
        )


def _after(state: Amounts, fill: Fill) -> Amounts:
    rules, sign = INSTRUMENTS[fill.symbol], fill.side.sign
    after = dict(state)
    for asset, change in (
        (rules.base_asset, fill.quantity * sign),
        (rules.quote_asset, -EXACT.multiply(fill.quantity, fill.price) * sign),
        (rules.quote_asset, -fill.tax),
        (fill.fee_asset or rules.quote_asset, -fill.fee),
    ):
        after[asset] = EXACT.add(after.get(asset, ZERO), change)
    return after


def _text(amounts: Amounts) -> str:
    return ", ".join(f"{total:f} {asset}" for asset, total in sorted(amounts.items()))
