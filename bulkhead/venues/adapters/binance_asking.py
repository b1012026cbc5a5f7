"""Questions to Binance that take several requests: one order with its fills, and the snapshot to reconcile against.

All or nothing: one failed request, unreadable row or page too many fails the whole answer, because a reconciliation
against half a list cancels what the other half would have explained.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bulkhead.venues.adapters.ask_failed import AskFailed
from bulkhead.venues.wire.binance import outcomes, replies, requests
from bulkhead.venues.wire.facts import Answered, Family, HttpFact, ProtocolError, WireRequest
from messages.orders import Balance, VenueExecution, VenueOrder

T = TypeVar("T")
RowT = TypeVar("RowT")
Ask = Callable[[requests.From], WireRequest]
Make = Callable[[], WireRequest]

WINDOW_MS = 24 * 3_600 * 1_000
"""The venue gives at most 24 hours between startTime and endTime."""
MAX_WINDOWS = 14
"""Looking back further than this many days reads from the account's first row instead of day by day."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[RowT]):
    """One of the venue's paged lists: how to ask for a page, read it, and tell its rows' ids."""

    ask: Ask
    read: Callable[[str], tuple[RowT, ...] | ProtocolError]
    row_id: Callable[[RowT], int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    balances: tuple[Balance, ...]
    open_orders: tuple[VenueOrder, ...]
    orders: tuple[VenueOrder, ...]
    executions: tuple[VenueExecution, ...]


class Asking:
    """One question under way: a way to ask, a key, a clock, and a bound on the pages it may still read.

    `exchange` waits for the request's turn, makes it when it has come, and raises AskFailed when it does not."""

    def __init__(
        self,
        exchange: Callable[[Make], HttpFact],
        signer: requests.Signer,
        stamp: Callable[[], requests.Stamp],
        max_pages: int,
    ) -> None:
        self._send = exchange
        self._signer = signer
        self._stamp = stamp
        self._pages_left = max_pages

    def order(self, symbol: str, client_order_id: str) -> tuple[VenueOrder | None, tuple[VenueExecution, ...], str]:
        """The order, its executions, and the venue's words; None when the venue says it knows no such order."""
        answer = self._exchange(
            lambda: requests.query(self._signer, symbol, client_order_id, self._stamp()), absent_is_answer=True
        )
        if answer.status != 200:
            return None, (), answer.text
        order = _read(replies.order(answer.text))
        if order.client_order_id != client_order_id or order.symbol != symbol:
            raise AskFailed("the answer names another order", answer.text)
        executions: tuple[VenueExecution, ...] = ()
        if order.filled:
            listing = Listing(self._trades_of(symbol, order.venue_order_id), replies.executions, _execution_id)
            executions = self._by_id(listing, requests.From())
        return order, executions, answer.text

    def snapshot(self, symbols: tuple[str, ...], since_ms: int, now_ms: int) -> Snapshot:
        open_orders = _read(
            replies.orders(self._exchange(lambda: requests.open_orders(self._signer, self._stamp())).text)
        )
        orders: list[VenueOrder] = []
        executions: list[VenueExecution] = []
        for symbol in symbols:
            orders += self._since(Listing(self._orders_of(symbol), replies.orders, _order_id), since_ms, now_ms)
            trades = Listing(self._trades_of(symbol), replies.executions, _execution_id)
            executions += self._since(trades, since_ms, now_ms)
        balances = _read(replies.balances(self._exchange(lambda: requests.account(self._signer, self._stamp())).text))
        return Snapshot(balances, open_orders, tuple(orders), tuple(executions))

    def _orders_of(self, symbol: str) -> Ask:
        return lambda start: requests.all_orders(self._signer, symbol, start, self._stamp())

    def _trades_of(self, symbol: str, venue_order_id: str | None = None) -> Ask:
        return lambda start: requests.my_trades(self._signer, symbol, start, self._stamp(), venue_order_id)

    def _since(self, listing: Listing[RowT], since_ms: int, now_ms: int) -> tuple[RowT, ...]:
        """Every row since a time: by day until a day has rows, from there by id to the newest."""
        days = max(0, now_ms - since_ms) // WINDOW_MS
        if days >= MAX_WINDOWS:
            return self._by_id(listing, requests.From(id=0))
        for day in range(days):
            start_ms = since_ms + day * WINDOW_MS
            rows = self._page(listing, requests.From(start_ms=start_ms, end_ms=start_ms + WINDOW_MS - 1))
            if rows:
                return rows + self._by_id(listing, requests.From(id=_following(listing, rows)))
        return self._by_id(listing, requests.From(start_ms=since_ms + days * WINDOW_MS))

    def _by_id(self, listing: Listing[RowT], start: requests.From) -> tuple[RowT, ...]:
        rows: list[RowT] = []
        while True:  # bounded by the pages left
            page = self._page(listing, start)
            rows += page
            if len(page) < requests.PAGE_LIMIT:
                return tuple(rows)
            following = _following(listing, page)
            if start.id is not None and following <= start.id:
                raise AskFailed("the venue's pages do not go forward")
            start = requests.From(id=following)

    def _page(self, listing: Listing[RowT], start: requests.From) -> tuple[RowT, ...]:
        if self._pages_left <= 0:
            raise AskFailed("more pages than max_pages allows; ask since a later time")
        self._pages_left -= 1
        return _read(listing.read(self._exchange(lambda: listing.ask(start)).text))

    def _exchange(self, make: Make, *, absent_is_answer: bool = False) -> Answered:
        fact = self._send(make)
        verdict = outcomes.judge(fact)
        if isinstance(fact, Answered):
            if verdict.family is Family.ACCEPTED:
                return fact
            if absent_is_answer and verdict.code == outcomes.NO_SUCH_ORDER and verdict.family is Family.REJECTED:
                return fact
        asked = make()
        raise AskFailed(f"{asked.method} {asked.path}: {verdict.code}: {verdict.reason}")


def _read(result: T | ProtocolError) -> T:
    if isinstance(result, ProtocolError):
        raise AskFailed(f"the answer cannot be read: {result.reason}", result.raw)
    return result


def _following(listing: Listing[RowT], rows: tuple[RowT, ...]) -> int:
    return max(listing.row_id(row) for row in rows) + 1


def _order_id(order: VenueOrder) -> int:
    return int(order.venue_order_id)


def _execution_id(execution: VenueExecution) -> int:
    return int(execution.execution_id)
