"""What a fill model may know: an order that asks, the market as displayed, and exact steps of price and quantity.

Pure values. `Display` alone changes: it keeps what the feed shows of one symbol, less what our own paper orders have
taken of it, since the feed knows nothing of them and shows it still.
"""

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from messages.instruments import TickBand, tick_in
from messages.market import Book, MarketData, Quote
from messages.values import Level

ZERO = Decimal(0)


class Rung(NamedTuple):
    """A price, and the quantity displayed there; None where the feed states none."""

    price: Decimal
    quantity: Decimal | None


class Slice(NamedTuple):
    """A part of an order that trades at one price."""

    price: Decimal
    quantity: Decimal


class Asked(NamedTuple):
    """An order as a model sees it. `limit` None is an order at the market."""

    number: int
    """Counts the venue's orders up, over restarts: with the seed it decides the order's luck."""
    is_buy: bool
    quantity: Decimal
    limit: Decimal | None

    def accepts(self, price: Decimal) -> bool:
        return self.limit is None or (price <= self.limit if self.is_buy else price >= self.limit)


class Market(NamedTuple):
    """One symbol as displayed, best price first on both sides."""

    tick_size: Decimal
    lot_size: Decimal
    bids: tuple[Rung, ...] = ()
    asks: tuple[Rung, ...] = ()
    tick_bands: tuple[TickBand, ...] = ()
    """Where the tick grows with the price; `tick_size` is then the finest."""

    def against(self, is_buy: bool) -> tuple[Rung, ...]:
        """What an order meets."""
        return self.asks if is_buy else self.bids

    def beside(self, is_buy: bool) -> tuple[Rung, ...]:
        """What an order that rests joins."""
        return self.bids if is_buy else self.asks

    def lots(self, quantity: Decimal) -> Decimal:
        """Rounded down to whole lots."""
        return (quantity / self.lot_size).to_integral_value(ROUND_FLOOR) * self.lot_size

    def slipped(self, price: Decimal, share: Decimal, asked: Asked) -> Decimal:
        """`price` moved against the order by `share`, on the tick, and never beyond the order's limit."""
        moved = price * (1 + share if asked.is_buy else 1 - share)
        rounding = ROUND_CEILING if asked.is_buy else ROUND_FLOOR
        tick = tick_in(self.tick_bands, moved) if self.tick_bands else self.tick_size
        on_tick = max(self.tick_size, (moved / tick).to_integral_value(rounding) * tick)
        if asked.limit is None:
            return on_tick
        return min(on_tick, asked.limit) if asked.is_buy else max(on_tick, asked.limit)


class _Side:
    """One side of a display, best price first."""

    __slots__ = ("_is_bid", "_rungs", "_taken")

    def __init__(self, is_bid: bool) -> None:
        self._is_bid = is_bid
        self._rungs: tuple[Rung, ...] = ()
        self._taken: dict[Decimal, Decimal] = {}

    def show(self, rungs: tuple[Rung, ...]) -> None:
        """What we took of a rung stays taken for as long as the feed shows the same there."""
        if self._taken:
            before, after = dict(self._rungs), dict(rungs)
            self._taken = {price: taken for price, taken in self._taken.items() if after.get(price) == before[price]}
        self._rungs = rungs

    def show_best(self, best: Rung | None) -> None:
        """A new best price: what was displayed better than it is gone."""
        if best is None:
            self.show(())
            return
        worse = (r for r in self._rungs if (r.price < best.price if self._is_bid else r.price > best.price))
        self.show((best, *worse))

    def take(self, slices: Iterable[Slice]) -> None:
        """Take quantities from the best rung on: a slice's price has slipped, and may be no rung's."""
        left = sum((part.quantity for part in slices), ZERO)
        for price, quantity in self._rungs:
            if left <= 0:
                return
            if quantity is not None:
                taken = self._taken.get(price, ZERO)
                more = min(left, max(ZERO, quantity - taken))
                self._taken[price] = taken + more
                left -= more

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """Less what was taken; a rung with nothing left is not there."""
        if not self._taken:
            return self._rungs
        net = (Rung(p, q if q is None else q - self._taken.get(p, ZERO)) for p, q in self._rungs)
        return tuple(rung for rung in net if rung.quantity is None or rung.quantity > 0)


class Display:
    """The market of one symbol as the feed shows it."""

    def __init__(self, tick_size: Decimal, lot_size: Decimal, tick_bands: tuple[TickBand, ...] = ()) -> None:
        self._tick_size, self._lot_size, self._tick_bands = tick_size, lot_size, tick_bands
        self.forget()

    def forget(self) -> None:
        """Nothing is known any more: the feed has gone."""
        self._bids, self._asks = _Side(is_bid=True), _Side(is_bid=False)
        self._quote: Quote | None = None

    def show(self, data: MarketData) -> None:
        """Best quotes come with each change and books now and then: the younger one, by the venue's own numbers, says
        what is best."""
        if isinstance(data, Quote):
            self._quote = data
            self._show_quote(data)
        elif isinstance(data, Book):
            self._bids.show(_rungs(data.bids))
            self._asks.show(_rungs(data.asks))
            quote = self._quote
            if quote is not None and (quote.update_id or 0) > (data.update_id or 0):
                self._show_quote(quote)

    def _show_quote(self, quote: Quote) -> None:
        self._bids.show_best(None if quote.bid is None else Rung(quote.bid, quote.bid_quantity))
        self._asks.show_best(None if quote.ask is None else Rung(quote.ask, quote.ask_quantity))

    def take(self, is_buy: bool, slices: Iterable[Slice]) -> None:
        (self._asks if is_buy else self._bids).take(slices)

    @property
    def market(self) -> Market:
        return Market(self._tick_size, self._lot_size, self._bids.rungs, self._asks.rungs, self._tick_bands)


def _rungs(levels: tuple[Level, ...]) -> tuple[Rung, ...]:
    return tuple(Rung(level.price, level.quantity) for level in levels if level.quantity > 0)
