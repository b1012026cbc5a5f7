"""StrategyActor: gives a user's strategy its seat in the house (stages L20 and L30).

It keeps what the strategy may look at, turns each decision into a recorded DecisionMade and, where something is to be
done, into an OrderIntent for the risk guard. A raise in the user's code ends this incarnation and nothing else.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import NamedTuple

from actors import addresses
from bulkhead.strategy.api import Answer, Strategy
from bulkhead.strategy.sizing import LotRules, SizeRefused, SizingFacts, SizingPolicy, size_entry
from bulkhead.strategy.true_range import AverageTrueRange
from messages.failure import StopLevelTold
from messages.instruments import InstrumentsTold
from messages.intents import IntentSettled, IntentWaits
from messages.market import Bar, Book, FeedGap, MarketData, Quote, Trade
from messages.market_health import DataSource, SourceChanged
from messages.orders import OrderRow, OrdersTold, OrderUpdated
from messages.portfolio import EquityTold, PositionChanged, PositionsTold, TellState
from messages.supervision import Busy, TimerFired
from messages.trading import Decision, DecisionMade, OrderIntent, RiskRefused
from messages.values import (
    Action,
    IntentType,
    MarketSnapshot,
    OrderType,
    Origin,
    Side,
    SplitPolicy,
    StopLevel,
    TimeInForce,
)
from supervisor.runtime.behaviour import Behaviour, Context, receives

INTENT_VALID_S = 30.0
"""An intent has become an order by then or never will: whoever gets it later refuses it as expired."""
WORKED_FOR_S = 600.0
"""The same for what is worked on: the last child of a split and the last price of a resting order come by then."""
ANSWER_MARGIN_S = 5.0
"""An answer may come this much after the first of the two; without one the intent was lost with an actor that died over
it."""


EQUITY_VALID_S = 60.0
"""An equity told longer ago sizes nothing."""


class Seat(NamedTuple):
    """What the house decides for a strategy, beside its own parameters."""

    strategy_id: str
    session_id: str
    venue: str
    account: str
    sizing: SizingPolicy
    lots: dict[str, LotRules]
    reduced_size_share: Decimal = Decimal(1)
    """At REDUCED an entry is sized by this share of what it would be."""


class Pending(NamedTuple):
    """An intent on its way that has no order yet."""

    symbol: str
    quantity: Decimal
    """Signed."""
    until_ns: int


class StrategyActor(Behaviour):
    def __init__(self, seat: Seat, make: Callable[[], Strategy]) -> None:
        self._seat = seat
        self._make = make
        self._strategy: Strategy
        self._snapshots: dict[str, MarketSnapshot] = {}
        self._sources: dict[str, DataSource] = {}
        self._positions: dict[str, Decimal] = {}
        self._orders: dict[str, OrderRow] = {}
        self._pending: dict[str, Pending] = {}  # by intent id, until an order is
        self._waiting: dict[str, IntentWaits] = {}  # what of an intent has no order now and is to get one
        self._knows_positions = self._knows_orders = False
        self._equity: EquityTold | None = None
        self._ranges: dict[str, AverageTrueRange] = {}
        self._level = StopLevel.HARD
        self._level_change = -1
        self._told = StopLevelTold(level=StopLevel.HARD, change=-1)
        self._decisions = 0
        self._view: _View

    # -- life ---------------------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context) -> None:
        self._view = _View(self, ctx)
        self._strategy = self._make()
        self._strategy.on_start(self._view)
        ask = TellState(strategy_id=self._seat.strategy_id)
        ctx.tell(addresses.PORTFOLIO, ask)
        ctx.tell(addresses.OMS, ask)
        ctx.tell(addresses.RISK_GUARD, ask)

    @receives(StopLevelTold)
    def on_stop_level(self, told: StopLevelTold, _: Context) -> None:
        if told.change > self._level_change:
            self._level, self._level_change, self._told = told.level, told.change, told

    @receives(InstrumentsTold)
    def on_instruments(self, told: InstrumentsTold, _: Context) -> None:
        rules = {each.symbol: LotRules.of(each) for each in told.instruments if each.symbol in self._seat.lots}
        self._seat = self._seat._replace(lots={**self._seat.lots, **rules})

    @receives(EquityTold)
    def on_equity(self, told: EquityTold, _: Context) -> None:
        self._equity = told

    @receives(PositionsTold)
    def on_positions(self, told: PositionsTold, _: Context) -> None:
        self._positions = {position.symbol: position.quantity for position in told.positions}
        self._knows_positions = True

    @receives(OrdersTold)
    def on_orders(self, told: OrdersTold, _: Context) -> None:
        self._orders = {order.ticket.client_order_id: order for order in told.orders}
        self._waiting = {wait.intent_id: wait for wait in told.waiting}
        self._knows_orders = True

    @receives(PositionChanged)
    def on_position(self, changed: PositionChanged, _: Context) -> None:
        self._positions[changed.position.symbol] = changed.position.quantity

    # -- what it is asked about ---------------------------------------------------------------------------------------

    @receives(Trade)
    def on_trade(self, trade: Trade, ctx: Context) -> None:
        before = self._snapshots.get(trade.symbol)
        update = {"last": trade.price, "event_time_ns": trade.event_time_ns}
        self._snapshots[trade.symbol] = (
            before.model_copy(update=update) if before else MarketSnapshot(symbol=trade.symbol, **update)
        )
        self._measure(trade.symbol, trade.price, trade.event_time_ns)
        if self._is_informed:
            self._answer(self._strategy.on_tick(trade, self._view), trade, ctx)

    @receives(Quote)
    def on_quote(self, quote: Quote, ctx: Context) -> None:
        before = self._snapshots.get(quote.symbol)
        self._snapshots[quote.symbol] = MarketSnapshot(
            symbol=quote.symbol,
            last=before.last if before else None,
            bid=quote.bid,
            bid_quantity=quote.bid_quantity,
            ask=quote.ask,
            ask_quantity=quote.ask_quantity,
            event_time_ns=quote.event_time_ns,
            source=quote.source.value,
        )
        if self._is_informed:
            self._answer(self._strategy.on_tick(quote, self._view), quote, ctx)

    @receives(Bar)
    def on_bar(self, bar: Bar, ctx: Context) -> None:
        if self._is_informed:
            self._answer(self._strategy.on_bar(bar, self._view), bar, ctx)

    @receives(OrderUpdated)
    def on_order_update(self, update: OrderUpdated, ctx: Context) -> None:
        order = update.order
        self._pending.pop(order.intent_id, None)
        if order.status.is_terminal:
            self._orders.pop(order.ticket.client_order_id, None)
        else:
            self._orders[order.ticket.client_order_id] = order
        self._answer(self._strategy.on_order_update(update, self._view), None, ctx)

    @receives(IntentWaits)
    def on_waits(self, wait: IntentWaits, _: Context) -> None:
        self._pending.pop(wait.intent_id, None)
        if wait.quantity:
            self._waiting[wait.intent_id] = wait
        else:
            self._waiting.pop(wait.intent_id, None)

    @receives(TimerFired)
    def on_timer(self, timer: TimerFired, ctx: Context) -> None:
        self._answer(self._strategy.on_timer(timer.key, self._view), None, ctx)

    @receives(RiskRefused)
    def on_refused(self, refused: RiskRefused, _: Context) -> None:
        self._pending.pop(refused.intent_id, None)

    @receives(IntentSettled)
    def on_settled(self, settled: IntentSettled, _: Context) -> None:
        self._pending.pop(settled.intent_id, None)

    @receives(Busy)
    def on_busy(self, busy: Busy, _: Context) -> None:
        """The risk guard has no room for another entry: nothing came of this one."""
        self._pending.pop(busy.about, None)

    @receives(FeedGap)
    def on_gap(self, _: FeedGap, __: Context) -> None:
        """Declared by arriving: what follows is new data, and decisions go on from it."""

    @receives(SourceChanged)
    def on_source(self, change: SourceChanged, _: Context) -> None:
        """Its decisions name it from now on. With the feed back, what stood in for it prices nothing any more: a feed
        of prints alone has no quote that would replace it."""
        self._sources[change.symbol] = change.source
        seen = self._snapshots.get(change.symbol)
        if seen is None or change.source is not DataSource.FEED or seen.source == DataSource.FEED.value:
            return
        if seen.last is None:
            del self._snapshots[change.symbol]
        else:
            prints = {"last": seen.last, "event_time_ns": seen.event_time_ns}
            self._snapshots[change.symbol] = MarketSnapshot(symbol=change.symbol, **prints)

    @receives(Book)
    def on_book(self, _: Book, __: Context) -> None:
        """Strategies see prints and best quotes."""

    @property
    def _is_informed(self) -> bool:
        return self._knows_positions and self._knows_orders and self._level_change >= 0

    # -- decisions ----------------------------------------------------------------------------------------------------

    def _answer(self, answer: Answer, cause: MarketData | None, ctx: Context) -> None:
        if answer is None:
            return
        for decision in (answer,) if isinstance(answer, Decision) else answer:
            self._decide(decision, cause, ctx)

    def _decide(self, decision: Decision, cause: MarketData | None, ctx: Context) -> None:
        decision_id = f"{self._seat.strategy_id}.{ctx.epoch}.{self._decisions}"
        self._decisions += 1
        intent, note = None, None
        if decision.action in (Action.ENTER, Action.EXIT):
            intent, note = self._intent_of(decision, decision_id, cause, ctx)
        made = DecisionMade(
            decision_id=decision_id,
            strategy_id=self._seat.strategy_id,
            decision=decision,
            market=self._snapshots.get(decision.symbol),
            position=self.position(decision.symbol),
            strategy_state=self._strategy.state(),
            stop_level=self.level_for(decision.symbol),
            decision_time_ns=ctx.now_ns(),
            intent_id=intent.intent_id if intent else None,
            note=note,
            source=self._sources.get(decision.symbol, DataSource.FEED),
        )
        ctx.publish(addresses.DECISIONS, made)
        if intent is not None:
            valid_s = min(_valid_s(decision), INTENT_VALID_S)
            until_ns = intent.decision_time_ns + int((valid_s + ANSWER_MARGIN_S) * 1e9)
            self._pending[intent.intent_id] = Pending(intent.symbol, intent.quantity * intent.side.sign, until_ns)
            ctx.tell(addresses.RISK_GUARD, intent)

    def _intent_of(
        self, decision: Decision, decision_id: str, cause: MarketData | None, ctx: Context
    ) -> tuple[OrderIntent | None, str | None]:
        """The intent, or why there is none."""
        lots = self._seat.lots.get(decision.symbol)
        if lots is None:
            return None, f"UNKNOWN_SYMBOL: {decision.symbol} is not among this strategy's symbols"
        snapshot = self._snapshots.get(decision.symbol)
        if decision.action is Action.ENTER:
            side = decision.side or Side.BUY
            price = decision.limit_price or (snapshot.mid if snapshot else None)
            facts = self._facts(decision, side, ctx.now_ns())
            size = size_entry(self._seat.sizing, lots, price, decision.quantity, facts)
            if not isinstance(size, SizeRefused) and self.level_for(decision.symbol) is StopLevel.REDUCED:
                size = size_entry(self._seat.sizing, lots, price, size * self._seat.reduced_size_share, facts)
            if isinstance(size, SizeRefused):
                return None, f"{size.code}: {size.detail}"
            quantity, intent_type = size, IntentType.ENTRY
        else:
            held = self.position(decision.symbol)
            side = Side.SELL if held > 0 else Side.BUY
            exiting = self.working(decision.symbol) * side.sign
            free = abs(held) - max(exiting, Decimal(0))
            wanted = free if decision.quantity is None else min(decision.quantity, free)
            quantity = (wanted // lots.lot_size) * lots.lot_size
            if quantity <= 0:
                return None, f"NOTHING_TO_EXIT: position {held:f}, already exiting {exiting:f}"
            is_full = decision.quantity is None
            intent_type = IntentType.EXIT_FULL if is_full else IntentType.EXIT_PARTIAL
        now_ns = ctx.now_ns()
        intent_id = f"{self._seat.session_id}/{decision_id}"
        return OrderIntent(
            intent_id=intent_id,
            action_key=f"{intent_id}/0",
            correlation_id=ctx.current.correlation_id if ctx.current else intent_id,
            origin=Origin.STRATEGY,
            strategy_id=self._seat.strategy_id,
            venue=self._seat.venue,
            account=self._seat.account,
            group_id=intent_id,
            symbol=decision.symbol,
            side=side,
            intent_type=intent_type,
            quantity=quantity,
            order_type=OrderType.MKT if decision.limit_price is None else OrderType.LMT,
            limit_price=decision.limit_price,
            time_in_force=decision.time_in_force,
            split=decision.split,
            reason=decision.reason,
            reason_codes=decision.reason_codes,
            market=snapshot,
            decision_id=decision_id,
            decision_time_ns=now_ns,
            expires_at_ns=now_ns + int(_valid_s(decision) * 1e9),
            strategy_epoch=ctx.epoch,
            tick_received_monotonic_ns=cause.received_monotonic_ns if cause else None,
        ), None

    # -- what some sizes are made of ----------------------------------------------------------------------------------

    def _measure(self, symbol: str, price: Decimal, at_ns: int) -> None:
        """Of prints alone: between quotes and prints a price would move without a trade."""
        policy = self._seat.sizing
        if not policy.needs_volatility:
            return
        if symbol not in self._ranges:
            self._ranges[symbol] = AverageTrueRange(policy.atr_bar_s, policy.atr_bars)
        self._ranges[symbol].update(price, at_ns)

    def _facts(self, decision: Decision, side: Side, now_ns: int) -> SizingFacts:
        told, ranges = self._equity, self._ranges.get(decision.symbol)
        is_fresh = told is not None and abs(now_ns - told.at_ns) <= EQUITY_VALID_S * 1e9
        return SizingFacts(
            side=side,
            equity=told.equity if told is not None and is_fresh else None,
            stop_price=decision.stop_price,
            true_range=None if ranges is None else ranges.value,
        )

    # -- what the strategy may look at --------------------------------------------------------------------------------

    def position(self, symbol: str) -> Decimal:
        return self._positions.get(symbol, Decimal(0))

    def working(self, symbol: str) -> Decimal:
        """Signed leaves of its orders, with whatever has no order yet and is to get one."""
        live = sum(
            (o.leaves * o.ticket.side.sign for o in self._orders.values() if o.ticket.symbol == symbol), Decimal(0)
        )
        if self._pending:
            now_ns = self._view.now_ns()
            self._pending = {key: pending for key, pending in self._pending.items() if pending.until_ns > now_ns}
        coming = sum((w.quantity * w.side.sign for w in self._waiting.values() if w.symbol == symbol), Decimal(0))
        return live + coming + sum((p.quantity for p in self._pending.values() if p.symbol == symbol), Decimal(0))

    def market(self, symbol: str) -> MarketSnapshot | None:
        return self._snapshots.get(symbol)

    def stop_level(self) -> StopLevel:
        return self._level

    def level_for(self, symbol: str) -> StopLevel:
        """The strictest of the house's and of whatever else concerns an order of ours in a symbol."""
        return max(self._level, self._told.level_for(self._seat.venue, self._seat.strategy_id, symbol))


def _valid_s(decision: Decision) -> float:
    if decision.valid_for_s is not None:
        return decision.valid_for_s
    rests = decision.limit_price is not None and decision.time_in_force in (TimeInForce.GTC, TimeInForce.DAY)
    return WORKED_FOR_S if rests or decision.split is not SplitPolicy.SINGLE else INTENT_VALID_S


class _View:
    """The strategy's window on the house (bulkhead.strategy.api.View)."""

    def __init__(self, actor: StrategyActor, ctx: Context) -> None:
        self._actor, self._ctx = actor, ctx
        self.now_ns = ctx.now_ns
        self.position = actor.position
        self.working = actor.working
        self.market = actor.market

    @property
    def stop_level(self) -> StopLevel:
        return self._actor.stop_level()

    @property
    def rng(self) -> Random:
        return self._ctx.rng

    def after(self, delay_s: float, key: str) -> None:
        self._ctx.after(delay_s, key)
