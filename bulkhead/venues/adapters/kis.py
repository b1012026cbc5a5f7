"""KIS (Korea Investment & Securities) behind the port: `KisOrders` is an OrderVenue, `KisFeed` a MarketFeed,
`KisQuotes` a QuoteSource.

They share one `KisSession`, since an app key has one token, one budget of requests and one socket. The same speak to
the real venue, its paper host and our simulated venue: `KisSettings` says which.
"""

from bulkhead.venues.adapters.kis_feed import KisFeed
from bulkhead.venues.adapters.kis_orders import KisOrders
from bulkhead.venues.adapters.kis_quotes import KisQuotes
from bulkhead.venues.adapters.kis_session import KisSession
from bulkhead.venues.adapters.kis_settings import KisSettings

__all__ = ["KisFeed", "KisOrders", "KisQuotes", "KisSession", "KisSettings"]
