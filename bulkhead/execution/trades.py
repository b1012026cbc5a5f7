"""Trades from flat to flat: what accumulates while one is under way, and the RoundTrip when it ends.

Everything kept here is bounded, however long a position is held: sums, and the ids of the latest orders.
"""

from decimal import Decimal
from typing import NamedTuple, Protocol

from bulkhead.execution.exact import BPS, ZERO, divide
from messages.orders import Fill
from messages.portfolio import Position, RoundTrip
from messages.values import Nanoseconds, Number, Side, Value

RECENT_ORDERS = 64
"""Orders of one trade that are told apart for its fill ratio; fills of one order rarely lie further apart."""


class TradeLeg(Value):
    """All buys, or all sells, of one trade."""

    quantity: Number = ZERO
    notional: Number = ZERO
    judged_notional: Number = ZERO
    """The part of `notional` for which the price at the decision is known …"""
    decision_notional: Number = ZERO
    """… and what it would have been at that price."""
    ordered: Number = ZERO
    """Quantity of the orders whose size is known …"""
    ordered_filled: Number = ZERO
    """… and how much of it was filled."""
    recent_orders: tuple[str, ...] = ()


class OpenTrade(Value):
    trade_id: str
    entry_side: Side
    entry_ns: Nanoseconds
    buys: TradeLeg = TradeLeg()
    sells: TradeLeg = TradeLeg()
    pnl: Number = ZERO
    fees: Number = ZERO


class FillShare(NamedTuple):
    """The part of a fill that belongs to one trade."""

    quantity: Decimal
    """Net of a fee in the base asset."""
    executed: Decimal
    """The same before that fee: what the order got."""
    fee_quote: Decimal
    pnl: Decimal


class LegContext(Protocol):
    @property
    def decision_price(self) -> Decimal | None: ...
    @property
    def order_quantity(self) -> Decimal | None: ...


def opened(fill: Fill) -> OpenTrade:
    """A trade that begins with this fill."""
    return OpenTrade(
        trade_id=f"{fill.strategy_id}:{fill.fill_id}",
        entry_side=fill.side,
        entry_ns=fill.executed_ns,
    )


def resumed(position: Position, cost: Decimal) -> OpenTrade:
    """A trade whose beginning is not known any more: all of it entered at the position's cost, at its last update."""
    leg = TradeLeg(quantity=abs(position.quantity), notional=abs(cost))
    is_long = position.quantity > 0
    return OpenTrade(
        trade_id=f"{position.strategy_id}:{position.last_fill_id or position.symbol}",
        entry_side=Side.BUY if is_long else Side.SELL,
        entry_ns=position.updated_ns,
        buys=leg if is_long else TradeLeg(),
        sells=TradeLeg() if is_long else leg,
    )


def with_share(trade: OpenTrade, fill: Fill, share: FillShare, context: LegContext) -> OpenTrade:
    """The trade after (a part of) one more fill. Call inside `exact()`."""
    side = "buys" if fill.side is Side.BUY else "sells"
    leg = _extended(trade.buys if fill.side is Side.BUY else trade.sells, fill, share, context)
    return trade.model_copy(update={side: leg, "pnl": trade.pnl + share.pnl, "fees": trade.fees + share.fee_quote})


def _extended(leg: TradeLeg, fill: Fill, share: FillShare, context: LegContext) -> TradeLeg:
    quantity = share.quantity
    notional = quantity * fill.price
    updates: dict[str, object] = {"quantity": leg.quantity + quantity, "notional": leg.notional + notional}
    if context.decision_price is not None:
        updates["judged_notional"] = leg.judged_notional + notional
        updates["decision_notional"] = leg.decision_notional + quantity * context.decision_price
    if context.order_quantity is not None:
        updates["ordered_filled"] = leg.ordered_filled + share.executed
        if fill.client_order_id not in leg.recent_orders:
            updates["ordered"] = leg.ordered + context.order_quantity
            updates["recent_orders"] = (*leg.recent_orders, fill.client_order_id)[-RECENT_ORDERS:]
    return leg.model_copy(update=updates)


def finish(trade: OpenTrade, fill: Fill, currency: str) -> RoundTrip:
    """The round trip that `fill`, already in the trade, has ended."""
    is_long = trade.entry_side is Side.BUY
    entry, left = (trade.buys, trade.sells) if is_long else (trade.sells, trade.buys)
    return RoundTrip(
        trade_id=trade.trade_id,
        strategy_id=fill.strategy_id,
        venue=fill.venue,
        symbol=fill.symbol,
        quantity=entry.quantity,
        entry_price=_price(entry),
        exit_price=_price(left),
        entry_ns=trade.entry_ns,
        exit_ns=max(fill.executed_ns, trade.entry_ns),
        pnl=trade.pnl,
        currency=currency,
        fees=trade.fees,
        buy_slippage_bps=_slippage_bps(trade.buys, Side.BUY),
        sell_slippage_bps=_slippage_bps(trade.sells, Side.SELL),
        buy_fill_ratio=_fill_ratio(trade.buys),
        sell_fill_ratio=_fill_ratio(trade.sells),
        trade_result="win" if trade.pnl > 0 else "loss" if trade.pnl < 0 else "even",
    )


def _price(leg: TradeLeg) -> Decimal:
    return divide(leg.notional, leg.quantity) if leg.quantity else ZERO


def _slippage_bps(leg: TradeLeg, side: Side) -> Decimal | None:
    if not leg.decision_notional:
        return None
    return divide((leg.judged_notional - leg.decision_notional) * side.sign * BPS, leg.decision_notional)


def _fill_ratio(leg: TradeLeg) -> Decimal:
    """Filled share of what was ordered, at most 1; where no order's size is known, what was filled was the order."""
    return min(Decimal(1), divide(leg.ordered_filled, leg.ordered)) if leg.ordered else Decimal(1)
