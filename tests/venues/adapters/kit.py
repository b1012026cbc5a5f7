"""What the adapter tests share: a log of evidence, a guard to shut, settings for loopback, the simulated venue."""

import contextlib
import json
import random
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Self, TypeVar

from pydantic import SecretStr

from bulkhead.venues.adapters.binance import BinanceFeed, BinanceOrders, BinanceSettings
from bulkhead.venues.simulator.settings import DEMO_API_KEY, DEMO_API_SECRET
from bulkhead.venues.transport.http import HttpSettings
from bulkhead.venues.transport.ws import BackoffSettings
from messages.base import Body
from messages.orders import OrderTicket
from tests.venues.transport.peers import until

BodyT = TypeVar("BodyT", bound=Body)


class Log:
    """A sink that remembers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bodies: list[Body] = []

    def __call__(self, body: Body) -> None:
        with self._lock:
            self._bodies.append(body)

    def of(self, kind: type[BodyT]) -> list[BodyT]:
        with self._lock:
            return [body for body in self._bodies if isinstance(body, kind)]

    def wait_for(self, kind: type[BodyT], count: int = 1) -> list[BodyT]:
        until(lambda: len(self.of(kind)) >= count, f"{count} {kind.__name__}")
        return self.of(kind)


class Guard:
    """Answers with `refusals` one after the other, then lets everything through."""

    def __init__(self, *refusals: str | Exception | None) -> None:
        self.refusals = list(refusals)
        self.asked: list[tuple[str, str, int]] = []

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        self.asked.append((ticket.client_order_id, issuer, epoch))
        answer = self.refusals.pop(0) if self.refusals else None
        if isinstance(answer, Exception):
            raise answer
        return answer


def settings(port: int, **more: object) -> BinanceSettings:
    given: dict[str, object] = {
        "rest_url": f"http://127.0.0.1:{port}",
        "ws_api_url": f"ws://127.0.0.1:{port}/ws-api/v3",
        "stream_url": f"ws://127.0.0.1:{port}",
        "api_key": SecretStr(DEMO_API_KEY),
        "api_secret": SecretStr(DEMO_API_SECRET),
        "symbols": ("BTCUSDT",),
        "http": HttpSettings(connect_timeout_s=1.0, read_timeout_s=0.5),
        "backoff": BackoffSettings(first_s=0.01, cap_s=0.05),
    }
    return BinanceSettings.model_validate({**given, **more})


class Desk:
    """An opened order adapter with everything it told."""

    def __init__(self, port: int, guard: Guard | None = None, **more: object) -> None:
        self.log = Log()
        self.guard = guard or Guard()
        self.faults: list[str] = []
        self.sent: list[tuple[str, int]] = []
        self.orders = BinanceOrders(
            settings(port, **more),
            guard=self.guard,
            now_ns=time.time_ns,
            monotonic_ns=time.monotonic_ns,
            rng=random.Random(1),
            on_fault=lambda where, error: self.faults.append(f"{where}: {error}"),
            on_sent=lambda client_order_id, at_ns: self.sent.append((client_order_id, at_ns)),
        )

    def answered(self) -> None:
        until(lambda: self.orders.pending() == 0, "every request is answered")

    def __enter__(self) -> Self:
        self.orders.open(self.log)
        return self

    def __exit__(self, *_: object) -> None:
        self.orders.close(5.0)


def feed(port: int, **more: object) -> BinanceFeed:
    return BinanceFeed(
        settings(port, **more),
        now_ns=time.time_ns,
        monotonic_ns=time.monotonic_ns,
        rng=random.Random(1),
        on_fault=_no_fault,
    )


def _no_fault(where: str, error: Exception) -> None:
    raise AssertionError(f"{where}: {error!r}")


@contextlib.contextmanager
def simulator(*arguments: str) -> Iterator[int]:
    """The simulated venue as a process of its own; yields its port."""
    command = [sys.executable, "-m", "bulkhead.venues.simulator", "--exit-with-parent", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port: int = json.loads(process.stdout.readline())["port"]
            yield port
        finally:
            process.terminate()
            assert process.wait(10) == 0


def set_faults(port: int, **switches: object) -> None:
    body = json.dumps(switches).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/sim/faults", body, method="POST")
    with urllib.request.urlopen(request, timeout=5):  # noqa: S310 -- loopback
        pass
