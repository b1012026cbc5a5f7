"""The limits of risk hold, with what is in flight and what is unknown counted in."""

from decimal import Decimal

from bulkhead.chaos.house import TIGHT_LIMITS
from bulkhead.chaos.invariants.kit import ENDED, ZERO, Invariant, Say
from bulkhead.chaos.model.market import INSTRUMENTS, OPENING
from bulkhead.chaos.model.order import Order
from bulkhead.chaos.world import World
from messages.orders import OrderTicket

USUAL = {"max_order_notional": "5000", "max_symbol_exposure": "10000", "max_gross_exposure": "50000"}
"""Of a house whose settings name none."""
MOVES = Decimal("1.03")
"""By how much a price may have moved between the approval and the moment in which its last child leaves. A limit that
is broken by a whole order is broken by far more."""


class LimitsHold(Invariant):
    """When an entry leaves, what is held and every entry that is at work must be worth no more than the limits of the
    symbol, of the whole account and of one order, by the venue's own books and prices: an order that left and has
    neither come to the book nor been answered counts in full.

    Not looked at: limits of pace and of losses; exits; an order whose request was lost for good, since nothing can
    come of it.
    """

    number = 10
    name = "limits-hold"

    def __init__(self, world: World, say: Say) -> None:
        super().__init__(world, say)
        limits = {**USUAL, **TIGHT_LIMITS} if world.plan.has_tight_limits else USUAL
        self._order, self._symbol, self._gross = (Decimal(str(limits[name])) * MOVES for name in USUAL)
        self._live: dict[str, dict[str, Order]] = {symbol: {} for symbol in INSTRUMENTS}
        """Entries on the venue's book; those that have ended are taken out when somebody looks."""

    def accepted(self, order: Order) -> None:
        if order.ticket.intent_type.is_entry:
            self._live[order.ticket.symbol][order.ticket.client_order_id] = order

    def left(self, ticket: OrderTicket, issuer: str, epoch: int) -> None:
        if not ticket.intent_type.is_entry:
            return
        worth = ticket.quantity * self._price(ticket)
        if worth > self._order:
            self.violated(f"{ticket.client_order_id} is worth {worth:.2f}")
        exposed = {symbol: self._exposure(symbol, ticket) for symbol in INSTRUMENTS}
        of_symbol, gross = exposed[ticket.symbol], sum(exposed.values(), ZERO)
        if of_symbol > self._symbol:
            self.violated(f"{of_symbol:.2f} in {ticket.symbol} is held and at work with {ticket.client_order_id}")
        if gross > self._gross:
            self.violated(f"{gross:.2f} is held and at work with {ticket.client_order_id}")

    def _exposure(self, symbol: str, leaving: OrderTicket) -> Decimal:
        """`leaving` is on its way, and may be noted as such already or not."""
        venue = self.world.venue
        asset = INSTRUMENTS[symbol].base_asset
        total = abs(venue.balances[asset] - OPENING[asset]) * venue.walks[symbol].price
        on_the_wire = {key: arrived.ticket for key, arrived in venue.on_the_wire.items()}
        on_the_wire[leaving.client_order_id] = leaving
        for ticket in on_the_wire.values():
            if ticket.symbol == symbol and ticket.intent_type.is_entry:
                total += ticket.quantity * self._price(ticket)
        for key, order in tuple(self._live[symbol].items()):
            if order.status in ENDED:
                del self._live[symbol][key]
            elif key not in on_the_wire:
                total += (order.ticket.quantity - order.filled) * self._price(order.ticket)
        return total

    def _price(self, ticket: OrderTicket) -> Decimal:
        walk = self.world.venue.walks[ticket.symbol]
        return walk.price if ticket.limit_price is None else max(walk.price, ticket.limit_price)
