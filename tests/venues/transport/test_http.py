"""Sent, not sent, or nobody knows: with real sockets, because that is where it is decided."""

import gzip
import socket
import threading
import time
from dataclasses import dataclass, field

import pytest

from bulkhead.venues.transport.http import HttpChannel, HttpLane, HttpSettings, LaneFull, Withheld
from bulkhead.venues.wire.facts import Answered, HttpFact, NothingLeft, NoVerdict, WireRequest
from tests.venues.transport.peers import answering, free_port, http_answer, read_request, tcp_peer, until

pytestmark = pytest.mark.process

REQUEST = WireRequest("POST", "/api/v3/order", "a=1", {"X-MBX-APIKEY": "key"})
SETTINGS = HttpSettings(connect_timeout_s=1.0, read_timeout_s=0.2, answer_deadline_s=0.5, max_body_bytes=4_096)


def exchange(port: int, settings: HttpSettings = SETTINGS) -> HttpFact:
    with HttpChannel(f"http://127.0.0.1:{port}/", settings) as channel:
        return channel.exchange(REQUEST)


# -- what a fact says -------------------------------------------------------------------------------------------------


def test_a_whole_answer_with_its_headers() -> None:
    seen: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(http_answer(b'{"code":-1}', "400 Bad Request", "Retry-After: 7"))

    with tcp_peer(handle) as port:
        fact = exchange(port)
    assert isinstance(fact, Answered)
    assert (fact.status, fact.text, fact.headers["retry-after"]) == (400, '{"code":-1}', "7")
    head = seen[0].decode().lower()
    assert head.startswith("post /api/v3/order?a=1 http/1.1\r\n")
    assert "x-mbx-apikey: key" in head
    assert "content-length: 0" in head


def test_a_body_is_sent_whole_and_as_it_is() -> None:
    seen: list[bytes] = []
    body = '{"PDNO":"005930","name":"\ud55c"}'

    def handle(connection: socket.socket) -> None:
        received = b""
        while not received.endswith(body.encode()):
            received += connection.recv(4_096)
        seen.append(received)
        connection.sendall(http_answer(b"{}"))

    request = WireRequest("POST", "/orders", headers={"content-type": "application/json"}, body=body)
    with tcp_peer(handle) as port, HttpChannel(f"http://127.0.0.1:{port}", SETTINGS) as channel:
        assert isinstance(channel.exchange(request), Answered)
    head, _, sent = seen[0].partition(b"\r\n\r\n")
    assert sent == body.encode()
    assert f"content-length: {len(sent)}" in head.decode().lower()
    assert "content-type: application/json" in head.decode().lower()


def test_a_compressed_answer_is_unpacked() -> None:
    with tcp_peer(answering(gzip.compress(b"hello"), "200 OK", "Content-Encoding: gzip")) as port:
        fact = exchange(port)
    assert isinstance(fact, Answered)
    assert fact.text == "hello"


def test_connection_refused_means_nothing_left() -> None:
    fact = exchange(free_port())
    assert isinstance(fact, NothingLeft)
    assert "ConnectError" in fact.reason


def test_an_unknown_host_means_nothing_left() -> None:
    with HttpChannel("http://no-such-host.invalid", SETTINGS) as channel:
        assert isinstance(channel.exchange(REQUEST), NothingLeft)


def test_a_url_that_is_none_means_nothing_left() -> None:
    with HttpChannel("http://[", SETTINGS) as channel:
        assert isinstance(channel.exchange(REQUEST), NothingLeft)


def test_a_handshake_that_is_no_tls_means_nothing_left() -> None:
    not_tls = tcp_peer(lambda connection: connection.sendall(b"not TLS at all"))
    with not_tls as port, HttpChannel(f"https://127.0.0.1:{port}", SETTINGS) as channel:
        assert isinstance(channel.exchange(REQUEST), NothingLeft)


def test_closed_without_an_answer_is_no_verdict() -> None:
    def handle(connection: socket.socket) -> None:
        read_request(connection)

    with tcp_peer(handle) as port:
        assert isinstance(exchange(port), NoVerdict)


def test_closed_before_it_was_read_is_no_verdict() -> None:
    with tcp_peer(lambda connection: connection.close()) as port:
        assert isinstance(exchange(port), NoVerdict)


def test_silence_is_no_verdict() -> None:
    released = threading.Event()

    def handle(connection: socket.socket) -> None:
        read_request(connection)
        released.wait(5)

    with tcp_peer(handle) as port:
        fact = exchange(port)
        released.set()
    assert fact == NoVerdict("ReadTimeout: timed out")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly a part",
        b"this is not HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        http_answer(b"x" * 5_000),
    ],
)
def test_half_an_answer_is_no_verdict(answer: bytes) -> None:
    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)

    with tcp_peer(handle) as port:
        assert isinstance(exchange(port), NoVerdict)


def test_a_body_that_drips_is_no_verdict_after_the_deadline() -> None:
    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.05)

    with tcp_peer(handle) as port:
        began = time.monotonic()
        fact = exchange(port)
    assert fact == NoVerdict("the answer took longer than 0.5 s")
    assert time.monotonic() - began < 3


