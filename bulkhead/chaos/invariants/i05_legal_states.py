"""Only legal transitions of an order's state, and none that the venue's word does not bear out."""

from collections.abc import Mapping, Sequence

from bulkhead.chaos.invariants.kit import ENDED, Invariant, Say, counts
from bulkhead.chaos.model.order import Order
from bulkhead.chaos.world import World
from bulkhead.ledger.port import Entry
from messages.base import Evidence
from messages.orders import (
    OrderCancelled,
    OrderEvidence,
    OrderExpired,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderStatusReported,
    OrderTicket,
    VenueSnapshotTaken,
)
from messages.records import LedgerEvent, OrderRecorded
from messages.values import OrderStatus as S

LEGAL: Mapping[S, frozenset[S]] = {
    S.PENDING_SUBMIT: frozenset(
        {S.SUBMITTED, S.PARTIAL, S.FILLED, S.REJECTED, S.CANCELLED, S.EXPIRED, S.UNKNOWN, S.PENDING_CANCEL, S.FAILED}
    ),
    S.SUBMITTED: frozenset({S.PARTIAL, S.FILLED, S.REJECTED, S.CANCELLED, S.EXPIRED, S.PENDING_CANCEL}),
    S.PARTIAL: frozenset({S.FILLED, S.CANCELLED, S.EXPIRED, S.PENDING_CANCEL, S.UNKNOWN}),
    S.PENDING_CANCEL: frozenset(
        {
            *(S.CANCELLED, S.FILLED, S.EXPIRED, S.REJECTED, S.UNKNOWN, S.FAILED),
            *(S.SUBMITTED, S.PARTIAL, S.PENDING_SUBMIT),  # the cancel was refused: it is what it was
        }
    ),
    # Proven absent, it has failed or is sent again.
    S.UNKNOWN: frozenset(
        {S.SUBMITTED, S.PARTIAL, S.FILLED, S.REJECTED, S.CANCELLED, S.EXPIRED, S.FAILED, S.PENDING_SUBMIT}
    ),
    # The venue's own ends stand, but for executions that it tells of late.
    S.FILLED: frozenset(),
    S.REJECTED: frozenset({S.FILLED, S.UNKNOWN}),
    S.CANCELLED: frozenset({S.FILLED}),
    S.EXPIRED: frozenset({S.FILLED}),
    # Our own conclusion, which any word of the venue overrules.
    S.FAILED: frozenset({S.SUBMITTED, S.PARTIAL, S.FILLED, S.REJECTED, S.CANCELLED, S.EXPIRED, S.UNKNOWN}),
}
"""From the order path's specification, section 2; kept apart from the product's own table on purpose."""
BY_REVERSAL = frozenset({(S.PARTIAL, S.SUBMITTED), (S.FILLED, S.CANCELLED)})
"""Only where an execution is taken back."""
BY_WORD = frozenset({S.SUBMITTED, S.PARTIAL, S.FILLED, S.REJECTED, S.CANCELLED, S.EXPIRED})
"""States that only the venue's word leads to."""
NO_WORD = (OrderNotSent, OrderOutcomeUnknown)
"""Of our own transport, not of the venue."""
ENDS = (OrderCancelled, OrderExpired, OrderRejected)


class LegalStates(Invariant):
    """Looks at each order row that is written, against the row before. A state that is the venue's to give must come
    after it has spoken of the order, or shown its books, since the order left last; what has ended by our books must
    have ended at the venue, and what has failed must never have got there.

    Not looked at: which word led to which state, and quantities (4).
    """

    number = 5
    name = "legal-states"

    def __init__(self, world: World, say: Say) -> None:
        super().__init__(world, say)
        self._status: dict[str, S] = {}
        self._heard: set[str] = set()
        """Orders that the venue has spoken of since they left last."""
        self._shown = 0
        """How often it has shown its books, and"""
        self._shown_before: dict[str, int] = {}
        """how often it had when each order left."""
        self._told_ended: set[str] = set()

    def left(self, ticket: OrderTicket, issuer: str, epoch: int) -> None:
        self._heard.discard(ticket.client_order_id)
        self._shown_before[ticket.client_order_id] = self._shown

    def told(self, evidence: Evidence) -> None:
        if isinstance(evidence, NO_WORD):
            return
        if isinstance(evidence, OrderEvidence | OrderStatusReported):
            self._heard.add(evidence.client_order_id)
            if isinstance(evidence, ENDS):
                self._told_ended.add(evidence.client_order_id)
        elif isinstance(evidence, VenueSnapshotTaken):
            self._shown += 1

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        for entry in entries:
            if isinstance(entry.record, OrderRecorded):
                self._step(entry.record)

    def _step(self, written: OrderRecorded) -> None:
        key, after = written.order.ticket.client_order_id, written.order.status
        before = self._status.get(key)
        self._status[key] = after
        if before is None:
            if after is not S.PENDING_SUBMIT and written.change != "adopted":
                self.violated(f"{key} begins as {after}")
            return
        if before is after:
            return
        is_reversal = written.change == "reversed" and (before, after) in BY_REVERSAL
        if after not in LEGAL[before] and not is_reversal:
            self.violated(f"{key} was {before} and is {after} ({written.change})")
        if not self._was_told(key) and (after in BY_WORD or before is S.UNKNOWN):
            self.violated(f"{key} was {before} and is {after}, and the venue has said nothing")
        if after in ENDED:
            self._must_have_ended(key, after)

    def _was_told(self, key: str) -> bool:
        return key in self._heard or self._shown > self._shown_before.get(key, -1)

    def _must_have_ended(self, key: str, after: S) -> None:
        order: Order | None = self.world.venue.orders.get(key)
        if order is None or key in self._told_ended:
            return
        if after is S.FAILED and counts(order):
            self.violated(f"{key} has FAILED by our books, and the venue has it as {order.status}")
        elif order.status not in ENDED:
            self.violated(f"{key} is {after} by our books, and {order.status} at the venue")
