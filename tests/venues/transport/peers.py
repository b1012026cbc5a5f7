"""Peers on loopback for transport tests: real sockets, scripted behaviour, no product code."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

from websockets.sync.server import ServerConnection, serve

PATIENCE_S = 10.0


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that another thread does; fails after PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.002)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def read_request(connection: socket.socket) -> bytes:
    """One HTTP request without a body; empty if the client went away."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            return b""
        data += piece
    return data


def http_answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@contextlib.contextmanager
def tcp_peer(handle: Callable[[socket.socket], None], *, at_once: bool = False) -> Iterator[int]:
    """Runs `handle` for each connection, one after the other or each on a thread of its own; yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            if at_once:
                threading.Thread(target=serve_one, args=(connection,), daemon=True).start()
            else:
                serve_one(connection)

    def serve_one(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            handle(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE_S)


def answering(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> Callable[[socket.socket], None]:
    """Keeps the connection alive and gives each request the same answer."""

    def handle(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(http_answer(body, status, *headers))

    return handle


@contextlib.contextmanager
def ws_peer(handle: Callable[[ServerConnection], None]) -> Iterator[str]:
    """A WebSocket server; yields its URL."""
    with serve(handle, "127.0.0.1", 0, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        finally:
            server.shutdown()
            thread.join(PATIENCE_S)
