"""Resting orders of one market in price-time priority.

A `Ladder` is one side; an `OrderBook` is the two sides of a market where everyone's orders meet (the tape's book, where
displayed quotes stand beside account orders, is tape_book.py). Pure data structure: it settles nothing and knows no
account. `update_id` rises by one with every change of the quantity at a price.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal
from typing import Protocol

from bulkhead.venues.simulator.accounts import ZERO
from bulkhead.venues.simulator.instruments import MarketRules
from bulkhead.venues.simulator.orders import Order, PublicTrade

Depth = list[tuple[Decimal, Decimal]]
Top = tuple[Decimal | None, Decimal, Decimal | None, Decimal]
"""Best bid, its quantity, best ask, its quantity."""


class Quote:
    """Displayed liquidity that belongs to no order here: one exchange's side of a tape."""

    __slots__ = ("leaves", "price", "sequence", "shown_ms")

    def __init__(self, price: Decimal, leaves: Decimal, sequence: int) -> None:
        self.price = price
        self.leaves = leaves
        self.sequence = sequence
        self.shown_ms = 0


class Level:
    __slots__ = ("orders", "price", "total")

    def __init__(self, price: Decimal) -> None:
        self.price = price
        self.orders: dict[int, Order] = {}
        self.total = ZERO


class Ladder:
    """One side of resting orders. Prices are kept ascending; the best bid is the last, the best ask the first."""

    __slots__ = ("is_bid", "levels", "prices")

    def __init__(self, is_bid: bool) -> None:
        self.is_bid = is_bid
        self.levels: dict[Decimal, Level] = {}
        self.prices: list[Decimal] = []

    def best(self) -> Level | None:
        if not self.prices:
            return None
        return self.levels[self.prices[-1 if self.is_bid else 0]]

    def best_order(self) -> Order | None:
        level = self.best()
        return None if level is None else next(iter(level.orders.values()))

    def add(self, order: Order) -> None:
        level = self.levels.get(order.price)
        if level is None:
            level = self.levels[order.price] = Level(order.price)
            insort(self.prices, order.price)
        level.orders[order.order_id] = order
        level.total += order.leaves

    def remove(self, order: Order) -> None:
        level = self.levels[order.price]
        del level.orders[order.order_id]
        level.total -= order.leaves
        self._drop_if_empty(level)

    def after_fill(self, order: Order, quantity: Decimal) -> None:
        """Take `quantity`, by which the order's leaves have just been reduced, off its level."""
        level = self.levels[order.price]
        level.total -= quantity
        if not order.leaves:
            del level.orders[order.order_id]
            self._drop_if_empty(level)

    def _drop_if_empty(self, level: Level) -> None:
        if not level.orders:
            del self.levels[level.price]
            del self.prices[bisect_left(self.prices, level.price)]

    def best_first(self) -> Iterator[Level]:
        for price in reversed(self.prices) if self.is_bid else self.prices:
            yield self.levels[price]

    def orders_best_first(self) -> list[Order]:
        return [order for level in self.best_first() for order in level.orders.values()]

    def __bool__(self) -> bool:
        return bool(self.prices)


class Book(Protocol):
    """What the engine needs of a market's book, whatever stands in it."""

    rules: MarketRules
    update_id: int
    last_top: Top
    last_trade: PublicTrade | None

    def best_against(self, is_buy: bool) -> "Order | Quote | None":
        """What an arriving buy (or sell) order meets first, whatever its price."""

    def sweep(self, order: Order) -> tuple[Decimal, Decimal]:
        """Quantity and amount that `order` would trade if matched now; changes nothing."""

    def add(self, order: Order) -> None: ...

    def remove(self, order: Order) -> None: ...

    def after_fill(self, maker: "Order | Quote", is_bid: bool, quantity: Decimal) -> None:
        """`maker`, which stands on the bid (or ask) side, has just been reduced by `quantity`."""

    def top(self) -> Top: ...

    def depth(self, limit: int) -> tuple[Depth, Depth]:
        """Bids and asks, best first, at most `limit` levels each."""

    def track_depth(self, is_wanted: bool) -> None:
        """Begin or end collecting changes for `take_changes`."""

    def take_changes(self) -> tuple[int, Depth, Depth] | None:
        """First update id, and the present quantity at each changed price (0: gone), since the last call."""


class DepthChanges:
    """Which prices changed since the last look; empty and free while nobody wants depth updates."""

    __slots__ = ("first_update_id", "is_wanted", "prices")

    def __init__(self) -> None:
        self.is_wanted = False
        self.first_update_id = 0
        self.prices: dict[tuple[bool, Decimal], None] = {}

    def note(self, update_id: int, is_bid: bool, price: Decimal) -> None:
        if self.is_wanted:
            if not self.prices:
                self.first_update_id = update_id
            self.prices[is_bid, price] = None


class OrderBook:
    """A market where every participant's orders rest on the same two ladders."""

    def __init__(self, rules: MarketRules, first_update_id: int) -> None:
        self.rules = rules
        self.bids = Ladder(is_bid=True)
        self.asks = Ladder(is_bid=False)
        self.update_id = first_update_id
        self.last_top: Top = (None, ZERO, None, ZERO)
        self.last_trade: PublicTrade | None = None
        self._changes = DepthChanges()

    def best_against(self, is_buy: bool) -> Order | Quote | None:
        return (self.asks if is_buy else self.bids).best_order()

    def sweep(self, order: Order) -> tuple[Decimal, Decimal]:
        left, amount = order.leaves, ZERO
        for level in (self.asks if order.is_buy else self.bids).best_first():
            if not left or not order.accepts(level.price):
                break
            taken = min(left, level.total)
            left -= taken
            amount += taken * level.price
        return order.leaves - left, amount

    def add(self, order: Order) -> None:
        (self.bids if order.is_buy else self.asks).add(order)
        self._changed(order.is_buy, order.price)

    def remove(self, order: Order) -> None:
        (self.bids if order.is_buy else self.asks).remove(order)
        self._changed(order.is_buy, order.price)

    def after_fill(self, maker: Order | Quote, is_bid: bool, quantity: Decimal) -> None:
        if isinstance(maker, Order):
            (self.bids if is_bid else self.asks).after_fill(maker, quantity)
        self._changed(is_bid, maker.price)

    def _changed(self, is_bid: bool, price: Decimal) -> None:
        self.update_id += 1
        self._changes.note(self.update_id, is_bid, price)

    def top(self) -> Top:
        bid, ask = self.bids.best(), self.asks.best()
        return (
            None if bid is None else bid.price,
            ZERO if bid is None else bid.total,
            None if ask is None else ask.price,
            ZERO if ask is None else ask.total,
        )

    def depth(self, limit: int) -> tuple[Depth, Depth]:
        return _levels(self.bids, limit), _levels(self.asks, limit)

    def track_depth(self, is_wanted: bool) -> None:
        if is_wanted != self._changes.is_wanted:
            self._changes = DepthChanges()
            self._changes.is_wanted = is_wanted

    def take_changes(self) -> tuple[int, Depth, Depth] | None:
        changes = self._changes
        if not changes.prices:
            return None
        bids: Depth = []
        asks: Depth = []
        for is_bid, price in changes.prices:
            level = (self.bids if is_bid else self.asks).levels.get(price)
            (bids if is_bid else asks).append((price, ZERO if level is None else level.total))
        changes.prices = {}
        return changes.first_update_id, bids, asks


def _levels(ladder: Ladder, limit: int) -> Depth:
    found: Depth = []
    for level in ladder.best_first():
        if len(found) == limit:
            break
        found.append((level.price, level.total))
    return found
