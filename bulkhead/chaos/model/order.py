"""An order as the model venue keeps it."""

from dataclasses import dataclass
from decimal import Decimal

from messages.orders import OrderTicket, VenueOrder
from messages.values import OrderStatus


@dataclass
class Order:
    """An order on the venue's own book."""

    ticket: OrderTicket
    venue_order_id: str
    created_ns: int
    status: OrderStatus = OrderStatus.SUBMITTED
    filled: Decimal = Decimal(0)
    notional: Decimal = Decimal(0)

    def listed(self, now_ns: int) -> VenueOrder:
        ticket = self.ticket
        return VenueOrder(
            client_order_id=ticket.client_order_id,
            venue_order_id=self.venue_order_id,
            symbol=ticket.symbol,
            side=ticket.side,
            order_type=ticket.order_type.value,
            status=self.status,
            quantity=ticket.quantity,
            filled=self.filled,
            filled_notional=self.notional,
            limit_price=ticket.limit_price,
            created_ns=self.created_ns,
            updated_ns=now_ns,
        )
