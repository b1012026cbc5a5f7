"""The supervised reader: texts in order, reconnects for ever, never dies in silence, closes at once."""

import random
import socket
import threading
import time
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.server import ServerConnection

from bulkhead.venues.transport.ws import BackoffSettings, WsHandler, WsReader
from bulkhead.venues.transport.ws_connection import ConnectionLost, WsConnection, WsSettings
from tests.venues.transport.peers import free_port, tcp_peer, until, ws_peer

QUICK = BackoffSettings(first_s=0.01, cap_s=0.05, stable_after_s=10.0)
SETTINGS = WsSettings(connect_timeout_s=1.0, ping_after_s=0.1, dead_after_s=0.1, max_message_bytes=200_000)


class Listener:
    """Notes everything a reader tells."""

    def __init__(self, greeting: str = "", fails_on: str | None = None) -> None:
        self.texts: list[str] = []
        self.ups = 0
        self.downs: list[tuple[str, int]] = []
        self.faults: list[str] = []
        self._greeting = greeting
        self._fails_on = fails_on

    def on_text(self, text: str) -> None:
        if text == self._fails_on:
            raise ValueError("a bug in the handler")
        self.texts.append(text)

    def on_up(self, connection: WsConnection) -> None:
        self.ups += 1
        if self._greeting:
            connection.send(self._greeting)

    def on_down(self, reason: str, attempt: int) -> None:
        self.downs.append((reason, attempt))

    def reader(self, url: str, settings: WsSettings = SETTINGS, backoff: BackoffSettings = QUICK) -> WsReader:
        handler = WsHandler(self.on_text, self.on_up, self.on_down)
        rng = random.Random(1)
        return WsReader(
            "reader", url, handler, rng, lambda where, error: self.faults.append(str(error)), settings, backoff
        )


def wait_for_end(connection: ServerConnection) -> None:
    for _ in connection:
        pass


# -- backoff, without sockets -----------------------------------------------------------------------------------------


def test_delays_double_up_to_the_cap_with_jitter() -> None:
    backoff = BackoffSettings(first_s=1.0, cap_s=8.0)
    rng = random.Random(1)
    for attempt, whole_s in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (10_000, 8)]:
        assert whole_s / 2 <= backoff.delay_s(attempt, rng) <= whole_s


# -- with sockets -----------------------------------------------------------------------------------------------------


@pytest.mark.process
def test_texts_arrive_whole_and_in_order() -> None:
    big = "x" * 150_000

    def handle(connection: ServerConnection) -> None:
        assert connection.recv() == "hello"
        for number in range(500):
            connection.send(f"{number}")
        connection.send(iter(["frag", "mented ", "grün"]))
        connection.send(b"binary is text here")
        connection.send(big)
        wait_for_end(connection)

    listener = Listener(greeting="hello")
    with ws_peer(handle) as url:
        reader = listener.reader(url)
        reader.start()
        until(lambda: len(listener.texts) == 503, "all texts")
        assert reader.close(5)
    assert listener.texts == [*map(str, range(500)), "fragmented grün", "binary is text here", big]
    assert (listener.ups, listener.downs, listener.faults) == (1, [], [])


@pytest.mark.req("S-11")
@pytest.mark.process
def test_it_reconnects_and_counts_the_failures_in_a_row() -> None:
    def handle(connection: ServerConnection) -> None:
        connection.send("one")
        connection.close(1001, "going away")

    listener = Listener()
    with ws_peer(handle) as url:
        reader = listener.reader(url)
        reader.start()
        until(lambda: len(listener.texts) >= 3, "three connections")
        assert reader.close(5)
    assert "closed by the peer: 1001" in listener.downs[0][0]
    assert "going away" in listener.downs[0][0]
    # It came up each time, but never stood long enough to be called stable.
    assert [attempt for _, attempt in listener.downs[:2]] == [1, 2]


@pytest.mark.process
def test_a_connection_that_stood_clears_the_count() -> None:
    listener = Listener()
    with ws_peer(lambda connection: connection.close()) as url:
        reader = listener.reader(url, backoff=QUICK.model_copy(update={"stable_after_s": 0.0}))
        reader.start()
        until(lambda: len(listener.downs) >= 3, "three losses")
        assert reader.close(5)
    assert {attempt for _, attempt in listener.downs} == {1}


@pytest.mark.process
def test_nobody_there_is_told_each_time() -> None:
    listener = Listener()
    reader = listener.reader(f"ws://127.0.0.1:{free_port()}/")
    reader.start()
    until(lambda: len(listener.downs) >= 3, "three attempts")
    assert reader.close(5)
    assert [attempt for _, attempt in listener.downs[:3]] == [1, 2, 3]
    assert "ConnectionRefusedError" in listener.downs[0][0]
    assert listener.ups == 0


