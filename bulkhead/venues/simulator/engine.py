"""The matching engine: price-time priority, exact settlement, deterministic, without I/O or a clock of its own.

The owner sets `now_ms` before each call and drains `out` after it. Accounts' orders are checked, locked, charged and
reported; house orders (agents) take a short path without any of that. Ids: order and execution ids count account
orders only, trade ids count every trade of a symbol; all rise by one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from bulkhead.venues.simulator.accounts import ZERO, Account
from bulkhead.venues.simulator.errors import (
    duplicate_order,
    filter_failure,
    insufficient_balance,
    invalid_symbol,
    unknown_order_sent,
)
from bulkhead.venues.simulator.fees import Fees, ShareOfFill
from bulkhead.venues.simulator.filters import check_filters
from bulkhead.venues.simulator.instruments import MarketRules
from bulkhead.venues.simulator.orderbook import Book
from bulkhead.venues.simulator.orders import (
    CANCELED,
    EXPIRED,
    FILLED,
    FOK,
    GTC,
    IOC,
    LIMIT,
    MARKET,
    NEW,
    PARTIALLY_FILLED,
    REDUCED,
    TRADE,
    Fill,
    Order,
    OrderRequest,
    Outbox,
    PublicTrade,
    Report,
)

Check = Callable[[MarketRules, OrderRequest, Decimal | None], None]
"""Raises what the venue's protocol says of an order that breaks a rule of its market; told the last trade's price."""


@dataclass(slots=True)
class Counters:
    """The last id used of each kind."""

    order_id: int = 0
    execution_id: int = 0
    trade_ids: dict[str, int] = field(default_factory=dict)


class Engine:
    """All books and accounts of one venue."""

    def __init__(
        self,
        books: Mapping[str, Book],
        commission_bps: Decimal,
        commission_in_quote: bool,
        counters: Counters,
        *,
        fees: Fees | None = None,
        check: Check = check_filters,
    ) -> None:
        """`fees` replaces the commission in basis points."""
        self.books = books
        self.accounts: dict[str, Account] = {}
        self.counters = counters
        self.external = Account("external", is_house=True)
        """Counterparty of every fill against a displayed quote or a print of a tape."""
        self.fees: dict[str, Decimal] = {}
        self.now_ms = 0
        self.out = Outbox()
        self._fees = fees or ShareOfFill(commission_bps / 10_000, commission_in_quote)
        self._check = check
        self._sequence = 0
        self._house_order_id = 0

    # -- orders of accounts ---------------------------------------------------------------------------------------

    def place(self, account: Account, request: OrderRequest) -> Order:
        """Accept and match an order. Raises Refused, and then nothing has changed."""
        book = self.book(request.symbol)
        self._check(book.rules, request, _value_price(book, request.is_buy))
        if request.client_order_id in account.open_by_client_id:
            raise duplicate_order()
        open_here = sum(1 for order in account.open_orders.values() if order.symbol == request.symbol)
        if open_here >= book.rules.max_open_orders:
            raise filter_failure("MAX_NUM_ORDERS")
        order = self._new_order(account, request)
        self._fund(book, order)
        self.counters.order_id = order.order_id
        self._report(order, NEW)
        self.out.symbols.add(order.symbol)
        if order.time_in_force != FOK or book.sweep(order)[0] == order.quantity:
            self._match(book, order)
        if order.leaves:
            if order.time_in_force == GTC and order.type == LIMIT:
                book.add(order)
                account.track(order)
            else:
                self._end(order, EXPIRED, EXPIRED)
        return order

    def cancel(self, order: Order, cancel_id: str, status: str = CANCELED) -> None:
        """Take an open order off the book, by CANCELED or EXPIRED. Raises Refused when it is no longer open."""
        if not order.is_open:
            raise unknown_order_sent()
        self.books[order.symbol].remove(order)
        self.out.symbols.add(order.symbol)
        order.account.untrack(order)
        self._end(order, status, status, cancel_id)

    def reduce(self, order: Order, quantity: Decimal) -> None:
        """Take `quantity`, less than what is left, off an open order, which keeps its place in the queue."""
        order.leaves -= quantity
        order.quantity -= quantity
        order.updated_ms = self.now_ms
        book = self.books[order.symbol]
        book.after_fill(order, order.is_buy, quantity)
        self.out.symbols.add(order.symbol)
        self._release(book, order)
        self._report(order, REDUCED)

    def can_replace(self, order: Order, quantity: Decimal, price: Decimal) -> bool:
        """Whether the account can fund `quantity` of an open order's rest at another price."""
        rules = self.books[order.symbol].rules
        kept = self._needed(replace(order, leaves=order.leaves - quantity))
        needed = self._needed(replace(order, leaves=quantity, price=price, quote_filled=ZERO))
        free = order.account.balance(rules.quote if order.is_buy else rules.base).free
        return needed <= free + order.locked - kept

    def restore(self, order: Order) -> None:
        """Put an open order of an earlier run back on its book; its balance is locked already."""
        self._sequence = max(self._sequence, order.sequence)
        self.books[order.symbol].add(order)
        order.account.track(order)

    def book(self, symbol: str) -> Book:
        found = self.books.get(symbol)
        if found is None:
            raise invalid_symbol()
        return found

    # -- the house ------------------------------------------------------------------------------------------------

    def place_house(
        self, account: Account, book: Book, is_buy: bool, price: Decimal, quantity: Decimal, tif: str
    ) -> Order:
        """Match and perhaps rest an order of an agent: unchecked, unfunded, unreported."""
        self._house_order_id -= 1
        self._sequence += 1
        symbol, now = book.rules.symbol, self.now_ms
        order = Order(
            self._house_order_id,
            account,
            symbol,
            "",
            is_buy,
            LIMIT,
            tif,
            price,
            quantity,
            quantity,
            now,
            now,
            self._sequence,
        )
        self._match(book, order)
        if order.leaves and tif == GTC:
            book.add(order)
        return order

    def cancel_house(self, order: Order, book: Book) -> None:
        if order.leaves and order.status != CANCELED:
            order.status = CANCELED
            book.remove(order)

    def fill_resting(self, book: Book, order: Order, quantity: Decimal) -> None:
        """A resting account order trades at its own price with the outside (a crossing quote or a print of a tape)."""
        trade_id = self.print_trade(book, order.price, quantity, is_buyer_maker=order.is_buy)
        self._settle(book, order, trade_id, order.price, quantity, is_maker=True)
        book.after_fill(order, order.is_buy, quantity)
        self._settle_external(book, order.is_buy, order.price, quantity)
        self.out.symbols.add(order.symbol)

    def print_trade(self, book: Book, price: Decimal, quantity: Decimal, is_buyer_maker: bool) -> int:
        """Record a trade for everybody to see; returns its id."""
        symbol = book.rules.symbol
        trade_ids = self.counters.trade_ids
        trade_id = trade_ids[symbol] = trade_ids.get(symbol, 0) + 1
        trade = PublicTrade(symbol, trade_id, price, quantity, self.now_ms, is_buyer_maker)
        book.last_trade = trade
        self.out.trades.append(trade)
        return trade_id

    def next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    # -- matching -------------------------------------------------------------------------------------------------

    def _new_order(self, account: Account, request: OrderRequest) -> Order:
        return Order(
            order_id=self.counters.order_id + 1,
            account=account,
            symbol=request.symbol,
            client_order_id=request.client_order_id,
            is_buy=request.is_buy,
            type=request.type,
            time_in_force=request.time_in_force,
            price=ZERO if request.price is None else request.price,
            quantity=request.quantity,
            leaves=request.quantity,
            created_ms=self.now_ms,
            updated_ms=self.now_ms,
            sequence=self.next_sequence(),
        )

    def _match(self, book: Book, order: Order) -> None:
        while order.leaves:
            maker = book.best_against(order.is_buy)
            if maker is None or not order.accepts(maker.price):
                break
            price, quantity = maker.price, min(order.leaves, maker.leaves)
            trade_id = self.print_trade(book, price, quantity, is_buyer_maker=not order.is_buy)
            self._settle(book, order, trade_id, price, quantity, is_maker=False)
            if isinstance(maker, Order):
                self._settle(book, maker, trade_id, price, quantity, is_maker=True)
                if not maker.account.is_house:
                    self.out.symbols.add(order.symbol)
            else:
                maker.leaves -= quantity
                self._settle_external(book, order.is_buy, price, quantity)
            book.after_fill(maker, not order.is_buy, quantity)

    def _settle_external(self, book: Book, is_buy: bool, price: Decimal, quantity: Decimal) -> None:
        signed = quantity if is_buy else -quantity
        self.external.add_free(book.rules.base, -signed)
        self.external.add_free(book.rules.quote, signed * price)

    def _settle(
        self, book: Book, order: Order, trade_id: int, price: Decimal, quantity: Decimal, is_maker: bool
    ) -> None:
        """Book one fill on one order and its account."""
        amount = price * quantity
        account, rules = order.account, book.rules
        order.leaves -= quantity
        order.quote_filled += amount
        order.status = PARTIALLY_FILLED if order.leaves else FILLED
        if account.is_house:
            signed = quantity if order.is_buy else -quantity
            account.add_free(rules.base, signed)
            account.add_free(rules.quote, -signed * price)
            return
        order.updated_ms = self.now_ms
        fee_asset = rules.quote if self._fees.is_in_quote or not order.is_buy else rules.base
        fee = self._fees.of_fill(order, amount if fee_asset == rules.quote else quantity)
        account.add_free(rules.base, quantity if order.is_buy else -quantity)
        account.add_free(rules.quote, -amount if order.is_buy else amount)
        account.add_free(fee_asset, -fee)
        self.fees[fee_asset] = self.fees.get(fee_asset, ZERO) + fee
        self._release(book, order)
        fill = Fill(
            symbol=order.symbol,
            trade_id=trade_id,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            account=account.name,
            price=price,
            quantity=quantity,
            amount=amount,
            commission=fee,
            commission_asset=fee_asset,
            time_ms=self.now_ms,
            is_buyer=order.is_buy,
            is_maker=is_maker,
        )
        self._report(order, TRADE, fill)
        if is_maker and not order.leaves:
            account.untrack(order)

    # -- money ----------------------------------------------------------------------------------------------------

    def _needed(self, order: Order) -> Decimal:
        """What must be locked for the part of a limit order that is not yet filled."""
        if not order.is_buy:
            return order.leaves
        amount = order.price * order.leaves
        return amount + self._fees.held_back(order, amount)

    def _fund(self, book: Book, order: Order) -> None:
        asset = book.rules.quote if order.is_buy else book.rules.base
        if order.type == MARKET and order.is_buy:
            amount = book.sweep(order)[1]
            needed = amount + self._fees.held_back(order, amount)
        else:
            needed = self._needed(order)
        if needed > order.account.balance(asset).free:
            raise insufficient_balance()
        if order.type != MARKET:
            order.locked = needed
            order.account.lock(asset, needed)

    def _release(self, book: Book, order: Order) -> None:
        """Give back what the order holds beyond what its unfilled part needs."""
        needed = self._needed(order) if order.is_open else ZERO
        surplus = order.locked - needed
        if surplus and order.type != MARKET:
            order.locked = needed
            order.account.unlock(book.rules.quote if order.is_buy else book.rules.base, surplus)

    def _end(self, order: Order, status: str, execution_type: str, cancel_id: str | None = None) -> None:
        order.status = status
        order.updated_ms = self.now_ms
        self._release(self.books[order.symbol], order)
        self._report(order, execution_type, cancel_id=cancel_id)

    def _report(
        self, order: Order, execution_type: str, fill: Fill | None = None, cancel_id: str | None = None
    ) -> None:
        self.counters.execution_id += 1
        order.account.updated_ms = self.now_ms
        self.out.reports.append(
            Report(
                order=order,
                execution_type=execution_type,
                execution_id=self.counters.execution_id,
                status=order.status,
                leaves=order.leaves,
                quote_filled=order.quote_filled,
                time_ms=self.now_ms,
                is_on_book=order.is_open and order.time_in_force not in (IOC, FOK) and order.type == LIMIT,
                fill=fill,
                cancel_id=cancel_id,
            )
        )


def _value_price(book: Book, is_buy: bool) -> Decimal | None:
    """Price at which a market order is valued for the NOTIONAL filter: the last trade, else the side it would meet."""
    if book.last_trade is not None:
        return book.last_trade.price
    bid, _, ask, _ = book.top()
    return ask if is_buy else bid
