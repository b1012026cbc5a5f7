"""The model venue that keeps no id of ours and tells no executions: orders by their number, fills by their totals.

Somebody trades by hand in the same account, with a liking for orders that look like ours.
"""

from dataclasses import dataclass
from decimal import Decimal

from bulkhead.chaos.eyes import Watcher
from bulkhead.chaos.model.market import CAPABILITIES, FEE_RATE, INSTRUMENTS
from bulkhead.chaos.model.order import Order
from bulkhead.chaos.model.venue import LATENCY_S, REPLY_TIMEOUT_S, ModelVenue
from bulkhead.chaos.model.words import CALM, Arrived, Faults
from bulkhead.venues.port import ClientIdScheme
from messages.base import Evidence
from messages.costs import TradingCosts
from messages.orders import (
    CancelOrder,
    CancelRejected,
    OrderAccepted,
    OrderCancelled,
    OrderOutcomeUnknown,
    OrderQueryFailed,
    OrderRejected,
    OrderStatusReported,
    OrderTicket,
    QueryOrder,
    VenueOrder,
)
from messages.values import OrderStatus, Side
from supervisor.runtime.behaviour import Context, receives

API, BY_HAND = "||31", "||11"
COSTS = TradingCosts(asset="USDT", commission_rate=FEE_RATE, sell_tax_rate=Decimal("0.002"), unit=Decimal("0.01"))
NUMBERED = CAPABILITIES.model_copy(
    update={
        "client_id": ClientIdScheme.NONE,
        "has_execution_ids": False,
        "submits_in_parallel": False,
        "costs": COSTS,
        "own_channels": (API,),
    }
)
NS_PER_S = 1_000_000_000


@dataclass
class NumberedOrder(Order):
    channel: str = API
    charged: Decimal = Decimal(0)

    def listed_as(self, client_order_id: str) -> VenueOrder:
        """As of the second in which it was placed."""
        made_ns = self.created_ns // NS_PER_S * NS_PER_S
        shown = super().listed(made_ns)
        return shown.model_copy(
            update={"client_order_id": client_order_id, "created_ns": made_ns, "channel": self.channel}
        )


