"""Market data in frames: H0STCNT0 (46 or 47 fields a trade) and H0STASP0 (59 or 60 fields a book).

There is no sequence number; that a trade is missing shows only in the day's volume. What this market has no figures
for is told as 0.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from bulkhead.venues.simulator.accounts import ZERO
from bulkhead.venues.simulator.kis.hours import date_text, kst, time_text
from bulkhead.venues.simulator.orderbook import Book, Depth
from bulkhead.venues.simulator.orders import PublicTrade

TRADES, BOOKS = "H0STCNT0", "H0STASP0"
LEVELS = 10
_REGULAR = "2"
"""MARKET_CLS_CODE."""


def frame(tr_id: str, records: list[list[str]], *, is_encrypted: bool = False) -> str:
    """`0|TR|NNN|f1^f2^…`; records follow one another without a mark between them."""
    payload = "^".join(value for record in records for value in record)
    return f"{1 if is_encrypted else 0}|{tr_id}|{len(records):03d}|{payload}"


@dataclass(slots=True)
class DayOfTrades:
    """What a stock has traded today."""

    day: date = date.min
    open: Decimal = ZERO
    high: Decimal = ZERO
    low: Decimal = ZERO
    volume: Decimal = ZERO
    amount: Decimal = ZERO
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    buys: int = 0
    sells: int = 0

    def add(self, trade: PublicTrade) -> "DayOfTrades":
        """With the trade; a new one when it is the first of its day."""
        day = kst(trade.time_ms).date()
        today = self if day == self.day else DayOfTrades(day, trade.price, trade.price, trade.price)
        today.high, today.low = max(today.high, trade.price), min(today.low, trade.price)
        today.volume += trade.quantity
        today.amount += trade.price * trade.quantity
        if trade.is_buyer_maker:
            today.sold += trade.quantity
            today.sells += 1
        else:
            today.bought += trade.quantity
            today.buys += 1
        return today


def trade_record(trade: PublicTrade, today: DayOfTrades, book: Book, base: Decimal, width: int) -> list[str]:
    """One trade, with the day's sums in which it is counted already."""
    change, (bid, bid_size, ask, ask_size) = trade.price - base, book.top()
    sign = "2" if change > 0 else "5" if change < 0 else "3"
    total_bid, total_ask = (sum((size for _, size in side), ZERO) for side in book.depth(LEVELS))
    strength = today.bought * 100 / today.sold if today.sold else ZERO
    values = [
        trade.symbol,
        time_text(trade.time_ms),
        _f(trade.price),
        sign,
        _f(change),
        f"{change * 100 / base:.2f}",
        f"{today.amount / today.volume:.2f}",
        _f(today.open),
        _f(today.high),
        _f(today.low),
        _f(ask or ZERO),
        _f(bid or ZERO),
        _f(trade.quantity),
        _f(today.volume),
        _f(today.amount),
        str(today.sells),
        str(today.buys),
        str(today.buys - today.sells),
        f"{strength:.2f}",
        _f(today.sold),
        _f(today.bought),
        "5" if trade.is_buyer_maker else "1",
        f"{today.bought / today.volume:.2f}",
        "0.00",
        *("090000", "3", "0", "090000", "3", "0", "090000", "3", "0"),
        date_text(today.day),
        "20",
        "N",
        _f(ask_size),
        _f(bid_size),
        _f(total_ask),
        _f(total_bid),
        *("0.00", "0", "0.00", "0", "", _f(base)),
    ]
    return [*values, _REGULAR] if width == len(values) + 1 else values


def book_record(book: Book, at_ms: int, volume: Decimal, width: int) -> list[str]:
    """The best ten levels of either side; a level that is not there is told as 0."""
    bids, asks = (_filled(side) for side in book.depth(LEVELS))
    values = [
        book.rules.symbol,
        time_text(at_ms),
        "0",
        *(_f(price) for price, _ in asks),
        *(_f(price) for price, _ in bids),
        *(_f(size) for _, size in asks),
        *(_f(size) for _, size in bids),
        _f(sum((size for _, size in asks), ZERO)),
        _f(sum((size for _, size in bids), ZERO)),
        *("0", "0", "0", "0", "0", "0", "3", "0.00"),
        _f(volume),
        *("0", "0", "0", "0", "0"),
    ]
    return [*values, _REGULAR] if width == len(values) + 1 else values


def _filled(side: Depth) -> Depth:
    return [*side, *[(ZERO, ZERO)] * (LEVELS - len(side))]


def _f(value: Decimal) -> str:
    return f"{value:f}"
