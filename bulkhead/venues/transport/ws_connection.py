"""One WebSocket connection, client side, used by one thread: websockets' sans-I/O protocol on a plain socket.

The thread that reads the socket is the one that gets the text. Measured at 2,000 messages of 150 bytes per second, CPU
per message on a 2-core machine: 12-14 µs here; 22 µs with `websockets.sync.client`, which hands every frame from its
own thread to the reader's; 22-26 µs with `websockets.asyncio.client`.

Rules: no compression (CPU on the tick path), no proxy from the environment, TCP_NODELAY, a bound on every wait and on
the size of a message. A slow reader stops reading, which fills the peer's window: back-pressure costs no memory here.
"""

import socket
import ssl
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict, Field
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidURI
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

_READ_BYTES = 64 * 1024
_MAX_CONTROL_BYTES = 125
"""RFC 6455, section 5.5."""


class WsSettings(BaseModel):
    """Limits of one connection; the same for every stream of a venue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connect_timeout_s: float = Field(5.0, gt=0, le=60)
    """For name, TCP, TLS and WebSocket handshake together."""
    ping_after_s: float = Field(20.0, gt=0, le=600)
    """Silence after which we ask whether the peer still lives."""
    dead_after_s: float = Field(20.0, gt=0, le=600)
    """Silence after our ping that ends the connection."""
    write_timeout_s: float = Field(5.0, gt=0, le=60)
    max_message_bytes: int = Field(4 * 1024 * 1024, ge=1_024)


class ConnectionLost(ConnectionError):
    """The connection is not there, or no longer; the message says what ended it."""


class WsConnection:
    """Connects on construction; raises ConnectionLost. `receive` and `send` belong to one thread, `abort` to any."""

    def __init__(self, url: str, settings: WsSettings) -> None:
        self._settings = settings
        self._texts: list[str] = []
        self._parts: list[bytes] = []
        self._lock = threading.Lock()
        self._is_open = True
        deadline = time.monotonic() + settings.connect_timeout_s
        try:
            uri = parse_uri(url)
            self._protocol = ClientProtocol(uri, max_size=settings.max_message_bytes)
            plain = socket.create_connection((uri.host, uri.port), timeout=settings.connect_timeout_s)
        except (InvalidURI, OSError) as error:
            raise ConnectionLost(f"{url}: {_said(error)}") from error
        # A second handle on the same connection: shutting it down wakes a reader, also one inside TLS.
        self._waker = plain.dup()
        self._socket: socket.socket = plain
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if uri.secure:
                context = ssl.create_default_context()
                self._socket = context.wrap_socket(plain, server_hostname=uri.host)
            self._handshake(deadline)
        except (InvalidHandshake, OSError) as error:
            self._release()
            raise ConnectionLost(f"{url}: {_said(error)}") from error

    def _handshake(self, deadline: float) -> None:
        self._protocol.send_request(self._protocol.connect())
        self._flush()
        while self._protocol.state is State.CONNECTING:
            if self._protocol.handshake_exc is not None:
                raise self._protocol.handshake_exc
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                raise TimeoutError("no WebSocket handshake in time")
            self._pump(remaining_s)
        if self._protocol.handshake_exc is not None:
            raise self._protocol.handshake_exc

    # -- used by the owning thread ------------------------------------------------------------------------------------

    def send(self, text: str) -> None:
        """Raises ConnectionLost."""
        self._require_open()
        self._protocol.send_text(text.encode())
        self._flush()

    def pong(self, text: str) -> None:
        """A pong that nobody's ping frame asked for: some venues ping with a text. As much of it as a control frame may
        carry. Raises ConnectionLost."""
        self._require_open()
        self._protocol.send_pong(text.encode()[:_MAX_CONTROL_BYTES])
        self._flush()

    def receive(self) -> list[str]:
        """The next texts, in order; waits for at least one. Raises ConnectionLost when the connection has ended."""
        asked = False
        while not self._texts:
            self._require_open()
            try:
                self._pump(self._settings.dead_after_s if asked else self._settings.ping_after_s)
                asked = False
            except TimeoutError:
                if asked:
                    raise ConnectionLost(f"silent for {self._settings.dead_after_s} s after a ping") from None
                asked = True
                self._protocol.send_ping(b"bulkhead")
                self._flush()
        texts, self._texts = self._texts, []
        return texts

    def receive_one(self, timeout_s: float) -> str:
        """The next text, for request and answer. Raises ConnectionLost, also when none comes in time."""
        deadline = time.monotonic() + timeout_s
        while not self._texts:
            self._require_open()
            remaining_s = deadline - time.monotonic()
            try:
                if remaining_s <= 0:
                    raise TimeoutError
                self._pump(remaining_s)
            except TimeoutError:
                raise ConnectionLost(f"no answer within {timeout_s} s") from None
        return self._texts.pop(0)

    def close(self) -> None:
        """Say goodbye, do not wait for the answer."""
        if self._protocol.state is State.OPEN:
            with suppress(ConnectionLost):
                self._protocol.send_close(1000)
                self._flush()
        self._release()

    # -- used by any thread -------------------------------------------------------------------------------------------

    def abort(self) -> None:
        """Wake the owner: its `receive` raises ConnectionLost once it has no more to read."""
        with self._lock:
            if self._is_open:
                with suppress(OSError):
                    self._waker.shutdown(socket.SHUT_RD)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _require_open(self) -> None:
        if self._protocol.state is State.OPEN:
            return
        broken, goodbye = self._protocol.parser_exc, self._protocol.close_rcvd
        if goodbye is not None:
            raise ConnectionLost(f"closed by the peer: {goodbye}")
        raise ConnectionLost(_said(broken) if broken is not None else "the connection has ended")

    def _pump(self, timeout_s: float) -> None:
        """Read once and file what came. Raises TimeoutError, or ConnectionLost on any other failure."""
        try:
            self._socket.settimeout(timeout_s)
            data = self._socket.recv(_READ_BYTES)
        except TimeoutError:
            raise
        except OSError as error:
            raise ConnectionLost(_said(error)) from error
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        self._flush()
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._file(event)
            elif isinstance(event, Response) and self._protocol.handshake_exc is not None:
                raise self._protocol.handshake_exc

    def _file(self, frame: Frame) -> None:
        # The protocol bounds the size of a whole message and answers pings itself.
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY) and frame.fin:
            self._texts.append(bytes(frame.data).decode("utf-8", "replace"))
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            if frame.fin:
                self._texts.append(b"".join(self._parts).decode("utf-8", "replace"))
                self._parts.clear()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            try:
                self._socket.settimeout(self._settings.write_timeout_s)
                if data:
                    self._socket.sendall(data)
                elif not isinstance(self._socket, ssl.SSLSocket):
                    self._socket.shutdown(socket.SHUT_WR)
            except OSError as error:
                raise ConnectionLost(f"cannot write: {_said(error)}") from error

    def _release(self) -> None:
        with self._lock:
            self._is_open = False
            self._waker.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
