"""The KIS adapter at the simulated venue's paper host: one request a second, in a session that runs fast."""

import json
import random
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulkhead.venues.adapters.kis import KisFeed, KisOrders, KisSession, KisSettings
from bulkhead.venues.rate_settings import RateSettings
from bulkhead.venues.simulator.process import in_thread
from bulkhead.venues.simulator.settings import (
    DEMO_KIS_ACCOUNT,
    DEMO_KIS_APP_KEY,
    DEMO_KIS_APP_SECRET,
    DEMO_KIS_HTS_ID,
)
from bulkhead.venues.transport.ws import BackoffSettings
from messages.market import Book, FeedConnected, FeedGap, FeedProtocolError, Quote, Trade
from messages.orders import (
    CancelOrder,
    CancelRejected,
    OrderAccepted,
    OrderCancelled,
    OrderChannelDown,
    OrderChannelUp,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderStatusReported,
    OrderTicket,
    QueryOrder,
    SubmitOrder,
    TakeVenueSnapshot,
    VenueProtocolError,
    VenueSnapshotTaken,
)
from messages.values import IntentType, OrderStatus, OrderType, Side, TimeInForce
from tests.venues.adapters.kit import Guard, Log
from tests.venues.simulator.kis.kit import HYNIX, SAMSUNG, at_ms
from tests.venues.simulator.kis.kit import settings as venue_settings
from tests.venues.transport.peers import until

SPEED = 40
ANSWERS = (OrderAccepted, OrderRejected, OrderNotSent, OrderOutcomeUnknown)
pytestmark = pytest.mark.process


