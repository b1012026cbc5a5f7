"""Supervised execution for trading strategies. `from bulkhead import Strategy, Decision` is what users need."""

from importlib.metadata import PackageNotFoundError, version

from bulkhead.strategy.api import Answer, Strategy, Tick, View
from messages.market import Bar, Quote, Trade
from messages.orders import Fill, OrderRow, OrderUpdated
from messages.trading import Decision
from messages.values import (
    Action,
    MarketSnapshot,
    OnStop,
    OrderStatus,
    OrderType,
    Side,
    SplitPolicy,
    StopLevel,
    TimeInForce,
)

try:
    __version__ = version("bulkhead")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+unknown"

__all__ = [
    "Action", "Answer", "Bar", "Decision", "Fill", "MarketSnapshot", "OnStop", "OrderRow", "OrderStatus", "OrderType",
    "OrderUpdated", "Quote", "Side", "SplitPolicy", "StopLevel", "Strategy", "Tick", "TimeInForce", "Trade", "View",
    "__version__",
]  # fmt: skip
