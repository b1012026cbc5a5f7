"""What the tests of paper execution share: a market to show, a venue with its log, orders to hand in."""

import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Self

from bulkhead.chaos.model.market import CAPABILITIES
from bulkhead.venues.paper.market import Asked, Market, Rung
from bulkhead.venues.paper.settings import FillSettings
from bulkhead.venues.paper.venue import PaperVenue
from messages.instruments import Instrument
from messages.market import Book, Quote, Trade
from messages.orders import OrderTicket, SubmitOrder, TakeVenueSnapshot, VenueSnapshotTaken
from messages.values import IntentType, Level, OrderType, Side, TimeInForce
from tests.venues.adapters.kit import Guard, Log
from tests.venues.transport.peers import until

D = Decimal
SYMBOL = "BTCUSDT"
TICK, LOT = D("0.01"), D("0.001")
OFF = FillSettings(partial_fills=False, failed_fills=False, slippage=False, queue_position=False)
"""Everything switched off."""
OFF_BOOK = OFF.model_copy(update={"fill_model": "book"})
Side_ = tuple[tuple[str, str], ...]


def instrument(symbol: str = SYMBOL, tick: str = "0.01", lot: str = "0.001") -> Instrument:
    return Instrument(
        symbol=symbol,
        base_asset=symbol.removesuffix("USDT"),
        quote_asset="USDT",
        tick_size=D(tick),
        lot_size=D(lot),
        min_quantity=D(lot),
        max_quantity=D(1_000),
        min_notional=D(5),
        is_trading=True,
        version="v1",
    )


def market(bids: Side_ = (("99.99", "2"),), asks: Side_ = (("100.01", "2"),)) -> Market:
    bid_rungs, ask_rungs = (tuple(Rung(D(price), D(quantity)) for price, quantity in side) for side in (bids, asks))
    return Market(TICK, LOT, bid_rungs, ask_rungs)


def asked(quantity: str, *, limit: str | None = None, is_buy: bool = True, number: int = 1) -> Asked:
    return Asked(number, is_buy, D(quantity), None if limit is None else D(limit))


_ids = iter(range(1, 1_000_000_000))


def quote(bid: str, ask: str, bid_quantity: str = "2", ask_quantity: str = "2", symbol: str = SYMBOL) -> Quote:
    return Quote(
        venue="paper",
        symbol=symbol,
        event_time_ns=1,
        received_at_ns=1,
        received_monotonic_ns=1,
        bid=D(bid),
        bid_quantity=D(bid_quantity),
        ask=D(ask),
        ask_quantity=D(ask_quantity),
        update_id=next(_ids),
    )


def book(bids: Side_, asks: Side_, symbol: str = SYMBOL) -> Book:
    sides = (tuple(Level(price=D(price), quantity=D(quantity)) for price, quantity in side) for side in (bids, asks))
    shown = dict(zip(("bids", "asks"), sides, strict=True))
    return Book(
        venue="paper",
        symbol=symbol,
        event_time_ns=1,
        received_at_ns=1,
        received_monotonic_ns=1,
        update_id=next(_ids),
        **shown,
    )


def trade(price: str, quantity: str, symbol: str = SYMBOL) -> Trade:
    return Trade(
        venue="paper",
        symbol=symbol,
        event_time_ns=1,
        received_at_ns=1,
        received_monotonic_ns=1,
        price=D(price),
        quantity=D(quantity),
        trade_id=next(_ids),
    )


def ticket(
    client_order_id: str,
    quantity: str = "1",
    *,
    side: Side = Side.BUY,
    limit: str | None = None,
    tif: TimeInForce = TimeInForce.GTC,
    symbol: str = SYMBOL,
) -> OrderTicket:
    return OrderTicket(
        client_order_id=client_order_id,
        venue="paper",
        account="main",
        symbol=symbol,
        side=side,
        order_type=OrderType.MKT if limit is None else OrderType.LMT,
        quantity=D(quantity),
        limit_price=None if limit is None else D(limit),
        time_in_force=tif,
        intent_type=IntentType.ENTRY if side is Side.BUY else IntentType.EXIT_FULL,
    )


class Rules:
    """Who knows the trading rules."""

    def __init__(self, *instruments: Instrument) -> None:
        self.instruments = instruments or (instrument(),)
        self.capabilities = CAPABILITIES

    def load_instruments(self) -> tuple[Instrument, ...]:
        return self.instruments

    def server_time_ms(self) -> int:
        return time.time_ns() // 1_000_000


class Desk:
    """An opened paper venue with everything it told. A context manager; `books` None keeps them in memory."""

    def __init__(
        self,
        settings: FillSettings = OFF,
        books: Path | None = None,
        guard: Guard | None = None,
        on_sent: Callable[[str, int], None] | None = None,
        rules: Rules | None = None,
        **opening: str,
    ) -> None:
        self.log, self.guard = Log(), guard or Guard()
        self.faults: list[str] = []
        self.venue = PaperVenue(
            "paper",
            "main",
            settings,
            {asset: D(amount) for asset, amount in (opening or {"USDT": "10000"}).items()},
            survey=rules or Rules(),
            guard=self.guard,
            now_ns=time.time_ns,
            monotonic_ns=time.monotonic_ns,
            on_fault=lambda where, error: self.faults.append(f"{where}: {error}"),
            on_sent=on_sent,
        )
        self.venue.open_books(books)
        self.venue.load_instruments()

    def __enter__(self) -> Self:
        self.venue.open(self.log)
        return self

    def __exit__(self, *_: object) -> None:
        self.venue.close(5.0)
        self.venue.close_books()

    def submit(self, order: OrderTicket) -> None:
        self.venue.submit(SubmitOrder(ticket=order), "oms", 1)

    def answered(self) -> None:
        until(lambda: self.venue.pending() == 0, "every request is answered")

    def place(self, order: OrderTicket) -> None:
        self.submit(order)
        self.answered()

    def snapshot(self) -> VenueSnapshotTaken:
        before = len(self.log.of(VenueSnapshotTaken))
        self.venue.snapshot(TakeVenueSnapshot(symbols=(SYMBOL,), since_ns=0))
        return self.log.wait_for(VenueSnapshotTaken, before + 1)[-1]

    def total(self, asset: str) -> Decimal:
        return next((balance.total for balance in self.snapshot().balances if balance.asset == asset), D(0))

    def worked_off(self) -> None:
        """Until the worker has taken in all that was put in before."""
        done = threading.Event()
        self.venue._worker.data(done.set)
        assert done.wait(5)

    def hold(self, until: threading.Event) -> None:
        """Let the worker do nothing else before the event."""

        def wait() -> None:
            until.wait(10)

        self.venue._worker.data(wait)
