"""The book of a tape's market: displayed quotes of many exchanges, and account orders resting beside them.

Quotes never match each other, so the book may be locked or crossed across exchanges and is published as it is. But a
recording does not say when an exchange withdrew its quote: one that a newer quote of another exchange crosses, and that
has not been renewed for WITHDRAWN_AFTER_MS, is taken as withdrawn, or one forgotten row would cross a market for hours.
`top` and `depth` show the displayed quotes (less what account orders have taken); resting account orders are not
shown, because the tape is what happened without them. Which account orders a row fills is worked out here; the fills
themselves are the engine's.
"""

from decimal import Decimal

from bulkhead.venues.simulator.accounts import ZERO
from bulkhead.venues.simulator.instruments import MarketRules
from bulkhead.venues.simulator.orderbook import Depth, DepthChanges, Ladder, Quote, Top
from bulkhead.venues.simulator.orders import Order, PublicTrade

WITHDRAWN_AFTER_MS = 1_000
"""Trading through a displayed quote is forbidden in US equities, and a crossed market is over within a second."""


class TapeBook:
    """Displayed quotes by exchange and side, resting account orders by price and time."""

    def __init__(self, rules: MarketRules, first_update_id: int) -> None:
        self.rules = rules
        self.bids: dict[str, Quote] = {}
        self.asks: dict[str, Quote] = {}
        self.resting_bids = Ladder(is_bid=True)
        self.resting_asks = Ladder(is_bid=False)
        self.update_id = first_update_id
        self.last_top: Top = (None, ZERO, None, ZERO)
        self.last_trade: PublicTrade | None = None
        self.withdrawn_quotes = 0
        self._best_bid: tuple[Decimal | None, Decimal] = (None, ZERO)
        self._best_ask: tuple[Decimal | None, Decimal] = (None, ZERO)
        self._changes = DepthChanges()

    def show(
        self, exchange: str, is_bid: bool, price: Decimal | None, size: Decimal, sequence: int, now_ms: int = 0
    ) -> Quote | None:
        """Replace one exchange's side by what it shows now; no price or no size removes it. Returns the quote."""
        quotes = self.bids if is_bid else self.asks
        quote = quotes.get(exchange)
        if price is None or not size:
            if quote is not None:
                del quotes[exchange]
                self._changed(is_bid, quote.price)
            return None
        if quote is None:
            quote = quotes[exchange] = Quote(price, size, sequence)
            self._changed(is_bid, price)
        elif quote.price != price:
            old_price, quote.price, quote.leaves, quote.sequence = quote.price, price, size, sequence
            self._changed(is_bid, old_price)
            self._changed(is_bid, price)
        elif quote.leaves != size:
            quote.leaves = size
            self._changed(is_bid, price)
        quote.shown_ms = now_ms
        opposite = (self._best_ask if is_bid else self._best_bid)[0]
        if opposite is not None and (price > opposite if is_bid else price < opposite):
            self._withdraw_crossed(is_bid, price, now_ms)
        return quote

    def _withdraw_crossed(self, is_bid: bool, price: Decimal, now_ms: int) -> None:
        """Take out the old quotes of the other side that a quote at `price` crosses."""
        quotes = self.asks if is_bid else self.bids
        for exchange, quote in tuple(quotes.items()):
            is_crossed = quote.price < price if is_bid else quote.price > price
            if is_crossed and now_ms - quote.shown_ms >= WITHDRAWN_AFTER_MS:
                del quotes[exchange]
                self.withdrawn_quotes += 1
                self._changed(not is_bid, quote.price)

    def best_against(self, is_buy: bool) -> Order | Quote | None:
        best: Order | Quote | None = (self.resting_asks if is_buy else self.resting_bids).best_order()
        for quote in (self.asks if is_buy else self.bids).values():
            if best is None or quote.price == best.price:
                is_first = best is None or quote.sequence < best.sequence
            else:
                is_first = (quote.price < best.price) is is_buy
            if is_first:
                best = quote
        return best

    def sweep(self, order: Order) -> tuple[Decimal, Decimal]:
        ladder = self.resting_asks if order.is_buy else self.resting_bids
        makers: list[Order | Quote] = [
            *ladder.orders_best_first(),
            *(self.asks if order.is_buy else self.bids).values(),
        ]
        makers.sort(key=lambda maker: maker.price, reverse=not order.is_buy)
        left, amount = order.leaves, ZERO
        for maker in makers:
            if not left or not order.accepts(maker.price):
                break
            taken = min(left, maker.leaves)
            left -= taken
            amount += taken * maker.price
        return order.leaves - left, amount

    def add(self, order: Order) -> None:
        if not order.queue_ahead:  # an order put back after a restart keeps its place
            quotes = (self.bids if order.is_buy else self.asks).values()
            order.queue_ahead = sum((quote.leaves for quote in quotes if quote.price == order.price), ZERO)
        (self.resting_bids if order.is_buy else self.resting_asks).add(order)

    def remove(self, order: Order) -> None:
        (self.resting_bids if order.is_buy else self.resting_asks).remove(order)

    def after_fill(self, maker: Order | Quote, is_bid: bool, quantity: Decimal) -> None:
        if isinstance(maker, Order):
            (self.resting_bids if is_bid else self.resting_asks).after_fill(maker, quantity)
            return
        if not maker.leaves:
            quotes = self.bids if is_bid else self.asks
            for exchange, quote in quotes.items():
                if quote is maker:
                    del quotes[exchange]
                    break
        self._changed(is_bid, maker.price)

    def orders_met_by(self, quote: Quote, is_bid: bool) -> list[Order]:
        """Resting account orders that a bid (or ask) quote crosses, best price first."""
        ladder = self.resting_asks if is_bid else self.resting_bids
        return [order for order in ladder.orders_best_first() if order.accepts(quote.price)] if ladder else []

    def fills_by_print(self, price: Decimal, size: Decimal) -> list[tuple[Order, Decimal]]:
        """Account orders that a print of `size` at `price` fills, and how much of each. Moves the queues.

        An order with a better price than the print was passed over in the tape, so it takes what it can. An order at
        the print's own price waits until prints there have used up the size displayed before it joined.
        """
        fills: list[tuple[Order, Decimal]] = []
        left = size
        for ladder in (self.resting_bids, self.resting_asks):
            for order in ladder.orders_best_first():
                if not order.accepts(price):
                    break
                available = left
                if order.price == price:
                    beyond = max(ZERO, size - order.queue_ahead)
                    order.queue_ahead = max(ZERO, order.queue_ahead - size)
                    available = min(left, beyond - (size - left))
                quantity = min(order.leaves, available)
                if quantity > 0:
                    fills.append((order, quantity))
                    left -= quantity
        return fills

    def top(self) -> Top:
        return (*self._best_bid, *self._best_ask)

    def depth(self, limit: int) -> tuple[Depth, Depth]:
        bids, asks = self._by_price(self.bids), self._by_price(self.asks)
        return sorted(bids.items(), reverse=True)[:limit], sorted(asks.items())[:limit]

    def track_depth(self, is_wanted: bool) -> None:
        if is_wanted != self._changes.is_wanted:
            self._changes = DepthChanges()
            self._changes.is_wanted = is_wanted

    def take_changes(self) -> tuple[int, Depth, Depth] | None:
        if not self._changes.prices:
            return None
        sides = {True: self._by_price(self.bids), False: self._by_price(self.asks)}
        found: dict[bool, Depth] = {True: [], False: []}
        for is_bid, price in self._changes.prices:
            found[is_bid].append((price, sides[is_bid].get(price, ZERO)))
        self._changes.prices = {}
        return self._changes.first_update_id, found[True], found[False]

    def _changed(self, is_bid: bool, price: Decimal) -> None:
        self.update_id += 1
        self._changes.note(self.update_id, is_bid, price)
        best = (self._best_bid if is_bid else self._best_ask)[0]
        if best is None or (price >= best if is_bid else price <= best):
            self._refresh_best(is_bid)

    def _refresh_best(self, is_bid: bool) -> None:
        best: Decimal | None = None
        total = ZERO
        for quote in (self.bids if is_bid else self.asks).values():
            price = quote.price
            if best is None or (price > best if is_bid else price < best):
                best, total = price, quote.leaves
            elif price == best:
                total += quote.leaves
        if is_bid:
            self._best_bid = (best, total)
        else:
            self._best_ask = (best, total)

    @staticmethod
    def _by_price(quotes: dict[str, Quote]) -> dict[Decimal, Decimal]:
        totals: dict[Decimal, Decimal] = {}
        for quote in quotes.values():
            totals[quote.price] = totals.get(quote.price, ZERO) + quote.leaves
        return totals