@pytest.mark.process
def test_a_silent_peer_is_pinged_and_then_given_up() -> None:
    def deaf(connection: socket.socket) -> None:
        # Speaks the handshake by hand and then never answers a ping.
        import base64
        import hashlib

        head = connection.recv(65_536).decode()
        key = next(line.split(": ")[1] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()  # noqa: S324 -- RFC 6455
        accept = base64.b64encode(digest).decode()
        connection.sendall(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        while connection.recv(100):
            pass

    listener = Listener()
    with tcp_peer(deaf) as port:
        reader = listener.reader(f"ws://127.0.0.1:{port}/")
        reader.start()
        until(lambda: len(listener.downs) >= 1, "given up")
        assert reader.close(5)
    assert listener.downs[0] == ("silent for 0.1 s after a ping", 1)


@pytest.mark.process
def test_a_quiet_peer_that_answers_pings_is_kept() -> None:
    listener = Listener()
    with ws_peer(wait_for_end) as url:
        reader = listener.reader(url)
        reader.start()
        until(lambda: listener.ups == 1, "connected")
        time.sleep(0.5)  # five times the silence that would end it
        assert listener.downs == []
        assert reader.close(5)


@pytest.mark.process
def test_a_handler_that_raises_costs_the_connection_and_is_reported() -> None:
    texts = iter(["good", "bad", "after"])

    def handle(connection: ServerConnection) -> None:
        for text in texts:
            connection.send(text)
            if text == "bad":
                wait_for_end(connection)
                return
        wait_for_end(connection)

    listener = Listener(fails_on="bad")
    with ws_peer(handle) as url:
        reader = listener.reader(url)
        reader.start()
        until(lambda: listener.texts == ["good", "after"], "it goes on after the bug")
        assert reader.close(5)
    assert listener.faults == ["a bug in the handler"]
    assert "our handler failed" in listener.downs[0][0]


@pytest.mark.process
def test_dropping_a_connection_names_our_reason() -> None:
    listener = Listener()
    with ws_peer(wait_for_end) as url:
        reader = listener.reader(url)
        reader.start()
        until(lambda: listener.ups == 1, "connected")
        reader.drop("stale subscription")
        until(lambda: listener.ups == 2, "connected again")
        assert reader.close(5)
    assert listener.downs == [("stale subscription", 1)]


@pytest.mark.process
def test_closing_is_prompt_connected_or_not() -> None:
    listener = Listener()
    with ws_peer(wait_for_end) as url:
        reader = listener.reader(url, SETTINGS.model_copy(update={"ping_after_s": 60.0}))
        reader.start()
        until(lambda: listener.ups == 1, "connected")
        began = time.monotonic()
        assert reader.close(5)
        assert time.monotonic() - began < 1
    waiting = listener.reader(f"ws://127.0.0.1:{free_port()}/", backoff=BackoffSettings(first_s=60, cap_s=60))
    waiting.start()
    until(lambda: len(listener.downs) == 1, "one attempt failed")
    assert waiting.close(1)
    assert listener.reader("ws://127.0.0.1:1/").close(0)  # never started


@pytest.mark.process
def test_a_slow_reader_holds_the_peer_back() -> None:
    sent = 0
    release = threading.Event()

    def handle(connection: ServerConnection) -> None:
        nonlocal sent
        try:
            for _ in range(2_000):
                connection.send("x" * 50_000)
                sent += 1
        except ConnectionClosed:
            return

    class Slow(Listener):
        def on_text(self, text: str) -> None:
            release.wait(5)
            super().on_text(text)

    listener = Slow()
    with ws_peer(handle) as url:
        reader = listener.reader(url)
        reader.start()
        until(lambda: sent > 0, "the peer sends")
        time.sleep(0.3)
        held_at = sent
        time.sleep(0.2)
        assert sent == held_at < 2_000
        release.set()
        assert reader.close(5)


@pytest.mark.process
@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", b"nonsense\r\n\r\n", b"", b"HTTP/1.1 101 x\r\n\r\n"],
)
def test_a_peer_that_is_no_websocket(answer: bytes) -> None:
    def handle(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(answer)

    with tcp_peer(handle) as port, pytest.raises(ConnectionLost):
        WsConnection(f"ws://127.0.0.1:{port}/", SETTINGS)


@pytest.mark.process
def test_a_peer_that_never_finishes_the_handshake() -> None:
    with tcp_peer(lambda connection: time.sleep(0.5)) as port, pytest.raises(ConnectionLost, match="TimeoutError"):
        WsConnection(f"ws://127.0.0.1:{port}/", SETTINGS.model_copy(update={"connect_timeout_s": 0.1}))


@pytest.mark.process
def test_a_message_over_the_bound_ends_the_connection() -> None:
    def handle(connection: ServerConnection) -> None:
        connection.send("x" * 300_000)
        wait_for_end(connection)

    with ws_peer(handle) as url, WsConnection(url, SETTINGS) as connection, pytest.raises(ConnectionLost):
        connection.receive()


def test_a_url_that_is_none() -> None:
    with pytest.raises(ConnectionLost):
        WsConnection("http://example.invalid/", SETTINGS)


def test_a_pong_that_nobody_asked_for_carries_as_much_as_a_control_frame_may() -> None:
    pongs: list[str] = []

    def talk(peer: ServerConnection) -> None:
        hear = peer.protocol.recv_frame

        def spy(frame: Frame) -> None:
            if frame.opcode is Opcode.PONG:
                pongs.append(bytes(frame.data).decode())
            hear(frame)

        peer.protocol.recv_frame = spy  # type: ignore[method-assign]
        with suppress(ConnectionClosed):
            peer.send("listening")
            peer.recv()

    with ws_peer(talk) as url:
        connection = WsConnection(url, WsSettings())
        connection.receive_one(5.0)
        connection.pong("alive")
        connection.pong("x" * 200)
        until(lambda: pongs == ["alive", "x" * 125], "both")
        connection.close()
        with pytest.raises(ConnectionLost):
            connection.pong("late")
