"""Questions to KIS that may take several requests: an order, the orders of a day, and what a snapshot is made of.

All or nothing: one failed request, unreadable row or page too many fails the whole answer, because a reconciliation
against half a list cancels what the other half would have explained.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Protocol, TypeVar

from bulkhead.venues.adapters.ask_failed import AskFailed
from bulkhead.venues.adapters.kis_session import Make
from bulkhead.venues.wire.facts import Answered, Family, HttpFact, ProtocolError
from bulkhead.venues.wire.kis import account, outcomes
from bulkhead.venues.wire.kis_fields import OrderNumber, kst_date
from bulkhead.venues.wire.kis_listed import ListedOrder
from messages.orders import Balance

T = TypeVar("T")

_DAY_NS = 86_400 * 1_000_000_000
RECENT_NS = 89 * _DAY_NS
"""Older orders are in another list: than three months, of which the shortest has 89 days."""
CLOCKS_DIFFER_NS = 60 * 1_000_000_000
"""The venue tells no time, and its orders carry theirs in whole seconds: from so much before the watermark they count
as since then."""
CASH = "KRW"


class _Page(Protocol):
    @property
    def next(self) -> account.Cursor | None: ...


PageT = TypeVar("PageT", bound=_Page)


class Asking:
    """One question under way: a way to ask, a clock, and a bound on the pages it may still read.

    `exchange` waits for the request's turn, makes it when it has come, and raises AskFailed when it does not."""

    def __init__(self, exchange: Callable[[Make], HttpFact], now_ns: Callable[[], int], max_pages: int) -> None:
        self._send = exchange
        self._now_ns = now_ns
        self._pages_left = max_pages

    def order(self, number: OrderNumber) -> ListedOrder | None:
        """None where the list does not have it (yet)."""
        found = self.numbered(number.date, number.number)
        return next((row for row in found if row.number == number), None)

    def numbered(self, date: str, digits: str) -> tuple[ListedOrder, ...]:
        """Of one day: a number is unique in a branch only."""
        pages = self._orders(account.Asked(date, date, number=digits))
        # Asked for again, since that the venue filters by it is what it promises, and not what we can see.
        return tuple(row for page in pages for row in page.rows if row.number.number == digits)

    def among(self, date: str, digits: frozenset[str]) -> tuple[ListedOrder, ...]:
        """The same for many, by reading the list of the day until all have been seen."""
        found: dict[OrderNumber, ListedOrder] = {}
        for page in self._orders(account.Asked(date, date, is_newest_first=True)):
            found |= {row.number: row for row in page.rows if row.number.number in digits}
            if digits <= {number.number for number in found}:
                break
        return tuple(found.values())

    def since(self, since_ns: int) -> tuple[ListedOrder, ...]:
        """Every order from then on, and every one that is open, each once."""
        now_ns = self._now_ns()
        today, since_ns = kst_date(now_ns), max(0, since_ns - CLOCKS_DIFFER_NS)
        recent = max(kst_date(since_ns), kst_date(max(0, now_ns - RECENT_NS)))
        asked = account.Asked(recent, today, is_newest_first=True)
        found = self._until(asked, since_ns)
        if kst_date(since_ns) < recent:
            older = replace(asked, start=kst_date(since_ns), end=kst_date(now_ns - RECENT_NS - _DAY_NS), is_older=True)
            found |= self._until(older, since_ns)
        # Nothing rests longer than its day. Read last: of an order in both lists, this says how it is now.
        for page in self._orders(account.Asked(today, today, is_open_only=True)):
            found |= {row.number: row for row in page.rows}
        return tuple(row for row in found.values() if not row.is_request_only)

    def _until(self, asked: account.Asked, since_ns: int) -> dict[OrderNumber, ListedOrder]:
        """Newest first, up to a page of which every order is older."""
        found: dict[OrderNumber, ListedOrder] = {}
        for page in self._orders(asked):
            # A row that comes twice has moved between two pages; the later one says how it is now.
            found |= {row.number: row for row in page.rows if row.placed_ns >= since_ns}
            if page.rows and all(row.placed_ns < since_ns for row in page.rows):
                break
        return found

    def balances(self) -> tuple[Balance, ...]:
        """Won as they will be in two days, when all trades so far are settled, and each holding."""
        cash: Decimal | None = None
        held: dict[str, tuple[Decimal, Decimal]] = {}
        pages = self._pages(lambda cursor: lambda caller: account.balance(caller, cursor), account.balance_page)
        for page in pages:
            cash = page.cash.settled if page.cash is not None else cash
            for each in page.holdings:  # one symbol may have several rows, by how it was paid for
                free, locked = held.get(each.symbol, (Decimal(0), Decimal(0)))
                held[each.symbol] = (free + each.sellable, locked + each.quantity - each.sellable)
        if cash is None:
            raise AskFailed("the balance came without the account's money")
        # What is owed cannot be told as a balance; it is less than the books say, and seen as such.
        money = Balance(asset=CASH, free=max(cash, Decimal(0)), locked=Decimal(0))
        holdings = (Balance(asset=s, free=free, locked=locked) for s, (free, locked) in held.items() if free or locked)
        return (money, *holdings)

    def _orders(self, asked: account.Asked) -> Iterator[account.OrdersPage]:
        return self._pages(lambda cursor: lambda caller: account.orders(caller, asked, cursor), account.orders_page)

    def _pages(
        self, make: Callable[[account.Cursor], Make], read: Callable[[Answered], PageT | ProtocolError]
    ) -> Iterator[PageT]:
        cursor = account.FIRST_PAGE
        while True:  # bounded by the pages left
            if self._pages_left <= 0:
                raise AskFailed("more pages than max_pages allows; ask since a later time")
            self._pages_left -= 1
            page = read_or_fail(read(self.exchange(make(cursor))))
            yield page
            if page.next is None:
                return
            if page.next == cursor:
                raise AskFailed("the venue's pages do not go forward")
            cursor = page.next

    def exchange(self, make: Make) -> Answered:
        fact = self._send(make)
        verdict = outcomes.judge(fact)
        if verdict.family is Family.ACCEPTED and isinstance(fact, Answered):
            return fact
        raise AskFailed(f"{verdict.code}: {verdict.reason}")


def read_or_fail(result: T | ProtocolError) -> T:
    if isinstance(result, ProtocolError):
        raise AskFailed(f"the answer cannot be read: {result.reason}", result.raw)
    return result
