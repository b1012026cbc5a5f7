"""The venue: engine, books, market and publishers in one place, with the one rule that binds them.

Rule: whatever touches an account is committed to the books before anyone is told, by answer or by stream. Public
events of an action go out in the order trade, then best bid and ask, then depth. Single-threaded; no I/O of its own
beyond the books.
"""

import json
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from bulkhead.venues.simulator.accounts import Account
from bulkhead.venues.simulator.books import Books
from bulkhead.venues.simulator.engine import Check, Engine
from bulkhead.venues.simulator.errors import SimulatorError, no_such_order, unknown_order_sent
from bulkhead.venues.simulator.fees import Fees
from bulkhead.venues.simulator.filters import check_filters
from bulkhead.venues.simulator.instruments import MarketRules, equity_rules, synthetic_rules
from bulkhead.venues.simulator.orderbook import Book, OrderBook
from bulkhead.venues.simulator.orders import TRADE, Fill, Order, OrderRequest, PublicTrade, Report
from bulkhead.venues.simulator.settings import SimulatorSettings
from bulkhead.venues.simulator.synthetic import STEP_MS, SyntheticMarket
from bulkhead.venues.simulator.tape import TapeFile
from bulkhead.venues.simulator.tape_book import TapeBook
from bulkhead.venues.simulator.tape_market import TapeMarket

_UPDATE_IDS_PER_RUN = 10**12
"""Update ids of a later run are higher than those of any earlier one."""
_TRADE_IDS_RESERVED = 10_000
_SAVE_MARKET_EVERY_MS = 1_000
_DEPTH_EVERY_MS = 100


class Listener(Protocol):
    """Takes what the venue makes public, and what it tells each account."""

    def on_trade(self, trade: PublicTrade) -> None: ...

    def on_top(self, book: Book) -> None: ...

    def wants_depth(self, symbol: str) -> bool: ...

    def on_depth(self, book: Book, time_ms: int) -> None: ...

    def on_account(self, account: Account, reports: list[Report], assets: set[str], time_ms: int) -> None: ...


@dataclass(frozen=True, slots=True)
class House:
    """What a protocol other than Binance's brings along: its markets, its fees, who has an account besides `client`."""

    rules: dict[str, MarketRules]
    fees: Fees
    check: Check
    others: dict[str, dict[str, Decimal]]
    """Opening balances of further accounts, by name."""


