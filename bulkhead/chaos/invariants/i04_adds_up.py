"""Filled, leaves and cancelled are the quantity of an order; what is filled falls only where an execution is taken
back."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal

from bulkhead.chaos.invariants.kit import ENDED, EXACT, ZERO, Invariant, Say
from bulkhead.chaos.world import World
from bulkhead.ledger.port import Entry
from messages.orders import OrderRow
from messages.records import FillRecorded, LedgerEvent, OrderRecorded
from messages.values import OrderStatus as S

REVERSED = ":reversed"


class AddsUp(Invariant):
    """Each order row that is written must have filled what its booked fills add up to, in quantity and in money; its
    status must fit that; and it may have less than the row before only by a reversal that stands in the same commit.
    At rest the table of orders says the same.

    More than the quantity may be filled where the venue has executed more; that it has is invariant 2's to say.
    """

    number = 4
    name = "adds-up"

    def __init__(self, world: World, say: Say) -> None:
        super().__init__(world, say)
        self._fills: dict[str, tuple[Decimal, Decimal]] = {}
        """By order: quantity and money of what is booked."""
        self._filled: dict[str, Decimal] = {}

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        taken_back: set[str] = set()
        for entry in entries:
            record = entry.record
            if isinstance(record, FillRecorded):
                fill = record.fill
                is_reversal = fill.fill_id.endswith(REVERSED)
                if is_reversal:
                    taken_back.add(fill.client_order_id)
                quantity = -fill.quantity if is_reversal else fill.quantity
                before = self._fills.get(fill.client_order_id, (ZERO, ZERO))
                worth = EXACT.add(before[1], EXACT.multiply(quantity, fill.price))
                self._fills[fill.client_order_id] = (EXACT.add(before[0], quantity), worth)
            elif isinstance(record, OrderRecorded):
                self._compare(record.order, taken_back)

    def _compare(self, row: OrderRow, taken_back: set[str]) -> None:
        key = row.ticket.client_order_id
        before = self._filled.get(key, ZERO)
        self._filled[key] = row.filled
        if row.filled < before and key not in taken_back:
            self.violated(f"{key} had filled {before:f} and has filled {row.filled:f}, and nothing was taken back")
        if (row.filled, row.filled_notional) != self._fills.get(key, (ZERO, ZERO)):
            quantity, worth = self._fills.get(key, (ZERO, ZERO))
            self.violated(
                f"{key} has filled {row.filled:f} for {row.filled_notional:f},"
                f" and its fills are {quantity:f} for {worth:f}"
            )
        if why := _misfit(row.status, row.filled, row.ticket.quantity):
            self.violated(f"{key} is {row.status} with {row.filled:f} of {row.ticket.quantity:f} filled: {why}")

    def at_rest(self) -> None:
        with closing(sqlite3.connect(self.world.folder / "ledger.db")) as connection:
            rows = connection.execute(
                "select client_order_id, quantity, filled, leaves, is_open from orders"
            ).fetchall()
        for key, quantity, filled, leaves, is_open in rows:
            total = EXACT.add(Decimal(filled), Decimal(leaves))
            if is_open and total != Decimal(quantity):
                self.violated(f"{key}: {filled} filled and {leaves} to come, of {quantity}, in the table of orders")
            if not is_open and Decimal(leaves) != 0:
                self.violated(f"{key} has ended, and {leaves} is to come by the table of orders")
            if Decimal(filled) != self._filled.get(key, ZERO):
                self.violated(f"{key}: the table of orders has {filled} filled, and it was {self._filled.get(key)}")


def _misfit(status: S, filled: Decimal, quantity: Decimal) -> str | None:
    if filled < 0:
        return "less than nothing"
    if status is S.FILLED:
        return None if filled >= quantity else "not all of it"
    if status is S.SUBMITTED:
        return "something of it" if filled else None
    if status is S.PARTIAL:
        return None if 0 < filled < quantity else "that is no part of it"
    if status not in ENDED and filled >= quantity:
        return "all of it, and it is open"
    return None