class House:
    """An account at the simulated venue, with its clock."""

    def __init__(self, port: int, starts_at_ms: int, speed: int, **more: object) -> None:
        self._starts_ns, self._speed, self.port = starts_at_ms * 1_000_000, speed, port
        clock = self.books()["clock"]
        self._began_ns = time.monotonic_ns() - (int(clock["now_ns"]) - self._starts_ns) // speed
        self.log, self.ticks = Log(), Log()
        given: dict[str, object] = {
            "host": "paper",
            "rest_url": f"http://127.0.0.1:{port}",
            "ws_url": f"ws://127.0.0.1:{port}/tryitout",
            "app_key": DEMO_KIS_APP_KEY,
            "app_secret": DEMO_KIS_APP_SECRET,
            "account_number": DEMO_KIS_ACCOUNT,
            "hts_id": DEMO_KIS_HTS_ID,
            "symbols": (SAMSUNG, HYNIX),
            "commission_rate": Decimal("0.00015"),
            "sell_tax_rate": Decimal("0.0020"),
            "cancel_confirm_s": 60.0,
            "rates": RateSettings(order_wait_s=60.0, cancel_wait_s=60.0, question_wait_s=120.0),
            "backoff": BackoffSettings(first_s=0.01, cap_s=0.05),
        }
        self.faults: list[str] = []
        self.session = KisSession(
            KisSettings.model_validate({**given, **more}),
            now_ns=lambda: self._starts_ns + self._passed_ns(),
            monotonic_ns=self._passed_ns,
            rng=random.Random(1),
            on_fault=lambda where, error: self.faults.append(f"{where}: {error!r}"),
            pause=lambda seconds: time.sleep(seconds / speed),
        )
        self.orders, self.feed = KisOrders(self.session, guard=Guard()), KisFeed(self.session)
        self._made = 0

    def _passed_ns(self) -> int:
        return (time.monotonic_ns() - self._began_ns) * self._speed

    def answered(self) -> None:
        until(lambda: self.orders.pending() == 0, "every request is answered")

    def submit(self, quantity: int = 10, price: int = 60_000, **more: object) -> OrderTicket:
        self._made += 1
        given: dict[str, object] = {
            "client_order_id": f"b-{self._made}",
            "venue": "kis",
            "account": "main",
            "symbol": SAMSUNG,
            "side": Side.BUY,
            "order_type": OrderType.LMT,
            "quantity": quantity,
            "limit_price": price,
            "time_in_force": TimeInForce.DAY,
            "intent_type": IntentType.ENTRY,
        }
        ticket = OrderTicket.model_validate({**given, **more})
        self.orders.submit(SubmitOrder(ticket=ticket), "oms", 1)
        return ticket

    def number(self, client_order_id: str) -> str:
        until(lambda: any(a.client_order_id == client_order_id for a in self.log.of(OrderAccepted)), "it is accepted")
        (told,) = [a.venue_order_id for a in self.log.of(OrderAccepted) if a.client_order_id == client_order_id]
        assert told is not None
        return told

    def cancel(self, client_order_id: str) -> None:
        self.orders.cancel(CancelOrder(client_order_id=client_order_id, symbol=SAMSUNG, reason="enough"))

    def query(self, client_order_id: str, number: str | None = None) -> None:
        self.orders.query(QueryOrder(client_order_id=client_order_id, symbol=SAMSUNG, venue_order_id=number))

    def survey(self) -> None:
        self.orders.snapshot(TakeVenueSnapshot(symbols=(SAMSUNG, HYNIX), since_ns=self._starts_ns))

    def totals(self, client_order_id: str) -> list[tuple[Decimal, OrderStatus]]:
        reports = [each.order for each in self.log.of(OrderStatusReported) if each.client_order_id == client_order_id]
        return [(order.filled, order.status) for order in reports if order is not None]

    def post(self, what: str, **body: object) -> dict[str, Any]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/sim/{what}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 -- loopback
            found: dict[str, Any] = json.loads(answer.read())
        return found

    def books(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/sim/books", timeout=5) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found


@contextmanager
def venue(at: str = "2026-11-24 10:00:00", speed: int = SPEED, **more: Any) -> Iterator[House]:
    """Opened, its channel up, at the paper host's one request a second of the venue's time."""
    own = {"host": "paper", "requests_per_s": None, "clock_starts_at_ms": at_ms(at), "clock_speed": speed}
    with in_thread(venue_settings(**{**own, **more})) as simulator:
        house = House(simulator.port, at_ms(at), speed)
        house.orders.open(house.log)
        try:
            house.log.wait_for(OrderChannelUp)
            yield house
        finally:
            house.orders.close(5.0)
            house.feed.close(5.0)


@pytest.mark.req("S-13")
def test_whatever_is_asked_at_once_the_venue_never_counts_a_request_too_many() -> None:
    with venue() as house:
        tickets = [house.submit(10 + n) for n in range(8)]
        house.answered()
        for ticket in tickets:
            house.post("fill", order_id=house.number(ticket.client_order_id), quantity="3")
        for ticket in tickets[:4]:
            house.cancel(ticket.client_order_id)
            house.query(ticket.client_order_id)
        house.survey()
        house.answered()
        for ticket in tickets:
            until(lambda ticket=ticket: any(f == 3 for f, _ in house.totals(ticket.client_order_id)), "told")  # type: ignore[misc]
        assert len(house.log.of(OrderCancelled)) == 4
        assert len(house.log.of(VenueSnapshotTaken)) == 1
        books = house.books()
        assert books["rate_limit_refusals"] == 0
        assert not house.log.of(OrderNotSent)
        assert not house.faults


def test_in_a_busy_time_with_lost_answers_and_cuts_nothing_is_lost_or_told_twice() -> None:
    dice = random.Random(7)
    with venue(events_per_s=300, speed=60) as house:
        house.feed.open(house.ticks)
        house.ticks.wait_for(Quote, 20)
        house.post("faults", unknown_share={"share": 0.1, "seed": 3}, repeat_reports=True)
        for number in range(40):
            quote = next(quote for quote in reversed(house.ticks.of(Quote)) if quote.bid and quote.ask)
            price = dice.choice([quote.ask, quote.bid])
            ticket = house.submit(dice.randint(1, 3), int(price or 0), symbol=quote.symbol)
            if number % 4 == 3:
                house.cancel(ticket.client_order_id)
            if number % 15 == 14:
                house.post("faults", drop_connections=True)
            until(lambda: house.orders.pending() < 3, "not too many at once")
        house.post("faults", halt_market=True)
        house.answered()
        house.survey()
        house.answered()
        answers = [each.client_order_id for kind in ANSWERS for each in house.log.of(kind)]
        assert sorted(answers) == sorted(f"b-{n}" for n in range(1, 41))
        books = house.books()
        taken = {(o["date"], o["number"]): Decimal(o["filled"]) for o in books["orders"] if o["request"] == "new"}
        listed = {order.venue_order_id: order for order in house.log.of(VenueSnapshotTaken)[-1].orders}
        assert len(listed) == len(taken)
        for accepted in house.log.of(OrderAccepted):
            order = listed[accepted.venue_order_id or ""]
            date, _, digits = order.venue_order_id.split("-")
            assert (order.client_order_id, order.filled) == (accepted.client_order_id, taken[date, digits])
            told = max((filled for filled, _ in house.totals(accepted.client_order_id)), default=Decimal(0))
            assert told <= order.filled
        assert books["rate_limit_refusals"] == 0
        assert not house.faults


def test_fills_of_a_busy_order_add_up_although_each_notice_comes_twice_and_early() -> None:
    with venue() as house:
        house.post("faults", repeat_reports=True, notices_first=True, acks_after_fills=True)
        ticket = house.submit(100)
        number = house.number(ticket.client_order_id)
        for _ in range(20):
            house.post("fill", order_id=number, quantity="5")
        until(lambda: (Decimal(100), OrderStatus.FILLED) in house.totals(ticket.client_order_id), "all of it")
        told = [filled for filled, _ in house.totals(ticket.client_order_id)]
        assert told == sorted(told)
        assert len(told) < 20, "many notices, few looks"
        assert {each.client_order_id for each in house.log.of(OrderStatusReported)} == {ticket.client_order_id}


def test_orders_by_hand_are_told_as_strangers_and_those_of_the_other_account_not_at_all() -> None:
    with venue() as house:
        own = house.submit()
        house.answered()
        by_hand = house.post("kis/manual", symbol=SAMSUNG, side="buy", quantity="7", price="60000")
        house.post("kis/manual", account="other", symbol=SAMSUNG, side="buy", quantity="9", price="60000")
        name = f"{by_hand['date']}-{by_hand['branch']}-{by_hand['number']}"
        until(lambda: bool(house.totals(name)), "the stranger")
        house.survey()
        (taken,) = house.log.wait_for(VenueSnapshotTaken)
        channels = {order.client_order_id: order.channel for order in taken.orders}
        assert set(channels) == {own.client_order_id, name}
        assert channels[own.client_order_id] != channels[name]
        assert house.orders.notices_heard[1] > 0
        assert not house.log.of(VenueProtocolError)


def test_the_exchange_rejects_what_was_accepted() -> None:
    with venue() as house:
        house.post("faults", reject_later=1)
        ticket = house.submit()
        until(lambda: (Decimal(0), OrderStatus.REJECTED) in house.totals(ticket.client_order_id), "the no")
        assert len(house.log.of(OrderAccepted)) == 1
        house.cancel(ticket.client_order_id)
        house.log.wait_for(CancelRejected)


def test_a_token_that_expires_on_the_way_is_renewed() -> None:
    with venue() as house:
        house.submit()
        house.answered()
        time.sleep(61 / SPEED)
        house.post("faults", expire_tokens=True)
        house.query("b-1")
        house.log.wait_for(OrderStatusReported)
        house.submit()
        house.log.wait_for(OrderAccepted, 2)


@pytest.mark.req("X-06")
def test_numbers_used_again_the_next_day_are_other_orders() -> None:
    with venue("2026-11-24 23:59:00") as house:
        old = house.submit(11)
        number = house.number(old.client_order_id)
        assert number.startswith("20261124-")
        until(lambda: house.books()["clock"]["now_ns"] >= at_ms("2026-11-25 00:00:01") * 1_000_000, "midnight")
        new = house.submit(12)
        again = house.number(new.client_order_id)
        assert again.startswith("20261125-")
        assert again.rsplit("-", 1)[1] == number.rsplit("-", 1)[1], "the venue counts each day from the start"
        house.query(old.client_order_id)
        house.query(new.client_order_id)
        house.answered()
        (first,), (second,) = house.totals(old.client_order_id), house.totals(new.client_order_id)
        assert first[1].is_terminal
        assert second == (Decimal(0), OrderStatus.SUBMITTED)
        house.post("fill", order_id=again, quantity="12")
        until(lambda: (Decimal(12), OrderStatus.FILLED) in house.totals(new.client_order_id), "the new one's fill")
        assert house.totals(old.client_order_id) == [first]


def test_a_second_session_of_one_app_key_is_told_what_to_do(tmp_path: Path) -> None:
    with venue() as house:
        token = tmp_path / "token.json"
        second = House(house.port, at_ms("2026-11-24 10:00:00"), SPEED, token_file=token)
        second.orders.open(second.log)
        (down, *_) = second.log.wait_for(OrderChannelDown)
        assert "end the other program that uses this app key" in down.reason
        second.orders.close(5.0)
        assert isinstance(house.orders.channel(), OrderChannelUp)


def test_the_feed_tells_a_moving_market_without_gaps() -> None:
    with venue(events_per_s=400, records_per_frame=3) as house:
        house.feed.open(house.ticks)
        house.ticks.wait_for(FeedConnected)
        house.ticks.wait_for(Trade, 100)
        house.ticks.wait_for(Book, 20)
        trades, quotes = house.ticks.of(Trade), house.ticks.of(Quote)
        assert {trade.symbol for trade in trades} == {SAMSUNG, HYNIX}
        assert all(quote.bid is None or quote.ask is None or quote.bid < quote.ask for quote in quotes)
        assert not house.ticks.of(FeedGap)
        assert not house.ticks.of(FeedProtocolError)
        house.post("faults", drop_connections=True)
        house.ticks.wait_for(FeedConnected, 2)
        before = len(house.ticks.of(Trade))
        house.ticks.wait_for(Trade, before + 50)
        assert len(house.ticks.of(FeedGap)) <= 2, "at most one for each symbol: what was traded while it was cut"


def test_rules_and_key_are_the_venues() -> None:
    with venue() as house:
        house.orders.check_key()
        samsung, hynix = house.orders.load_instruments()
        assert (samsung.symbol, hynix.symbol) == (SAMSUNG, HYNIX)
        house.post("kis/stock", symbol=HYNIX, is_halted=True)
        assert [each.is_trading for each in house.orders.load_instruments()] == [True, False]
