"""HTTP to a venue: one worker thread, one kept-alive connection, jobs in the order they were handed in.

It knows no venue and never retries: who may send again is the order path's decision. Its one judgement is whether
anything can have left: a failure before httpx began to write the request is `NothingLeft`, any later one `NoVerdict`.
httpcore looks at a kept-alive connection before using it and opens a new one if the peer has closed it; a close that
races with our write is `NoVerdict`, since nobody can prove otherwise.

Not covered: the read timeout bounds each silence, not the whole answer's headers, so a peer that drips one header
byte at a time can hold the lane longer; the body is held to `answer_deadline_s`.
"""

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol, Self

import httpx
from pydantic import BaseModel, ConfigDict, Field

from bulkhead.venues.wire.facts import Answered, HttpFact, NothingLeft, NoVerdict, WireRequest

OnFault = Callable[[str, Exception], None]
"""Told where an unexpected error struck, and which; called on the thread it struck."""


class HttpSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    connect_timeout_s: float = Field(3.0, gt=0, le=60)
    read_timeout_s: float = Field(10.0, gt=0, le=120)
    """Longest silence while waiting for an answer; then the outcome is unknown."""
    answer_deadline_s: float = Field(20.0, gt=0, le=300)
    """From the first byte sent to the last byte of the body."""
    keepalive_s: float = Field(50.0, ge=0, le=600)
    """An idle connection is kept this long: a new TLS handshake costs an order several round trips."""
    max_body_bytes: int = Field(32 * 1024 * 1024, ge=1_024)
    queue_bound: int = Field(256, ge=1)
    """Jobs that may wait in a lane; one more is refused at once."""


class LaneFull(RuntimeError):
    """The lane has its bound of waiting jobs; the job was not taken and nothing was sent."""


class LaneClosed(LaneFull):
    """The lane takes no more jobs at all."""


class Withheld(Exception):
    """Raised by a `before_write` hook to keep a request from leaving, at the last moment at which that is possible."""


class _Trace:
    """Follows one request through httpcore; proves how far it got."""

    def __init__(self, before_write: Callable[[], None] | None) -> None:
        self._before_write = before_write
        self.may_have_left = False
        self.written_ns: int | None = None

    def __call__(self, name: str, _info: dict[str, Any]) -> None:
        if name == "http11.send_request_headers.started":
            if self._before_write is not None:
                self._before_write()
            self.may_have_left = True
        elif name in ("http11.send_request_headers.complete", "http11.send_request_body.complete"):
            self.written_ns = time.monotonic_ns()


class HttpChannel:
    """A blocking exchange of one request for one fact. Used by one thread at a time."""

    def __init__(self, base_url: str, settings: HttpSettings) -> None:
        self._settings = settings
        self._base_url = base_url.rstrip("/")
        self._timeout = httpx.Timeout(settings.read_timeout_s, connect=settings.connect_timeout_s).as_dict()
        limits = httpx.Limits(max_connections=1, keepalive_expiry=settings.keepalive_s)
        # The transport without httpx.Client: no redirects, cookies or proxies of the environment, no line in the log
        # with a signed URL in it, and 0.19 instead of 0.23 ms of CPU time a request.
        self._transport = httpx.HTTPTransport(limits=limits, trust_env=False, retries=0)

    def exchange(
        self,
        request: WireRequest,
        before_write: Callable[[], None] | None = None,
        on_written: Callable[[int], None] | None = None,
    ) -> HttpFact:
        """Send and wait. `before_write` runs when the connection stands and nothing is written yet, and may raise
        Withheld; `on_written` is told the monotonic nanosecond at which the request was in the socket."""
        trace = _Trace(before_write)
        try:
            url = self._base_url + request.target
            extensions = {"trace": trace, "timeout": self._timeout}
            headers = {"accept": "*/*", "accept-encoding": "gzip", "user-agent": "bulkhead", **request.headers}
            content = request.body.encode() or None
            outgoing = httpx.Request(request.method, url, headers=headers, content=content, extensions=extensions)
            response = self._transport.handle_request(outgoing)
            try:
                if trace.written_ns is not None and on_written is not None:
                    on_written(trace.written_ns)
                return self._read(response)
            finally:
                response.close()
        except Withheld as error:
            return NothingLeft(str(error), is_withheld=True)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return NoVerdict(reason) if trace.may_have_left else NothingLeft(f"{reason} ({self._base_url})")

    def _read(self, response: httpx.Response) -> HttpFact:
        deadline = time.monotonic() + self._settings.answer_deadline_s
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self._settings.max_body_bytes:
                return NoVerdict(f"the answer is longer than {self._settings.max_body_bytes} bytes")
            if time.monotonic() > deadline:
                return NoVerdict(f"the answer took longer than {self._settings.answer_deadline_s} s")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answered(response.status_code, body.decode("utf-8", "replace"), headers)

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()


class Job(Protocol):
    """One piece of work for a lane; exactly one of `run` to its end, `abandon`, `fail` is its last call."""

    def run(self, channel: HttpChannel) -> None: ...

    def abandon(self, reason: str) -> None:
        """The lane was closed before `run` was called."""

    def fail(self, error: Exception) -> None:
        """`run` raised `error`, which is a bug of ours."""


class HttpLane:
    """A bounded queue of jobs and the daemon thread that runs them, one at a time."""

    def __init__(self, name: str, base_url: str, settings: HttpSettings, on_fault: OnFault) -> None:
        self.name = name
        self._base_url = base_url
        self._settings = settings
        self._on_fault = on_fault
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._lock = threading.Lock()
        self._waiting = 0
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue `job`. Never blocks. Raises LaneFull, or its kind LaneClosed."""
        with self._lock:
            if self._closed:
                raise LaneClosed(f"{self.name} is closed")
            if self._waiting >= self._settings.queue_bound:
                raise LaneFull(f"{self.name} has {self._waiting} requests waiting, its bound")
            self._waiting += 1
            self._jobs.put(job)

    def close(self, deadline_s: float) -> bool:
        """Take no more jobs, abandon those that wait, let the one under way end. True if it ended in time."""
        with self._lock:
            was_open, self._closed = not self._closed, True
            waiting = self._drain() if was_open else []
            self._jobs.put(None)
        for job in waiting:
            self._guarded(job.abandon, f"{self.name} was closed before it was sent")
        if self._thread.ident is None:
            return True
        self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def _drain(self) -> list[Job]:
        waiting: list[Job] = []
        with suppress(queue.Empty):
            while (job := self._jobs.get_nowait()) is not None:
                waiting.append(job)
        self._waiting = 0
        return waiting

    def _work(self) -> None:
        with HttpChannel(self._base_url, self._settings) as channel:
            while (job := self._jobs.get()) is not None:
                with self._lock:
                    self._waiting = max(0, self._waiting - 1)
                try:
                    job.run(channel)
                except Exception as error:  # noqa: BLE001 -- the worker outlives any job; the error is reported
                    self._on_fault(self.name, error)
                    self._guarded(job.fail, error)

    def _guarded(self, tell: Callable[[Any], None], what: object) -> None:
        try:
            tell(what)
        except Exception as error:  # noqa: BLE001 -- as above
            self._on_fault(self.name, error)