class Venue:
    """One account (`client`), with some protocols others beside it; one market, one set of books."""

    def __init__(
        self,
        settings: SimulatorSettings,
        listener: Listener,
        wall_ms: Callable[[], int] | None = None,
        house: House | None = None,
    ) -> None:
        """Open books and market. Raises SimulatorError, and then holds no file open."""
        self.settings = settings
        self.listener = listener
        self._house = house
        self._wall_ms = wall_ms or (lambda: time.time_ns() // 1_000_000)
        self.synthetic: SyntheticMarket | None = None
        self.tape: TapeMarket | None = None
        self.recent: dict[str, deque[PublicTrade]] = {}
        with ExitStack() as opened:
            self.store = Books(settings.books_file, settings.limits.history_orders)
            opened.callback(self.store.close)
            run = int(self.store.meta("run") or 0) + 1
            self.store.put_meta({"run": run})
            counters = self.store.load_counters()
            self._reserved = dict(counters.trade_ids)
            self.books: dict[str, Book] = {}
            self.engine = Engine(
                self.books,
                settings.commission_bps,
                settings.commission_in_quote,
                counters,
                fees=None if house is None else house.fees,
                check=check_filters if house is None else house.check,
            )
            self.engine.now_ms = self._wall_ms()
            open_market = self._open_tape if settings.market == "tape" else self._open_synthetic
            start_market = open_market(opened, (run - 1) * _UPDATE_IDS_PER_RUN)
            self.client = self._restore_account("client", settings.opening_balances)
            others = {} if house is None else house.others
            self.accounts = (self.client, *(self._restore_account(*other) for other in others.items()))
            start_market()
            opened.pop_all()

    def close(self) -> None:
        """Write the exact counters; without it (kill -9) trade ids go on after the reserved block."""
        self.store.put_meta({f"trade_id/{symbol}": last for symbol, last in self.engine.counters.trade_ids.items()})
        self._save_market()
        self.store.close()
        if self.tape is not None:
            self.tape.close()

    def now_ms(self) -> int:
        """The venue's clock: the tape's time in lockstep, the wall's otherwise."""
        if self.settings.lockstep and self.tape is not None:
            return self.tape.time_ms
        return self._wall_ms()

    def follow_clock(self, client_ms: int | None) -> None:
        """In lockstep the client's clock leads between two instants of the tape: a timer of its own may be due."""
        if self.settings.lockstep and self.tape is not None and client_ms is not None:
            self.tape.move_clock(client_ms)

    # -- orders ---------------------------------------------------------------------------------------------------

    def place(self, request: OrderRequest) -> tuple[Order, list[Fill]]:
        """Accept, match, write and publish an order; returns it with its fills so far. Raises Refused."""
        self.engine.now_ms = self.now_ms()
        order = self.engine.place(self.client, request)
        fills = [
            report.fill
            for report in self.engine.out.reports
            if report.execution_type == TRADE and report.order is order and report.fill is not None
        ]
        self.publish(self.books[order.symbol])
        return order, fills

    def cancel(self, order: Order, cancel_id: str) -> None:
        self.engine.now_ms = self.now_ms()
        self.engine.cancel(order, cancel_id)
        self.publish(self.books[order.symbol])

    def open_order(self, symbol: str, order_id: int | None, client_order_id: str | None) -> Order:
        """An order that can be cancelled. Raises Refused."""
        if order_id is not None:
            order = self.client.open_orders.get(order_id)
        else:
            order = self.client.open_by_client_id.get(client_order_id or "")
        if order is None or order.symbol != symbol:
            raise unknown_order_sent()
        if client_order_id is not None and order.client_order_id != client_order_id:
            raise unknown_order_sent()
        return order

    def find_order(self, symbol: str, order_id: int | None, client_order_id: str | None) -> Order:
        """Any order, open or ended. Raises Refused."""
        order = self.store.find_order(self.client, symbol, order_id, client_order_id)
        if order is None:
            raise no_such_order()
        return order

    def new_client_order_id(self) -> str:
        """For an order or a cancel that the client did not name."""
        return f"sim-{self.engine.counters.order_id + 1}-{self.engine.counters.execution_id + 1}"

    # -- the market -----------------------------------------------------------------------------------------------

    def step_synthetic(self) -> None:
        """One virtual step of the synthetic market, stamped with the wall's time."""
        market = self.synthetic
        if market is None:
            return
        self.engine.now_ms = self._wall_ms()
        market.step()
        if market.virtual_ms % _DEPTH_EVERY_MS < STEP_MS:
            for book in self.books.values():
                self._publish_depth(book)
        if market.virtual_ms % _SAVE_MARKET_EVERY_MS < STEP_MS:
            self._save_market()

    def publish(self, book: Book) -> int:
        """Commit, then tell, what the last action did to `book`; returns the number of public events."""
        out = self.engine.out
        events = len(out.trades)
        if out.reports:
            self.store.commit(out.reports, self.accounts, self.engine.counters)
        if events:
            self._publish_trades(out.trades)
        top = book.top()
        if top != book.last_top:
            book.last_top = top
            self.listener.on_top(book)
            events += 1
        if self.tape is not None:
            self._publish_depth(book)
        if out.reports:
            self._tell_accounts(list(out.reports))
        out.clear()
        return events

    def _tell_accounts(self, reports: list[Report]) -> None:
        for account in self.accounts:
            own = [report for report in reports if report.order.account is account]
            if own:
                assets, account.changed_assets = account.changed_assets, set()
                self.listener.on_account(account, own, assets, self.engine.now_ms)

    def _publish_trades(self, trades: list[PublicTrade]) -> None:
        symbol, last_id = trades[-1].symbol, trades[-1].trade_id
        if self.store.is_durable and last_id > self._reserved.get(symbol, 0):
            self._reserved[symbol] = last_id + _TRADE_IDS_RESERVED
            self.store.put_meta({f"trade_id/{symbol}": self._reserved[symbol]})
        recent = self.recent.get(symbol)
        if recent is None:
            recent = self.recent[symbol] = deque(maxlen=self.settings.limits.recent_trades_per_symbol)
        recent.extend(trades)
        for trade in trades:
            self.listener.on_trade(trade)

    def _publish_depth(self, book: Book) -> None:
        if self.listener.wants_depth(book.rules.symbol):
            self.listener.on_depth(book, self.engine.now_ms)

    def _save_market(self) -> None:
        if self.synthetic is not None and self.store.is_durable:
            self.store.put_meta({"market": json.dumps(self.synthetic.offsets())})

    # -- start ----------------------------------------------------------------------------------------------------

    def _restore_account(self, name: str, opening: dict[str, Decimal]) -> Account:
        account, orders = self.store.load_account(name, opening)
        self.engine.accounts[account.name] = account
        for order in orders:
            if order.symbol not in self.books:
                raise SimulatorError(
                    f"books file {self.settings.books_file} has an open order in {order.symbol}, which is not a market "
                    "of this run; name its symbol or tape, or start with new books"
                )
            self.engine.restore(order)
        return account

    def _open_synthetic(self, _: ExitStack, first_update_id: int) -> Callable[[], None]:
        """Open the books; returns what opens the ladders, once account orders are back on the books."""
        settings = self.settings
        house = self._house
        rules = synthetic_rules(settings.limits.max_open_orders_per_symbol) if house is None else house.rules
        wanted = settings.symbols or tuple(rules)
        books = {symbol: OrderBook(rules[symbol], first_update_id) for symbol in wanted}
        self.books.update(books)

        def start() -> None:
            state = self.store.market_state()
            self.synthetic = SyntheticMarket(
                self.engine, books, settings.seed, settings.events_per_s, self.publish, state
            )
            self.synthetic.open()

        return start

    def _open_tape(self, opened: ExitStack, first_update_id: int) -> Callable[[], None]:
        settings, limits = self.settings, self.settings.limits
        files: list[TapeFile] = []
        for path in settings.tape_files:
            files.append(TapeFile(path, limits.bad_row_share, limits.bad_row_grace_rows))
            opened.callback(files[-1].close)
        most_open = limits.max_open_orders_per_symbol
        books = {file.counts.symbol: TapeBook(equity_rules(file.base, most_open), first_update_id) for file in files}
        self.books.update(books)

        def start() -> None:
            started_ms = self._wall_ms()

            def shift_ms(time_ms: int) -> int:
                return started_ms + int((time_ms - first_ms) / settings.speed)

            if settings.lockstep:
                self.tape = TapeMarket(files, self.engine, books, self.publish)
            else:
                self.tape = TapeMarket(files, self.engine, books, self.publish, shift_ms)
            first_ms = self.tape.time_ms

        return start
