"""The venue in the words of KIS: what binds clock, desk, lists, sockets and notices to the one matching engine."""

import asyncio
import contextlib
from decimal import Decimal

from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bulkhead.venues.simulator.accounts import ZERO, Account
from bulkhead.venues.simulator.clock import VenueClock
from bulkhead.venues.simulator.connections import Connections
from bulkhead.venues.simulator.faults import FaultRequest, Faults
from bulkhead.venues.simulator.fees import ShareOfOrder
from bulkhead.venues.simulator.kis.account import CASH, AccountViews
from bulkhead.venues.simulator.kis.calls import Calls
from bulkhead.venues.simulator.kis.control import KisControl, order_json
from bulkhead.venues.simulator.kis.desk import Desk
from bulkhead.venues.simulator.kis.frames import BOOKS, TRADES, DayOfTrades, book_record, trade_record
from bulkhead.venues.simulator.kis.hours import Hours
from bulkhead.venues.simulator.kis.keys import Keys
from bulkhead.venues.simulator.kis.notices import Notice, Notices, notice_fields
from bulkhead.venues.simulator.kis.positions import Positions
from bulkhead.venues.simulator.kis.records import Records
from bulkhead.venues.simulator.kis.rest import KisRest
from bulkhead.venues.simulator.kis.sockets import Sockets
from bulkhead.venues.simulator.kis.stocks import STOCKS, stock_rules
from bulkhead.venues.simulator.orderbook import Book
from bulkhead.venues.simulator.orders import Order, PublicTrade, Report
from bulkhead.venues.simulator.outsiders import FillRequest
from bulkhead.venues.simulator.settings import SimulatorSettings
from bulkhead.venues.simulator.venue import House, Venue

OTHER_ACCOUNT = "other"


