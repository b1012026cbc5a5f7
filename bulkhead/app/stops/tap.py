"""Which orders may be working at the venue, learnt where they pass: at the write guard, at the port, from the evidence.

For whoever must cancel while the actors that know better hang. It believes no actor, and errs on one side: an order
that may have left works until the venue has said how it ended.
"""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from bulkhead.venues.port import OrderVenue, Sink, WriteGuard
from messages.base import Body
from messages.orders import (
    CancelOrder,
    CancelOutcomeUnknown,
    CancelRejected,
    ExecutionReported,
    OrderCancelled,
    OrderEvidence,
    OrderExpired,
    OrderNotSent,
    OrderRejected,
    OrderRow,
    OrderStatusReported,
    OrderTicket,
    VenueOrder,
    VenueSnapshotTaken,
)
from messages.values import OrderStatus

ENDS_KEPT = 10_000
"""Orders whose end is remembered: what the ledger says of them later makes none of them work again."""
CANCELLED, FILLED = "cancelled", "filled"


class Working(NamedTuple):
    """An order that may still fill."""

    ticket: OrderTicket
    strategy_id: str | None
    venue_order_id: str | None = None
    asked_ns: int | None = None
    """Monotonic: when a cancel of it was last handed to the venue; None after one was refused, too."""
    refusal: str = ""
    """What the venue said to the last cancel that it refused."""


class OrderTap:
    """Thread-safe. `monotonic_ns` is the clock that cancels are timed by."""

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self._lock = threading.Lock()
        self._working: dict[str, Working] = {}
        self._filled: dict[str, dict[str, Decimal]] = {}
        """By order: the quantity of each execution that was told, by its id."""
        self._ends: dict[str, str] = {}

    def working(self) -> tuple[Working, ...]:
        with self._lock:
            return tuple(self._working.values())

    def end_of(self, client_order_id: str) -> str | None:
        """How an order ended that has worked; None while it does, or of one that nobody knows."""
        with self._lock:
            return self._ends.get(client_order_id)

    # -- where orders pass --------------------------------------------------------------------------------------------

    def leaves(self, ticket: OrderTicket, strategy_id: str | None) -> None:
        """Its bytes may be in the socket from now on. An order that has ended may be sent again under its id."""
        with self._lock:
            self._ends.pop(ticket.client_order_id, None)
            self._working.setdefault(ticket.client_order_id, Working(ticket, strategy_id))

    def noted(self, row: OrderRow) -> None:
        """What stands in the ledger: orders of earlier runs, and ends that were found by comparing the books."""
        key = row.ticket.client_order_id
        with self._lock:
            if row.status.is_terminal:
                self._end(key, row.status.value.lower())
            elif row.status is not OrderStatus.PENDING_SUBMIT and key not in self._ends:
                known = self._working.setdefault(key, Working(row.ticket, row.strategy_id))
                number = row.venue_order_id or known.venue_order_id
                self._working[key] = known._replace(venue_order_id=number, strategy_id=row.strategy_id)

    def asked(self, client_order_id: str) -> None:
        """A cancel of it was handed to the venue."""
        with self._lock:
            known = self._working.get(client_order_id)
            if known is not None:
                self._working[client_order_id] = known._replace(asked_ns=self._monotonic_ns(), refusal="")

    def hears(self, body: Body) -> None:
        """Evidence, before anybody else is told of it."""
        with self._lock:
            if isinstance(body, OrderEvidence):
                self._hear_of_order(body)
            elif isinstance(body, OrderStatusReported) and body.order is not None:
                self._listed(body.client_order_id, body.order)
            elif isinstance(body, VenueSnapshotTaken):
                for order in (*body.orders, *body.open_orders):
                    self._listed(order.client_order_id, order)

    # -- with the lock held -------------------------------------------------------------------------------------------

    def _hear_of_order(self, said: OrderEvidence) -> None:
        key = said.client_order_id
        known = self._working.get(key)
        if known is None:
            return
        if said.venue_order_id is not None:
            known = self._working[key] = known._replace(venue_order_id=said.venue_order_id)
        match said:
            case OrderCancelled():
                self._end(key, CANCELLED)
            case OrderRejected() | OrderNotSent():
                self._end(key, f"ended: {said.code}")
            case OrderExpired():
                self._end(key, "ended: expired")
            case CancelRejected():
                self._working[key] = known._replace(asked_ns=None, refusal=f"{said.code}: {said.reason}")
            case CancelOutcomeUnknown():
                self._working[key] = known._replace(asked_ns=None, refusal=said.reason)
            case ExecutionReported():
                told = self._filled.setdefault(key, {})
                told[said.execution_id] = said.quantity
                if sum(told.values()) >= known.ticket.quantity:
                    self._end(key, FILLED)

    def _listed(self, key: str, order: VenueOrder) -> None:
        known = self._working.get(key)
        if known is None:
            return
        if order.status.is_terminal:
            self._end(key, order.status.value.lower())
        else:
            self._working[key] = known._replace(venue_order_id=order.venue_order_id)

    def _end(self, key: str, how: str) -> None:
        self._filled.pop(key, None)
        if self._working.pop(key, None) is None and key in self._ends:
            return
        self._ends[key] = how
        while len(self._ends) > ENDS_KEPT:
            del self._ends[next(iter(self._ends))]


class TappedGuard:
    """A write guard: what another one lets out is known to the tap before a byte of it leaves."""

    def __init__(self, guard: WriteGuard, tap: OrderTap, owner_of: Callable[[str], str | None]) -> None:
        self._guard, self._tap, self._owner_of = guard, tap, owner_of

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        refusal = self._guard.refusal(ticket, issuer, epoch)
        if refusal is None:
            self._tap.leaves(ticket, self._owner_of(ticket.client_order_id))
        return refusal


def tapped(venue: OrderVenue, tap: OrderTap) -> OrderVenue:
    """The same venue, whose cancels and evidence the tap hears of first."""
    return _TappedVenue(venue, tap)


class _TappedVenue:
    def __init__(self, venue: OrderVenue, tap: OrderTap) -> None:
        self._venue, self._tap = venue, tap
        self.capabilities = venue.capabilities
        self.load_instruments = venue.load_instruments
        self.server_time_ms = venue.server_time_ms
        self.check_key = venue.check_key
        self.close = venue.close
        self.submit = venue.submit
        self.query = venue.query
        self.snapshot = venue.snapshot
        self.instruments = venue.instruments
        self.venue_time = venue.venue_time
        self.channel = venue.channel
        self.pending = venue.pending

    def open(self, sink: Sink) -> None:
        def heard(body: Body) -> None:
            self._tap.hears(body)
            sink(body)

        self._venue.open(heard)

    def cancel(self, command: CancelOrder) -> None:
        self._tap.asked(command.client_order_id)
        self._venue.cancel(command)
