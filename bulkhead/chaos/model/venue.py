"""A venue as a model: orders, accounts and prices in one actor, so that it works alike on both hosts.

It shares no code with the order path. Each request waits for its latency as a timer of the host, so in virtual time one
seed decides everything. `Faults` says how often it misbehaves. What it is not: a wire. That is bulkhead.venues'.
"""

from collections import Counter
from decimal import Decimal
from itertools import count
from random import Random

from bulkhead.chaos.eyes import Eyes, Watcher
from bulkhead.chaos.model.market import ACCOUNT, CAPABILITIES, FEE_RATE, INSTRUMENTS, LOT, OPENING, VENUE, Walk
from bulkhead.chaos.model.order import Order
from bulkhead.chaos.model.words import CALM, Arrived, Asked, Faults, Opened, Say, Step, Submitted
from bulkhead.venues.port import Sink, WriteGuard
from messages.base import Body, Evidence
from messages.market import FeedConnected, Quote, Trade
from messages.market_health import DataSource
from messages.orders import (
    Balance,
    CancelOrder,
    CancelRejected,
    ExecutionReported,
    OrderAccepted,
    OrderCancelled,
    OrderChannelDown,
    OrderChannelUp,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderStatusReported,
    OrderTicket,
    QueryOrder,
    TakeVenueSnapshot,
    VenueExecution,
    VenueOrder,
    VenueSnapshotTaken,
)
from messages.values import OrderStatus, OrderType, Side
from supervisor.runtime.behaviour import Behaviour, Context, receives

ADDRESS = "model-venue"
LATENCY_S = 0.004
REPLY_TIMEOUT_S = 2.0


