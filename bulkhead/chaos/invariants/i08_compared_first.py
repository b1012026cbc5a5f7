"""A clean comparison of the books stands on disk before the first entry of each process and after each reconnect."""

from collections.abc import Sequence

from bulkhead.chaos.eyes import Question
from bulkhead.chaos.invariants.kit import OMS, Invariant, Say
from bulkhead.chaos.world import World
from bulkhead.ledger.port import Entry
from messages.base import Envelope, Evidence
from messages.orders import OrderChannelDown, OrderChannelUp, OrderTicket, TakeVenueSnapshot, VenueSnapshotTaken
from messages.records import LedgerEvent, ReconciliationRecorded


class ComparedFirst(Invariant):
    """Doubt begins with each process, with each incarnation of the order manager, and when that hears that the order
    stream has gone or has come up. It ends when a comparison is on disk, clean, for which the venue was asked and has
    answered since. Entries only: an exit may leave before, since what it may sell is on disk.

    Not looked at: whether the comparison was right; what it missed the others find (2, 3, 9).
    """

    number = 8
    name = "compared-first"

    def __init__(self, world: World, say: Say) -> None:
        super().__init__(world, say)
        self._since = "the beginning"
        self._was_asked = self._was_answered = self._is_compared = False

    def _doubt(self, since: str) -> None:
        self._since = since
        self._was_asked = self._was_answered = self._is_compared = False

    def born(self) -> None:
        self._doubt("the process began")

    def started(self, name: str, epoch: int) -> None:
        if name == OMS:
            self._doubt(f"incarnation {epoch} of the order manager began")

    def handling(self, name: str, epoch: int, envelope: Envelope) -> None:
        if name == OMS and isinstance(envelope.body, OrderChannelUp | OrderChannelDown):
            self._doubt(f"{type(envelope.body).__name__}")

    def asked(self, question: Question) -> None:
        if isinstance(question, TakeVenueSnapshot):
            self._was_asked = True

    def told(self, evidence: Evidence) -> None:
        if self._was_asked and isinstance(evidence, VenueSnapshotTaken):
            self._was_answered = True

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        if self._is_compared or not self._was_answered:
            return
        for entry in entries:
            if isinstance(entry.record, ReconciliationRecorded) and entry.record.result.is_clean:
                self._is_compared = True

    def left(self, ticket: OrderTicket, issuer: str, epoch: int) -> None:
        if ticket.intent_type.is_entry and not self._is_compared:
            self.violated(f"the entry {ticket.client_order_id} left, and nothing was compared since {self._since}")
