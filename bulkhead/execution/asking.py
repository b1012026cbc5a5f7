"""What is asked of the venue about an order of ours: by our id, and by the venue's number where that is known."""

from messages.orders import CancelOrder, OrderRow, QueryOrder


def cancel_of(row: OrderRow, reason: str) -> CancelOrder:
    ticket = row.ticket
    return CancelOrder(
        client_order_id=ticket.client_order_id,
        symbol=ticket.symbol,
        reason=reason,
        venue_order_id=row.venue_order_id,
    )


def query_of(row: OrderRow) -> QueryOrder:
    ticket = row.ticket
    return QueryOrder(client_order_id=ticket.client_order_id, symbol=ticket.symbol, venue_order_id=row.venue_order_id)