class ModelVenue(Behaviour):
    """The only incarnation there is. Its ports post to it; it answers through the sinks that they were given."""

    capabilities = CAPABILITIES

    def __init__(self, seed: int, faults: Faults = CALM, tick_s: float = 0.5) -> None:
        self.faults = faults
        self.guard: WriteGuard | None = None
        """Of the house that trades here now."""
        self.tick_s = tick_s
        self.eyes = Eyes()
        self.fired: Counter[str] = Counter()
        """How often each fault has struck, by its name in the catalogue."""
        self.on_the_wire: dict[str, Arrived] = {}
        """Orders that have left and not arrived."""
        self.balances = dict(OPENING)
        self.orders: dict[str, Order] = {}
        self.executions: list[VenueExecution] = []
        self.repeated_ids: list[str] = []
        """Client order ids that were handed in although an order of that id had been accepted before."""
        self.withheld: list[str] = []
        self.snapshots = 0
        self.order_sink: Sink | None = None
        self.feed_sink: Sink | None = None
        self.muted: set[str] = set()
        """Symbols of which the feed says nothing."""
        self.quotes_down: set[DataSource] = set()
        self.is_stream_up = False
        self.answered = 0
        self._rng = Random(f"{seed}:venue")
        self.walks = {"BTCUSDT": Walk("100.00", self._rng), "ETHUSDT": Walk("60.00", self._rng)}
        self._print_ids = {symbol: count(1) for symbol in self.walks}
        self._quote_ids = {symbol: count(1) for symbol in self.walks}
        self._numbers = count(1)

    def hear_nobody(self) -> None:
        """The process at the other end is gone. What it had sent arrives; nobody hears the answers."""
        self.order_sink = self.feed_sink = self.guard = None
        self.is_stream_up = False
        self.answered = 0

    def on_start(self, ctx: Context) -> None:
        for symbol in self.walks:
            ctx.after(self.tick_s, f"step:{symbol}", Step(symbol=symbol))
        for arrived in tuple(self.on_the_wire.values()):
            self.on_arrived(arrived, ctx)

    def _later(self, delay_s: float, body: Body, ctx: Context) -> None:
        ctx.after(delay_s, f"n{next(self._numbers)}", body)

    def _happens(self, share: float) -> bool:
        return self._rng.random() < share

    # -- what it says -------------------------------------------------------------------------------------------------

    @receives(Opened)
    def on_opened(self, opened: Opened, _: Context) -> None:
        if opened.is_feed:
            assert self.feed_sink is not None
            self.feed_sink(FeedConnected(feed="feed"))
        elif self.order_sink is not None:
            self.raise_stream()

    @receives(Say)
    def on_say(self, say: Say, _: Context) -> None:
        if say.is_stream and not self.is_stream_up:
            return  # nobody listens: a snapshot will have to tell it
        if not say.is_stream:
            self.answered += 1
        self._tell(say.said)

    def _tell(self, said: Body) -> None:
        if self.order_sink is not None:
            self.eyes.tell(Watcher.told, said)
            self.order_sink(said)

    @property
    def channel(self) -> OrderChannelUp | OrderChannelDown:
        if self.is_stream_up:
            return OrderChannelUp(venue=VENUE)
        return OrderChannelDown(venue=VENUE, reason="reset by peer", attempt=1)

    def drop_stream(self) -> None:
        self._set_stream(is_up=False)

    def raise_stream(self) -> None:
        self._set_stream(is_up=True)

    def _set_stream(self, *, is_up: bool) -> None:
        self.is_stream_up = is_up
        assert self.order_sink is not None
        self._tell(self.channel)

    def _reply(self, evidence: Evidence, ctx: Context, delay_s: float = LATENCY_S) -> None:
        self._later(delay_s, Say(said=evidence, is_stream=False), ctx)

    def _report(self, evidence: Evidence, ctx: Context) -> None:
        for _ in range(2 if self._happens(self.faults.duplicate) else 1):
            self._later(LATENCY_S, Say(said=evidence, is_stream=True), ctx)

    # -- orders -------------------------------------------------------------------------------------------------------

    @receives(Submitted)
    def on_submitted(self, asked: Submitted, ctx: Context) -> None:
        """What a transport does: ask the guard in the last moment, then write."""
        ticket = asked.command.ticket
        assert self.guard is not None
        refusal = self.guard.refusal(ticket, asked.issuer, asked.issuer_epoch)
        key, symbol = ticket.client_order_id, ticket.symbol
        if refusal is not None:
            self.withheld.append(refusal)
            self.eyes.tell(Watcher.withheld, ticket, refusal)
            code, _, detail = refusal.partition(":")
            self._reply(OrderNotSent(client_order_id=key, symbol=symbol, code=code, reason=detail), ctx)
        elif self._happens(self.faults.not_sent):
            self._reply(OrderNotSent(client_order_id=key, symbol=symbol, code="CONNECT", reason="refused"), ctx)
        elif self._happens(self.faults.lost_request):
            self.fired["transport.request_lost"] += 1
            self.eyes.tell(Watcher.left, ticket, asked.issuer, asked.issuer_epoch)
            lost = OrderOutcomeUnknown(client_order_id=key, symbol=symbol, reason="no reply")
            self._reply(lost, ctx, REPLY_TIMEOUT_S)
        else:
            is_lost, is_late = self._happens(self.faults.lost_reply), self._happens(self.faults.late_ack)
            arrived = Arrived(ticket=ticket, is_reply_lost=is_lost, is_ack_late=is_late)
            self.on_the_wire[key] = arrived
            self._later(LATENCY_S, arrived, ctx)
            self.eyes.tell(Watcher.left, ticket, asked.issuer, asked.issuer_epoch)

    @receives(Arrived)
    def on_arrived(self, arrived: Arrived, ctx: Context) -> None:
        ticket = arrived.ticket
        key, symbol = ticket.client_order_id, ticket.symbol
        self.on_the_wire.pop(key, None)
        if key in self.orders:
            self.repeated_ids.append(key)
            repeated = OrderRejected(client_order_id=key, symbol=symbol, code="-2010", reason="Duplicate order sent.")
            self._reply(repeated, ctx)
            return
        if self._is_rejected(ticket):
            refused = OrderRejected(client_order_id=key, symbol=symbol, code="-2010", reason="Account says no.")
            self._reply(refused, ctx)
            return
        order = Order(ticket, f"v{next(self._numbers)}", ctx.now_ns())
        self.orders[key] = order
        self.eyes.tell(Watcher.accepted, order)
        self._match(order, ctx)
        if arrived.is_reply_lost:
            self.fired["venue.ack_lost"] += 1
            lost = OrderOutcomeUnknown(client_order_id=key, symbol=symbol, reason="reply lost")
            self._reply(lost, ctx, REPLY_TIMEOUT_S)
            return
        accepted = OrderAccepted(client_order_id=key, symbol=symbol, venue_order_id=order.venue_order_id)
        self._reply(accepted, ctx, 1.0 if arrived.is_ack_late else LATENCY_S)

    def _is_rejected(self, ticket: OrderTicket) -> bool:
        is_moody = self._happens(self.faults.reject)
        self.fired["venue.reject"] += is_moody
        return is_moody or not self._can_pay(ticket)

    def _can_pay(self, ticket: OrderTicket) -> bool:
        rules = INSTRUMENTS[ticket.symbol]
        if ticket.side is Side.SELL:
            return self.balances[rules.base_asset] >= ticket.quantity
        return self.balances["USDT"] >= ticket.quantity * self.walks[ticket.symbol].ask * 2

    def _match(self, order: Order, ctx: Context) -> None:
        """Fill what crosses: half now and half now again, so that every order knows partial fills."""
        ticket, walk = order.ticket, self.walks[order.ticket.symbol]
        price = walk.ask if ticket.side is Side.BUY else walk.bid
        if order.status.is_terminal or not self._can_pay(ticket):
            return
        if ticket.order_type is OrderType.LMT and (price - (ticket.limit_price or price)) * ticket.side.sign > 0:
            return
        first = (ticket.quantity / 2 // LOT) * LOT
        for part in (first, ticket.quantity - first):
            if part > 0:
                self._fill(order, part, price, ctx)

    def _fill(self, order: Order, quantity: Decimal, price: Decimal, ctx: Context) -> None:
        ticket, rules = order.ticket, INSTRUMENTS[order.ticket.symbol]
        is_buy = ticket.side is Side.BUY
        fee_asset = rules.base_asset if is_buy else rules.quote_asset
        fee = (quantity if is_buy else quantity * price) * FEE_RATE
        order.filled += quantity
        order.notional += quantity * price
        order.status = OrderStatus.FILLED if order.filled == ticket.quantity else OrderStatus.PARTIAL
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
            executed_ns=ctx.now_ns(),
        )
        self.executions.append(execution)
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

    # -- questions ----------------------------------------------------------------------------------------------------

    @receives(Asked)
    def on_asked(self, asked: Asked, ctx: Context) -> None:
        question = asked.question
        if not asked.has_arrived:
            self._later(LATENCY_S, Asked(question=question, has_arrived=True), ctx)
        elif isinstance(question, CancelOrder):
            self._cancel(question, ctx)
        elif isinstance(question, QueryOrder):
            self._reply(self._answer_query(question, ctx), ctx)
        else:
            self._snapshot(question, ctx)

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
        return tuple(e for e in self.executions if e.venue_order_id == order.venue_order_id)

    def _cancel(self, cancel: CancelOrder, ctx: Context) -> None:
        key, symbol = cancel.client_order_id, cancel.symbol
        order = self.orders.get(key)
        if order is None or order.status.is_terminal:
            rejected = CancelRejected(client_order_id=key, symbol=symbol, code="-2011", reason="Unknown order sent.")
            self._reply(rejected, ctx)
            return
        order.status = OrderStatus.CANCELLED
        self._reply(OrderCancelled(client_order_id=key, symbol=symbol, cumulative=order.filled), ctx)

    def _snapshot(self, asked: TakeVenueSnapshot, ctx: Context) -> None:
        now_ns = ctx.now_ns()
        self.snapshots += 1
        listed = tuple(
            self._shown(order)
            for order in self.orders.values()
            if order.created_ns >= asked.since_ns and order.ticket.symbol in asked.symbols
        )
        taken = VenueSnapshotTaken(
            venue=VENUE,
            account=ACCOUNT,
            as_of_ns=now_ns,
            balances=tuple(Balance(asset=a, free=b, locked=Decimal(0)) for a, b in self.balances.items()),
            open_orders=tuple(self._shown(o) for o in self.orders.values() if not o.status.is_terminal),
            orders=listed,
            executions=tuple(
                e for e in self.executions if e.executed_ns >= asked.since_ns and e.symbol in asked.symbols
            ),
        )
        self._reply(taken, ctx)

    # -- prices -------------------------------------------------------------------------------------------------------

    @receives(Step)
    def on_step(self, step: Step, ctx: Context) -> None:
        ctx.after(self.tick_s, f"step:{step.symbol}", step)
        walk = self.walks[step.symbol]
        walk.step()
        for order in self.orders.values():
            if order.ticket.symbol == step.symbol and not order.status.is_terminal:
                self._match(order, ctx)
        if self.feed_sink is None or step.symbol in self.muted:
            return
        now_ns = ctx.now_ns()
        times = {"event_time_ns": now_ns, "received_at_ns": now_ns, "received_monotonic_ns": ctx.monotonic_ns()}
        quote = Quote(
            venue=VENUE,
            symbol=step.symbol,
            bid=walk.bid,
            bid_quantity=Decimal(5),
            ask=walk.ask,
            ask_quantity=Decimal(5),
            update_id=next(self._quote_ids[step.symbol]),
            **times,
        )
        trade = Trade(
            venue=VENUE,
            symbol=step.symbol,
            price=walk.price,
            quantity=LOT * self._rng.randint(1, 500),
            trade_id=next(self._print_ids[step.symbol]),
            **times,
        )
        for _ in range(2 if self._happens(self.faults.duplicate) else 1):
            self.feed_sink(quote)
            self.feed_sink(trade)
