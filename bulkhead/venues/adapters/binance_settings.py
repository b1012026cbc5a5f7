"""Settings of one account at Binance Spot, or at anything that speaks its wire (testnet, our simulated venue).

Only the URLs differ between those. Hosts as of 2026-07:
    real     rest https://api.binance.com      ws_api wss://ws-api.binance.com:443/ws-api/v3
             stream wss://stream.binance.com:9443
    testnet  rest https://testnet.binance.vision  ws_api wss://ws-api.testnet.binance.vision/ws-api/v3
             stream wss://stream.testnet.binance.vision
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bulkhead.venues.rate_settings import RateSettings
from bulkhead.venues.transport.http import HttpSettings
from bulkhead.venues.transport.ws import BackoffSettings
from bulkhead.venues.transport.ws_connection import WsSettings
from messages.values import Name, Symbol

HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
WsUrl = Annotated[str, Field(pattern=r"^wss?://[^\s?#]+$")]
StreamKind = Literal[
    "trade", "bookTicker", "depth5", "depth10", "depth20", "depth5@100ms", "depth10@100ms", "depth20@100ms"
]

MAX_STREAMS = 1_024
"""The venue's bound on streams in one connection."""


class BinanceSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    venue: Name = "binance"
    account: Name = "main"
    rest_url: HttpUrl
    """Scheme and host, without /api/v3."""
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
    lanes: Literal[1, 2] = 2
    """2: orders, cancels, queries and snapshots have a thread and a connection each, and none delays another. 1: one
    for all, strictly one request after the other and no waiting for a turn, for runs whose order of events must not
    depend on the machine."""
    subscribe_timeout_s: float = Field(10.0, gt=0, le=60)
    """For the acknowledgement of the order stream."""
    max_pages: int = Field(200, ge=1, le=10_000)
    """Pages of 1,000 rows that one snapshot may read; one that needs more fails instead of reporting a part."""
    rates: RateSettings = RateSettings()
    http: HttpSettings = HttpSettings()
    ws: WsSettings = WsSettings()
    backoff: BackoffSettings = BackoffSettings()

    def longest_wait_s(self, allowed_s: float) -> float:
        """How long a thread may wait for a turn: with one lane the run's clock may stand still until it is answered."""
        return allowed_s if self.lanes > 1 else 0.0
