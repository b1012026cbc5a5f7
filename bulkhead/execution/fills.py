"""Fills and the book that keeps each execution from being booked twice.

A fill's identity is the venue's execution id, so that the stream, a reply, a query and a snapshot all tell of the same
one. The book remembers a bounded number of ids; behind it stands the ledger's insert-or-ignore, which forgets none.
"""

from collections.abc import Iterable

from bulkhead.execution.recent import Recent
from messages.orders import ExecutionReported, Fill, OrderRow, VenueExecution

DEFAULT_CAPACITY_FILLS = 100_000


def fill_id_of(venue: str, symbol: str, execution_id: str) -> str:
    return f"{venue}:{symbol}:{execution_id}"


def execution_of(execution: VenueExecution, client_order_id: str) -> ExecutionReported:
    """A listed execution in the words of the stream, so that both take the same way."""
    return ExecutionReported(
        client_order_id=client_order_id,
        symbol=execution.symbol,
        venue_order_id=execution.venue_order_id,
        venue_time_ns=execution.executed_ns,
        execution_id=execution.execution_id,
        side=execution.side,
        quantity=execution.quantity,
        price=execution.price,
        fee=execution.fee,
        fee_asset=execution.fee_asset,
        is_maker=execution.is_maker,
    )


def fill_of(order: OrderRow, execution: ExecutionReported, now_ns: int) -> Fill:
    """The fill to book. `now_ns` stands in where the venue gave no time of its own."""
    ticket = order.ticket
    return Fill(
        fill_id=fill_id_of(ticket.venue, ticket.symbol, execution.execution_id),
        client_order_id=ticket.client_order_id,
        strategy_id=order.strategy_id,
        venue=ticket.venue,
        account=ticket.account,
        symbol=ticket.symbol,
        side=execution.side,
        quantity=execution.quantity,
        price=execution.price,
        fee=execution.fee,
        fee_asset=execution.fee_asset,
        tax=execution.tax,
        executed_ns=now_ns if execution.venue_time_ns is None else execution.venue_time_ns,
        is_maker=execution.is_maker,
    )


class FillBook(Recent):
    """Which executions are booked; the oldest are forgotten beyond `capacity`."""

    __slots__ = ()

    def __init__(self, fill_ids: Iterable[str] = (), capacity: int = DEFAULT_CAPACITY_FILLS) -> None:
        super().__init__(capacity, fill_ids)

    def is_new(self, order: OrderRow, execution: ExecutionReported) -> bool:
        """Whether `execution` of `order` is not booked yet. Changes nothing: `add` it once it is recorded."""
        return fill_id_of(order.ticket.venue, order.ticket.symbol, execution.execution_id) not in self
