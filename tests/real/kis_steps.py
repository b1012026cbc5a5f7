"""What is done at KIS with a configuration: the same steps at the simulated venue and at the paper host.

Nothing here sends an order but `place_and_cancel`, and that one a single share, a fifth below the market.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import ROUND_FLOOR, Decimal
from typing import TypeVar

from bulkhead.app.settings import Settings
from bulkhead.app.venue import Venue, connect
from bulkhead.execution.rules import on_tick
from messages.base import Body
from messages.instruments import Instrument
from messages.market import MarketData, Quote, Trade
from messages.orders import (
    CancelOrder,
    CancelOutcomeUnknown,
    CancelRejected,
    OrderAccepted,
    OrderCancelled,
    OrderChannelUp,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderTicket,
    SubmitOrder,
    TakeVenueSnapshot,
    VenueSnapshotFailed,
    VenueSnapshotTaken,
)
from messages.values import IntentType, OrderType, Side, TimeInForce
from supervisor.runtime.threaded import ThreadedHost
from tests.venues.adapters.kit import Guard

BodyT = TypeVar("BodyT", bound=Body)
PATIENCE_S = 120.0
"""One request a second, and a token may have to wait for its minute."""
FAR_AWAY = Decimal("0.8")
"""Of the market's price: within the day's limits, and out of reach."""
_ANSWERS = (OrderAccepted, OrderRejected, OrderNotSent, OrderOutcomeUnknown)
_CANCEL_ANSWERS = (OrderCancelled, CancelRejected, CancelOutcomeUnknown)


class Heard:
    """A sink that can be waited for."""

    def __init__(self) -> None:
        self._bodies: list[Body] = []
        self._changed = threading.Condition()

    def __call__(self, body: Body) -> None:
        with self._changed:
            self._bodies.append(body)
            self._changed.notify_all()

    def first(self, *kinds: type[BodyT], where: Callable[[BodyT], bool] = lambda _: True) -> BodyT:
        def found() -> BodyT | None:
            return next((body for body in self._bodies if isinstance(body, kinds) and where(body)), None)

        with self._changed:
            assert self._changed.wait_for(lambda: found() is not None, PATIENCE_S), f"never heard any of {kinds}"
            body = found()
        assert body is not None
        return body


@contextmanager
def connected(settings: Settings) -> Iterator[Venue]:
    host = ThreadedHost(1)
    try:
        with connect(settings, None, host, Guard()) as venue:
            yield venue
    finally:
        host.close()


def rules_of(venue: Venue, symbol: str) -> Instrument:
    venue.orders.check_key()
    return next(rules for rules in venue.orders.load_instruments() if rules.symbol == symbol)


def snapshot(venue: Venue, symbol: str, heard: Heard) -> VenueSnapshotTaken:
    """Today's orders, open ones, and the balances."""
    venue.orders.snapshot(TakeVenueSnapshot(symbols=(symbol,), since_ns=time.time_ns() - 3_600 * 10**9))
    answer = heard.first(VenueSnapshotTaken, VenueSnapshotFailed)
    assert isinstance(answer, VenueSnapshotTaken), answer
    return answer


def market_price(venue: Venue, symbol: str) -> Decimal:
    """Of the first trade, or quote with a bid, that the feed tells of."""
    heard = Heard()
    venue.feed.open(heard)
    try:
        told = heard.first(Trade, Quote, where=lambda each: each.symbol == symbol and _price(each) is not None)
    finally:
        venue.feed.close(3.0)
    price = _price(told)
    assert price is not None
    return price


def _price(told: MarketData) -> Decimal | None:
    if isinstance(told, Trade):
        return told.price
    return told.bid if isinstance(told, Quote) else None


def place_and_cancel(venue: Venue, symbol: str) -> OrderTicket:
    """One share far below the market, accepted, seen in the list, cancelled, and seen to be gone."""
    rules, heard = rules_of(venue, symbol), Heard()
    price = on_tick(rules, market_price(venue, symbol) * FAR_AWAY, ROUND_FLOOR)
    ticket = OrderTicket(
        client_order_id=f"real-test-{time.time_ns():x}",
        venue="kis",
        account="kis-paper",
        symbol=symbol,
        side=Side.BUY,
        order_type=OrderType.LMT,
        quantity=Decimal(1),
        limit_price=price,
        time_in_force=TimeInForce.DAY,
        intent_type=IntentType.ENTRY,
    )
    venue.orders.open(heard)
    try:
        heard.first(OrderChannelUp)
        venue.orders.submit(SubmitOrder(ticket=ticket), "test", 1)
        accepted = heard.first(*_ANSWERS)
        assert isinstance(accepted, OrderAccepted), accepted
        number = accepted.venue_order_id
        assert number is not None
        listed = snapshot(venue, symbol, heard)
        assert number in {order.venue_order_id for order in listed.open_orders}, listed.open_orders
        venue.orders.cancel(
            CancelOrder(client_order_id=ticket.client_order_id, symbol=symbol, reason="a test", venue_order_id=number)
        )
        cancelled = heard.first(*_CANCEL_ANSWERS)
        assert isinstance(cancelled, OrderCancelled), cancelled
        after = Heard()
        venue.orders.close(3.0)
        venue.orders.open(after)
        assert number not in {order.venue_order_id for order in snapshot(venue, symbol, after).open_orders}
    finally:
        venue.orders.close(3.0)
    return ticket
