"""PaperExecutor: one symbol's market for the matching engine, where a fill model stands in for everybody else.

To the engine (`bulkhead/venues/simulator/engine.py`) it is a book: the engine checks, funds, settles, charges and
reports, and asks here only what an order meets. An arriving order meets what the model planned for it; resting orders
fill when the feed's quotes reach them or prints pass them.
"""

from collections import deque
from collections.abc import Callable
from decimal import Decimal

from bulkhead.venues.paper.fill_model import FillModel
from bulkhead.venues.paper.market import ZERO, Asked, Display, Slice
from bulkhead.venues.simulator.instruments import MarketRules
from bulkhead.venues.simulator.orderbook import Depth, Ladder, Quote, Top
from bulkhead.venues.simulator.orders import MARKET, Order, OrderRequest, PublicTrade
from messages.instruments import Instrument
from messages.market import MarketData, Trade

MAX_OPEN_ORDERS = 200
"""Of one symbol; Binance's filter MAX_NUM_ORDERS."""
_MAX_PRICE, _MAX_QUANTITY = Decimal(10) ** 9, Decimal(10) ** 10
"""Their product is exact in the engine's 28 digits."""

OnFill = Callable[[Order, Decimal], None]
"""Fills a resting order by a quantity, at its own price."""


def rules_of(instrument: Instrument) -> MarketRules:
    """Raises ValueError where price x quantity would not be exact in the engine's eight decimals."""
    largest = min(instrument.max_quantity, _MAX_QUANTITY)
    return MarketRules(
        symbol=instrument.symbol,
        base=instrument.base_asset,
        quote=instrument.quote_asset,
        tick_size=instrument.tick_size,
        tick_bands=instrument.tick_bands,
        min_price=instrument.tick_size,
        max_price=_MAX_PRICE,
        step_size=instrument.lot_size,
        min_quantity=instrument.min_quantity,
        max_quantity=largest,
        max_market_quantity=largest,
        min_notional=instrument.min_notional,
        max_open_orders=MAX_OPEN_ORDERS,
        reference_price=Decimal(1),
    )


class PaperExecutor:
    """Implements the engine's Book. Single-threaded."""

    def __init__(self, rules: MarketRules, model: FillModel) -> None:
        self.rules = rules
        self.model = model
        self.update_id = 0
        self.last_top: Top = (None, ZERO, None, ZERO)
        self.last_trade: PublicTrade | None = None
        self._display = Display(rules.tick_size, rules.step_size, rules.tick_bands)
        self._resting_bids, self._resting_asks = Ladder(is_bid=True), Ladder(is_bid=False)
        self._plan: deque[Quote] = deque()
        self._met: list[Slice] = []
        self._is_arriving = False

    # -- an order arrives ---------------------------------------------------------------------------------------------

    def plan(self, request: OrderRequest, number: int) -> None:
        """Decide what the order that is placed next will meet. `finish` when it has been placed, or refused."""
        slices = self.model.take(_asked_of(request, number), self._display.market)
        self._plan = deque(Quote(price, quantity, 0) for price, quantity in slices)
        self._is_arriving = True

    def finish(self, request: OrderRequest) -> None:
        self._display.take(request.is_buy, self._met)
        self._plan.clear()
        self._met.clear()
        self._is_arriving = False

    def best_against(self, is_buy: bool) -> Order | Quote | None:
        return self._plan[0] if self._plan else None

    def sweep(self, order: Order) -> tuple[Decimal, Decimal]:
        met = [quote for quote in self._plan if order.accepts(quote.price)]
        return sum((q.leaves for q in met), ZERO), sum((q.leaves * q.price for q in met), ZERO)

    def after_fill(self, maker: Order | Quote, is_bid: bool, quantity: Decimal) -> None:
        if isinstance(maker, Order):
            self._ladder(is_bid).after_fill(maker, quantity)
            return
        self._met.append(Slice(maker.price, quantity))
        if not maker.leaves:
            self._plan.popleft()

    # -- resting orders -----------------------------------------------------------------------------------------------

    def add(self, order: Order) -> None:
        if self._is_arriving:  # else it is put back after a restart, and keeps its place
            order.queue_ahead = self.model.queue_ahead(_asked(order), self._display.market)
        self._ladder(order.is_buy).add(order)

    def remove(self, order: Order) -> None:
        self._ladder(order.is_buy).remove(order)

    def _ladder(self, is_bid: bool) -> Ladder:
        return self._resting_bids if is_bid else self._resting_asks

    def see(self, data: MarketData, fill: OnFill) -> None:
        """Take in what the feed says, and fill what it fills."""
        if isinstance(data, Trade):
            self.last_trade = PublicTrade(data.symbol, 0, data.price, data.quantity, data.event_time_ns // 10**6, False)
            self._meet_print(Slice(data.price, data.quantity), fill)
        else:
            self._display.show(data)
            self._meet_display(fill)

    def forget(self) -> None:
        """The feed has gone: nothing is displayed, and nothing fills, until it shows something again."""
        self._display.forget()

    def _meet_print(self, print_at: Slice, fill: OnFill) -> None:
        left = print_at.quantity
        for order in self._resting():
            if left <= 0:
                return
            traded, order.queue_ahead = self.model.printed(
                _asked(order), order.queue_ahead, Slice(print_at.price, left)
            )
            if traded:
                left -= traded
                fill(order, traded)

    def _meet_display(self, fill: OnFill) -> None:
        for order in self._resting():
            market = self._display.market
            asked = _asked(order)
            order.queue_ahead = self.model.queue_left(asked, order.queue_ahead, market)
            quantity = self.model.touched(asked, market)
            if quantity:
                self._display.take(order.is_buy, (Slice(order.price, quantity),))
                fill(order, quantity)

    def _resting(self) -> list[Order]:
        if not (self._resting_bids or self._resting_asks):
            return []
        return [*self._resting_bids.orders_best_first(), *self._resting_asks.orders_best_first()]

    # -- what the engine asks of any book -----------------------------------------------------------------------------

    def top(self) -> Top:
        market = self._display.market
        bid, ask = (rungs[0] if rungs else None for rungs in (market.bids, market.asks))
        return (
            None if bid is None else bid.price,
            ZERO if bid is None else bid.quantity or ZERO,
            None if ask is None else ask.price,
            ZERO if ask is None else ask.quantity or ZERO,
        )

    def depth(self, limit: int) -> tuple[Depth, Depth]:
        market = self._display.market
        bids, asks = ([(price, q or ZERO) for price, q in rungs[:limit]] for rungs in (market.bids, market.asks))
        return bids, asks

    def track_depth(self, is_wanted: bool) -> None:
        """Nobody is told of changes here: the feed tells of its own."""

    def take_changes(self) -> tuple[int, Depth, Depth] | None:
        return None


def _asked_of(request: OrderRequest, number: int) -> Asked:
    return Asked(number, request.is_buy, request.quantity, None if request.type == MARKET else request.price)


def _asked(order: Order) -> Asked:
    """What is left of an order."""
    return Asked(order.order_id, order.is_buy, order.leaves, None if order.type == MARKET else order.price)
