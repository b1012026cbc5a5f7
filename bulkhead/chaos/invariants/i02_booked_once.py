"""Every execution of the venue is booked exactly once; at rest the two sets are equal."""

from collections.abc import Sequence
from decimal import Decimal

from bulkhead.chaos.invariants.kit import EXACT, ZERO, Invariant, Say
from bulkhead.chaos.model.market import VENUE
from bulkhead.chaos.model.numbered import NumberedOrder
from bulkhead.chaos.model.order import Order
from bulkhead.chaos.world import World
from bulkhead.ledger.port import Entry
from messages.orders import Fill, VenueExecution
from messages.records import FillRecorded, LedgerEvent, OrderRecorded
from messages.reversals import ExecutionReversed
from messages.values import OrderStatus

REVERSED = ":reversed"
Content = tuple[Decimal, Decimal, Decimal, str]
"""Signed quantity, price, fee and its asset."""


class BookedOnce(Invariant):
    """By the ids that the venue gives its executions, with what they say; what it takes back is booked twice, there and
    back, or not at all. Where it tells totals only, by the totals of each order: never more booked than executed, and
    at rest the same quantity and charges.

    Not looked at: an order of which only an operator can tell, as long as the books call it UNKNOWN (20); prices of
    fills that are known by totals, which are averages (9).
    """

    number = 2
    name = "booked-once"

    def __init__(self, world: World, say: Say) -> None:
        super().__init__(world, say)
        self._has_ids = world.venue.capabilities.has_execution_ids
        self._executed: dict[str, Content] = {}
        self._taken_back: set[str] = set()
        self._booked: set[str] = set()
        self._orders: dict[str, list[Order]] = {}
        self._totals: dict[str, tuple[Decimal, Decimal]] = {}
        """By order: quantity booked, and charges."""
        self._status: dict[str, OrderStatus] = {}

    def accepted(self, order: Order) -> None:
        if not self._has_ids:
            self._orders.setdefault(order.ticket.client_order_id, []).append(order)

    def executed(self, order: Order, execution: VenueExecution) -> None:
        key = f"{VENUE}:{execution.symbol}:{execution.execution_id}"
        signed = execution.quantity * execution.side.sign
        self._executed[key] = (signed, execution.price, execution.fee, execution.fee_asset)

    def reversed_(self, order: Order, said: ExecutionReversed) -> None:
        key = f"{VENUE}:{said.symbol}:{said.execution_id}"
        self._taken_back.add(key)
        signed, price, fee, asset = self._executed[key]
        self._executed[key + REVERSED] = (-signed, price, -fee, asset)

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        for entry in entries:
            record = entry.record
            if isinstance(record, FillRecorded):
                self._book(record.fill)
            elif isinstance(record, OrderRecorded) and not self._has_ids:
                self._status[record.order.ticket.client_order_id] = record.order.status

    def _book(self, fill: Fill) -> None:
        if fill.fill_id in self._booked:
            self.violated(f"{fill.fill_id} is booked twice")
        self._booked.add(fill.fill_id)
        if not self._has_ids:
            self._book_total(fill)
            return
        said = self._executed.get(fill.fill_id)
        booked = (fill.quantity * fill.side.sign, fill.price, fill.fee + fill.tax, fill.fee_asset)
        if said is None:
            self.violated(f"{fill.fill_id} is booked, and the venue has executed no such thing")
        elif said != booked:
            self.violated(f"{fill.fill_id} is booked as {_text(booked)}, and was {_text(said)}")

    def _book_total(self, fill: Fill) -> None:
        quantity, charged = self._totals.get(fill.client_order_id, (ZERO, ZERO))
        quantity = EXACT.add(quantity, fill.quantity * (1 if not fill.fill_id.endswith(REVERSED) else -1))
        charged = EXACT.add(charged, EXACT.add(fill.fee, fill.tax))
        self._totals[fill.client_order_id] = (quantity, charged)
        executed, _ = self._executed_in_all(fill.client_order_id)
        if quantity > executed:
            self.violated(f"{fill.client_order_id}: {quantity:f} is booked, and {executed:f} was executed")

    def _executed_in_all(self, key: str) -> tuple[Decimal, Decimal]:
        filled, charged = ZERO, ZERO
        for order in self._orders.get(key, ()):
            filled = EXACT.add(filled, order.filled)
            if isinstance(order, NumberedOrder):
                charged = EXACT.add(charged, order.charged)
        return filled, charged

    def at_rest(self) -> None:
        if not self._has_ids:
            self._compare_totals()
            return
        for key in sorted(self._executed.keys() - self._booked):
            if key not in self._taken_back and not key.endswith(REVERSED):
                self.violated(f"{key} was executed and never booked")
        for key in sorted(self._taken_back):
            if (key in self._booked) != (key + REVERSED in self._booked):
                self.violated(f"{key} was taken back, and only one half of that is booked")

    def _compare_totals(self) -> None:
        for key in self._orders:
            if self._status.get(key) is OrderStatus.UNKNOWN:
                continue
            executed, booked = self._executed_in_all(key), self._totals.get(key, (ZERO, ZERO))
            if executed != booked:
                self.violated(
                    f"{key}: {booked[0]:f} with charges of {booked[1]:f} is booked, and"
                    f" {executed[0]:f} with {executed[1]:f} was executed"
                )


def _text(content: Content) -> str:
    quantity, price, fee, asset = content
    return f"{quantity:+f} at {price:f}, fee {fee:f} {asset}"
