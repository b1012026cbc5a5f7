"""KIS for the conformance suite: its adapter at a fresh simulated venue, over real sockets, in the limits of its real
host. There is no client order id: an order is known to the venue's books by its symbol, side and quantity."""

import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from bulkhead.venues.adapters.kis import KisOrders, KisSession, KisSettings
from bulkhead.venues.conformance.harness import Flaw, OnFault, Terms
from bulkhead.venues.port import OrderVenue, WriteGuard
from bulkhead.venues.rate_settings import RateSettings
from bulkhead.venues.simulator.process import RunningSimulator, in_thread
from bulkhead.venues.simulator.settings import (
    DEMO_KIS_ACCOUNT,
    DEMO_KIS_APP_KEY,
    DEMO_KIS_APP_SECRET,
    DEMO_KIS_HTS_ID,
    SimulatorSettings,
)
from bulkhead.venues.transport.http import HttpSettings
from bulkhead.venues.transport.ws import BackoffSettings
from messages.orders import OrderTicket
from tests.venues.conformance.at_simulator import AtSimulator
from tests.venues.simulator.kis.kit import SAMSUNG, at_ms
from tests.venues.transport.peers import free_port

WRONG_SECRET = "WrongSecretOfTheConformanceSuite".ljust(180, "0")
COMMISSION_RATE, SELL_TAX_RATE = Decimal("0.00015"), Decimal("0.0020")
_PATIENT = HttpSettings(connect_timeout_s=5.0, read_timeout_s=30.0, answer_deadline_s=30.0)
_MORNING_MS = at_ms("2026-11-24 10:00:00")
"""Where the venue's clock starts: no check runs into another day."""


class KisHarness(AtSimulator):
    """Implements Harness."""

    terms = Terms(
        venue="kis",
        account="main",
        symbol=SAMSUNG,
        base_asset=SAMSUNG,
        quote_asset="KRW",
        resting_price=Decimal(50_000),
        crossing_price=Decimal(72_000),
        quantity=Decimal(10),
        lot_size=Decimal(1),
        too_large=Decimal(1_000_000),
    )
    patience_s = 20.0
    omitted: Mapping[str, str] = {}
    flaws = frozenset(Flaw)
    secrets = (DEMO_KIS_APP_KEY, DEMO_KIS_APP_SECRET, WRONG_SECRET, DEMO_KIS_ACCOUNT, "Bearer", "appsecret")

    def __init__(self, simulator: RunningSimulator, began_ns: int, directory: Path) -> None:
        super().__init__(simulator)
        self._began_ns = began_ns
        self._directory = directory

    def now_ns(self) -> int:
        return _MORNING_MS * 1_000_000 + time.monotonic_ns() - self._began_ns

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def make(self, guard: WriteGuard, on_fault: OnFault, flaw: Flaw | None = None) -> OrderVenue:
        more: dict[str, object] = {}
        if flaw is Flaw.WRONG_KEY:
            more["app_secret"] = WRONG_SECRET
        elif flaw is None:
            more["token_file"] = self._directory / "token.json"  # a second adapter must not ask within the minute
        if flaw is Flaw.DEAF:
            more["ws_url"] = f"ws://127.0.0.1:{free_port()}/"
        session = KisSession(
            settings(free_port() if flaw is Flaw.AWAY else self._port, **more),
            now_ns=self.now_ns,
            monotonic_ns=self.monotonic_ns,
            rng=random.Random(1),
            on_fault=on_fault,
        )
        return KisOrders(session, guard=guard)

    def fill(self, ticket: OrderTicket, quantity: Decimal) -> None:
        (order,) = self._orders(ticket)
        self._post("fill", order_id=order["number"], quantity=str(quantity))

    def taken(self, ticket: OrderTicket) -> int:
        return len(self._orders(ticket))

    def rests(self, ticket: OrderTicket) -> bool:
        return any(Decimal(order["remaining"]) > 0 for order in self._orders(ticket))

    def _orders(self, ticket: OrderTicket) -> list[dict[str, Any]]:
        books = self._books()
        alike = (ticket.symbol, ticket.side.value, ticket.quantity, "new")
        return [
            order
            for order in books["orders"]
            if (order["symbol"], order["side"], Decimal(order["quantity"]), order["request"]) == alike
        ]


def settings(port: int, **more: object) -> KisSettings:
    given: dict[str, object] = {
        "host": "real",
        "rest_url": f"http://127.0.0.1:{port}",
        "ws_url": f"ws://127.0.0.1:{port}/tryitout",
        "app_key": DEMO_KIS_APP_KEY,
        "app_secret": DEMO_KIS_APP_SECRET,
        "account_number": DEMO_KIS_ACCOUNT,
        "hts_id": DEMO_KIS_HTS_ID,
        "symbols": (SAMSUNG,),
        "commission_rate": COMMISSION_RATE,
        "sell_tax_rate": SELL_TAX_RATE,
        "look_again_s": 0.2,
        "rates": RateSettings(order_wait_s=20.0, cancel_wait_s=20.0, question_wait_s=20.0),
        "http": _PATIENT,
        "backoff": BackoffSettings(first_s=0.01, cap_s=0.05),
    }
    return KisSettings.model_validate({**given, **more})


@contextmanager
def kis() -> Iterator[KisHarness]:
    began_ns = time.monotonic_ns()
    quiet = SimulatorSettings.model_validate(
        {
            "dialect": "kis",
            "events_per_s": 0,
            "symbols": (SAMSUNG,),
            "clock_starts_at_ms": _MORNING_MS,
            "kis": {
                "host": "real",
                "always_open": True,
                "commission_rate": COMMISSION_RATE,
                "sell_tax_rate": SELL_TAX_RATE,
            },
        }
    )
    with in_thread(quiet) as simulator, tempfile.TemporaryDirectory() as directory:
        yield KisHarness(simulator, began_ns, Path(directory))
