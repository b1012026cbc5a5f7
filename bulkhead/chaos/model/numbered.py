"""The model venue that keeps no id of ours and tells no executions: orders by their number, fills by their totals.

Somebody trades by hand in the same account, with a liking for orders that look like ours.
"""

from dataclasses import dataclass
from decimal import Decimal

from bulkhead.chaos.model.market import CAPABILITIES, FEE_RATE, INSTRUMENTS
from bulkhead.chaos.model.order import Order
from bulkhead.chaos.model.venue import ModelVenue
from bulkhead.chaos.model.wire import REPLY_TIMEOUT_S
from bulkhead.chaos.model.words import CALM, Faults, Say
from bulkhead.venues.port import ClientIdScheme
from messages.base import Body, Evidence
from messages.costs import TradingCosts
from messages.orders import (
    CancelOrder,
    CancelRejected,
    OrderAccepted,
    OrderQueryFailed,
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
        self._knows_repeats = False
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
        return self._of_number(self.numbers.get(question.client_order_id))

    def _of_number(self, number: str | None) -> Order | None:
        return next((order for order in self.orders.values() if order.venue_order_id == number), None)

    # -- orders -------------------------------------------------------------------------------------------------------

    def _book(self, ticket: OrderTicket, ctx: Context) -> Order:
        return NumberedOrder(ticket, f"{next(self._order_numbers):07d}", self._venue_ns(ctx))

    @receives(Say)
    def on_say(self, say: Say, ctx: Context) -> None:
        """An acceptance that is heard tells the number, and with it whatever came of that number meanwhile."""
        super().on_say(say, ctx)
        if isinstance(say.said, OrderAccepted):
            order = self._of_number(self.numbers.get(say.said.client_order_id))
            if order is not None and (order.filled or order.status.is_terminal):
                self._report_totals(order, ctx)

    def _tell(self, said: Body) -> None:
        if isinstance(said, OrderAccepted) and said.venue_order_id is not None and self.order_sink is not None:
            self.numbers[said.client_order_id] = said.venue_order_id
        super()._tell(said)

    def _report_totals(self, order: Order, ctx: Context) -> None:
        """The adapter passes on only what it knows the order of."""
        if order.venue_order_id in self.numbers.values():
            self._report(self._status(self._shown(order), order, ctx), ctx)

    def _acknowledge_slowly(self, accepted: OrderAccepted, slow_s: float, ctx: Context) -> None:
        """The stream names orders by their number, and an answer that is not waited for tells nobody which is whose."""
        if slow_s < REPLY_TIMEOUT_S:
            self._reply_to_order(accepted, ctx, slow_s)
        else:
            self._lose(accepted, ctx)

    def _turn_down(self, order: Order, ctx: Context) -> None:
        """Its totals, told once its number is known, show it as rejected."""

    def _expire(self, order: Order, ctx: Context) -> None:
        order.status = OrderStatus.EXPIRED
        self._report_totals(order, ctx)

    def place_by_hand(self, like: OrderTicket, now_ns: int) -> None:
        """An order like one of ours, taken back at once: nobody's balance changes, and it stays in the list."""
        number = f"{next(self._order_numbers):07d}"
        order = NumberedOrder(like, number, now_ns, status=OrderStatus.CANCELLED, channel=BY_HAND)
        self.orders[f"by-hand-{number}"] = order

    def _fill(self, order: Order, quantity: Decimal, price: Decimal, ctx: Context) -> None:
        """Charged on the order's running total, in the currency of the price."""
        assert isinstance(order, NumberedOrder)
        ticket, rules = order.ticket, INSTRUMENTS[order.ticket.symbol]
        order.grow(quantity, price)
        self.balances[rules.base_asset] += quantity * ticket.side.sign
        self.balances[rules.quote_asset] -= quantity * price * ticket.side.sign
        rates = (COSTS.commission_rate, COSTS.sell_tax_rate if ticket.side is Side.SELL else Decimal(0))
        charged = sum((order.notional * rate // COSTS.unit * COSTS.unit for rate in rates), Decimal(0))
        self.balances[rules.quote_asset] -= charged - order.charged
        order.charged = charged
        self._report_totals(order, ctx)

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

    def _no_cancel(self, cancel: CancelOrder, order: Order | None) -> CancelRejected:
        code = "NO_ORDER_NUMBER" if order is None else "ended"
        return CancelRejected(client_order_id=cancel.client_order_id, symbol=cancel.symbol, code=code, reason="no")

    def hear_nobody(self) -> None:
        """The adapter's process has ended, and with it what it knew."""
        super().hear_nobody()
        self.numbers = {}

    # -- asking the model ---------------------------------------------------------------------------------------------

    def truth_of(self, client_order_id: str) -> str | None:
        """The number of an order of ours; None: it never arrived."""
        order = self.orders.get(client_order_id)
        return None if order is None else order.venue_order_id
