"""For the tests of your own strategy: a view without an engine, and a bench that plays the market and the venue.

    bench = Bench(Mine, ("BTCUSDT",), threshold_bps="5")
    bench.quote("BTCUSDT", "64000.00", "64000.10")
    decision = bench.last
    bench.fill(price="64000.10")        # the order of the last ENTER or EXIT fills

The bench keeps its own clock (nothing waits) and fires the strategy's timers as that clock moves. With
`auto_fill=True` every order fills at once at the touch. It is a fake, not the engine: no risk guard, no sizing policy
(an entry without a quantity is one of `default_quantity`), no fees.
"""

from collections.abc import Iterable
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

from bulkhead.strategy.api import Answer, Strategy, Tick
from bulkhead.strategy.loader import check_parameters
from messages.market import Bar, Quote, Trade
from messages.orders import OrderRow, OrderTicket, OrderUpdated
from messages.trading import Decision
from messages.values import (
    Action,
    IntentType,
    MarketSnapshot,
    OrderStatus,
    OrderType,
    Side,
    StopLevel,
)

NS_PER_S = 1_000_000_000
START_NS = 1_700_000_000 * NS_PER_S
Amount = Decimal | str | int


class FakeView:
    """A `View` whose every answer a test can set."""

    def __init__(self, seed: int = 1) -> None:
        self.clock_ns = START_NS
        self.positions: dict[str, Decimal] = {}
        self.orders_working: dict[str, Decimal] = {}
        self.markets: dict[str, MarketSnapshot] = {}
        self.timers: dict[str, int] = {}
        """Due time by key."""
        self.level = StopLevel.RUN
        self._rng = Random(seed)  # noqa: S311 - repeatable on purpose, nothing secret

    def now_ns(self) -> int:
        return self.clock_ns

    def position(self, symbol: str) -> Decimal:
        return self.positions.get(symbol, Decimal(0))

    def working(self, symbol: str) -> Decimal:
        return self.orders_working.get(symbol, Decimal(0))

    def market(self, symbol: str) -> MarketSnapshot | None:
        return self.markets.get(symbol)

    @property
    def stop_level(self) -> StopLevel:
        return self.level

    @property
    def rng(self) -> Random:
        return self._rng

    def after(self, delay_s: float, key: str) -> None:
        self.timers[key] = self.clock_ns + int(delay_s * NS_PER_S)


