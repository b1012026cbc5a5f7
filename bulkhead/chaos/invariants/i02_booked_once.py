"""Every execution of the venue is booked exactly once; at rest the two sets are equal."""

from collections.abc import Sequence

from bulkhead.chaos.invariants.kit import Invariant
from bulkhead.chaos.model.market import VENUE
from bulkhead.chaos.model.order import Order
from bulkhead.ledger.port import Entry
from messages.orders import VenueExecution
from messages.records import FillRecorded, LedgerEvent


class BookedOnce(Invariant):
    """By execution ids, as the venue made them. Not looked at: a venue without ids, and what is taken back."""

    number = 2
    name = "booked-once"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._booked: set[str] = set()
        self._executed: set[str] = set()

    def executed(self, order: Order, execution: VenueExecution) -> None:
        self._executed.add(f"{VENUE}:{execution.symbol}:{execution.execution_id}")

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        for entry in entries:
            if isinstance(entry.record, FillRecorded):
                fill_id = entry.record.fill.fill_id
                if fill_id in self._booked:
                    self.violated(f"{fill_id} is booked twice")
                self._booked.add(fill_id)

    def at_rest(self) -> None:
        if self.world.venue.capabilities.has_execution_ids:
            for missing in sorted(self._executed - self._booked):
                self.violated(f"{missing} was executed and never booked")
