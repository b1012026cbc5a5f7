"""Binance Spot behind the port: `BinanceOrders` is an OrderVenue, `BinanceFeed` a MarketFeed,
`BinanceQuotes` a QuoteSource.

They speak to the real venue, its testnet and our simulated venue: only the URLs of `BinanceSettings` differ.
"""

from bulkhead.venues.adapters.binance_feed import BinanceFeed
from bulkhead.venues.adapters.binance_orders import BinanceOrders
from bulkhead.venues.adapters.binance_quotes import BinanceQuotes
from bulkhead.venues.adapters.binance_rates import BinanceRates
from bulkhead.venues.adapters.binance_settings import BinanceSettings
from bulkhead.venues.adapters.laned_orders import OnSent
from bulkhead.venues.rate_settings import RateSettings
from bulkhead.venues.transport.rate_budget import RateState

__all__ = [
    "BinanceFeed",
    "BinanceOrders",
    "BinanceQuotes",
    "BinanceRates",
    "BinanceSettings",
    "OnSent",
    "RateSettings",
    "RateState",
]
