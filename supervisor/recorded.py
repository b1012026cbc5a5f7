"""The last look before an order's bytes leave: is it on disk? Then the gate is asked.

That nothing leaves unrecorded is built into the order path (an order is a letter that the ledger releases); this guard
does not believe it. The ledger's actor notes each order that it has committed or read back, with whose it is: a ticket
does not say, and a strategy may be stopped alone. Any thread may ask.
"""

from collections.abc import Callable, Iterable
from threading import Lock
from typing import Protocol

from messages.codes import ErrorCode
from messages.orders import OrderRow, OrderTicket

KEPT = 100_000
"""Orders remembered. One that is older has long had its answer; sending it again would be refused, and said."""


class Asked(Protocol):
    """What is asked next: the gate."""

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int, strategy_id: str | None) -> str | None: ...


class RecordedOnly:
    """A write guard (bulkhead/venues/port.py)."""

    def __init__(self, gate: Asked, kept: int = KEPT) -> None:
        self._gate = gate
        self._kept = kept
        self._lock = Lock()
        self.on_noted: Callable[[OrderRow], None] = lambda order: None
        """Told of each order that is on disk, in the ledger's thread."""
        self._owners: dict[str, str] = {}
        """Strategy by client order id, the order noted last at the end."""

    def note(self, orders: Iterable[OrderRow]) -> None:
        """These are on disk."""
        with self._lock:
            for order in orders:
                self._owners.pop(order.ticket.client_order_id, None)
                self._owners[order.ticket.client_order_id] = order.strategy_id
                self.on_noted(order)
            while len(self._owners) > self._kept:
                del self._owners[next(iter(self._owners))]

    def owner_of(self, client_order_id: str) -> str | None:
        """The strategy of an order that is on disk, else None."""
        return self._owners.get(client_order_id)

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        """Why this order must not leave now, or None."""
        owner = self._owners.get(ticket.client_order_id)
        if owner is None:
            return f"{ErrorCode.OMS_IDEMPOTENCY_MISSING}: {ticket.client_order_id} is not on record"
        return self._gate.refusal(ticket, issuer, epoch, owner)