class NumberedVenue(ModelVenue):
    """What of it is the adapter knows the numbers that were answered, and forgets them with its process."""

    capabilities = NUMBERED

    def __init__(self, seed: int, faults: Faults = CALM, tick_s: float = 0.5) -> None:
        super().__init__(seed, faults, tick_s)
        self.numbers: dict[str, str] = {}
        """Ours -> the venue's: what the adapter has been told."""

    # -- what the adapter knows ---------------------------------------------------------------------------------------

    def _shown(self, order: Order) -> VenueOrder:
        assert isinstance(order, NumberedOrder)
        known = (ours for ours, number in self.numbers.items() if number == order.venue_order_id)
        return order.listed_as(next(known, f"n-{order.venue_order_id}"))

    def _of(self, question: CancelOrder | QueryOrder) -> Order | None:
        if question.venue_order_id is not None:
            self.numbers.setdefault(question.client_order_id, question.venue_order_id)
        number = self.numbers.get(question.client_order_id)
        return next((order for order in self.orders.values() if order.venue_order_id == number), None)

    # -- orders -------------------------------------------------------------------------------------------------------

    @receives(Arrived)
    def on_arrived(self, arrived: Arrived, ctx: Context) -> None:
        """Whatever arrives is a new order: nothing here would notice that it came before."""
        ticket = arrived.ticket
        key, symbol = ticket.client_order_id, ticket.symbol
        self.on_the_wire.pop(key, None)
        if key in self.orders:
            self.repeated_ids.append(key)
        if self._is_rejected(ticket):
            self._reply(OrderRejected(client_order_id=key, symbol=symbol, code="1", reason="no"), ctx)
            return
        order = NumberedOrder(ticket, f"{next(self._numbers):07d}", ctx.now_ns())
        self.orders[key] = order
        self.eyes.tell(Watcher.accepted, order)
        self._match(order, ctx)
        if arrived.is_reply_lost or self.order_sink is None:
            self.fired["venue.ack_lost"] += arrived.is_reply_lost
            self._reply(OrderOutcomeUnknown(client_order_id=key, symbol=symbol, reason="lost"), ctx, REPLY_TIMEOUT_S)
            return
        self.numbers[key] = order.venue_order_id
        accepted = OrderAccepted(client_order_id=key, symbol=symbol, venue_order_id=order.venue_order_id)
        self._reply(accepted, ctx, 1.0 if arrived.is_ack_late else LATENCY_S)
        if order.filled:
            self._report(self._status(self._shown(order), order, ctx), ctx)

    def place_by_hand(self, like: OrderTicket, now_ns: int) -> None:
        """An order like one of ours, taken back at once: nobody's balance changes, and it stays in the list."""
        number = f"{next(self._numbers):07d}"
        order = NumberedOrder(like, number, now_ns, status=OrderStatus.CANCELLED, channel=BY_HAND)
        self.orders[f"by-hand-{number}"] = order

    def _fill(self, order: Order, quantity: Decimal, price: Decimal, ctx: Context) -> None:
        """Charged on the order's running total, in the currency of the price."""
        assert isinstance(order, NumberedOrder)
        ticket, rules = order.ticket, INSTRUMENTS[order.ticket.symbol]
        order.filled += quantity
        order.notional += quantity * price
        order.status = OrderStatus.FILLED if order.filled == ticket.quantity else OrderStatus.PARTIAL
        self.balances[rules.base_asset] += quantity * ticket.side.sign
        self.balances[rules.quote_asset] -= quantity * price * ticket.side.sign
        rates = (COSTS.commission_rate, COSTS.sell_tax_rate if ticket.side is Side.SELL else Decimal(0))
        charged = sum((order.notional * rate // COSTS.unit * COSTS.unit for rate in rates), Decimal(0))
        self.balances[rules.quote_asset] -= charged - order.charged
        order.charged = charged
        if order.venue_order_id in self.numbers.values():
            self._report(self._status(self._shown(order), order, ctx), ctx)

    @staticmethod
    def _status(shown: VenueOrder, order: Order, ctx: Context) -> OrderStatusReported:
        return OrderStatusReported(
            client_order_id=shown.client_order_id, symbol=order.ticket.symbol, order=shown, as_of_ns=ctx.now_ns()
        )

    # -- questions ----------------------------------------------------------------------------------------------------

    def _answer_query(self, question: QueryOrder, ctx: Context) -> Evidence:
        order = self._of(question)
        if order is None:
            return OrderQueryFailed(
                client_order_id=question.client_order_id, symbol=question.symbol, reason="no number is known"
            )
        return self._status(self._shown(order), order, ctx)

    def _cancel(self, cancel: CancelOrder, ctx: Context) -> None:
        key, symbol = cancel.client_order_id, cancel.symbol
        order = self._of(cancel)
        if order is None or order.status.is_terminal:
            code = "NO_ORDER_NUMBER" if order is None else "ended"
            self._reply(CancelRejected(client_order_id=key, symbol=symbol, code=code, reason="no"), ctx)
            return
        order.status = OrderStatus.CANCELLED
        self._reply(OrderCancelled(client_order_id=key, symbol=symbol, cumulative=order.filled), ctx)

    def hear_nobody(self) -> None:
        """The adapter's process has ended, and with it what it knew."""
        super().hear_nobody()
        self.numbers = {}

    # -- asking the model ---------------------------------------------------------------------------------------------

    def truth_of(self, client_order_id: str) -> str | None:
        """The number of an order of ours; None: it never arrived."""
        order = self.orders.get(client_order_id)
        return None if order is None else order.venue_order_id
