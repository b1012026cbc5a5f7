"""The paper venue for the conformance suite: what fails under it is its disk, since it has no wire."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from bulkhead.venues.conformance.harness import Asked, Flaw, OnFault, Terms
from bulkhead.venues.paper.settings import FillSettings
from bulkhead.venues.paper.venue import PaperVenue
from bulkhead.venues.port import OrderVenue, WriteGuard
from bulkhead.venues.simulator.accounts import Account
from bulkhead.venues.simulator.books import Books
from messages.orders import OrderTicket
from tests.venues.paper.kit import LOT, SYMBOL, TICK, D, Rules, quote, trade

HELD_AT_MOST_S = 20.0
WITHOUT_SLIPPAGE = FillSettings(slippage=False)
_READS = {Asked.QUERY: "find_order", Asked.SNAPSHOT: "orders"}


class PaperHarness:
    """Implements Harness."""

    terms = Terms(
        venue="paper",
        account="main",
        symbol=SYMBOL,
        base_asset="BTC",
        quote_asset="USDT",
        resting_price=D(90),
        crossing_price=D("100.01"),
        quantity=D("0.2"),
        lot_size=LOT,
        too_large=D(100_000),
    )
    patience_s = 10.0
    omitted: Mapping[str, str] = {
        "cancel-not-delayed": "orders do not hang: it is in this process, and works all requests off one by one",
        "raw-is-kept": "there is no wire, and so no text of a venue",
    }
    flaws: frozenset[Flaw] = frozenset()
    secrets: tuple[str, ...] = ()

    def __init__(self, fills: FillSettings = WITHOUT_SLIPPAGE) -> None:
        self._fills = fills
        self._go_on = threading.Event()
        self._made: PaperVenue | None = None

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def make(self, guard: WriteGuard, on_fault: OnFault, flaw: Flaw | None = None) -> OrderVenue:
        assert flaw is None
        self.close()
        made = PaperVenue(
            "paper",
            "main",
            self._fills,
            {"USDT": D(10_000)},
            survey=Rules(),
            guard=guard,
            now_ns=self.now_ns,
            monotonic_ns=self.monotonic_ns,
            on_fault=on_fault,
        )
        made.open_books(None)
        made.load_instruments()
        self._made = made
        return _Shown(made)

    def close(self) -> None:
        if self._made is not None:
            self._made.close_books()
            self._made = None

    def fill(self, ticket: OrderTicket, quantity: Decimal) -> None:
        assert ticket.limit_price is not None
        self._venue.see(trade(str(ticket.limit_price - TICK), str(quantity)))
        self._worked_off()

    def fill_unheard(self, ticket: OrderTicket, quantity: Decimal) -> None:
        """Written down, and then our own code fails before it is told."""
        self._break("_write", is_carried_out=True)
        self.fill(ticket, quantity)

    def lose(self, asked: Asked, *, is_carried_out: bool) -> None:
        self._break(_READS.get(asked, "_write"), is_carried_out=is_carried_out)

    def hold(self, asked: Asked) -> None:
        """One worker does everything, so whatever is held holds up all."""
        self._go_on.clear()
        reached = threading.Event()

        def wait() -> None:
            reached.set()
            self._go_on.wait(HELD_AT_MOST_S)

        self._venue._worker.data(wait)

    def let_go(self) -> None:
        self._go_on.set()

    def cut_channel(self) -> None:
        """What the venue itself does when its books and its engine may differ."""
        venue = self._venue
        venue._worker.data(lambda: venue._begin_again("cut"))

    def taken(self, ticket: OrderTicket) -> int:
        counts = self._books.counts_by_client_id(Account(ticket.account))
        return counts.get(ticket.client_order_id, {}).get("orders", 0)

    def rests(self, ticket: OrderTicket) -> bool:
        order = self._books.find_order(Account(ticket.account), ticket.symbol, None, ticket.client_order_id)
        return order is not None and order.is_open

    @property
    def _venue(self) -> PaperVenue:
        assert self._made is not None
        return self._made

    @property
    def _books(self) -> Books:
        books = self._venue._books
        assert books is not None
        return books

    def _worked_off(self) -> None:
        done = threading.Event()
        self._venue._worker.data(done.set)
        assert done.wait(5)

    def _break(self, what: str, *, is_carried_out: bool) -> None:
        """The books' next call of this name fails, after it was carried out or instead."""
        books: Any = self._books
        real: Callable[..., object] = getattr(books, what)

        def broken(*arguments: object, **named: object) -> object:
            setattr(books, what, real)
            if is_carried_out:
                real(*arguments, **named)
            raise sqlite3.OperationalError("disk I/O error")

        setattr(books, what, broken)


class _Shown:
    """The venue with a market: each time it is opened the feed shows a quote."""

    def __init__(self, venue: PaperVenue) -> None:
        self._venue = venue

    def open(self, sink: Callable[[Any], None]) -> None:
        self._venue.open(sink)
        self._venue.see(quote("99.99", "100.01", "1000", "1000"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._venue, name)


@contextmanager
def paper() -> Iterator[PaperHarness]:
    harness = PaperHarness()
    try:
        yield harness
    finally:
        harness.close()
