"""Market streams: /ws/<stream> and /stream?streams=a/b, with SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS.

Streams: <symbol>@trade, @bookTicker, @depth, @depth5, @depth10, @depth20; each depth also with @100ms, which is how
often all of them come here. An event is encoded once, and only when somebody listens. An unknown stream name is
accepted and stays silent, as at the real venue.
"""

import asyncio
import json
from collections.abc import Mapping

from starlette.websockets import WebSocket

from bulkhead.venues.simulator import wire
from bulkhead.venues.simulator.connections import Connection, Connections
from bulkhead.venues.simulator.orderbook import Book
from bulkhead.venues.simulator.orders import PublicTrade
from bulkhead.venues.simulator.settings import Limits


class Subscriber:
    """One connection's streams; `is_combined` wraps each event in {"stream", "data"}."""

    def __init__(self, connection: Connection, is_combined: bool) -> None:
        self.connection = connection
        self.is_combined = is_combined
        self.names: dict[str, None] = {}


class MarketStreams:
    """Who listens to what. `sent` counts messages handed to connections."""

    def __init__(self, limits: Limits) -> None:
        self.sent = 0
        self.books: Mapping[str, Book] = {}
        """Set once by the server, before the first connection."""
        self._limits = limits
        self.listeners: dict[str, dict[Subscriber, None]] = {}
        self._depth_symbols: set[str] = set()

    # -- events of the venue --------------------------------------------------------------------------------------

    def on_trade(self, trade: PublicTrade) -> None:
        name = trade.symbol.lower() + "@trade"
        if name in self.listeners:
            self._send(name, wire.trade_event(trade))

    def on_top(self, book: Book) -> None:
        name = book.rules.symbol.lower() + "@bookTicker"
        if name in self.listeners:
            self._send(name, wire.book_ticker(book.rules.symbol, book.update_id, book.last_top))

    def wants_depth(self, symbol: str) -> bool:
        return symbol in self._depth_symbols

    def on_depth(self, book: Book, time_ms: int) -> None:
        """Send the changes since the last call, and the top levels with them."""
        changes = book.take_changes()
        if changes is None:
            return
        first_id, bids, asks = changes
        symbol = book.rules.symbol
        prefix = symbol.lower() + "@depth"
        for name in (prefix, prefix + "@100ms"):
            if name in self.listeners:
                self._send(name, wire.depth_update(symbol, time_ms, first_id, book.update_id, bids, asks))
        for limit in (5, 10, 20):
            for name in (f"{prefix}{limit}", f"{prefix}{limit}@100ms"):
                if name in self.listeners:
                    self._send(name, wire.dumps(wire.depth(book, limit)))

    def _send(self, name: str, data: str) -> None:
        combined = ""
        for subscriber in list(self.listeners[name]):
            if subscriber.is_combined:
                combined = combined or f'{{"stream":"{name}","data":{data}}}'
            if subscriber.connection.push(combined if subscriber.is_combined else data):
                self.sent += 1

    # -- subscriptions --------------------------------------------------------------------------------------------

    def subscribe(self, subscriber: Subscriber, name: str) -> None:
        subscriber.names[name] = None
        self.listeners.setdefault(name, {})[subscriber] = None
        self._track_depth(name)

    def unsubscribe(self, subscriber: Subscriber, name: str) -> None:
        subscriber.names.pop(name, None)
        listeners = self.listeners.get(name, {})
        listeners.pop(subscriber, None)
        if not listeners:
            self.listeners.pop(name, None)
        self._track_depth(name)

    def _track_depth(self, name: str) -> None:
        symbol = name.partition("@")[0].upper()
        book = self.books.get(symbol)
        if book is None:
            return
        prefix = symbol.lower() + "@depth"
        is_wanted = any(
            prefix + end + pace in self.listeners for end in ("", "5", "10", "20") for pace in ("", "@100ms")
        )
        (self._depth_symbols.add if is_wanted else self._depth_symbols.discard)(symbol)
        book.track_depth(is_wanted)

    def command(self, subscriber: Subscriber, text: str) -> str:
        """Carry out one client message and return the answer."""
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            return _error(None, 3, "Invalid JSON: expected an object")
        number, method, params = message.get("id"), message.get("method"), message.get("params", [])
        if method == "LIST_SUBSCRIPTIONS":
            return wire.dumps({"result": list(subscriber.names), "id": number})
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE"):
            return _error(number, 2, f"Invalid request: unknown variant `{method}`")
        if not isinstance(params, list) or not params or not all(isinstance(name, str) for name in params):
            return _error(number, 2, "Invalid request: params must be a list of stream names")
        if method == "SUBSCRIBE" and len({*subscriber.names, *params}) > self._limits.streams_per_connection:
            return _error(number, 2, f"Invalid request: more than {self._limits.streams_per_connection} streams")
        for name in params:
            (self.subscribe if method == "SUBSCRIBE" else self.unsubscribe)(subscriber, name)
        return wire.dumps({"result": None, "id": number})

    def leave(self, subscriber: Subscriber) -> None:
        for name in list(subscriber.names):
            self.unsubscribe(subscriber, name)


def _error(number: object, code: int, message: str) -> str:
    return wire.dumps({"error": {"code": code, "msg": message}, "id": number})


async def serve_stream(
    websocket: WebSocket,
    names: list[str],
    is_combined: bool,
    streams: MarketStreams,
    connections: Connections,
    limits: Limits,
) -> None:
    """One connection from handshake to end."""
    connection = await connections.accept(websocket)
    if connection is None:
        return
    subscriber = Subscriber(connection, is_combined)
    for name in names[: limits.streams_per_connection]:
        streams.subscribe(subscriber, name)
    writer = asyncio.create_task(connection.write())
    loop = asyncio.get_running_loop()
    second, messages = -1, 0
    try:
        while (text := await connection.receive()) is not None:
            if int(loop.time()) != second:
                second, messages = int(loop.time()), 0
            messages += 1
            if messages > limits.stream_messages_per_s:
                connection.cut()
                break
            connection.push(streams.command(subscriber, text))
    finally:
        streams.leave(subscriber)
        connections.forget(connection)
        writer.cancel()
