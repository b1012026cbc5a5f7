"""Small makers of portfolios, intents and updates for the risk tests."""

from decimal import Decimal
from typing import Any

from messages.orders import FillBooked, OrderUpdated
from messages.portfolio import PortfolioSnapshot, Position, RoundTrip
from messages.trading import OrderIntent
from messages.values import IntentType, OrderStatus, Side
from tests.execution import orders as made

D = Decimal
T0 = made.T0
NS_PER_S = made.NS_PER_S


def position(quantity: str, price: str = "100", *, symbol: str = "BTCUSDT", strategy_id: str = "trend") -> Position:
    return Position(
        strategy_id=strategy_id,
        venue="sim",
        account="paper",
        symbol=symbol,
        quantity=D(quantity),
        average_price=D(price),
        realised_pnl=D(0),
        fees_quote=D(0),
        updated_ns=T0,
    )


def portfolio(*positions: Position, **changes: Any) -> PortfolioSnapshot:
    fields: dict[str, Any] = {
        "venue": "sim",
        "account": "paper",
        "currency": "USDT",
        "cash": D(100_000),
        "equity": D(100_000),
        "realised_pnl": D(0),
        "unrealised_pnl": D(0),
        "day_pnl": D(0),
        "peak_equity": D(100_000),
        "drawdown": D(0),
        "positions": positions,
        "balances": (),
        "at_ns": T0,
    }
    return PortfolioSnapshot(**{**fields, **changes})


def broken(snapshot: PortfolioSnapshot, **figures: Decimal) -> PortfolioSnapshot:
    """A portfolio that validation would never let through, as a fault of ours might make one."""
    return snapshot.model_copy(update=figures)


def intent(number: int = 1, **changes: Any) -> OrderIntent:
    return made.intent(intent_id=f"i{number}", action_key=f"k{number}", **changes)


def exit_intent(number: int = 1, **changes: Any) -> OrderIntent:
    return intent(number, side=Side.SELL, intent_type=IntentType.EXIT_FULL, **changes)


def update(status: OrderStatus, filled: str = "0", number: int = 1) -> OrderUpdated:
    return OrderUpdated(order=made.order(status, filled, key=f"b{number}"), change="changed")


def booked(side: Side, price: str, decision: str | None = "100") -> FillBooked:
    return FillBooked(
        fill=made.fill(side, "1", price),
        intent_type=IntentType.ENTRY,
        order_quantity=D(1),
        decision_price=None if decision is None else D(decision),
    )


def trade(pnl: str) -> RoundTrip:
    return RoundTrip(
        trade_id="t1",
        strategy_id="trend",
        venue="sim",
        symbol="BTCUSDT",
        quantity=D(1),
        entry_price=D(100),
        exit_price=D(100),
        entry_ns=T0,
        exit_ns=T0,
        pnl=D(pnl),
        currency="USDT",
        fees=D(0),
        buy_slippage_bps=None,
        sell_slippage_bps=None,
        buy_fill_ratio=D(1),
        sell_fill_ratio=D(1),
        trade_result="even",
    )
