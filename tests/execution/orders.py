"""Small makers of intents, orders and evidence, so that a test names only what matters to it."""

from decimal import Decimal
from typing import Any, NamedTuple

from messages.instruments import TickBand
from messages.orders import ExecutionReported, Fill, OrderRow, OrderTicket, VenueExecution, VenueOrder
from messages.trading import OrderIntent
from messages.values import IntentType, MarketSnapshot, OrderStatus, OrderType, Origin, Side

D = Decimal
NS_PER_S = 1_000_000_000
T0 = 1_700_000_000 * NS_PER_S
ID = "b" + "a" * 32


class Rules(NamedTuple):
    symbol: str = "BTCUSDT"
    base_asset: str = "BTC"
    quote_asset: str = "USDT"
    tick_size: Decimal = D("0.01")
    lot_size: Decimal = D("0.001")
    min_quantity: Decimal = D("0.001")
    max_quantity: Decimal = D(100)
    min_notional: Decimal = D(5)
    is_trading: bool = True
    version: str = "v1"
    as_of_ns: int | None = T0
    tick_bands: tuple[TickBand, ...] = ()


def bands(*rows: tuple[int, int]) -> tuple[TickBand, ...]:
    """Each row: from which price on, and the tick there."""
    return tuple(TickBand(from_price=D(price), tick_size=D(tick)) for price, tick in rows)


KRX_LIKE = Rules(
    tick_size=D(1),
    lot_size=D(1),
    min_quantity=D(1),
    tick_bands=bands((0, 1), (2_000, 5), (5_000, 10), (20_000, 50), (50_000, 100)),
)
"""A tick that grows with the price."""


def market(bid: str = "99.99", ask: str = "100.01", at_ns: int = T0) -> MarketSnapshot:
    return MarketSnapshot(symbol="BTCUSDT", last=D(100), bid=D(bid), ask=D(ask), event_time_ns=at_ns)


def intent(**changes: Any) -> OrderIntent:
    fields: dict[str, Any] = {
        "intent_id": "i1",
        "action_key": "k1",
        "correlation_id": "feed.0.1",
        "origin": Origin.STRATEGY,
        "strategy_id": "trend",
        "venue": "sim",
        "account": "paper",
        "group_id": "g1",
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "intent_type": IntentType.ENTRY,
        "quantity": D(1),
        "order_type": OrderType.MKT,
        "reason": "a test",
        "market": market(),
        "decision_id": "d1",
        "decision_time_ns": T0,
    }
    if changes.get("limit_price") is not None:
        fields["order_type"] = OrderType.LMT
    return OrderIntent(**{**fields, **changes})


def order(
    status: OrderStatus = OrderStatus.PENDING_SUBMIT,
    filled: str = "0",
    *,
    key: str = ID,
    quantity: str = "10",
    side: Side = Side.BUY,
    limit: str | None = "100",
    intent_type: IntentType = IntentType.ENTRY,
    **changes: Any,
) -> OrderRow:
    ticket = OrderTicket(
        client_order_id=key,
        venue="sim",
        account="paper",
        symbol=changes.pop("symbol", "BTCUSDT"),
        side=side,
        order_type=OrderType.MKT if limit is None else OrderType.LMT,
        quantity=D(quantity),
        limit_price=None if limit is None else D(limit),
        intent_type=intent_type,
    )
    fields: dict[str, Any] = {
        "ticket": ticket,
        "intent_id": "i1",
        "correlation_id": "feed.0.1",
        "strategy_id": "trend",
        "status": status,
        "filled": D(filled),
        "filled_notional": D(filled) * 100,
        "created_ns": T0,
        "updated_ns": T0,
    }
    return OrderRow(**{**fields, **changes})


def executed(quantity: str, number: int = 1, *, key: str = ID, price: str = "100", **changes: Any) -> ExecutionReported:
    fields: dict[str, Any] = {
        "client_order_id": key,
        "symbol": "BTCUSDT",
        "venue_order_id": "v1",
        "venue_time_ns": T0 + number,
        "execution_id": str(number),
        "side": Side.BUY,
        "quantity": D(quantity),
        "price": D(price),
        "fee": D(0),
        "fee_asset": "USDT",
    }
    return ExecutionReported(**{**fields, **changes})


def venue_order(status: OrderStatus, filled: str = "0", *, key: str = ID, **changes: Any) -> VenueOrder:
    fields: dict[str, Any] = {
        "client_order_id": key,
        "venue_order_id": "v1",
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "order_type": "LIMIT",
        "status": status,
        "quantity": D(10),
        "filled": D(filled),
        "filled_notional": D(filled) * 100,
        "created_ns": T0,
        "updated_ns": T0,
    }
    return VenueOrder(**{**fields, **changes})


def venue_execution(quantity: str, number: int = 1, **changes: Any) -> VenueExecution:
    fields: dict[str, Any] = {
        "execution_id": str(number),
        "venue_order_id": "v1",
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "quantity": D(quantity),
        "price": D(100),
        "fee": D(0),
        "fee_asset": "USDT",
        "executed_ns": T0 + number,
    }
    return VenueExecution(**{**fields, **changes})


def fill(side: Side, quantity: str | Decimal, price: str | Decimal, number: int = 1, **changes: Any) -> Fill:
    fields: dict[str, Any] = {
        "fill_id": f"sim:BTCUSDT:{number}",
        "client_order_id": f"{ID}",
        "strategy_id": "trend",
        "venue": "sim",
        "account": "paper",
        "symbol": "BTCUSDT",
        "side": side,
        "quantity": D(quantity),
        "price": D(price),
        "fee": D(0),
        "fee_asset": "USDT",
        "executed_ns": T0 + number,
    }
    return Fill(**{**fields, **changes})
