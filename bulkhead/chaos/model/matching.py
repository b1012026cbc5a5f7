"""The model venue's book: orders that arrive, what it answers them, and how they fill."""

from decimal import Decimal
from itertools import count

from bulkhead.chaos.eyes import Watcher
from bulkhead.chaos.model.lost import as_lost
from bulkhead.chaos.model.market import FEE_RATE, INSTRUMENTS, LOT, OPENING
from bulkhead.chaos.model.order import Order
from bulkhead.chaos.model.prices import Prices
from bulkhead.chaos.model.wire import BLACK_HOLE, LATENCY_S, LIMITING, REPLY_TIMEOUT_S
from bulkhead.chaos.model.words import CALM, Arrived, Faults, Submitted
from bulkhead.venues.port import WriteGuard
from messages.base import Evidence
from messages.orders import (
    ExecutionReported,
    OrderAccepted,
    OrderExpired,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderTicket,
    VenueExecution,
)
from messages.values import OrderStatus, OrderType, Side
from supervisor.runtime.behaviour import Context, receives

RETRY_AFTER_S = 1.0
LATE_ACK_S = 1.0
REJECTED_AFTER_S = 0.05


class Matching(Prices):
    def __init__(self, seed: int, faults: Faults = CALM, tick_s: float = 0.5) -> None:
        super().__init__(seed, faults, tick_s)
        self.guard: WriteGuard | None = None
        """Of the house that trades here now."""
        self.on_the_wire: dict[str, Arrived] = {}
        """Orders that have left and not arrived."""
        self.balances = dict(OPENING)
        self.orders: dict[str, Order] = {}
        self.executions: list[VenueExecution] = []
        self.owners: dict[str, str] = {}
        """Execution id -> the order's client id. The venue's numbers of orders may begin again."""
        self.repeated_ids: list[str] = []
        """Client order ids that were handed in although an order of that id had been accepted before."""
        self.withheld: list[str] = []
        self._order_numbers = count(1)
        self._knows_repeats = True
        """An id of an order that was taken is not taken again."""
        self._given: set[tuple[str, str]] = set()
        """Symbols and numbers of all orders."""

    def hear_nobody(self) -> None:
        super().hear_nobody()
        self.guard = None

    def _venue_ns(self, ctx: Context) -> int:
        """The venue's own clock."""
        return ctx.now_ns() + self.read_clock_ns()

    def read_clock_ns(self) -> int:
        """By how much the venue's clock is ahead, now that somebody reads it."""
        ahead_s = self.wrongs.amount("venue.clock_skew")
        self.fired["venue.clock_skew"] += ahead_s is not None
        return round((ahead_s or 0.0) * 1e9)

    # -- on the way ---------------------------------------------------------------------------------------------------

    @receives(Submitted)
    def on_submitted(self, asked: Submitted, ctx: Context) -> None:
        """What a transport does: ask the guard in the last moment, then write."""
        ticket = asked.command.ticket
        assert self.guard is not None
        refusal = self.guard.refusal(ticket, asked.issuer, asked.issuer_epoch)
        key, symbol = ticket.client_order_id, ticket.symbol
        self._unanswered.setdefault(key, [])
        if refusal is not None:
            self.withheld.append(refusal)
            self.eyes.tell(Watcher.withheld, ticket, refusal)
            code, _, detail = refusal.partition(":")
            unsent = OrderNotSent(client_order_id=key, symbol=symbol, code=code, reason=detail)
            self._reply_at_once(unsent, ctx)
            return
        unsent_for = self._unsent(ticket)
        if unsent_for is not None:
            self._reply_at_once(unsent_for, ctx)
            return
        lost = OrderOutcomeUnknown(client_order_id=key, symbol=symbol, reason="no reply")
        if self.wrongs.hold(BLACK_HOLE):
            self.fired[BLACK_HOLE] += 1
            self._lose(lost, ctx)
        elif self._strikes("transport.request_lost", self.faults.lost_request):
            self._lose(lost, ctx)
        else:
            is_lost = self._befalls("venue.ack_lost", self.faults.lost_reply)
            is_late = self._befalls("venue.fill_before_ack", self.faults.late_ack)
            arrived = Arrived(ticket=ticket, is_reply_lost=is_lost, is_ack_late=is_late)
            self.on_the_wire[key] = arrived
            self._later(LATENCY_S + self._lag_s(), arrived, ctx)
        self.eyes.tell(Watcher.left, ticket, asked.issuer, asked.issuer_epoch)

    def _unsent(self, ticket: OrderTicket) -> OrderNotSent | None:
        """Why not a byte of it can leave."""
        key, symbol = ticket.client_order_id, ticket.symbol
        limit = self.wrongs.hold(*LIMITING)
        if limit is not None:
            words = self._limit(limit)
            return OrderNotSent(
                client_order_id=key, symbol=symbol, code="RATE_LIMITED", reason=words, retry_after_s=RETRY_AFTER_S
            )
        is_away = self.wrongs.hold("venue.restart") is not None
        self.fired["venue.restart"] += is_away
        if is_away or self._strikes("transport.not_sent", self.faults.not_sent):
            return OrderNotSent(client_order_id=key, symbol=symbol, code="CONNECT", reason="refused")
        return None

    # -- arriving -----------------------------------------------------------------------------------------------------

    @receives(Arrived)
    def on_arrived(self, arrived: Arrived, ctx: Context) -> None:
        ticket = arrived.ticket
        key = ticket.client_order_id
        self.on_the_wire.pop(key, None)
        refused = self._refused(ticket)
        if refused is not None:
            self._reply_to_order(refused, ctx)
            return
        order = self._book(ticket, ctx)
        self.orders[key] = order
        self.eyes.tell(Watcher.accepted, order)
        is_turned_down = self._strikes("venue.accepted_then_rejected")
        if is_turned_down:
            order.status = OrderStatus.REJECTED
        self._match(order, ctx)
        self._acknowledge(order, arrived, ctx)
        if is_turned_down:
            self._turn_down(order, ctx)

    def _refused(self, ticket: OrderTicket) -> OrderRejected | None:
        key, symbol = ticket.client_order_id, ticket.symbol
        if key in self.orders:
            self.repeated_ids.append(key)
            if self._knows_repeats:
                return OrderRejected(client_order_id=key, symbol=symbol, code="-2010", reason="Duplicate order sent.")
        if self.wrongs.hold("venue.halt", target=symbol):
            self.fired["venue.halt"] += 1
            return OrderRejected(client_order_id=key, symbol=symbol, code="-1013", reason="Market is closed.")
        if self._strikes("venue.reject", self.faults.reject) or not self._can_pay(ticket):
            return OrderRejected(client_order_id=key, symbol=symbol, code="-2010", reason="Account says no.")
        return None

    def _book(self, ticket: OrderTicket, ctx: Context) -> Order:
        return Order(ticket, self._number(ticket.symbol, f"v{next(self._order_numbers)}"), self._venue_ns(ctx))

    def _number(self, symbol: str, number: str) -> str:
        self.fired["venue.id_reuse"] += (symbol, number) in self._given
        self._given.add((symbol, number))
        return number

    def number_anew(self) -> None:
        """The next order gets the number that the first one had."""
        self._order_numbers = count(1)

    def _turn_down(self, order: Order, ctx: Context) -> None:
        """Tell of an order that is being acknowledged that it is rejected after all."""
        key, symbol = order.ticket.client_order_id, order.ticket.symbol
        rejected = OrderRejected(client_order_id=key, symbol=symbol, code="-2010", reason="Rejected by the engine.")
        self._report_later(rejected, REJECTED_AFTER_S, ctx)

    def _acknowledge(self, order: Order, arrived: Arrived, ctx: Context) -> None:
        key, symbol = order.ticket.client_order_id, order.ticket.symbol
        accepted = OrderAccepted(client_order_id=key, symbol=symbol, venue_order_id=order.venue_order_id)
        if arrived.is_reply_lost:
            self.fired["venue.ack_lost"] += 1
            self._lose(accepted, ctx)
            return
        slow_s = self.wrongs.amount("venue.slow_ack")
        if slow_s is not None:
            self.fired["venue.slow_ack"] += 1
            self._acknowledge_slowly(accepted, slow_s, ctx)
            return
        self.fired["venue.fill_before_ack"] += arrived.is_ack_late and order.filled > 0
        self._reply_to_order(accepted, ctx, LATE_ACK_S if arrived.is_ack_late else LATENCY_S)

    def _acknowledge_slowly(self, accepted: OrderAccepted, slow_s: float, ctx: Context) -> None:
        """Where the adapter has given up waiting, the stream tells it."""
        if slow_s < REPLY_TIMEOUT_S:
            self._reply_to_order(accepted, ctx, slow_s)
            return
        self._lose(accepted, ctx)
        self._report_later(accepted, slow_s, ctx)

    def _reply_to_order(self, verdict: Evidence, ctx: Context, delay_s: float = LATENCY_S) -> None:
        if self._strikes("transport.reply_lost"):
            self._lose(as_lost(verdict, "no reply"), ctx)
        else:
            self._reply(verdict, ctx, delay_s)

    # -- filling ------------------------------------------------------------------------------------------------------

    def _can_pay(self, ticket: OrderTicket) -> bool:
        rules = INSTRUMENTS[ticket.symbol]
        if ticket.side is Side.SELL:
            return self.balances[rules.base_asset] >= ticket.quantity
        return self.balances["USDT"] >= ticket.quantity * self.walks[ticket.symbol].ask * 2

    def _price_for(self, ticket: OrderTicket) -> Decimal:
        walk = self.walks[ticket.symbol]
        return walk.ask if ticket.side is Side.BUY else walk.bid

    def _match(self, order: Order, ctx: Context) -> None:
        """Fill what crosses: half now and half now again, so that every order knows partial fills."""
        ticket, price = order.ticket, self._price_for(order.ticket)
        if (
            order.status.is_terminal
            or not self._can_pay(ticket)
            or self.wrongs.hold("venue.halt", target=ticket.symbol)
        ):
            return
        if ticket.order_type is OrderType.LMT and (price - (ticket.limit_price or price)) * ticket.side.sign > 0:
            return
        leaves = ticket.quantity - order.filled
        first = (leaves / 2 // LOT) * LOT
        if first > 0 and self._strikes("venue.partial"):
            self._fill(order, first, price, ctx)
            if ticket.order_type is OrderType.MKT:
                self._expire(order, ctx)
            return
        for part in (first, leaves - first):
            if part > 0:
                self._fill(order, part, price, ctx)

    def _expire(self, order: Order, ctx: Context) -> None:
        """The rest of a market order finds nobody."""
        order.status = OrderStatus.EXPIRED
        key, symbol = order.ticket.client_order_id, order.ticket.symbol
        self._report(OrderExpired(client_order_id=key, symbol=symbol, cumulative=order.filled), ctx)

    def _fill(self, order: Order, quantity: Decimal, price: Decimal, ctx: Context) -> None:
        ticket, rules = order.ticket, INSTRUMENTS[order.ticket.symbol]
        is_buy = ticket.side is Side.BUY
        fee_asset = rules.base_asset if is_buy else rules.quote_asset
        fee = (quantity if is_buy else quantity * price) * FEE_RATE
        order.grow(quantity, price)
        self.balances[rules.base_asset] += quantity * ticket.side.sign
        self.balances[rules.quote_asset] -= quantity * price * ticket.side.sign
        self.balances[fee_asset] -= fee
        execution = VenueExecution(
            execution_id=str(next(self._numbers)),
            venue_order_id=order.venue_order_id,
            symbol=ticket.symbol,
            side=ticket.side,
            quantity=quantity,
            price=price,
            fee=fee,
            fee_asset=fee_asset,
            executed_ns=self._venue_ns(ctx),
        )
        self.executions.append(execution)
        self.owners[execution.execution_id] = ticket.client_order_id
        self.eyes.tell(Watcher.executed, order, execution)
        report = ExecutionReported(
            client_order_id=ticket.client_order_id,
            symbol=ticket.symbol,
            venue_order_id=order.venue_order_id,
            venue_time_ns=execution.executed_ns,
            execution_id=execution.execution_id,
            side=ticket.side,
            quantity=quantity,
            price=price,
            fee=fee,
            fee_asset=fee_asset,
            cumulative=order.filled,
        )
        self._report(report, ctx)
