"""What the checks work with: an opened venue, all that it told, and a gate that a check shuts.

It waits by the harness's clock and never longer than its patience. It judges nothing but what it is asked.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TypeVar

from bulkhead.venues.conformance.harness import Flaw, Harness
from bulkhead.venues.port import OrderVenue, VenueCapabilities
from messages.base import Body
from messages.orders import (
    CancelOrder,
    CancelOutcomeUnknown,
    CancelRejected,
    ExecutionReported,
    OrderAccepted,
    OrderCancelled,
    OrderChannelUp,
    OrderEvidence,
    OrderExpired,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderQueryFailed,
    OrderRejected,
    OrderStatusReported,
    OrderTicket,
    QueryOrder,
    SubmitOrder,
    TakeVenueSnapshot,
    VenueOrder,
    VenueSnapshotFailed,
    VenueSnapshotTaken,
)
from messages.values import IntentType, OrderStatus, OrderType, Price, Quantity, Side, TimeInForce

ANSWERS = (OrderAccepted, OrderRejected, OrderNotSent, OrderOutcomeUnknown)
CANCEL_ANSWERS = (OrderCancelled, CancelRejected, CancelOutcomeUnknown)
ISSUER, EPOCH = "oms", 7
CLOSE_WITHIN_S = 5.0
_PAUSE_S = 0.002

T = TypeVar("T", bound=Body)
Told = tuple[type[Body], ...]


class PromiseBroken(AssertionError):
    """The venue did not keep what the port promises; the message says what was seen."""


def expect(is_kept: bool, words: str) -> None:
    if not is_kept:
        raise PromiseBroken(words)


class Gate:
    """The write guard of a check: open unless `refuse` says why not, and it remembers who asked."""

    def __init__(self) -> None:
        self.refuse: Callable[[OrderTicket], str | None] = lambda _: None
        self.asked: list[tuple[str, str, int]] = []

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        self.asked.append((ticket.client_order_id, issuer, epoch))
        return self.refuse(ticket)

    def times(self, ticket: OrderTicket) -> int:
        return sum(client_order_id == ticket.client_order_id for client_order_id, _, _ in self.asked)


class Desk:
    """One adapter and everything it told."""

    def __init__(self, harness: Harness, flaw: Flaw | None = None) -> None:
        self.harness, self.terms = harness, harness.terms
        self.gate = Gate()
        self.faults: list[str] = []
        self.venue: OrderVenue = harness.make(
            self.gate, lambda where, error: self.faults.append(f"{where}: {error!r}"), flaw
        )
        self.capabilities: VenueCapabilities = self.venue.capabilities
        self.began_ns = harness.now_ns()
        self.on_told: Callable[[Body], None] = lambda _: None
        """Called in the sink, before a body is remembered."""
        self._lock = threading.Lock()
        self._told: list[Body] = []
        self._made = 0

    def sink(self, body: Body) -> None:
        self.on_told(body)
        with self._lock:
            self._told.append(body)

    # -- what was told ------------------------------------------------------------------------------------------------

    @property
    def told(self) -> tuple[Body, ...]:
        with self._lock:
            return tuple(self._told)

    def of(self, kind: type[T], ticket: OrderTicket | None = None) -> list[T]:
        found = [body for body in self.told if isinstance(body, kind)]
        if ticket is None:
            return found
        return [body for body in found if getattr(body, "client_order_id", None) == ticket.client_order_id]

    def said(self, ticket: OrderTicket, kinds: Told = (OrderEvidence,)) -> list[OrderEvidence]:
        """Evidence of these kinds about one order, in the order in which it was told."""
        return [body for body in self.of(OrderEvidence, ticket) if isinstance(body, kinds)]

    def filled(self, ticket: OrderTicket) -> Decimal:
        """So much of it was told to be filled: by its executions, each counted once, or where the venue has no
        execution ids by the largest of its totals."""
        if self.capabilities.has_execution_ids:
            each = {body.execution_id: body.quantity for body in self.of(ExecutionReported, ticket)}
            return sum(each.values(), Decimal(0))
        return max((order.filled for order in self.totals(ticket)), default=Decimal(0))

    def totals(self, ticket: OrderTicket) -> list[VenueOrder]:
        """How it stood by each report of its status, in the order in which they were told."""
        return [body.order for body in self.of(OrderStatusReported, ticket) if body.order is not None]

    def expired(self, ticket: OrderTicket) -> list[Decimal | None]:
        """How much was said to be filled whenever its end without a cancel was told."""
        ends = [body.cumulative for body in self.of(OrderExpired, ticket)]
        if self.capabilities.has_execution_ids:
            return ends
        return [*ends, *(order.filled for order in self.totals(ticket) if order.status is OrderStatus.EXPIRED)]

    def number(self, ticket: OrderTicket) -> str | None:
        """The venue's own, as the order's answer told it: the ledger keeps it, and commands bring it back."""
        told = [body.venue_order_id for body in self.of(OrderAccepted, ticket)]
        return told[-1] if told else None

    def words(self, ticket: OrderTicket, kinds: Told = (OrderEvidence,)) -> list[str]:
        """The same as names, with codes where they have one, each once: only two checks are about how often."""
        said = self.said(ticket, kinds)
        named = (" ".join(filter(None, (type(body).__name__, str(getattr(body, "code", ""))))) for body in said)
        return list(dict.fromkeys(named))

    # -- waiting ------------------------------------------------------------------------------------------------------

    def until(self, is_so: Callable[[], bool], words: str) -> None:
        """Wait for something that was promised."""
        expect(self.comes(is_so), f"never happened: {words}")

    def comes(self, is_so: Callable[[], bool]) -> bool:
        """Wait for something that another check judges; whether it came."""
        until_ns = self.harness.monotonic_ns() + int(self.harness.patience_s * 1e9)
        while not is_so():
            if self.harness.monotonic_ns() > until_ns:
                return False
            threading.Event().wait(_PAUSE_S)
        return True

    def answered(self) -> None:
        self.until(lambda: self.venue.pending() == 0, f"every request is answered ({self.venue.pending()} are not)")

    def up(self) -> None:
        self.until(lambda: isinstance(self.venue.channel(), OrderChannelUp), "the order channel is up")

    # -- doing --------------------------------------------------------------------------------------------------------

    def ticket(
        self,
        price: Price | None = None,
        *,
        quantity: Quantity | None = None,
        time_in_force: TimeInForce | None = None,
        is_market: bool = False,
    ) -> OrderTicket:
        """A buy like no other; it rests for as long as the venue lets it, unless another price is given."""
        self._made += 1
        rests_for = TimeInForce.DAY if self.capabilities.orders_end_with_day else TimeInForce.GTC
        terms = self.terms
        own = terms.quantity + self._made * terms.lot_size
        return OrderTicket(
            client_order_id=f"c{self.began_ns}-{self._made}",
            venue=terms.venue,
            account=terms.account,
            symbol=terms.symbol,
            side=Side.BUY,
            order_type=OrderType.MKT if is_market else OrderType.LMT,
            quantity=own if quantity is None else quantity,
            limit_price=None if is_market else (price or terms.resting_price),
            time_in_force=time_in_force or rests_for,
            intent_type=IntentType.ENTRY,
        )

    def half(self, ticket: OrderTicket) -> Decimal:
        """A part of its quantity, on the lot."""
        return (ticket.quantity / 2 // self.terms.lot_size) * self.terms.lot_size

    def submit(self, ticket: OrderTicket) -> OrderTicket:
        self.venue.submit(SubmitOrder(ticket=ticket), ISSUER, EPOCH)
        return ticket

    def place(self, ticket: OrderTicket) -> OrderTicket:
        """Hand in, and wait until it is answered."""
        self.submit(ticket)
        self.answered()
        return ticket

    def rest(self) -> OrderTicket:
        """An order that rests at the venue; it is a fault of the harness, or of the venue, when it does not."""
        ticket = self.place(self.ticket())
        expect(bool(self.of(OrderAccepted, ticket)), f"an order that may rest was not accepted: {self.words(ticket)}")
        return ticket

    def cancel(self, ticket: OrderTicket) -> None:
        self.venue.cancel(
            CancelOrder(
                client_order_id=ticket.client_order_id,
                symbol=ticket.symbol,
                reason="conformance",
                venue_order_id=self.number(ticket),
            )
        )

    def ask(self, ticket: OrderTicket) -> None:
        number = self.number(ticket)
        self.venue.query(
            QueryOrder(client_order_id=ticket.client_order_id, symbol=ticket.symbol, venue_order_id=number)
        )

    def query(self, ticket: OrderTicket) -> OrderStatusReported:
        """Ask about an order and wait for the truth."""
        before = len(self.of(OrderStatusReported, ticket))
        self.ask(ticket)
        self.answered()
        found = self.of(OrderStatusReported, ticket)
        failed = [body.reason for body in self.of(OrderQueryFailed, ticket)]
        # Without execution ids the same is also told unasked; the latest tells how it is now.
        is_one = len(found) == before + 1 or (len(found) > before and not self.capabilities.has_execution_ids)
        expect(is_one, f"a query was answered with {len(found) - before} reports, failures: {failed}")
        return found[-1]

    def survey(self, since_ns: int | None = None) -> None:
        since = self.began_ns if since_ns is None else since_ns
        self.venue.snapshot(TakeVenueSnapshot(symbols=(self.terms.symbol,), since_ns=since))

    def snapshot(self) -> VenueSnapshotTaken:
        before = len(self.of(VenueSnapshotTaken))
        self.survey()
        self.answered()
        found = self.of(VenueSnapshotTaken)
        failed = [body.reason for body in self.of(VenueSnapshotFailed)]
        expect(len(found) == before + 1, f"{len(found) - before} snapshots came of one command, failures: {failed}")
        return found[-1]

    def taken(self, ticket: OrderTicket) -> int:
        return self.harness.taken(ticket)


@contextmanager
def running(desk: Desk) -> Iterator[None]:
    """Open it; in the end let go of all that is held, and close it."""
    desk.venue.open(desk.sink)
    try:
        yield
    finally:
        desk.harness.let_go()
        desk.venue.close(CLOSE_WITHIN_S)


@contextmanager
def opened(harness: Harness, flaw: Flaw | None = None) -> Iterator[Desk]:
    """A desk that runs, its order channel up unless the flaw keeps it down."""
    desk = Desk(harness, flaw)
    with running(desk):
        if flaw is None:
            desk.up()
        yield desk
