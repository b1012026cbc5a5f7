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

    def grow(self, quantity: Decimal, price: Decimal) -> None:
        """By one execution. What has ended stays ended, though an execution may follow its end."""
        self.filled += quantity
        self.notional += quantity * price
        if self.filled == self.ticket.quantity:
            self.status = OrderStatus.FILLED
        elif not self.status.is_terminal:
            self.status = OrderStatus.PARTIAL

    def end(self, status: OrderStatus) -> bool:
        """Whether it had not ended yet."""
        if self.status.is_terminal:
            return False
        self.status = status
        return True

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
