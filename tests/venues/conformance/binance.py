"""Binance for the conformance suite: its adapter at a fresh simulated venue, over real sockets."""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

from bulkhead.venues.adapters.binance import BinanceOrders
from bulkhead.venues.conformance.harness import Flaw, OnFault, Terms
from bulkhead.venues.port import OrderVenue, WriteGuard
from bulkhead.venues.simulator.process import RunningSimulator, in_thread
from bulkhead.venues.simulator.settings import DEMO_API_KEY, DEMO_API_SECRET
from bulkhead.venues.transport.http import HttpSettings
from messages.orders import OrderTicket
from tests.venues.adapters.kit import settings
from tests.venues.conformance.at_simulator import AtSimulator
from tests.venues.simulator.kit import QUIET
from tests.venues.transport.peers import free_port

WRONG_SECRET = "WrongSecretOfTheConformanceSuite"
_PATIENT = HttpSettings(connect_timeout_s=5.0, read_timeout_s=30.0, answer_deadline_s=30.0)


class BinanceHarness(AtSimulator):
    """Implements Harness."""

    terms = Terms(
        venue="binance",
        account="main",
        symbol="BTCUSDT",
        base_asset="BTC",
        quote_asset="USDT",
        resting_price=Decimal(1_000),
        crossing_price=Decimal(65_000),
        quantity=Decimal("0.01"),
        lot_size=Decimal("0.00001"),
        too_large=Decimal(1_000_000),
    )
    patience_s = 10.0
    omitted: Mapping[str, str] = {}
    flaws = frozenset(Flaw)
    secrets = (DEMO_API_KEY, DEMO_API_SECRET, WRONG_SECRET, "signature=", "X-MBX-APIKEY")

    def __init__(self, simulator: RunningSimulator) -> None:
        super().__init__(simulator)

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def make(self, guard: WriteGuard, on_fault: OnFault, flaw: Flaw | None = None) -> OrderVenue:
        more: dict[str, object] = {"http": _PATIENT}
        if flaw is Flaw.WRONG_KEY:
            more["api_secret"] = WRONG_SECRET
        if flaw is Flaw.DEAF:
            more["ws_api_url"] = f"ws://127.0.0.1:{free_port()}/"
        return BinanceOrders(
            settings(free_port() if flaw is Flaw.AWAY else self._port, **more),
            guard=guard,
            now_ns=self.now_ns,
            monotonic_ns=self.monotonic_ns,
            rng=random.Random(1),
            on_fault=on_fault,
        )

    def fill(self, ticket: OrderTicket, quantity: Decimal) -> None:
        self._post("fill", client_order_id=ticket.client_order_id, quantity=str(quantity))

    def taken(self, ticket: OrderTicket) -> int:
        books = self._books()
        counts: Mapping[str, int] = books["by_client_order_id"].get(ticket.client_order_id, {})
        return counts.get("orders", 0)

    def rests(self, ticket: OrderTicket) -> bool:
        books = self._books()
        return any(order["clientOrderId"] == ticket.client_order_id for order in books["open_orders"])


@contextmanager
def binance() -> Iterator[BinanceHarness]:
    with in_thread(QUIET) as simulator:
        yield BinanceHarness(simulator)
