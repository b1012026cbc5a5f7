"""No command of a fenced epoch reaches the venue or the ledger, and no evidence is ever refused."""

from collections.abc import Sequence

from bulkhead.chaos.invariants.kit import BROKER, LEDGER, OMS, Invariant, Say
from bulkhead.chaos.world import World
from bulkhead.ledger.port import Entry
from messages.base import Body, Envelope, Evidence
from messages.orders import OrderEvidence, OrderStatusReported, OrderTicket, VenueSnapshotTaken
from messages.records import Append, LedgerEvent, Record
from messages.supervision import ChildDown

FOR_THE_OMS = (OrderEvidence, OrderStatusReported, VenueSnapshotTaken)
"""What the broker passes on to it."""


class Fenced(Invariant):
    """An order must leave by the incarnation of its issuer that lives. What an incarnation that has ended told the
    ledger after its end must never be on disk. What the venue has told must be taken by the broker, and what that has
    taken by the order manager: at rest nothing is left over, whoever has died meanwhile. With the process goes what
    waited in it.

    Not looked at: what they make of it (2, 5); a message over which its receiver has died, which counts as taken.
    """

    number = 12
    name = "fenced"

    def __init__(self, world: World, say: Say) -> None:
        super().__init__(world, say)
        self._epochs: dict[str, int] = {}
        self._stale: list[Record] = []
        """Told to the ledger by somebody who had ended. Kept, so that each is known by itself and not by its like."""
        self._on_its_way: dict[int, Body] = {}
        """Told by the venue, and not taken by the broker. By identity: the same may be told twice."""
        self._passed_on: dict[int, Body] = {}
        """Taken by the broker, and not by the order manager."""
        self._brokers_last: int | None = None

    def born(self) -> None:
        self._epochs = {}
        self._stale = []
        self._on_its_way, self._passed_on = {}, {}
        self._brokers_last = None

    def started(self, name: str, epoch: int) -> None:
        self._epochs[name] = epoch

    # -- commands -----------------------------------------------------------------------------------------------------

    def left(self, ticket: OrderTicket, issuer: str, epoch: int) -> None:
        if epoch != self._epochs.get(issuer):
            now = self._epochs.get(issuer)
            self.violated(f"{ticket.client_order_id} left for epoch {epoch} of {issuer}, which is at {now}")

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        if not self._stale:
            return
        for entry in entries:
            if any(entry.record is record for record in self._stale):
                self.violated(f"a {type(entry.record).__name__} of an incarnation that had ended is on disk")

    # -- evidence -----------------------------------------------------------------------------------------------------

    def told(self, evidence: Evidence) -> None:
        if isinstance(evidence, Evidence):
            self._on_its_way[id(evidence)] = evidence

    def restamped(self, before: Evidence, now: Evidence) -> None:
        if self._on_its_way.pop(id(before), None) is not None:
            self._on_its_way[id(now)] = now

    def handling(self, name: str, epoch: int, envelope: Envelope) -> None:
        body = envelope.body
        if name == LEDGER:
            if isinstance(body, Append) and envelope.epoch < self._epochs.get(envelope.sender, 0):
                self._stale.extend(body.records)
        elif name == BROKER:
            self._brokers_last = None
            if self._on_its_way.pop(id(body), None) is not None and isinstance(body, FOR_THE_OMS):
                self._passed_on[id(body)] = body
                self._brokers_last = id(body)
        elif name == OMS:
            self._passed_on.pop(id(body), None)

    def ended(self, down: ChildDown) -> None:
        if down.child == BROKER and self._brokers_last is not None:
            self._passed_on.pop(self._brokers_last, None)

    def at_rest(self) -> None:
        for body in self._on_its_way.values():
            self.violated(f"{type(body).__name__} was told by the venue, and the broker never took it")
        for body in self._passed_on.values():
            self.violated(f"{type(body).__name__} came to the broker, and the order manager never took it")