def test_a_kept_alive_connection_that_the_peer_closed_is_not_used_for_an_order() -> None:
    requests: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        requests.append(read_request(connection))
        connection.sendall(http_answer(b"{}"))  # and close: the next order must come on a new connection

    with tcp_peer(handle) as port, HttpChannel(f"http://127.0.0.1:{port}", SETTINGS) as channel:
        for _ in range(3):
            assert isinstance(channel.exchange(REQUEST), Answered)
            time.sleep(0.05)
    assert len(requests) == 3


# -- the last check before a write ------------------------------------------------------------------------------------


def test_a_request_can_be_withheld_when_the_connection_already_stands() -> None:
    bytes_seen: list[bytes] = []

    def refuse() -> None:
        raise Withheld("the gate is shut")

    with tcp_peer(lambda connection: bytes_seen.append(connection.recv(100))) as port:
        with HttpChannel(f"http://127.0.0.1:{port}", SETTINGS) as channel:
            fact = channel.exchange(REQUEST, before_write=refuse)
        until(lambda: bool(bytes_seen), "the peer sees the connection end")
    assert fact == NothingLeft("the gate is shut", is_withheld=True)
    assert bytes_seen == [b""]


@pytest.mark.req("N-03")
def test_the_moment_of_writing_is_told() -> None:
    written: list[int] = []
    with tcp_peer(answering()) as port, HttpChannel(f"http://127.0.0.1:{port}", SETTINGS) as channel:
        before = time.monotonic_ns()
        channel.exchange(REQUEST, on_written=written.append)
        assert before < written[0] < time.monotonic_ns()


# -- the lane ---------------------------------------------------------------------------------------------------------


@dataclass
class Task:
    """A job that notes what became of it."""

    log: list[str]
    name: str = "job"
    hold: threading.Event | None = None
    breaks: bool = False
    started: threading.Event = field(default_factory=threading.Event)

    def run(self, channel: HttpChannel) -> None:
        self.started.set()
        if self.hold is not None:
            self.hold.wait(5)
        if self.breaks:
            raise ValueError("a bug")
        self.log.append(f"{self.name} {type(channel.exchange(REQUEST)).__name__}")

    def abandon(self, reason: str) -> None:
        self.log.append(f"{self.name} abandoned: {reason}")

    def fail(self, error: Exception) -> None:
        self.log.append(f"{self.name} failed: {error}")


def lane_for(port: int, faults: list[str], bound: int = 2) -> HttpLane:
    settings = SETTINGS.model_copy(update={"queue_bound": bound})
    return HttpLane(
        "lane", f"http://127.0.0.1:{port}", settings, lambda where, error: faults.append(f"{where}: {error}")
    )


@pytest.mark.req("N-03")
def test_jobs_run_in_order_on_one_connection() -> None:
    connections: list[int] = []

    def handle(connection: socket.socket) -> None:
        connections.append(1)
        answering()(connection)

    log: list[str] = []
    with tcp_peer(handle) as port:
        lane = lane_for(port, [], bound=10)
        lane.start()
        for number in range(10):
            lane.submit(Task(log, f"{number}"))
        until(lambda: len(log) == 10, "all jobs ran")
        assert lane.close(5)
    assert log == [f"{number} Answered" for number in range(10)]
    assert len(connections) == 1


def test_a_full_lane_refuses_at_once() -> None:
    log: list[str] = []
    hold = threading.Event()
    with tcp_peer(answering()) as port:
        lane = lane_for(port, [])
        lane.start()
        first = Task(log, "first", hold)
        lane.submit(first)
        assert first.started.wait(5)
        lane.submit(Task(log, "second"))
        lane.submit(Task(log, "third"))
        with pytest.raises(LaneFull, match="2 requests waiting"):
            lane.submit(Task(log, "fourth"))
        hold.set()
        until(lambda: len(log) == 3, "the three that were taken ran")
        assert lane.close(5)


def test_a_job_that_raises_is_reported_and_the_worker_goes_on() -> None:
    log: list[str] = []
    faults: list[str] = []
    with tcp_peer(answering()) as port:
        lane = lane_for(port, faults)
        lane.start()
        lane.submit(Task(log, "bad", breaks=True))
        lane.submit(Task(log, "good"))
        until(lambda: len(log) == 2, "both ended")
        assert lane.close(5)
    assert log == ["bad failed: a bug", "good Answered"]
    assert faults == ["lane: a bug"]


def test_closing_lets_the_job_under_way_end_and_abandons_the_rest() -> None:
    log: list[str] = []
    hold = threading.Event()
    with tcp_peer(answering()) as port:
        lane = lane_for(port, [])
        lane.start()
        first = Task(log, "first", hold)
        lane.submit(first)
        assert first.started.wait(5)
        lane.submit(Task(log, "second"))
        assert not lane.close(0.05)
        hold.set()
        assert lane.close(5)
        with pytest.raises(LaneFull, match="closed"):
            lane.submit(Task(log, "third"))
    assert log == ["second abandoned: lane was closed before it was sent", "first Answered"]


def test_a_lane_that_never_started_closes_at_once() -> None:
    log: list[str] = []
    lane = lane_for(free_port(), [])
    lane.submit(Task(log, "waiting"))
    assert lane.close(5)
    assert log == ["waiting abandoned: lane was closed before it was sent"]
