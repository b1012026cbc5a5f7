"""What the engine reports and the books hold, in the words of the port."""

from bulkhead.venues.simulator.accounts import Account
from bulkhead.venues.simulator.orders import (
    CANCELED,
    EXPIRED,
    FILLED,
    MARKET,
    NEW,
    PARTIALLY_FILLED,
    TRADE,
    Fill,
    Report,
)
from bulkhead.venues.simulator.orders import Order as EngineOrder
from messages.orders import (
    Balance,
    ExecutionReported,
    OrderAccepted,
    OrderCancelled,
    OrderEvidence,
    OrderExpired,
    VenueExecution,
    VenueOrder,
)
from messages.values import OrderStatus, OrderType, Side

NS_PER_MS = 1_000_000
_STATUSES = {
    NEW: OrderStatus.SUBMITTED,
    PARTIALLY_FILLED: OrderStatus.PARTIAL,
    FILLED: OrderStatus.FILLED,
    CANCELED: OrderStatus.CANCELLED,
    EXPIRED: OrderStatus.EXPIRED,
}


def reported(report: Report) -> OrderEvidence:
    """One change of one order. Raises ValueError for a change that there is no word for."""
    order = report.order
    common = {
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "venue_order_id": str(order.order_id),
        "venue_time_ns": report.time_ms * NS_PER_MS,
    }
    cumulative = order.quantity - report.leaves
    if report.execution_type == NEW:
        return OrderAccepted.model_validate(common)
    if report.execution_type == TRADE and report.fill is not None:
        return _executed(report.fill, {**common, "cumulative": cumulative})
    if report.execution_type == CANCELED:
        return OrderCancelled.model_validate({**common, "cumulative": cumulative})
    if report.execution_type == EXPIRED:
        reason = "nothing of it could be filled" if not cumulative else "the rest could not be filled"
        return OrderExpired.model_validate({**common, "cumulative": cumulative, "reason": f"{EXPIRED}: {reason}"})
    raise ValueError(f"no evidence for a report of {report.execution_type!r}")


def _executed(fill: Fill, common: dict[str, object]) -> ExecutionReported:
    return ExecutionReported.model_validate(
        {
            **common,
            "execution_id": str(fill.trade_id),
            "side": _side(fill.is_buyer),
            "quantity": fill.quantity,
            "price": fill.price,
            "fee": fill.commission,
            "fee_asset": fill.commission_asset,
            "is_maker": fill.is_maker,
        }
    )


def listed(order: EngineOrder) -> VenueOrder:
    return VenueOrder(
        client_order_id=order.client_order_id,
        venue_order_id=str(order.order_id),
        symbol=order.symbol,
        side=_side(order.is_buy),
        order_type=(OrderType.MKT if order.type == MARKET else OrderType.LMT).value,
        status=_STATUSES[order.status],
        quantity=order.quantity,
        filled=order.filled,
        filled_notional=order.quote_filled,
        limit_price=order.price or None,
        created_ns=order.created_ms * NS_PER_MS,
        updated_ns=order.updated_ms * NS_PER_MS,
    )


def execution(fill: Fill) -> VenueExecution:
    return VenueExecution(
        execution_id=str(fill.trade_id),
        venue_order_id=str(fill.order_id),
        symbol=fill.symbol,
        side=_side(fill.is_buyer),
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.commission,
        fee_asset=fill.commission_asset,
        executed_ns=fill.time_ms * NS_PER_MS,
        is_maker=fill.is_maker,
    )


def balances(account: Account) -> tuple[Balance, ...]:
    return tuple(
        Balance(asset=asset, free=balance.free, locked=balance.locked)
        for asset, balance in sorted(account.balances.items())
    )


def _side(is_buy: bool) -> Side:
    return Side.BUY if is_buy else Side.SELL
