"""What the tests of the KIS adapter share: settings for loopback, and a desk with an opened account."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from pydantic import SecretStr

from bulkhead.venues.adapters.kis import KisFeed, KisOrders, KisSession, KisSettings
from bulkhead.venues.rate_settings import RateSettings
from bulkhead.venues.transport.http import HttpSettings
from bulkhead.venues.transport.ws import BackoffSettings
from messages.orders import (
    CancelOrder,
    OrderAccepted,
    OrderChannelUp,
    OrderStatusReported,
    OrderTicket,
    QueryOrder,
    SubmitOrder,
    TakeVenueSnapshot,
)
from messages.values import IntentType, OrderType, Side, TimeInForce
from tests.venues.adapters.kis_peer import ACCOUNT, HTS_ID, KisPeer, Row, kis_peer, now_ns
from tests.venues.adapters.kit import Guard, Log
from tests.venues.transport.peers import until
from tests.venues.wire import kis_samples as samples

SPEED = 30
"""Seconds of a session in one of the wall: its limits are counted by the session's clock."""
_BEGAN_MONOTONIC_NS = time.monotonic_ns()


def fast_ns() -> int:
    return _BEGAN_MONOTONIC_NS + (time.monotonic_ns() - _BEGAN_MONOTONIC_NS) * SPEED


def fast_pause(seconds: float) -> None:
    threading.Event().wait(seconds / SPEED)


def kis_settings(port: int, url: str, **more: object) -> KisSettings:
    given: dict[str, object] = {
        "host": "paper",
        "rest_url": f"http://127.0.0.1:{port}",
        "ws_url": url,
        "app_key": SecretStr(samples.APP_KEY),
        "app_secret": SecretStr(samples.APP_SECRET),
        "account_number": ACCOUNT,
        "hts_id": HTS_ID,
        "symbols": ("005930",),
        "commission_rate": Decimal("0.00015"),
        "sell_tax_rate": Decimal("0.0015"),
        "cancel_confirm_s": 10.0,
        "rates": RateSettings(order_wait_s=20.0, cancel_wait_s=30.0, question_wait_s=60.0),
        "http": HttpSettings(connect_timeout_s=1.0, read_timeout_s=0.5),
        "backoff": BackoffSettings(first_s=0.01, cap_s=0.05),
    }
    return KisSettings.model_validate({**given, **more})


class House:
    """An account and its feed, not opened yet, and everything they told."""

    def __init__(self, peer: KisPeer, port: int, url: str, **more: object) -> None:
        self.peer = peer
        self.log, self.ticks = Log(), Log()
        self.guard = Guard()
        self.faults: list[str] = []
        self.session = KisSession(
            kis_settings(port, url, **more),
            now_ns=now_ns,
            monotonic_ns=fast_ns,
            rng=random.Random(1),
            on_fault=lambda where, error: self.faults.append(f"{where}: {error!r}"),
            pause=fast_pause,
        )
        self.orders = KisOrders(self.session, guard=self.guard)
        self.feed = KisFeed(self.session)
        self._made = 0

    def ticket(self, quantity: int = 10, **more: object) -> OrderTicket:
        self._made += 1
        given: dict[str, object] = {
            "client_order_id": f"b-{self._made}",
            "venue": "kis",
            "account": "main",
            "symbol": "005930",
            "side": Side.BUY,
            "order_type": OrderType.LMT,
            "quantity": Decimal(quantity),
            "limit_price": Decimal(71_000),
            "time_in_force": TimeInForce.DAY,
            "intent_type": IntentType.ENTRY,
        }
        return OrderTicket.model_validate({**given, **more})

    def answered(self) -> None:
        until(lambda: self.orders.pending() == 0, "every request is answered")

    def submit(self, ticket: OrderTicket) -> OrderTicket:
        self.orders.submit(SubmitOrder(ticket=ticket), "oms", 1)
        return ticket

    def place(self, quantity: int = 10) -> tuple[OrderTicket, Row]:
        """An order that rests, and its row at the venue."""
        ticket = self.submit(self.ticket(quantity))
        self.answered()
        (accepted,) = [body for body in self.log.of(OrderAccepted) if body.client_order_id == ticket.client_order_id]
        number = (accepted.venue_order_id or "").rsplit("-", 1)[1]
        return ticket, next(row for row in self.peer.rows if row["odno"] == number)

    def number(self, row: Row) -> str:
        return f"{row['ord_dt']}-{row['ord_gno_brno']}-{row['odno']}"

    def cancel(self, client_order_id: str, number: str | None = None) -> None:
        command = CancelOrder(client_order_id=client_order_id, symbol="005930", reason="enough", venue_order_id=number)
        self.orders.cancel(command)

    def query(self, client_order_id: str, number: str | None = None) -> None:
        self.orders.query(QueryOrder(client_order_id=client_order_id, symbol="005930", venue_order_id=number))

    def survey(self, since_ns: int | None = None) -> None:
        since = now_ns() if since_ns is None else since_ns
        self.orders.snapshot(TakeVenueSnapshot(symbols=("005930",), since_ns=since))

    def reports(self, client_order_id: str) -> list[OrderStatusReported]:
        return [body for body in self.log.of(OrderStatusReported) if body.client_order_id == client_order_id]

    def heard(self, client_order_id: str, filled: int) -> OrderStatusReported:
        """Wait for a report of so much filled."""

        def is_told() -> bool:
            return any(body.order is not None and body.order.filled == filled for body in self.reports(client_order_id))

        until(is_told, f"{filled} filled of {client_order_id}")
        return self.reports(client_order_id)[-1]


@contextmanager
def house(**more: object) -> Iterator[House]:
    """Opened, its channel up."""
    with kis_peer() as (peer, port, url):
        made = House(peer, port, url, **more)
        made.orders.open(made.log)
        made.feed.open(made.ticks)
        try:
            made.log.wait_for(OrderChannelUp)
            yield made
        finally:
            made.orders.close(5.0)
            made.feed.close(5.0)
