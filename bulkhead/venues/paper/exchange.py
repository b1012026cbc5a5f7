"""PaperExchange: the matching engine, the durable books and the executors of one paper account, single-threaded.

Rule, as at the simulated venue: what an order or the market changed is committed and synced before anybody is told.
After an error nothing here may be believed any more (the engine may be ahead of the books): make a new one from the
books, which hold either all or nothing of each change.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

from bulkhead.venues.paper import evidence
from bulkhead.venues.paper.executor import PaperExecutor
from bulkhead.venues.paper.factory import ExecutorFactory
from bulkhead.venues.paper.settings import FillSettings
from bulkhead.venues.simulator.accounts import Account
from bulkhead.venues.simulator.books import Books
from bulkhead.venues.simulator.engine import Engine
from bulkhead.venues.simulator.errors import duplicate_order, unknown_order_sent
from bulkhead.venues.simulator.instruments import MarketRules
from bulkhead.venues.simulator.orders import GTC, LIMIT, MARKET, OrderRequest
from messages.market import MarketData
from messages.orders import (
    CancelOrder,
    OrderEvidence,
    OrderStatusReported,
    OrderTicket,
    QueryOrder,
    TakeVenueSnapshot,
    VenueSnapshotTaken,
)
from messages.values import OrderType, Side

_ALL = -1
"""What SQLite calls no limit."""


class PaperExchange:
    def __init__(
        self,
        account: str,
        settings: FillSettings,
        rules: Mapping[str, MarketRules],
        books: Books,
        opening: Mapping[str, Decimal],
        now_ns: Callable[[], int],
    ) -> None:
        """`opening` balances are used when the books are new. Raises KeyError when they hold an open order in a symbol
        without rules: `strangers` tells before."""
        self._now_ns = now_ns
        self._books = books
        self.executors = ExecutorFactory(settings, rules)
        is_fee_in_quote = settings.commission_in == "quote"
        self._engine = Engine(self.executors, settings.commission_bps, is_fee_in_quote, books.load_counters())
        self._account, orders = books.load_account(account, dict(opening))
        for order in orders:
            self._engine.restore(order)

    # -- requests -----------------------------------------------------------------------------------------------------

    def place(self, ticket: OrderTicket) -> tuple[OrderEvidence, ...]:
        """Accepted, then its fills, then its end if it has ended. Raises Refused, and then nothing has changed.

        An id that was ever accepted is refused, open or not: no order can be taken twice.
        """
        self._start()
        request = _request(ticket)
        executor = self._executor(request.symbol)
        if self._books.find_order(self._account, request.symbol, None, request.client_order_id) is not None:
            raise duplicate_order()
        executor.plan(request, self._engine.counters.order_id + 1)
        try:
            self._engine.place(self._account, request)
        finally:
            executor.finish(request)
        return self._publish()

    def cancel(self, command: CancelOrder) -> tuple[OrderEvidence, ...]:
        """Raises Refused when no such order is open."""
        self._start()
        order = self._account.open_by_client_id.get(command.client_order_id)
        if order is None or order.symbol != command.symbol:
            raise unknown_order_sent()
        self._engine.cancel(order, f"cancel-{order.order_id}")
        return self._publish()

    def query(self, question: QueryOrder) -> OrderStatusReported:
        order = self._books.find_order(self._account, question.symbol, None, question.client_order_id)
        fills = (
            ()
            if order is None
            else self._books.fills(self._account, question.symbol, None, order.order_id, None, None, _ALL)
        )
        return OrderStatusReported(
            client_order_id=question.client_order_id,
            symbol=question.symbol,
            order=None if order is None else evidence.listed(order),
            executions=tuple(evidence.execution(fill) for fill in fills),
            as_of_ns=self._now_ns(),
        )

    def snapshot(self, asked: TakeVenueSnapshot, venue: str) -> VenueSnapshotTaken:
        account, since_ms = self._account, asked.since_ns // evidence.NS_PER_MS
        orders = [o for s in asked.symbols for o in self._books.orders(account, s, None, since_ms, None, _ALL)]
        fills = [f for s in asked.symbols for f in self._books.fills(account, s, None, None, since_ms, None, _ALL)]
        return VenueSnapshotTaken(
            venue=venue,
            account=account.name,
            as_of_ns=self._now_ns(),
            balances=evidence.balances(account),
            open_orders=tuple(evidence.listed(order) for order in account.open_orders.values()),
            orders=tuple(evidence.listed(order) for order in orders),
            executions=tuple(evidence.execution(fill) for fill in fills),
        )

    # -- the market ---------------------------------------------------------------------------------------------------

    def see(self, data: MarketData) -> tuple[OrderEvidence, ...]:
        """Take in what the feed says; returns what it did to resting orders. A symbol without rules is passed over."""
        executor = self.executors.get(data.symbol)
        if executor is None:
            return ()
        self._start()
        executor.see(data, lambda order, quantity: self._engine.fill_resting(executor, order, quantity))
        return self._publish()

    def forget_market(self) -> None:
        for executor in self.executors.made:
            executor.forget()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _executor(self, symbol: str) -> PaperExecutor:
        self._engine.book(symbol)  # refuses what is not traded here, in the venue's words
        return self.executors[symbol]

    def _start(self) -> None:
        self._engine.now_ms = self._now_ns() // evidence.NS_PER_MS
        self._engine.out.clear()

    def _publish(self) -> tuple[OrderEvidence, ...]:
        out, account = self._engine.out, self._account
        if not out.reports:
            return ()
        self._books.commit(out.reports, (account,), self._engine.counters, trade_ids_too=True)
        account.changed_assets.clear()
        said = tuple(evidence.reported(report) for report in out.reports)
        out.clear()
        return said


def strangers(books: Books, account: str, rules: Mapping[str, MarketRules]) -> tuple[str, ...]:
    """Symbols with an open order in the books, and without rules."""
    holder = Account(account)
    return tuple(dict.fromkeys(o.symbol for o in books.open_orders(holder) if o.symbol not in rules))


def _request(ticket: OrderTicket) -> OrderRequest:
    is_limit = ticket.order_type is OrderType.LMT
    return OrderRequest(
        symbol=ticket.symbol,
        is_buy=ticket.side is Side.BUY,
        type=LIMIT if is_limit else MARKET,
        time_in_force=ticket.time_in_force.value if is_limit else GTC,
        quantity=ticket.quantity,
        price=ticket.limit_price,
        client_order_id=ticket.client_order_id,
    )
