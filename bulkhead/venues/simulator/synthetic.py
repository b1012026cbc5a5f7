"""The synthetic market: agents that trade with each other, and with any account, in the real matching engine.

Each symbol has a hidden fair value that walks through regimes (calm, active, wild, up, down, now and then a gap).
Market makers keep ladders of orders around where they last saw it; noise takers hit them; a maker that was slow is
picked off by the next one. Everything moves in fixed virtual steps and draws from generators seeded per symbol, so the
same seed gives the same events whatever the wall clock does; an account's orders meet the same agents but may of
course change what follows.

The fair value is a float: it is nobody's money, only the place around which agents pick exact prices in ticks.
"""

import math
from collections.abc import Callable
from itertools import accumulate
from random import Random

from bulkhead.venues.simulator.accounts import Account
from bulkhead.venues.simulator.engine import Engine
from bulkhead.venues.simulator.instruments import MarketRules
from bulkhead.venues.simulator.orderbook import OrderBook
from bulkhead.venues.simulator.orders import GTC, IOC, Order

STEP_MS = 10
_ACTIONS_PER_STEP_BOUND = 2_000
_REGIMES = (
    # volatility in bps per square root of a second, drift in bps per second
    (4.0, 0.0),
    (8.0, 0.0),
    (16.0, 0.0),
    (5.0, 4.0),
    (5.0, -4.0),
)
_REGIME_S = (3.0, 12.0)
_GAP_SHARE = 0.12
_GAP_BPS = (20.0, 60.0)
_PULL_PER_S = 1 / 3_600
"""Pull back to the opening price: with it the price stays within some percent over weeks."""
_TAKER_SHARE = 0.35
_BPS = 1e-4


class FairValue:
    """Hidden price of one symbol, in ticks, as a function of virtual time."""

    def __init__(self, rules: MarketRules, rng: Random, log_offset: float) -> None:
        self.log_offset = log_offset
        self._rng = rng
        self._opening_ticks = float(rules.reference_price / rules.tick_size)
        self._at_ms = 0
        self._regime_ends_ms = 0
        self._volatility, self._drift = _REGIMES[0]

    def ticks(self, now_ms: int) -> float:
        """Move on to `now_ms` and return the value."""
        elapsed_s = (now_ms - self._at_ms) / 1000
        self._at_ms = now_ms
        if now_ms >= self._regime_ends_ms:
            self._change_regime(now_ms)
        shock = self._rng.gauss(0.0, 1.0) * self._volatility * math.sqrt(elapsed_s)
        self.log_offset += (self._drift * elapsed_s + shock) * _BPS - self.log_offset * _PULL_PER_S * elapsed_s
        return self._opening_ticks * math.exp(self.log_offset)

    def _change_regime(self, now_ms: int) -> None:
        rng = self._rng
        if self._regime_ends_ms and rng.random() < _GAP_SHARE:
            self.log_offset += rng.choice((-1, 1)) * rng.uniform(*_GAP_BPS) * _BPS
        self._volatility, self._drift = rng.choice(_REGIMES)
        self._regime_ends_ms = now_ms + int(rng.uniform(*_REGIME_S) * 1000)


class Maker:
    """Keeps `levels` orders on each side. Its prices lie on a private grid, so a small move changes few orders."""

    def __init__(
        self, engine: Engine, book: OrderBook, rng: Random, levels: int, spacing_bps: float, notional: float
    ) -> None:
        rules = book.rules
        opening_ticks = float(rules.reference_price / rules.tick_size)
        self._engine, self._book, self._rng = engine, book, rng
        self._account = Account(f"maker-{rules.symbol}", is_house=True)
        self._levels = levels
        self._spacing = max(1, round(opening_ticks * spacing_bps * _BPS))
        self._half_spread = opening_ticks * spacing_bps * _BPS / 2
        self._lots = max(2.0, notional * rules.size_scale / float(rules.reference_price * rules.step_size))
        self._bids: dict[int, Order] = {}
        self._asks: dict[int, Order] = {}

    def refresh(self, fair_ticks: float) -> None:
        """Cancel what is too tight, too far or used up; post what is missing; now and then renew the best level."""
        best_bid = math.floor((fair_ticks - self._half_spread) / self._spacing) - 1
        best_ask = math.ceil((fair_ticks + self._half_spread) / self._spacing)
        slack = self._levels + 4
        self._withdraw(self._bids, best_bid - slack, best_bid)
        self._withdraw(self._asks, best_ask, best_ask + slack)
        if self._rng.random() < 0.5:
            self._withdraw(
                *((self._bids, 0, best_bid - 1) if self._rng.random() < 0.5 else (self._asks, best_ask + 1, 1 << 60))
            )
        for distance in range(self._levels):
            self._post(self._bids, best_bid - distance, is_buy=True)
            self._post(self._asks, best_ask + distance, is_buy=False)

    def _withdraw(self, orders: dict[int, Order], lowest: int, highest: int) -> None:
        for key, order in list(orders.items()):
            if not order.leaves or not lowest <= key <= highest:
                del orders[key]
                self._engine.cancel_house(order, self._book)

    def _post(self, orders: dict[int, Order], key: int, is_buy: bool) -> None:
        if key in orders or key < 1:
            return
        rules = self._book.rules
        price = rules.tick_size * (key * self._spacing + self._rng.randrange(self._spacing))
        quantity = rules.step_size * max(1, int(self._rng.lognormvariate(0.0, 0.6) * self._lots))
        orders[key] = self._engine.place_house(self._account, self._book, is_buy, price, quantity, GTC)


