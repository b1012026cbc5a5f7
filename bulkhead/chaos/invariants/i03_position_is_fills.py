"""A position is the sum of its fills and what an operator adopted; at rest it is the venue's."""

from collections.abc import Sequence
from decimal import Decimal

from bulkhead.chaos.invariants.kit import EXACT, ZERO, Invariant, Say
from bulkhead.chaos.model.market import INSTRUMENTS, OPENING
from bulkhead.chaos.world import World
from bulkhead.ledger.port import Entry
from messages.adjustments import MOVE_POSITIONS, AdjustmentRecorded
from messages.orders import Fill
from messages.portfolio import Position
from messages.records import FillRecorded, LedgerEvent, PositionRecorded

Holder = tuple[str, str]
"""Strategy and symbol."""


class PositionIsFills(Invariant):
    """Each position that is written must be the sum of the holder's fills up to the one that it names, net of fees that
    were paid in what it holds. At rest the last one of each holder has all fills, and together with what the account
    began with they are what the venue says is held.

    Not looked at: cost and profit of a position; what somebody else trades in the account.
    """

    number = 3
    name = "position-is-fills"

    def __init__(self, world: World, say: Say) -> None:
        super().__init__(world, say)
        self._sums: dict[Holder, Decimal] = {}
        self._after: dict[str, Decimal] = {}
        """By fill: the sum with it."""
        self._adopted: dict[Holder, Decimal] = {}
        self._positions: dict[Holder, Decimal] = {}

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        for entry in entries:
            record = entry.record
            if isinstance(record, FillRecorded):
                self._add(record.fill)
            elif isinstance(record, PositionRecorded):
                self._compare(record.position)
            elif isinstance(record, AdjustmentRecorded) and record.kind in MOVE_POSITIONS:
                holder = (record.strategy_id or "", record.symbol or "")
                self._adopted[holder] = EXACT.add(self._adopted.get(holder, ZERO), record.amount)

    def _add(self, fill: Fill) -> None:
        holder = (fill.strategy_id, fill.symbol)
        change = fill.quantity * fill.side.sign
        if fill.fee_asset == INSTRUMENTS[fill.symbol].base_asset:
            change = EXACT.subtract(change, fill.fee)
        self._sums[holder] = self._after[fill.fill_id] = EXACT.add(self._sums.get(holder, ZERO), change)

    def _compare(self, position: Position) -> None:
        holder = (position.strategy_id, position.symbol)
        self._positions[holder] = position.quantity
        due = EXACT.add(self._after.get(position.last_fill_id or "", ZERO), self._adopted.get(holder, ZERO))
        if position.quantity != due:
            self.violated(f"{holder} holds {position.quantity:f} after {position.last_fill_id}, and its fills {due:f}")

    def at_rest(self) -> None:
        held = dict.fromkeys((rules.base_asset for rules in INSTRUMENTS.values()), ZERO)
        for holder in sorted(self._sums.keys() | self._positions.keys()):
            due = EXACT.add(self._sums.get(holder, ZERO), self._adopted.get(holder, ZERO))
            booked = self._positions.get(holder, ZERO)
            if booked != due:
                self.violated(f"{holder} ends with {booked:f}, and its fills with {due:f}")
            asset = INSTRUMENTS[holder[1]].base_asset
            held[asset] = EXACT.add(held[asset], booked)
        if self.world.house.oms.figures().unknown:
            return  # nobody knows yet what is held: invariant 20 has its say about that
        for asset, total in held.items():
            theirs = EXACT.subtract(self.world.venue.balances[asset], OPENING[asset])
            if total != theirs:
                self.violated(f"{asset}: positions add up to {total:f}, and the venue says {theirs:f} was traded")
