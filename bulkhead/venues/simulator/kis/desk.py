"""What becomes of an order: checked by the exchange's rules, numbered, matched, amended, cancelled, ended at the close.

The one place that changes orders of the KIS dialect, whoever asks: the customer's program or the customer by hand.
Raises KisRefused, and then nothing has changed and no number is used. Assumptions: an amendment takes its quantity off
the original, whose row shows that as cancelled, and goes on as an order of its own at the end of the queue; what is
left of a market order ends at once; nobody is told by notice that an order ended at the close.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from bulkhead.venues import krx
from bulkhead.venues.simulator.accounts import ZERO, Account
from bulkhead.venues.simulator.errors import Refused
from bulkhead.venues.simulator.kis import errors
from bulkhead.venues.simulator.kis.hours import Hours, kst
from bulkhead.venues.simulator.kis.notices import CONFIRMED, ENDED, Notice, Notices
from bulkhead.venues.simulator.kis.records import Channel, Record, Records
from bulkhead.venues.simulator.kis.stocks import STOCKS
from bulkhead.venues.simulator.orderbook import Book
from bulkhead.venues.simulator.orders import EXPIRED, FOK, GTC, IOC, LIMIT, MARKET, TRADE, Order, OrderRequest, Report
from bulkhead.venues.simulator.venue import Venue

DIVISIONS = {
    "00": (LIMIT, GTC),
    "01": (MARKET, GTC),
    "11": (LIMIT, IOC),
    "12": (LIMIT, FOK),
    "13": (MARKET, IOC),
    "14": (MARKET, FOK),
}
"""ORD_DVSN; every other is refused."""
_META, _LAST = "kis/day", "kis/last"
_NO_FUNDS = -2010


@dataclass(frozen=True, slots=True)
class Asked:
    """A new order as it was asked for; `price` is zero for the divisions without one."""

    symbol: str
    is_buy: bool
    division: str
    quantity: Decimal
    price: Decimal


class Desk:
    def __init__(self, venue: Venue, records: Records, hours: Hours, notices: Notices) -> None:
        self._venue = venue
        self._records = records
        self._hours = hours
        self._notices = notices
        kept = json.loads(venue.store.meta(_META) or "{}")
        self.bases = {
            symbol: Decimal(kept.get(symbol, book.rules.reference_price)) for symbol, book in venue.books.items()
        }
        """Base price of each stock today: where it last traded before the day began."""
        self._day = date.fromisoformat(kept["day"]) if "day" in kept else self.today()
        if not kept:
            self._save_day()
        last = json.loads(venue.store.meta(_LAST) or "{}")
        self._last = {symbol: Decimal(price) for symbol, price in last.items()}
        self.halted: set[str] = set()

    def today(self) -> date:
        return kst(self._venue.now_ms()).date()

    def is_open(self) -> bool:
        return self._hours.is_open(self._venue.now_ms())

    def last_price(self, symbol: str) -> Decimal:
        """Of the last trade; of an earlier run's where there was none in this; the base price where there was none."""
        last = self._venue.books[symbol].last_trade
        return self._last.get(symbol, self.bases[symbol]) if last is None else last.price

    def book(self, symbol: str) -> Book:
        return self._venue.books[symbol]

    def save_prices(self) -> None:
        kept = {symbol: str(self.last_price(symbol)) for symbol in self.bases}
        self._venue.store.put_meta({_LAST: json.dumps(kept)})

    # -- time -----------------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Time has passed: end what may not rest any longer, and begin a new day where one has begun."""
        today = self.today()
        if today == self._day and self.is_open():
            return
        for account in self._venue.accounts:
            for order in list(account.open_orders.values()):
                self._expire(order)
        if today != self._day:
            self._day = today
            self.bases = {symbol: self.last_price(symbol) for symbol in self.bases}
            self._save_day()

    def _save_day(self) -> None:
        kept = {symbol: str(price) for symbol, price in self.bases.items()}
        self._venue.store.put_meta({_META: json.dumps(kept | {"day": self._day.isoformat()})})

    def _expire(self, order: Order) -> None:
        engine = self._venue.engine
        engine.now_ms = self._venue.now_ms()
        engine.cancel(order, "", EXPIRED)
        self._venue.publish(self._venue.books[order.symbol])

    # -- orders ---------------------------------------------------------------------------------------------------

    def place(self, account: Account, asked: Asked, channel: Channel) -> Record:
        kind, tif = self._check(asked)
        record = self._new(account, asked, channel)
        price = asked.price if kind == LIMIT else None
        request = OrderRequest(asked.symbol, asked.is_buy, kind, tif, asked.quantity, price, record.client_order_id)
        engine = self._venue.engine
        engine.now_ms = self._venue.now_ms()
        record.order = _placed(lambda: engine.place(account, request), asked.is_buy)
        self._records.add(record)
        self._notices.tell(Notice(record, record.placed_ms))
        self._venue.publish(self._venue.books[asked.symbol])
        return record

    def place_and_reject(self, account: Account, asked: Asked, channel: Channel) -> Record:
        """Answered as sent like any other; then the exchange will not have it."""
        self._check(asked)
        record = self._new(account, asked, channel)
        record.refused = asked.quantity
        self._records.add(record)
        self._notices.tell(Notice(record, record.placed_ms, is_refused=True))
        return record

    def cancel(self, account: Account, number: int, quantity: Decimal | None, channel: Channel) -> Record:
        """None: all that is left."""
        original, order, quantity = self._open(account, number, quantity)
        record = self._follow(original, "cancel", quantity, ZERO, channel)
        engine = self._venue.engine
        engine.now_ms = self._venue.now_ms()
        self._take_off(order, quantity)
        self._records.add(record)
        self._tell_done(record)
        self._venue.publish(self._venue.books[order.symbol])
        return record

    def amend(
        self, account: Account, number: int, price: Decimal, quantity: Decimal | None, channel: Channel
    ) -> Record:
        """To another limit price; the answer's number is another order's from then on."""
        original, order, quantity = self._open(account, number, quantity)
        self._check(Asked(order.symbol, order.is_buy, "00", quantity, price))
        engine = self._venue.engine
        engine.now_ms = self._venue.now_ms()
        if not engine.can_replace(order, quantity, price):
            raise errors.not_enough_cash()
        most = self._venue.books[order.symbol].rules.max_open_orders
        if quantity < order.leaves and len(account.open_orders) >= most:
            raise errors.too_many_open()
        record = self._follow(original, "amend", quantity, price, channel)
        self._take_off(order, quantity)
        request = OrderRequest(order.symbol, order.is_buy, LIMIT, GTC, quantity, price, record.client_order_id)
        record.order = engine.place(account, request)
        self._records.add(record)
        self._tell_done(record)
        self._venue.publish(self._venue.books[order.symbol])
        return record

    def on_reports(self, reports: list[Report]) -> None:
        """Of one account, as the engine made them: fills, and the unfilled rest of what may not rest."""
        for report in reports:
            record = self._records.of_order(report.order)
            if record is None:
                continue
            if report.execution_type == TRADE and report.fill is not None:
                fill = report.fill
                self._notices.tell(Notice(record, report.time_ms, CONFIRMED, filled=fill.quantity, price=fill.price))
            elif report.execution_type == EXPIRED and DIVISIONS[record.division] != (LIMIT, GTC):
                self._notices.tell(Notice(record, report.time_ms, ENDED))

    # -- steps ----------------------------------------------------------------------------------------------------

    def _check(self, asked: Asked) -> tuple[str, str]:
        """Type and time in force of what may be placed now."""
        words = DIVISIONS.get(asked.division)
        if words is None:
            raise errors.bad_division(asked.division)
        if asked.symbol not in self._venue.books or asked.symbol in self.halted:
            raise errors.no_such_stock()
        if not self.is_open():
            raise errors.market_closed()
        if asked.quantity <= 0 or asked.quantity != asked.quantity.to_integral_value():
            raise errors.bad_quantity()
        if words[0] == LIMIT:
            self._check_price(asked.symbol, asked.price)
        return words

    def _check_price(self, symbol: str, price: Decimal) -> None:
        is_etf = STOCKS[symbol].is_etf
        lower, upper = krx.limits(self.bases[symbol], is_etf)
        if not lower <= price <= upper:
            raise errors.beyond_limits(f"{lower:f}", f"{upper:f}")
        tick = krx.tick_at(price, is_etf)
        if price % tick:
            raise errors.bad_tick(f"{tick:f}")

    def _new(self, account: Account, asked: Asked, channel: Channel) -> Record:
        return self._records.new(
            self.today(),
            account=account,
            symbol=asked.symbol,
            is_buy=asked.is_buy,
            division=asked.division,
            quantity=asked.quantity,
            price=asked.price if DIVISIONS[asked.division][0] == LIMIT else ZERO,
            placed_ms=self._venue.now_ms(),
            channel=channel,
        )

    def _follow(self, original: Record, request: str, quantity: Decimal, price: Decimal, channel: Channel) -> Record:
        return self._records.new(
            self.today(),
            account=original.account,
            symbol=original.symbol,
            is_buy=original.is_buy,
            division="00" if request == "amend" else original.division,
            quantity=quantity,
            price=price,
            placed_ms=self._venue.now_ms(),
            channel=channel,
            request=request,
            original=original.number,
        )

    def _open(self, account: Account, number: int, quantity: Decimal | None) -> tuple[Record, Order, Decimal]:
        """The order of today under this number, and how much of it is meant."""
        record = self._records.get(self.today(), number)
        if record is None or record.account is not account or record.request == "cancel":
            raise errors.no_such_order()
        if not self.is_open():
            raise errors.market_closed()
        order = record.order
        if order is None or not order.is_open:
            raise errors.nothing_to_change()
        if quantity is None:
            return record, order, order.leaves
        if quantity <= 0 or quantity != quantity.to_integral_value():
            raise errors.bad_quantity()
        if quantity > order.leaves:
            raise errors.nothing_to_change()
        return record, order, quantity

    def _take_off(self, order: Order, quantity: Decimal) -> None:
        engine = self._venue.engine
        if quantity == order.leaves:
            engine.cancel(order, "")
        else:
            engine.reduce(order, quantity)

    def _tell_done(self, record: Record) -> None:
        self._notices.tell(Notice(record, record.placed_ms))
        self._notices.tell(Notice(record, record.placed_ms, CONFIRMED))


def _placed(place: Callable[[], Order], is_buy: bool) -> Order:
    """The engine's refusals in KIS's words."""
    try:
        return place()
    except Refused as refused:
        if refused.code == _NO_FUNDS:
            raise (errors.not_enough_cash() if is_buy else errors.not_enough_shares()) from refused
        raise errors.too_many_open() from refused