class SymbolMarket:
    """The agents of one symbol."""

    def __init__(self, engine: Engine, book: OrderBook, seed: int, log_offset: float) -> None:
        # A string seed is hashed by its bytes: the same in every process, unlike hash().
        self._rng = Random(f"{seed}/{book.rules.symbol}")  # noqa: S311 - a market, not a secret
        self._engine = engine
        self.book = book
        self.fair = FairValue(book.rules, self._rng, log_offset)
        self._makers = tuple(
            Maker(engine, book, self._rng, levels, spacing_bps, notional)
            for levels, spacing_bps, notional in ((12, 0.5, 2_500.0), (12, 1.0, 6_000.0), (12, 2.5, 20_000.0))
        )
        self._taker = Account(f"taker-{book.rules.symbol}", is_house=True)

    def open(self) -> None:
        for maker in self._makers:
            maker.refresh(self.fair.ticks(0))

    def act(self, now_ms: int) -> None:
        """One action of one agent."""
        fair_ticks = self.fair.ticks(now_ms)
        if self._rng.random() < _TAKER_SHARE:
            self._take(fair_ticks)
        else:
            self._rng.choice(self._makers).refresh(fair_ticks)

    def _take(self, fair_ticks: float) -> None:
        rules, rng = self.book.rules, self._rng
        bid, _, ask, _ = self.book.top()
        size = rng.lognormvariate(0.0, 1.0) * 1_000 * rules.size_scale / float(rules.reference_price * rules.step_size)
        quantity = rules.step_size * max(1, int(size))
        leaning = rng.gauss(0.0, 1.0)
        if bid is not None and ask is not None:
            middle = float((bid + ask) / 2 / rules.tick_size)
            leaning += 2 * (fair_ticks - middle) / max(1.0, fair_ticks * _BPS)
        price = ask if leaning > 0 else bid
        if price is not None:
            self._engine.place_house(self._taker, self.book, leaning > 0, price, quantity, IOC)


class SyntheticMarket:
    """All symbols, advanced step by step. `events_per_s` counts trades and changes of the best bid or ask."""

    def __init__(
        self,
        engine: Engine,
        books: dict[str, OrderBook],
        seed: int,
        events_per_s: int,
        after_action: Callable[[OrderBook], int],
        log_offsets: dict[str, float] | None = None,
    ) -> None:
        """`after_action` publishes what changed and returns the number of events. `log_offsets`: see `offsets`."""
        offsets = log_offsets or {}
        self._markets = [SymbolMarket(engine, book, seed, offsets.get(symbol, 0.0)) for symbol, book in books.items()]
        self._weights = list(accumulate(1 / (rank + 1) for rank in range(len(self._markets))))
        self._rng = Random(f"{seed}/scheduler")  # noqa: S311 - a market, not a secret
        self._events_per_s = events_per_s
        self._after_action = after_action
        self._credit = 0
        self.virtual_ms = 0

    def open(self) -> None:
        """Post every ladder, after account orders of an earlier run are back on the books."""
        for market in self._markets:
            market.open()
            self._after_action(market.book)

    def step(self) -> None:
        """Advance by STEP_MS of virtual time."""
        self.virtual_ms += STEP_MS
        self._credit += self._events_per_s * STEP_MS
        for _ in range(_ACTIONS_PER_STEP_BOUND):
            if self._credit < 1000:
                return
            market = self._rng.choices(self._markets, cum_weights=self._weights)[0]
            market.act(self.virtual_ms)
            self._credit -= 1000 * self._after_action(market.book)
        self._credit = 0

    def offsets(self) -> dict[str, float]:
        """Where each hidden value stands, so that a restarted venue opens where it closed."""
        return {market.book.rules.symbol: market.fair.log_offset for market in self._markets}
