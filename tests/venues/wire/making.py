"""Tickets and commands for tests of the venue packages."""

from decimal import Decimal

from messages.orders import CancelOrder, OrderTicket, QueryOrder, SubmitOrder
from messages.values import IntentType, OrderType, Side, TimeInForce


def market_ticket(client_order_id: str = "b-1", symbol: str = "BTCUSDT", quantity: str = "1") -> OrderTicket:
    return OrderTicket(
        client_order_id=client_order_id,
        venue="binance",
        account="main",
        symbol=symbol,
        side=Side.SELL,
        order_type=OrderType.MKT,
        quantity=Decimal(quantity),
        intent_type=IntentType.ENTRY,
    )


def limit_ticket(
    client_order_id: str = "b-1",
    price: str = "0.1",
    time_in_force: TimeInForce = TimeInForce.GTC,
    symbol: str = "BTCUSDT",
    quantity: str = "1.50",
) -> OrderTicket:
    return OrderTicket(
        client_order_id=client_order_id,
        venue="binance",
        account="main",
        symbol=symbol,
        side=Side.BUY,
        order_type=OrderType.LMT,
        quantity=Decimal(quantity),
        limit_price=Decimal(price),
        time_in_force=time_in_force,
        intent_type=IntentType.ENTRY,
    )


def submit(client_order_id: str = "b-1") -> SubmitOrder:
    return SubmitOrder(ticket=market_ticket(client_order_id))


def cancel(client_order_id: str = "b-1", symbol: str = "BTCUSDT") -> CancelOrder:
    return CancelOrder(client_order_id=client_order_id, symbol=symbol, reason="test")


def query(client_order_id: str = "b-1", symbol: str = "BTCUSDT") -> QueryOrder:
    return QueryOrder(client_order_id=client_order_id, symbol=symbol)
