"""WebSocket connections of the venue: a bounded queue and one writer for each, and a registry that can cut them all.

A reader that is too slow fills its queue; one message more and its connection is cut, so that memory stays bounded.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

ABORT_EXTENSION = "bulkhead.abort"
"""Key in the ASGI scope's extensions under which server.py leaves a function that cuts the TCP connection."""

SEND_NOW_EXTENSION = "bulkhead.send_now"
"""Likewise a function that writes a text message if the socket has room, and says whether it did."""

PONGS_EXTENSION = "bulkhead.pongs"
"""Likewise the last pong frames that the client sent, of whatever content."""


class Connection:
    """One client's socket. `push` never blocks and never raises."""

    def __init__(self, websocket: WebSocket, most_waiting: int) -> None:
        self.websocket = websocket
        self.is_closed = False
        self._most_waiting = most_waiting
        self._waiting: deque[str] = deque()
        self._wake = asyncio.Event()
        self._is_sending = False
        extensions = websocket.scope.get("extensions") or {}
        self._abort: Callable[[], None] | None = extensions.get(ABORT_EXTENSION)
        self._send_now: Callable[[str], bool] | None = extensions.get(SEND_NOW_EXTENSION)

    def push(self, text: str) -> bool:
        """Send or queue a message; False when the connection is gone or has just been cut for being too slow."""
        if self.is_closed:
            return False
        if self._send_now is not None and not self._waiting and not self._is_sending and self._send_now(text):
            return True
        if len(self._waiting) >= self._most_waiting:
            self.cut()
            return False
        self._waiting.append(text)
        self._wake.set()
        return True

    def cut(self) -> None:
        """End the connection now, without a closing handshake."""
        self.is_closed = True
        self._waiting.clear()
        self._wake.set()
        if self._abort is not None:
            self._abort()

    async def write(self) -> None:
        """Send what is queued until the connection ends."""
        waiting = self._waiting
        while not self.is_closed:
            await self._wake.wait()
            self._wake.clear()
            while waiting:
                self._is_sending = True  # until it is out, nothing may overtake it
                try:
                    await self.websocket.send_text(waiting.popleft())
                except WebSocketDisconnect:
                    self.is_closed = True
                    return
                finally:
                    self._is_sending = False
        if self._abort is None and self.websocket.application_state is WebSocketState.CONNECTED:
            await self.websocket.close(1008)

    async def receive(self) -> str | None:
        """Next text message; None when the peer has gone. Binary is answered by the end of the connection."""
        message = await self.websocket.receive()
        text = message.get("text")
        return text if message["type"] == "websocket.receive" and isinstance(text, str) else None


class Connections:
    """All WebSockets, at most `most`."""

    def __init__(self, most: int, most_waiting: int) -> None:
        self._most = most
        self._most_waiting = most_waiting
        self._open: set[Connection] = set()

    async def accept(self, websocket: WebSocket) -> Connection | None:
        """None (and a refusal on the wire) when there are too many."""
        if len(self._open) >= self._most:
            await websocket.close(1013)
            return None
        await websocket.accept()
        connection = Connection(websocket, self._most_waiting)
        self._open.add(connection)
        return connection

    def forget(self, connection: Connection) -> None:
        connection.is_closed = True
        self._open.discard(connection)

    def cut_all(self, paths: tuple[str, ...] = ("",)) -> None:
        """Those whose path begins so."""
        for connection in list(self._open):
            if connection.websocket.url.path.startswith(paths):
                connection.cut()
