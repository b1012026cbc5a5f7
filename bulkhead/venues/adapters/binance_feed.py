"""Market data of Binance Spot: one combined stream for a fixed set of symbols and kinds, for ever."""

import random
import threading
from collections.abc import Callable

from bulkhead.venues.adapters.binance_settings import MAX_STREAMS, BinanceSettings
from bulkhead.venues.port import Sink
from bulkhead.venues.transport.http import OnFault
from bulkhead.venues.transport.ws import WsHandler, WsReader
from bulkhead.venues.transport.ws_connection import WsConnection
from bulkhead.venues.wire.binance import requests, streams
from bulkhead.venues.wire.facts import Ignored, ProtocolError, Received, clipped
from messages.market import FeedConnected, FeedDisconnected, FeedProtocolError


class BinanceFeed:
    """Implements MarketFeed. May be opened again after it was closed."""

    def __init__(
        self,
        settings: BinanceSettings,
        *,
        now_ns: Callable[[], int],
        monotonic_ns: Callable[[], int],
        rng: random.Random,
        on_fault: OnFault,
    ) -> None:
        names = requests.stream_names(settings.symbols, settings.stream_kinds)
        if not 0 < len(names) <= MAX_STREAMS:
            raise ValueError(f"{len(names)} streams (symbols x kinds); the venue takes 1 to {MAX_STREAMS} a connection")
        self._venue = settings.venue
        self._now_ns = now_ns
        self._monotonic_ns = monotonic_ns
        self._lock = threading.Lock()
        self._received = 0
        self._sink: Sink | None = None
        self._is_open = False
        self._settings = settings
        self._rng, self._on_fault = rng, on_fault
        self._url = f"{settings.stream_url.rstrip('/')}/stream?streams={'/'.join(names)}"
        self._reader = self._make_reader()

    def _make_reader(self) -> WsReader:
        settings = self._settings
        handler = WsHandler(on_text=self._on_text, on_up=self._on_up, on_down=self._on_down)
        name = f"{settings.venue}-market-stream"
        return WsReader(name, self._url, handler, self._rng, self._on_fault, settings.ws, settings.backoff)

    @property
    def received_market_events(self) -> int:
        """Events whose messages have been given to the sink, ignored kinds included; answers to requests are none."""
        with self._lock:
            return self._received

    def open(self, sink: Sink) -> None:
        if self._is_open:
            raise RuntimeError("open already: close() comes before another open()")
        self._is_open = True
        self._sink = sink
        self._reader = self._make_reader()
        self._reader.start()

    def close(self, deadline_s: float) -> None:
        self._reader.close(deadline_s)
        self._is_open = False

    def _tell(self) -> Sink:
        if self._sink is None:
            raise RuntimeError("the feed was not opened")
        return self._sink

    def _on_up(self, _connection: WsConnection) -> None:
        self._tell()(FeedConnected(feed=self._venue))

    def _on_down(self, reason: str, attempt: int) -> None:
        self._tell()(FeedDisconnected(feed=self._venue, reason=clipped(reason), attempt=attempt))

    def _on_text(self, text: str) -> None:
        received = Received(self._now_ns(), self._monotonic_ns())
        event = streams.market_event(text, self._venue, received)
        if isinstance(event, streams.Reply):
            return
        if isinstance(event, streams.StreamEnded):
            self._reader.drop(event.reason)
        elif isinstance(event, ProtocolError):
            self._tell()(FeedProtocolError(feed=self._venue, reason=event.reason, raw=event.raw))
        elif not isinstance(event, Ignored):
            self._tell()(event)
        with self._lock:
            self._received += 1
