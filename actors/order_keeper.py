"""OrderKeeper: where evidence about an order becomes records, and records become what the house hears.

The half of the OMS that holds the books. Each step of an order is one append: the order row, the fill if there is one,
the intent's end if it was the last; and what follows from it (the portfolio's fill, the strategy's update, the risk
guard's reservation) is released by the ledger once the step is on disk.
"""

from abc import ABC, abstractmethod
from decimal import Decimal
from typing import NamedTuple

from actors import addresses
from bulkhead.execution import deadlines, order_events, reversals
from bulkhead.execution.asking import query_of
from bulkhead.execution.exact import exact
from bulkhead.execution.fills import fill_id_of
from bulkhead.execution.order_book import OrderBook
from bulkhead.execution.order_events import Applied, OrderEvent
from messages.base import Letter
from messages.orders import (
    ExecutionReported,
    Fill,
    FillBooked,
    OrderRow,
    OrderUpdated,
)
from messages.records import Append, FillRecorded, OrderRecorded, Record
from messages.reversals import ExecutionReversed
from messages.trading import OrderIntent
from supervisor.runtime.behaviour import Behaviour, Context


class Followup(NamedTuple):
    """What is to be written down, and what is said once it is: `first` before what it follows from, `letters` after."""

    records: tuple[Record, ...] = ()
    first: tuple[Letter, ...] = ()
    letters: tuple[Letter, ...] = ()


NOTHING = Followup()


class OrderKeeper(Behaviour, ABC):
    def __init__(self, broker: str, base_assets: dict[str, str]) -> None:
        self._broker = broker
        self._base_assets = base_assets
        self._book = OrderBook()
        self._load_id: str | None = None
        """What the book was read from."""
        self._reserved: dict[str, Decimal] = {}
        """Notional that the risk guard holds for each open intent."""
        self._resends: dict[str, int] = {}
        """How often each order has been tried again."""
        self._held: set[str] = set()
        """Orders proven not to have left, whose timer to be sent again runs."""
        self._confirmed: dict[tuple[str, str], Decimal] = {}
        """Position by strategy and symbol from booked fills, net of fees paid in the base asset."""

    @abstractmethod
    def _go_on(self, intent: OrderIntent, ctx: Context) -> Followup:
        """What an open intent makes of a change in the books."""

    @abstractmethod
    def _doubt(self, reason: str, ctx: Context) -> None:
        """Something does not fit the books: compare them with the venue."""

    @abstractmethod
    def _on_stranger(self, evidence: OrderEvent, ctx: Context) -> None:
        """News of an order that is not in the books."""

    def _apply(self, evidence: OrderEvent, ctx: Context, source: str) -> OrderRow | None:
        row = self._book.get(evidence.client_order_id)
        if row is None:
            self._on_stranger(evidence, ctx)
            return None
        if isinstance(evidence, ExecutionReversed):
            return self._reverse(row, evidence, ctx, source)
        if isinstance(evidence, ExecutionReported) and not self._book.fills.is_new(row, evidence):
            return row
        applied = order_events.apply(row, evidence, ctx.now_ns())
        if applied.change is not None:
            self._settle(applied, ctx, source)
        if applied.missing > 0:
            ctx.tell(self._broker, query_of(row))
        return applied.order

    def _reverse(self, row: OrderRow, evidence: ExecutionReversed, ctx: Context, source: str) -> OrderRow:
        """Once. Of an execution that has not been seen it is the last word: it is never booked."""
        if reversals.reversal_id_of(row, evidence) in self._book.fills:
            return row
        applied = reversals.reverse(row, evidence, ctx.now_ns())
        if applied.change is None:
            self._book.fills.add(fill_id_of(row.ticket.venue, row.ticket.symbol, evidence.execution_id))
            self._book.fills.add(reversals.reversal_id_of(row, evidence))
            self._doubt("; ".join(applied.notes), ctx)
            return row
        self._settle(applied, ctx, source)
        return applied.order

    def _settle(self, applied: Applied, ctx: Context, source: str, then: tuple[Letter, ...] = ()) -> None:
        """Record one step of one order, and what its intent makes of it; what follows is released once it is on disk.
        `then` goes behind it."""
        step = self._step(applied, ctx, source)
        intent = self._book.intent(applied.order.intent_id)
        more = NOTHING if intent is None else self._go_on(intent, ctx)
        records = (*step.records, *more.records)
        self._append(records, (*more.first, *step.letters, *more.letters, *then), applied.order.correlation_id, ctx)

    def _step(self, applied: Applied, ctx: Context, source: str) -> Followup:
        """The records and letters of one step of one order, which is in the book from here on."""
        row, change = applied.order, applied.change or "noted"
        self._book.put(row)
        intent = self._book.intent(row.intent_id)
        records: list[Record] = []
        letters: list[Letter] = []
        if applied.fill is not None:
            self._book.fills.add(applied.fill.fill_id)
            self._confirm(applied.fill)
            price = None if change == "reversed" or intent is None or intent.market is None else intent.market.mid
            booked = FillBooked(
                fill=applied.fill,
                intent_type=row.ticket.intent_type,
                order_quantity=row.ticket.quantity,
                decision_price=price,
            )
            records.append(
                FillRecorded(fill=applied.fill, intent_type=row.ticket.intent_type, decision_price=price, source=source)
            )
            both = (addresses.PORTFOLIO, addresses.RISK_GUARD)
            letters += (ctx.seal(name, booked, correlation_id=row.correlation_id) for name in both)
        records.append(OrderRecorded(order=row, change=change, is_late=applied.is_late, notes=applied.notes))
        letters += self._order_letters(row, change, is_late=applied.is_late, ctx=ctx)
        if row.status.is_terminal and self._resends.pop(row.ticket.client_order_id, None) is not None:
            records.append(deadlines.cleared(deadlines.resend_id(row.ticket.client_order_id), "the order has ended"))
        return Followup(tuple(records), letters=tuple(letters))

    def _confirm(self, fill: Fill) -> None:
        key = (fill.strategy_id, fill.symbol)
        with exact():
            change = fill.quantity * fill.side.sign
            if fill.fee_asset == self._base_assets.get(fill.symbol):
                change -= fill.fee
            self._confirmed[key] = self._confirmed.get(key, Decimal(0)) + change

    def _order_letters(self, row: OrderRow, change: str, *, is_late: bool, ctx: Context) -> tuple[Letter, ...]:
        update = OrderUpdated(order=row, change=change, is_late=is_late)
        to_strategy = ctx.seal(addresses.strategy(row.strategy_id), update, correlation_id=row.correlation_id)
        return (to_strategy, *ctx.seal_all(addresses.ORDER_CHANGES, update, correlation_id=row.correlation_id))

    def _append(
        self, records: tuple[Record, ...], release: tuple[Letter, ...], correlation_id: str | None, ctx: Context
    ) -> None:
        append = Append(records=records, release=release, load_id=self._load_id)
        ctx.tell(addresses.LEDGER, append, correlation_id=correlation_id)