class KisDialect:
    """Implements Dialect, and is the venue's listener."""

    def __init__(
        self, settings: SimulatorSettings, faults: Faults, connections: Connections, clock: VenueClock
    ) -> None:
        self._settings = settings.kis
        self._most_records = settings.limits.history_orders
        self._faults = faults
        self._connections = connections
        self._clock = clock
        self._fees = ShareOfOrder(settings.kis.commission_rate, settings.kis.sell_tax_rate)
        self._hours = Hours(settings.kis.always_open, clock.now_ms())
        self.listener = self
        self.house: House | None = House(
            rules=stock_rules(settings.limits.max_open_orders_per_symbol),
            fees=self._fees,
            check=lambda _rules, _request, _price: None,  # the desk has checked it
            others={OTHER_ACCOUNT: {CASH: Decimal(settings.kis.other_opening_cash)}},
        )
        symbols = frozenset(settings.symbols or STOCKS)
        self._sockets = Sockets(settings.kis, self._is_approved, faults, clock.now_ms, symbols, self._track_book)
        self._records_waiting: dict[str, list[list[str]]] = {}
        self._days: dict[str, DayOfTrades] = {}
        self._has_traded = False
        """Since prices were last written."""

    def open(self, venue: Venue) -> None:
        settings, faults, now_ms = self._settings, self._faults, venue.now_ms
        self._venue = venue
        self._records = Records(venue.store, settings.branch, self._most_records)
        self._records.load(venue.accounts)
        self._positions = {account.name: _positions(venue, account) for account in venue.accounts}
        self._notices = Notices(faults, self._send_notice)
        self._desk = Desk(venue, self._records, self._hours, self._notices)
        keys = Keys(settings, venue.store)
        self._keys = keys
        views = AccountViews(self._desk, self._hours, self._fees)
        positions = self._positions[venue.client.name]
        calls = Calls(settings, venue.client, positions, self._desk, self._records, views, faults, now_ms)
        self._rest = KisRest(settings, calls, keys, self._desk, self._notices, faults, self._clock.now_ns)
        main, other = venue.accounts
        self._control = KisControl(self._desk, self._records, (main, other))

    def _is_approved(self, key: object) -> bool:
        return self._keys.is_approved(key, self._clock.now_ms())

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/oauth2/{name}", self._rest.respond_oauth, methods=["POST"]),
            Route("/uapi/hashkey", self._rest.respond_hashkey, methods=["POST"]),
            Route("/uapi/{name:path}", self._rest.respond, methods=["GET", "POST"]),
            Route("/sim/kis/manual", self._control.manual, methods=["POST"]),
            Route("/sim/kis/stock", self._control.stock, methods=["POST"]),
            WebSocketRoute("/tryitout", self._socket),
        ]

    async def _socket(self, websocket: WebSocket) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            await self._sockets.serve(websocket, self._connections)

    def books(self) -> dict[str, object]:
        return {
            "orders": [order_json(record) for record in self._records.all()],
            "rate_limit": self._rest.limiter.as_json(),
            "rate_limit_refusals": self._rest.limiter.refused,
            "frames_sent": self._sockets.sent,
            "sessions_refused": self._sockets.refused_sessions,
            "clock": self._clock.as_json(),
            "is_open": self._desk.is_open(),
            "accounts": {
                account.name: {asset: f"{held.free + held.locked:f}" for asset, held in account.balances.items()}
                for account in self._venue.accounts
            },
        }

    def find(self, asked: FillRequest) -> Order | None:
        record = self._records.find(asked.order_id or asked.client_order_id, self._desk.today())
        return record.order if record is not None and record.is_open else None

    def lets_market_move(self) -> bool:
        self._desk.advance()
        if self._has_traded and self._venue.store.is_durable:
            self._has_traded = False
            self._desk.save_prices()
        return self._desk.is_open()

    def on_faults(self, request: FaultRequest) -> None:
        if request.expire_tokens:
            self._keys.expire_tokens()

    # -- Listener -----------------------------------------------------------------------------------------------------

    def on_trade(self, trade: PublicTrade) -> None:
        """Trades that happen at once share a frame."""
        self._has_traded = True
        self._days[trade.symbol] = today = self._days.get(trade.symbol, DayOfTrades()).add(trade)
        if not self._sockets.wants(TRADES, trade.symbol):
            return
        book, base = self._venue.books[trade.symbol], self._desk.bases[trade.symbol]
        waiting = self._records_waiting.setdefault(trade.symbol, [])
        if not waiting:
            asyncio.get_running_loop().call_soon(self._send_trades, trade.symbol)
        waiting.append(trade_record(trade, today, book, base, self._settings.trade_fields))

    def _send_trades(self, symbol: str) -> None:
        self._sockets.send_trades(symbol, self._records_waiting.pop(symbol, []))

    def on_top(self, book: Book) -> None:
        book.take_changes()  # they are in this frame
        self._send_book(book)

    def wants_depth(self, symbol: str) -> bool:
        is_wanted = self._sockets.wants(BOOKS, symbol)
        if not is_wanted:
            self._venue.books[symbol].track_depth(False)
        return is_wanted

    def _track_book(self, symbol: str) -> None:
        self._venue.books[symbol].track_depth(True)

    def on_depth(self, book: Book, time_ms: int) -> None:
        if book.take_changes() is not None:
            self._send_book(book)

    def _send_book(self, book: Book) -> None:
        symbol = book.rules.symbol
        if self._sockets.wants(BOOKS, symbol):
            volume = self._days.get(symbol, DayOfTrades()).volume
            self._sockets.send_book(symbol, book_record(book, self._venue.now_ms(), volume, self._settings.book_fields))

    def on_account(self, account: Account, reports: list[Report], assets: set[str], time_ms: int) -> None:
        self._positions[account.name].book(report.fill for report in reports if report.fill is not None)
        self._desk.on_reports(reports)

    def _send_notice(self, notice: Notice) -> None:
        settings, name = self._settings, notice.record.account.name
        number = settings.other_account_number if name == OTHER_ACCOUNT else settings.account_number
        fields = notice_fields(notice, number + settings.product, settings.hts_id, settings.notice_fields)
        self._sockets.send_notice(fields)


def _positions(venue: Venue, account: Account) -> Positions:
    """From every fill in the books, on top of what the account opened with."""
    fills = venue.store.all_fills(account)
    positions = Positions()
    for symbol in venue.books:
        held = account.balance(symbol)
        own = (fill for fill in fills if fill.symbol == symbol)
        traded = sum((fill.quantity if fill.is_buyer else -fill.quantity for fill in own), ZERO)
        opened = held.free + held.locked - traded
        if opened:
            positions.open(symbol, opened, STOCKS[symbol].opening_price)
    positions.book(fills)
    return positions
