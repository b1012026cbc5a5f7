"""What the model venue answers to questions and cancels."""

from decimal import Decimal

from bulkhead.chaos.model.lost import Question, as_lost, failed, not_asked
from bulkhead.chaos.model.market import ACCOUNT, LOT, VENUE
from bulkhead.chaos.model.matching import Matching
from bulkhead.chaos.model.order import Order
from bulkhead.chaos.model.wire import BLACK_HOLE, LATENCY_S, LIMITING
from bulkhead.chaos.model.words import Asked, Straggles
from messages.base import Evidence
from messages.orders import (
    Balance,
    CancelOrder,
    CancelRejected,
    OrderCancelled,
    OrderStatusReported,
    QueryOrder,
    TakeVenueSnapshot,
    VenueExecution,
    VenueOrder,
    VenueSnapshotTaken,
)
from messages.values import OrderStatus
from supervisor.runtime.behaviour import Context, receives

STRAGGLES_AFTER_S = 0.2


class Answers(Matching):
    snapshots = 0

    @receives(Asked)
    def on_asked(self, asked: Asked, ctx: Context) -> None:
        question = asked.question
        if not asked.has_arrived:
            self._send(question, ctx)
        elif isinstance(question, CancelOrder):
            self._cancel(question, ctx)
        elif isinstance(question, QueryOrder):
            self._reply(self._answer_query(question, ctx), ctx)
        else:
            self._snapshot(question, ctx)

    def _send(self, question: Question, ctx: Context) -> None:
        is_cancel = isinstance(question, CancelOrder)
        limit = self.wrongs.hold(*LIMITING)
        if limit == "venue.ban" or (limit is not None and not is_cancel):
            self._reply_at_once(not_asked(question, "RATE_LIMITED", self._limit(limit)), ctx)
        elif self.wrongs.hold("venue.restart"):
            self.fired["venue.restart"] += 1
            self._reply_at_once(not_asked(question, "CONNECT", "refused"), ctx)
        elif self.wrongs.hold(BLACK_HOLE):
            self.fired[BLACK_HOLE] += 1
            self._lose(failed(question, "no reply"), ctx)
        elif self._strikes(_LOST[type(question)]):
            self._lose(failed(question, "no reply"), ctx)
        else:
            self._later(LATENCY_S + self._lag_s(), Asked(question=question, has_arrived=True), ctx)

    # -- questions ----------------------------------------------------------------------------------------------------

    def _answer_query(self, question: QueryOrder, ctx: Context) -> Evidence:
        order = self.orders.get(question.client_order_id)
        return OrderStatusReported(
            client_order_id=question.client_order_id,
            symbol=question.symbol,
            order=None if order is None else self._shown(order),
            executions=() if order is None else self._executions_of(order),
            as_of_ns=ctx.now_ns(),
        )

    def _shown(self, order: Order) -> VenueOrder:
        """As it is listed."""
        return order.listed(order.created_ns)

    def _executions_of(self, order: Order) -> tuple[VenueExecution, ...]:
        key = order.ticket.client_order_id
        return tuple(e for e in self.executions if self.owners[e.execution_id] == key)

    def _snapshot(self, asked: TakeVenueSnapshot, ctx: Context) -> None:
        self.snapshots += 1
        listed = tuple(
            self._shown(order)
            for order in self.orders.values()
            if order.created_ns >= asked.since_ns and order.ticket.symbol in asked.symbols
        )
        taken = VenueSnapshotTaken(
            venue=VENUE,
            account=ACCOUNT,
            as_of_ns=ctx.now_ns(),
            balances=tuple(Balance(asset=a, free=b, locked=Decimal(0)) for a, b in self.balances.items()),
            open_orders=tuple(self._shown(o) for o in self.orders.values() if not o.status.is_terminal),
            orders=listed,
            executions=tuple(
                e for e in self.executions if e.executed_ns >= asked.since_ns and e.symbol in asked.symbols
            ),
        )
        self._reply(taken, ctx)

    # -- cancels ------------------------------------------------------------------------------------------------------

    def _of(self, question: CancelOrder | QueryOrder) -> Order | None:
        return self.orders.get(question.client_order_id)

    def _cancel(self, cancel: CancelOrder, ctx: Context) -> None:
        order = self._of(cancel)
        if order is None or not order.end(OrderStatus.CANCELLED):
            self._reply(self._no_cancel(cancel, order), ctx)
            return
        key, symbol = cancel.client_order_id, cancel.symbol
        cancelled = OrderCancelled(client_order_id=key, symbol=symbol, cumulative=order.filled)
        if self._befalls("venue.fill_after_cancel"):
            self._later(STRAGGLES_AFTER_S, Straggles(client_order_id=order.ticket.client_order_id), ctx)
        if self._strikes("transport.cancel_reply_lost"):
            self._lose(as_lost(cancelled, "no reply"), ctx)
        else:
            self._reply(cancelled, ctx)

    def _no_cancel(self, cancel: CancelOrder, order: Order | None) -> CancelRejected:
        key, symbol = cancel.client_order_id, cancel.symbol
        return CancelRejected(client_order_id=key, symbol=symbol, code="-2011", reason="Unknown order sent.")

    @receives(Straggles)
    def on_straggles(self, told: Straggles, ctx: Context) -> None:
        """It was made before the cancel came, and is told only now."""
        order = self.orders[told.client_order_id]
        quantity = (order.ticket.quantity - order.filled) / 2 // LOT * LOT
        if quantity > 0 and self._can_pay(order.ticket):
            self.fired["venue.fill_after_cancel"] += 1
            self._fill(order, quantity, order.ticket.limit_price or self._price_for(order.ticket), ctx)


_LOST: dict[type[Question], str] = {
    CancelOrder: "transport.cancel_lost",
    QueryOrder: "transport.query_lost",
    TakeVenueSnapshot: "transport.snapshot_lost",
}
