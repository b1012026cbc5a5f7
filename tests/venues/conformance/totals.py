"""A venue whose executions have no ids, made of one whose executions have: it tells the totals of orders instead. And
its kinds that break what is promised of such a venue."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from bulkhead.venues.paper.settings import FillSettings
from bulkhead.venues.port import OrderVenue, VenueCapabilities, WriteGuard
from messages.base import Body
from messages.orders import (
    ExecutionReported,
    OrderExpired,
    OrderQueryFailed,
    OrderStatusReported,
    OrderTicket,
    SubmitOrder,
    VenueOrder,
    VenueSnapshotTaken,
)
from messages.values import OrderStatus
from tests.venues.conformance.between import Between
from tests.venues.conformance.paper import PaperHarness

FREE_OF_CHARGE = FillSettings(slippage=False, commission_bps=Decimal(0))


@contextmanager
def paper_without_costs() -> Iterator[PaperHarness]:
    """What its executions would say of fees, totals cannot."""
    harness = PaperHarness(FREE_OF_CHARGE)
    try:
        yield harness
    finally:
        harness.close()


class TellsTotals(Between):
    """Keeps every promise."""

    def __init__(self, venue: OrderVenue, guard: WriteGuard) -> None:
        super().__init__(venue, guard)
        self.tickets: dict[str, OrderTicket] = {}
        self.filled: dict[str, dict[str, tuple[Decimal, Decimal]]] = {}

    @property
    def capabilities(self) -> VenueCapabilities:
        return self.venue.capabilities.model_copy(update={"has_execution_ids": False})

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        self.tickets[command.ticket.client_order_id] = command.ticket
        super().submit(command, issuer, epoch)

    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, ExecutionReported):
            return self.instead_of(body)
        if isinstance(body, OrderStatusReported | VenueSnapshotTaken):
            return (body.model_copy(update={"executions": ()}),)
        if isinstance(body, OrderExpired):
            return (body, self.report(body.client_order_id, body.venue_order_id or "", OrderStatus.EXPIRED))
        return (body,)

    def instead_of(self, body: ExecutionReported) -> Iterable[Body]:
        self.filled.setdefault(body.client_order_id, {})[body.execution_id] = (body.quantity, body.price)
        return (self.report(body.client_order_id, body.venue_order_id or "", OrderStatus.PARTIAL),)

    def report(self, client_order_id: str, number: str, status: OrderStatus) -> OrderStatusReported:
        ticket, fills = self.tickets[client_order_id], self.filled.get(client_order_id, {}).values()
        filled = sum((quantity for quantity, _ in fills), Decimal(0))
        order = VenueOrder(
            client_order_id=client_order_id,
            venue_order_id=number,
            symbol=ticket.symbol,
            side=ticket.side,
            order_type=ticket.order_type.value,
            status=OrderStatus.FILLED if filled == ticket.quantity else status,
            quantity=ticket.quantity,
            filled=filled,
            filled_notional=sum((quantity * price for quantity, price in fills), Decimal(0)),
            limit_price=ticket.limit_price,
            created_ns=1,
            updated_ns=1,
        )
        return OrderStatusReported(
            client_order_id=client_order_id, symbol=ticket.symbol, order=order, as_of_ns=1, raw="told unasked"
        )


class TellsExecutionsToo(TellsTotals):
    def instead_of(self, body: ExecutionReported) -> Iterable[Body]:
        return (*super().instead_of(body), body)


class ListsExecutionsToo(TellsTotals):
    def tells(self, body: Body) -> Iterable[Body]:
        return (body,) if isinstance(body, OrderStatusReported | VenueSnapshotTaken) else super().tells(body)


class TellsNothingUnasked(TellsTotals):
    """Of fills."""

    def instead_of(self, body: ExecutionReported) -> Iterable[Body]:
        tuple(super().instead_of(body))
        return ()


class TellsEachFillAsATotal(TellsTotals):
    def instead_of(self, body: ExecutionReported) -> Iterable[Body]:
        self.filled[body.client_order_id] = {}
        return super().instead_of(body)


class LosesMoney(TellsTotals):
    """Of each total."""

    def report(self, client_order_id: str, number: str, status: OrderStatus) -> OrderStatusReported:
        report = super().report(client_order_id, number, status)
        assert report.order is not None
        less = report.order.model_copy(update={"filled_notional": report.order.filled_notional / 2})
        return report.model_copy(update={"order": less})


class KeepsEndsOfTotalsToItself(TellsTotals):
    def tells(self, body: Body) -> Iterable[Body]:
        return () if isinstance(body, OrderExpired) else super().tells(body)


class ListsNoFills(TellsTotals):
    """In a snapshot."""

    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, VenueSnapshotTaken):
            bare: list[Any] = [order.model_copy(update={"filled": Decimal(0)}) for order in body.orders]
            return (body.model_copy(update={"orders": tuple(bare), "executions": ()}),)
        return super().tells(body)


class AnswersUnasked(Between):
    """Says of an order without a number that there is none."""

    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, OrderQueryFailed):
            key, symbol = body.client_order_id, body.symbol
            return (OrderStatusReported(client_order_id=key, symbol=symbol, order=None, as_of_ns=0),)
        return (body,)


class StatesNoCosts(Between):
    @property
    def capabilities(self) -> VenueCapabilities:
        return self.venue.capabilities.model_copy(update={"costs": None})
