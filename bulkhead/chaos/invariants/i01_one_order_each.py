"""At most one live or filled order for each attempt, and never more at work than was asked for."""

from collections.abc import Sequence
from decimal import Decimal

from bulkhead.chaos.invariants.kit import EXACT, ZERO, Invariant, Say, at_work, counts
from bulkhead.chaos.model.order import Order
from bulkhead.chaos.world import World
from bulkhead.ledger.port import Entry
from messages.base import Evidence
from messages.orders import OrderCancelled, OrderExpired, OrderRejected, OrderRow, OrderTicket, VenueExecution
from messages.records import IntentRecorded, LedgerEvent, OrderRecorded
from messages.reversals import ExecutionReversed

Owner = str | tuple[str, int]
"""An intent, or one of its children."""
ENDS = (OrderCancelled, OrderExpired, OrderRejected)


class OneOrderEach(Invariant):
    """Looks at both sides: at the venue's book whenever it takes an order, and at each order row that is written.
    Filled, live and unknown of a child, and of an intent, together are never above what it was to fill.

    What the venue fills after it has told of the order's end nobody here can help: it is allowed for. Not looked at:
    whether what is filled is booked (2), and whether an intent should have been taken at all (10).
    """

    number = 1
    name = "one-order-each"

    def __init__(self, world: World, say: Say) -> None:
        super().__init__(world, say)
        self._attempts: dict[tuple[str, int, int], str] = {}
        self._owners: dict[str, tuple[Owner, Owner]] = {}
        """Of each order: its child, and its intent."""
        self._asked: dict[Owner, Decimal] = {}
        self._rows: dict[str, OrderRow] = {}
        self._written: dict[Owner, Decimal] = {}
        """At work by the rows on disk."""
        self._accepted: dict[str, Order] = {}
        self._books: dict[Owner, list[Order]] = {}
        self._told_ended: set[str] = set()
        self._excused: dict[Owner, Decimal] = {}
        """Executed after the venue has told of the end."""
        self._written_late: dict[Owner, Decimal] = {}
        """The same as far as it is booked."""

    # -- what is written ----------------------------------------------------------------------------------------------

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        for entry in entries:
            record = entry.record
            if isinstance(record, OrderRecorded):
                self._written_down(record.order)
            elif isinstance(record, IntentRecorded):
                self._asked[record.intent.intent_id] = record.intent.quantity

    def _written_down(self, row: OrderRow) -> None:
        key, before = row.ticket.client_order_id, self._rows.get(row.ticket.client_order_id)
        child = (row.intent_id, row.child)
        if before is None:
            known = self._attempts.setdefault((*child, row.attempt), key)
            if known != key:
                self.violated(f"{key} and {known} are both attempt {row.attempt} of child {child}")
            self._owners[key] = (child, row.intent_id)
            self._asked.setdefault(child, row.ticket.quantity)
        self._rows[key] = row
        change = _of(row) if before is None else EXACT.subtract(_of(row), _of(before))
        if before is not None and key in self._told_ended and row.filled > before.filled:
            self._add(self._written_late, key, EXACT.subtract(row.filled, before.filled))
        self._add(self._written, key, change)
        if change <= 0:
            return
        for owner in self._owners[key]:
            late = max(self._excused.get(owner, ZERO), self._written_late.get(owner, ZERO))
            self._hold(owner, self._written[owner], late, "by our books")

    def _add(self, to: dict[Owner, Decimal], key: str, change: Decimal) -> None:
        for owner in self._owners.get(key, ()):
            to[owner] = EXACT.add(to.get(owner, ZERO), change)

    def _hold(self, owner: Owner, total: Decimal, late: Decimal, where: str) -> None:
        asked = self._asked.get(owner)
        if asked is None:
            self.violated(f"{owner} is in nobody's books, and {total:f} is at work for it {where}")
        elif total > EXACT.add(asked, late):
            self.violated(f"{owner}: {total:f} at work {where}, and {asked:f} was asked for")

    # -- what the venue has -------------------------------------------------------------------------------------------

    def left(self, ticket: OrderTicket, issuer: str, epoch: int) -> None:
        order = self._accepted.get(ticket.client_order_id)
        if order is not None and self._stands(order):
            self.violated(f"{ticket.client_order_id} was sent again though the venue has it")

    def accepted(self, order: Order) -> None:
        key = order.ticket.client_order_id
        before = self._accepted.get(key)
        if before is not None and counts(before):
            self.violated(f"{key} is on the venue's book twice")
        self._accepted[key] = order
        for owner in self._owners.get(key, ()):
            orders = self._books.setdefault(owner, [])
            orders.append(order)
            total = ZERO
            for each in orders:
                total = EXACT.add(total, at_work(each.ticket.quantity, each.filled, each.status))
            self._hold(owner, total, self._excused.get(owner, ZERO), "at the venue")

    def _stands(self, order: Order) -> bool:
        """The venue has it still, and it is live or has filled."""
        return counts(order) and self.world.venue.orders.get(order.ticket.client_order_id) is order

    def told(self, evidence: Evidence) -> None:
        if isinstance(evidence, ENDS):
            self._told_ended.add(evidence.client_order_id)

    def executed(self, order: Order, execution: VenueExecution) -> None:
        if order.ticket.client_order_id in self._told_ended:
            self._add(self._excused, order.ticket.client_order_id, execution.quantity)

    def reversed_(self, order: Order, said: ExecutionReversed) -> None:
        """What comes in its place comes after the end."""
        self._told_ended.add(order.ticket.client_order_id)

    def at_rest(self) -> None:
        for key in self.world.venue.repeated_ids:
            self.violated(f"{key} was handed in again though the venue had it")


def _of(row: OrderRow) -> Decimal:
    return at_work(row.ticket.quantity, row.filled, row.status)
