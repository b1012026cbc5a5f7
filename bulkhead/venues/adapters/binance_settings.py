"""Settings of one account at Binance Spot, or at anything that speaks its wire (testnet, our simulated venue).

Only the URLs differ between those. Hosts as of 2026-07:
    real     rest https://api.binance.com      ws_api wss://ws-api.binance.com:443/ws-api/v3
             stream wss://stream.binance.com:9443
    testnet  rest https://testnet.binance.vision  ws_api wss://ws-api.testnet.binance.vision/ws-api/v3
             stream wss://stream.testnet.binance.vision
"""

from typing import Literal

from pydantic import Field, SecretStr

from bulkhead.venues.adapters.laned_settings import LanedSettings, WsUrl
from bulkhead.venues.transport.ws import BackoffSettings
from bulkhead.venues.transport.ws_connection import WsSettings
from messages.values import Name, Symbol

StreamKind = Literal[
    "trade", "bookTicker", "depth5", "depth10", "depth20", "depth5@100ms", "depth10@100ms", "depth20@100ms"
]

MAX_STREAMS = 1_024
"""The venue's bound on streams in one connection."""


class BinanceSettings(LanedSettings):
    venue: Name = "binance"
    ws_api_url: WsUrl
    """Whole, with its path."""
    stream_url: WsUrl
    """Scheme and host, without /stream."""
    api_key: SecretStr
    api_secret: SecretStr
    symbols: tuple[Symbol, ...] = ()
    """Traded and watched; trading rules are asked for these (none named: for all)."""
    stream_kinds: tuple[StreamKind, ...] = ("trade", "bookTicker")
    recv_window_ms: int = Field(5_000, ge=1, le=60_000)
    """The venue refuses a signed request older than this; it is also how long an order can stay lost on the way."""
    subscribe_timeout_s: float = Field(10.0, gt=0, le=60)
    """For the acknowledgement of the order stream."""
    max_pages: int = Field(200, ge=1, le=10_000)
    """Pages of 1,000 rows that one snapshot may read; one that needs more fails instead of reporting a part."""
    ws: WsSettings = WsSettings()
    backoff: BackoffSettings = BackoffSettings()
