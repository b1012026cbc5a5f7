"""Nothing is sent that is not on disk; the chain on disk is whole, and as long as what was committed."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from hashlib import sha256

from bulkhead.chaos.invariants.kit import Invariant, Say
from bulkhead.chaos.world import World
from bulkhead.ledger.port import Entry
from messages.orders import OrderTicket
from messages.records import LedgerEvent, OrderRecorded

FIELDS = ("schema_version", "seq", "at_ns", "stream", "type", "session_id", "correlation_id", "causation_id", "payload")
"""What is hashed of an event, beside the hash of the one before."""
GENESIS = (0, "0" * 64)


class DurableFirst(Invariant):
    """Each order that leaves must stand in a group that was committed before, as the very ticket that leaves. Each
    commit must go on where the last one ended, and so must each process: the file that it finds is as long as what was
    committed, so that nothing was cut off and nobody has noticed. At rest every hash is worked out anew.

    Not looked at: exported files, which are no part of a simulated house.
    """

    number = 11
    name = "durable-first"

    def __init__(self, world: World, say: Say) -> None:
        super().__init__(world, say)
        self._tickets: dict[str, OrderTicket] = {}
        self._head = GENESIS

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        for entry in entries:
            if isinstance(entry.record, OrderRecorded):
                ticket = entry.record.order.ticket
                self._tickets[ticket.client_order_id] = ticket
        for event in events:
            if (event.seq - 1, event.prev_hash) != self._head:
                self.violated(f"event {event.seq} does not follow on event {self._head[0]}")
            self._head = (event.seq, event.hash)

    def left(self, ticket: OrderTicket, issuer: str, epoch: int) -> None:
        if self._tickets.get(ticket.client_order_id) != ticket:
            self.violated(f"{ticket.client_order_id} left, and is not on disk as it left")

    def born(self) -> None:
        """The file is as the process before has left it."""
        with closing(sqlite3.connect(self.world.folder / "ledger.db")) as connection:
            try:
                last = connection.execute("select seq, hash from events order by seq desc limit 1").fetchone()
            except sqlite3.OperationalError:  # no tables yet: the first process makes them
                last = None
        self._must_end(last or GENESIS)

    def _must_end(self, last: tuple[int, str]) -> None:
        if tuple(last) != self._head:
            self.violated(f"the file ends with event {last[0]}, and the last one committed was {self._head[0]}")

    def at_rest(self) -> None:
        names = ", ".join((*FIELDS, "prev_hash", "hash"))
        head = GENESIS
        with closing(sqlite3.connect(self.world.folder / "ledger.db")) as connection:
            for *values, prev_hash, said in connection.execute(f"select {names} from events order by seq"):  # noqa: S608
                fields = dict(zip(FIELDS, values, strict=True))
                text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
                if (fields["seq"] - 1, prev_hash) != head:
                    self.violated(f"event {fields['seq']} on disk does not follow on event {head[0]}")
                if sha256((prev_hash + text).encode()).hexdigest() != said:
                    self.violated(f"event {fields['seq']} on disk does not give its hash")
                head = (fields["seq"], said)
        self._must_end(head)
