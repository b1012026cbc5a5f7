"""The stream of our own orders: the WebSocket API with a signed subscription, one connection, for ever.

OrderChannelUp is told once the venue has acknowledged the subscription, and OrderChannelDown for every loss and every
attempt that came to nothing.
"""

import random
import threading
from collections.abc import Callable

from bulkhead.venues.adapters.binance_settings import BinanceSettings
from bulkhead.venues.port import Sink
from bulkhead.venues.transport.http import OnFault
from bulkhead.venues.transport.ws import WsHandler, WsReader
from bulkhead.venues.transport.ws_connection import ConnectionLost, WsConnection
from bulkhead.venues.wire.binance import requests, streams
from bulkhead.venues.wire.facts import Ignored, ProtocolError, clipped
from messages.orders import OrderChannelDown, OrderChannelUp, VenueProtocolError

_MAX_MESSAGES_BEFORE_ACK = 1_000


class UserStream:
    def __init__(
        self,
        settings: BinanceSettings,
        signer: requests.Signer,
        stamp: Callable[[], requests.Stamp],
        rng: random.Random,
        on_fault: OnFault,
        charge: Callable[[], None],
    ) -> None:
        """`charge` is told of each subscription sent: the venue counts it against our address."""
        self._settings = settings
        self._charge = charge
        self._signer = signer
        self._stamp = stamp
        self._lock = threading.Lock()
        self._received = 0
        self._subscriptions = 0
        self._sink: Sink = _nobody
        self.channel: OrderChannelUp | OrderChannelDown
        self.channel = OrderChannelDown(venue=settings.venue, reason="the stream has not come up yet", attempt=0)
        """What was told last."""
        self._rng, self._on_fault = rng, on_fault
        self._reader = self._make_reader()

    def _make_reader(self) -> WsReader:
        settings = self._settings
        handler = WsHandler(on_text=self._on_text, on_up=self._subscribe, on_down=self._on_down)
        name = f"{settings.venue}-user-stream"
        return WsReader(name, settings.ws_api_url, handler, self._rng, self._on_fault, settings.ws, settings.backoff)

    @property
    def received(self) -> int:
        with self._lock:
            return self._received

    def open(self, sink: Sink) -> None:
        self._sink = sink
        self._reader = self._make_reader()
        self._reader.start()

    def close(self, deadline_s: float) -> bool:
        return self._reader.close(deadline_s)

    def _subscribe(self, connection: WsConnection) -> None:
        self._subscriptions += 1
        request_id = f"subscribe-{self._subscriptions}"
        self._charge()
        connection.send(requests.subscribe_user_stream(self._signer, request_id, self._stamp()))
        for _ in range(_MAX_MESSAGES_BEFORE_ACK):
            text = connection.receive_one(self._settings.subscribe_timeout_s)
            reply = streams.user_event(text)
            if not isinstance(reply, streams.Reply):
                self._on_text(text)
                continue
            if not reply.is_ok:
                raise ConnectionLost(f"subscription refused: {reply.reason} (code {reply.code}, status {reply.status})")
            self._tell(OrderChannelUp(venue=self._settings.venue))
            return
        raise ConnectionLost("the subscription was never acknowledged")

    def _on_text(self, text: str) -> None:
        event = streams.user_event(text)
        if isinstance(event, streams.Reply):
            return
        if isinstance(event, streams.StreamEnded):
            self._reader.drop(event.reason)
        elif isinstance(event, ProtocolError):
            self._sink(VenueProtocolError(venue=self._settings.venue, reason=event.reason, raw=event.raw))
        elif not isinstance(event, Ignored):
            self._sink(event)
        # After the sink: whoever waits for this count finds the evidence posted.
        with self._lock:
            self._received += 1

    def _on_down(self, reason: str, attempt: int) -> None:
        self._tell(OrderChannelDown(venue=self._settings.venue, reason=clipped(reason), attempt=attempt))

    def _tell(self, channel: OrderChannelUp | OrderChannelDown) -> None:
        """Kept before it is told: whoever asks after having missed it hears nothing older."""
        self.channel = channel
        self._sink(channel)


def _nobody(_body: object) -> None:
    raise RuntimeError("the stream was not opened")
