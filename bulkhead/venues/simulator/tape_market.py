"""Plays a recorded tape into the books: rows become displayed quotes, prints, and fills of resting account orders.

It decides nothing about time: the lockstep controller or the scheduler says how far to play. After each row the venue
is told, so that what changed is written and published in the order of the rows.
"""

from collections.abc import Callable
from decimal import Decimal

from bulkhead.venues.simulator.engine import Engine
from bulkhead.venues.simulator.orderbook import Quote
from bulkhead.venues.simulator.tape import BID_ROW, TRADE_ROW, Row, TapeFile, merged
from bulkhead.venues.simulator.tape_book import TapeBook


class TapeMarket:
    """Position on the tape and the rules by which a row meets account orders."""

    def __init__(
        self,
        files: list[TapeFile],
        engine: Engine,
        books: dict[str, TapeBook],
        after_row: Callable[[TapeBook], object],
        shift_ms: Callable[[int], int] = lambda time_ms: time_ms,
    ) -> None:
        """`shift_ms` turns a row's time into the venue's time (the identity in lockstep)."""
        self.files = files
        self.rows = 0
        self._engine = engine
        self._books = books
        self._after_row = after_row
        self._shift_ms = shift_ms
        self._tape = merged(files)
        self._next: Row | None = next(self._tape, None)
        self.time_ms = 0 if self._next is None else self._next[0]

    @property
    def next_time_ms(self) -> int | None:
        return None if self._next is None else self._next[0]

    @property
    def has_ended(self) -> bool:
        return self._next is None

    def move_clock(self, time_ms: int) -> None:
        """Forward only, and not beyond the next row."""
        bound = time_ms if self._next is None else min(time_ms, self._next[0])
        self.time_ms = max(self.time_ms, bound)

    def play_instant(self, window_ms: int) -> int:
        """Play the next row and all rows within `window_ms` after it; returns how many."""
        if self._next is None:
            return 0
        return self.play_until(self._next[0] + window_ms)

    def play_until(self, time_ms: int, max_rows: int | None = None) -> int:
        """Play rows with a time of at most `time_ms`; returns how many."""
        played = 0
        tape = self._tape
        row = self._next
        while row is not None and row[0] <= time_ms and played != max_rows:
            # The next row is read first: should the tape prove unusable there, this one still counts as unplayed.
            self._next = next(tape, None)
            self._play(row)
            played += 1
            row = self._next
        self.rows += played
        return played

    def report(self) -> list[dict[str, object]]:
        """What was counted, file by file: the dirt of the recording, and quotes taken as withdrawn."""
        return [
            {**file.counts.as_json(), "withdrawn_quotes": self._books[file.counts.symbol].withdrawn_quotes}
            for file in self.files
        ]

    def close(self) -> None:
        for file in self.files:
            file.close()

    def _play(self, row: Row) -> None:
        row_ms, symbol, kind, price, size, exchange = row
        self.time_ms = row_ms
        engine = self._engine
        engine.now_ms = self._shift_ms(row_ms)
        book = self._books[symbol]
        if kind == TRADE_ROW:
            if price is not None:
                self._print(book, price, size)
        else:
            is_bid = kind == BID_ROW
            quote = book.show(exchange, is_bid, price, size, engine.next_sequence(), row_ms)
            if quote is not None and (book.resting_asks if is_bid else book.resting_bids):
                self._meet(book, quote, is_bid)
        self._after_row(book)

    def _print(self, book: TapeBook, price: Decimal, size: Decimal) -> None:
        self._engine.print_trade(book, price, size, _is_buyer_maker(book, price))
        if book.resting_bids or book.resting_asks:
            for order, quantity in book.fills_by_print(price, size):
                self._engine.fill_resting(book, order, quantity)

    def _meet(self, book: TapeBook, quote: Quote, is_bid: bool) -> None:
        for order in book.orders_met_by(quote, is_bid):
            quantity = min(quote.leaves, order.leaves)
            if not quantity:
                break
            quote.leaves -= quantity
            self._engine.fill_resting(book, order, quantity)
            book.after_fill(quote, is_bid, quantity)


def _is_buyer_maker(book: TapeBook, price: Decimal) -> bool:
    """The tape does not say who was passive: judged by the quotes, then by the tick."""
    bid, _, ask, _ = book.top()
    if bid is not None and price <= bid:
        return True
    if ask is not None and price >= ask:
        return False
    return book.last_trade is not None and price < book.last_trade.price
