"""A cancel never overtakes its order."""

from collections.abc import Sequence

from bulkhead.chaos.eyes import Question
from bulkhead.chaos.invariants.kit import Invariant
from bulkhead.ledger.port import Entry
from messages.orders import CancelOrder, OrderTicket
from messages.records import LedgerEvent, OrderRecorded
from messages.supervision import ChildDown


class CancelNotAhead(Invariant):
    """By what is handed to the wire: no cancel is asked for of an order that has not been handed in yet, and none is
    handed in for the first time after its own cancel.

    The first half holds while nothing of the house has ended since the order went on disk: after that its letter may be
    gone, and a cancel of what nobody knows to have left is right. Not looked at: what the network does to the two."""

    number = 13
    name = "cancel-not-ahead"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._ends = 0
        """Incarnations and processes that have ended."""
        self._recorded: dict[str, int] = {}
        """Orders on disk that have not been handed in -> the ends until then."""
        self._handed_in: set[str] = set()
        self._cancelled_first: set[str] = set()

    def ended(self, down: ChildDown) -> None:
        self._ends += 1

    def killed(self) -> None:
        self._ends += 1

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        for entry in entries:
            record = entry.record
            if isinstance(record, OrderRecorded) and record.change == "created":
                self._recorded[record.order.ticket.client_order_id] = self._ends

    def submitting(self, ticket: OrderTicket, issuer: str, epoch: int) -> None:
        key = ticket.client_order_id
        self._recorded.pop(key, None)
        self._handed_in.add(key)
        if key in self._cancelled_first:
            self.violated(f"{key} is sent for the first time, and its cancel went before it")

    def asked(self, question: Question) -> None:
        if not isinstance(question, CancelOrder) or question.client_order_id in self._handed_in:
            return
        key = question.client_order_id
        self._cancelled_first.add(key)
        if self._recorded.get(key) == self._ends:
            self.violated(f"a cancel is asked for of {key}, which has not been sent: {question.reason}")
