"""The last look before an order's bytes leave: is it on disk? Then the gate is asked.

That nothing leaves unrecorded is built into the order path (an order is a letter that the ledger releases); this guard
does not believe it. The ledger's actor notes each order that it has committed or read back; any thread may ask.
"""

from collections.abc import Iterable
from threading import Lock
from typing import Protocol

from messages.codes import ErrorCode
from messages.orders import OrderTicket

KEPT = 100_000
"""Orders remembered. One that is older has long had its answer; sending it again would be refused, and said."""


class Asked(Protocol):
    """What is asked next: the gate."""

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None: ...


class RecordedOnly:
    """A write guard (bulkhead/venues/port.py)."""

    def __init__(self, gate: Asked, kept: int = KEPT) -> None:
        self._gate = gate
        self._kept = kept
        self._lock = Lock()
        self._recorded: dict[str, None] = {}

    def note(self, client_order_ids: Iterable[str]) -> None:
        """These are on disk."""
        with self._lock:
            for client_order_id in client_order_ids:
                self._recorded.pop(client_order_id, None)
                self._recorded[client_order_id] = None
            while len(self._recorded) > self._kept:
                del self._recorded[next(iter(self._recorded))]

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        """Why this order must not leave now, or None."""
        if ticket.client_order_id not in self._recorded:
            return f"{ErrorCode.OMS_IDEMPOTENCY_MISSING}: {ticket.client_order_id} is not on record"
        return self._gate.refusal(ticket, issuer, epoch)