class Bench:
    """One strategy on a test bench: feed it, read `decisions`, play the venue."""

    def __init__(
        self,
        strategy: type[Strategy],
        symbols: tuple[str, ...],
        *,
        auto_fill: bool = False,
        default_quantity: Amount = 1,
        **parameters: object,
    ) -> None:
        self.view = FakeView()
        self.strategy = strategy(symbols, check_parameters(strategy, parameters))
        self.decisions: list[Decision] = []
        self.orders: list[OrderRow] = []
        """Every order there was, in its latest state."""
        self._auto_fill = auto_fill
        self._default_quantity = Decimal(default_quantity)
        self._ids = count(1)
        self.strategy.on_start(self.view)

    # -- reading ------------------------------------------------------------------------------------------------------

    @property
    def last(self) -> Decision:
        """The latest decision. Raises AssertionError when there is none."""
        if not self.decisions:
            raise AssertionError("the strategy has not decided anything yet")
        return self.decisions[-1]

    def entries(self) -> list[Decision]:
        return [decision for decision in self.decisions if decision.action is Action.ENTER]

    def exits(self) -> list[Decision]:
        return [decision for decision in self.decisions if decision.action is Action.EXIT]

    def open_order(self) -> OrderRow:
        """The oldest order that may still fill. Raises AssertionError when there is none."""
        still_open = [order for order in self.orders if not order.status.is_terminal]
        if not still_open:
            raise AssertionError("there is no open order")
        return still_open[0]

    # -- the market ---------------------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Move the clock; timers fire at their time, in order."""
        self._advance_to(self.view.clock_ns + int(seconds * NS_PER_S))

    def _advance_to(self, target_ns: int) -> None:
        while due := [(at_ns, key) for key, at_ns in self.view.timers.items() if at_ns <= target_ns]:
            at_ns, key = min(due)
            del self.view.timers[key]
            self.view.clock_ns = max(self.view.clock_ns, at_ns)
            self._collect(self.strategy.on_timer(key, self.view))
        self.view.clock_ns = target_ns

    def quote(self, symbol: str, bid: Amount | None, ask: Amount | None, after_s: float = 1.0) -> Decision | None:
        """A quote `after_s` later than now; a side may be None. Returns what was decided on it, the last if several."""
        self.advance(after_s)
        sides = {
            "bid": None if bid is None else Decimal(bid),
            "bid_quantity": None if bid is None else Decimal(100),
            "ask": None if ask is None else Decimal(ask),
            "ask_quantity": None if ask is None else Decimal(100),
        }
        return self._tick(Quote.model_validate({**self._times(symbol), **sides}))

    def trade(self, symbol: str, price: Amount, quantity: Amount = 1, after_s: float = 1.0) -> Decision | None:
        """A public print `after_s` later than now."""
        self.advance(after_s)
        print_ = {"price": Decimal(price), "quantity": Decimal(quantity)}
        return self._tick(Trade.model_validate({**self._times(symbol), **print_}))

    def bar(self, bar: Bar) -> Decision | None:
        return self._collect(self.strategy.on_bar(bar, self.view))

    def feed(self, ticks: Iterable[Tick]) -> None:
        """Ticks with times of their own: the clock follows them, and begins at the first if nothing came before."""
        for tick in ticks:
            if not self.view.markets:
                self.view.clock_ns = tick.event_time_ns
            self._advance_to(max(self.view.clock_ns, tick.event_time_ns))
            self._tick(tick)

    # -- the venue ----------------------------------------------------------------------------------------------------

    def accept(self) -> None:
        """The venue takes the oldest open order."""
        self._update(self.open_order(), "accepted", status=OrderStatus.SUBMITTED)

    def fill(self, quantity: Amount | None = None, price: Amount | None = None) -> None:
        """The oldest open order fills: wholly or by `quantity`, at `price` or at the touch."""
        order = self.open_order()
        ticket = order.ticket
        amount = order.leaves if quantity is None else Decimal(quantity)
        at = self._touch(ticket.symbol, ticket.side) if price is None else Decimal(price)
        self.view.positions[ticket.symbol] = self.view.position(ticket.symbol) + ticket.side.sign * amount
        is_whole = order.filled + amount == ticket.quantity
        self._update(
            order,
            "filled" if is_whole else "partial",
            status=OrderStatus.FILLED if is_whole else OrderStatus.PARTIAL,
            filled=order.filled + amount,
            filled_notional=order.filled_notional + amount * at,
        )

    def reject(self, reason: str = "rejected by the test") -> None:
        """The venue refuses the oldest open order."""
        self._update(self.open_order(), "rejected", status=OrderStatus.REJECTED, reason=reason)

    def cancel(self) -> None:
        """The oldest open order is cancelled; what has filled stays filled."""
        self._update(self.open_order(), "cancelled", status=OrderStatus.CANCELLED)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _times(self, symbol: str) -> dict[str, Any]:
        now_ns = self.view.clock_ns
        return {
            "venue": "bench",
            "symbol": symbol,
            "event_time_ns": now_ns,
            "received_at_ns": now_ns,
            "received_monotonic_ns": now_ns,
        }

    def _tick(self, tick: Tick) -> Decision | None:
        before = self.view.markets.get(tick.symbol) or MarketSnapshot(symbol=tick.symbol, event_time_ns=0)
        if isinstance(tick, Quote):
            seen: dict[str, Any] = {
                "bid": tick.bid,
                "bid_quantity": tick.bid_quantity,
                "ask": tick.ask,
                "ask_quantity": tick.ask_quantity,
            }
        else:
            seen = {"last": tick.price}
        self.view.markets[tick.symbol] = before.model_copy(update={**seen, "event_time_ns": tick.event_time_ns})
        return self._collect(self.strategy.on_tick(tick, self.view))

    def _collect(self, answer: Answer) -> Decision | None:
        if answer is None:
            return None
        decisions = [answer] if isinstance(answer, Decision) else list(answer)
        for decision in decisions:
            self.decisions.append(decision)
            if decision.action in (Action.ENTER, Action.EXIT):
                self._send(decision)
        return decisions[-1] if decisions else None

    def _send(self, decision: Decision) -> None:
        position = self.view.position(decision.symbol)
        is_entry = decision.action is Action.ENTER
        if not is_entry and position == 0:
            return  # the engine makes no intent of an exit from nothing
        side = decision.side if is_entry else (Side.SELL if position > 0 else Side.BUY)
        quantity = decision.quantity or (self._default_quantity if is_entry else abs(position))
        ticket = OrderTicket(
            client_order_id=f"bench-{next(self._ids)}",
            venue="bench",
            account="bench",
            symbol=decision.symbol,
            side=side or Side.BUY,  # an entry always has one
            order_type=OrderType.MKT if decision.limit_price is None else OrderType.LMT,
            quantity=quantity,
            limit_price=decision.limit_price,
            intent_type=IntentType.ENTRY if is_entry else IntentType.EXIT_FULL,
        )
        order = OrderRow(
            ticket=ticket,
            intent_id=f"intent-{ticket.client_order_id}",
            correlation_id="bench",
            strategy_id="bench",
            status=OrderStatus.PENDING_SUBMIT,
            filled=Decimal(0),
            filled_notional=Decimal(0),
            created_ns=self.view.clock_ns,
            updated_ns=self.view.clock_ns,
        )
        self.orders.append(order)
        self._recount(decision.symbol)
        if self._auto_fill:
            self.fill()

    def _update(self, order: OrderRow, change: str, **fields: object) -> None:
        changed = order.model_copy(update={**fields, "updated_ns": self.view.clock_ns})
        self.orders[self.orders.index(order)] = changed
        self._recount(order.ticket.symbol)
        self._collect(self.strategy.on_order_update(OrderUpdated(order=changed, change=change), self.view))

    def _recount(self, symbol: str) -> None:
        mine = [order for order in self.orders if order.ticket.symbol == symbol]
        self.view.orders_working[symbol] = sum((o.ticket.side.sign * o.leaves for o in mine), Decimal(0))

    def _touch(self, symbol: str, side: Side) -> Decimal:
        market = self.view.markets.get(symbol)
        touch = None if market is None else (market.ask if side is Side.BUY else market.bid) or market.last
        if touch is None:
            raise AssertionError(f"{symbol} has no price on that side: give one")
        return touch
