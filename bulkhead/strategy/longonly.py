"""The discipline that every shipped strategy keeps, apart from its opinion of the market.

`LongOnly` cleans prices, sees to it that there is at most one entry at a time, and carries out stop, target, time limit
and cool-down. A subclass only says when it would enter and when it would leave (`observe`, `entry`, `leave`).

Rules: never an entry while an order works, while the last decision is unsettled, while the gate is shut, or during a
cool-down; never a second exit while one is under way; every tick gets an answer. Answers that do nothing are made once
per symbol and reason and used again, for a tick must stay cheap.
What it is not: an owner of orders or of protective stops that outlive the strategy; those belong to the OMS.
"""

from abc import ABC, abstractmethod
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bulkhead.strategy.api import Strategy, Tick, View
from bulkhead.strategy.indicators import JumpFilter
from messages.market import Quote
from messages.orders import OrderUpdated
from messages.trading import Decision
from messages.values import Action, Quantity, Side, StopLevel

_NS_PER_S = 1_000_000_000
_ZERO = Decimal(0)
_TIMER = "max-hold:"

Bps = Annotated[Decimal, Field(ge=0, le=10_000, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, le=864_000)]


class PriceSource(StrEnum):
    """Which prices a strategy looks at."""

    MID = "mid"
    """Middle of quotes with both sides."""
    LAST = "last"
    """Public prints."""
    AUTO = "auto"
    """Mid while two-sided quotes come, prints when none has come for a minute."""


class LongOnlyParameters(Strategy.Parameters):
    """What all long-only strategies share. None switches a limit off."""

    price_source: PriceSource = PriceSource.AUTO
    quantity: Quantity | None = None
    """Of each entry, in base units; None leaves it to the sizing policy."""
    max_spread_bps: Bps = Decimal(50)
    """Wider quotes give no price and no entry."""
    max_jump_pct: Annotated[Decimal, Field(gt=0, le=50)] = Decimal(2)
    """A price farther than this from the last good one waits for confirmation."""
    jump_confirmations: Annotated[int, Field(ge=1, le=1000)] = 5
    stop_loss_bps: Bps | None = Decimal(50)
    take_profit_bps: Bps | None = None
    max_hold_s: Seconds | None = 900.0
    cooldown_s: Seconds = 30.0
    """After an exit, and after an entry that came to nothing."""
    dust_notional: Annotated[Decimal, Field(ge=0)] = Decimal(5)
    """In the quote currency: a position worth less counts as none, since no venue would take its exit."""
    settle_s: Seconds = 10.0
    """How long to wait for word of an order after deciding; then it is taken for refused."""


class Phase(StrEnum):
    FLAT = "flat"
    ENTERING = "entering"
    LONG = "long"
    EXITING = "exiting"


HOLD_REASONS: dict[str, str] = {
    "ONE_SIDED_QUOTE": "the quote lacks a side",
    "CROSSED_QUOTE": "the bid is above the ask",
    "WIDE_SPREAD": "the spread is wider than allowed",
    "OTHER_PRICE_SOURCE": "this kind of price is not looked at",
    "UNCONFIRMED_JUMP": "the price jumped and is not yet confirmed",
    "WARMING_UP": "too little history",
    "NO_SIGNAL": "no signal to enter",
    "HOLDING": "in a position, no reason to leave it",
    "ORDER_WORKING": "an order is working",
    "AWAITING_ORDER": "waiting for word of the last decision's order",
    "COOLING_DOWN": "resting after an exit or a refused entry",
    "GATE_SHUT": "a signal to enter, but no entry may leave now",
    "SHORT_POSITION": "a short position that this long-only strategy did not open",
    "UNKNOWN_SYMBOL": "not one of this strategy's symbols",
}


class Book:
    """What a long-only strategy remembers of one symbol; its size does not grow."""

    __slots__ = ("armed", "cool_until_ns", "entry_price", "filter", "holds", "long_since_ns", "mid_at_ns", "phase",
                 "price", "settle_by_ns", "spread_is_ok", "symbol")  # fmt: skip

    def __init__(self, symbol: str, parameters: LongOnlyParameters) -> None:
        self.symbol = symbol
        self.filter = JumpFilter(float(parameters.max_jump_pct), parameters.jump_confirmations)
        self.holds = {
            code: Decision.hold(symbol, reason, reason_codes=(code,)) for code, reason in HOLD_REASONS.items()
        }
        self.phase = Phase.FLAT
        self.price = 0.0
        self.entry_price: float | None = None
        self.long_since_ns = 0
        self.settle_by_ns = 0
        self.cool_until_ns = 0
        self.mid_at_ns = -60 * _NS_PER_S
        self.spread_is_ok = True
        self.armed = False
        """False after an exit until the signal has gone away once: one signal, one entry."""


class LongOnly(Strategy, ABC):
    """Base of the shipped strategies: see the module's docstring. A subclass gives the four methods below."""

    class Parameters(LongOnlyParameters):
        pass

    def __init__(self, symbols: tuple[str, ...], parameters: LongOnlyParameters) -> None:
        super().__init__(symbols, parameters)
        self._p = parameters
        self._books = {symbol: Book(symbol, parameters) for symbol in symbols}
        self._last: Book | None = None
        self._max_spread = float(parameters.max_spread_bps) / 10_000
        self._stop_bps = None if parameters.stop_loss_bps is None else float(parameters.stop_loss_bps)
        self._target_bps = None if parameters.take_profit_bps is None else float(parameters.take_profit_bps)
        self._max_hold_ns = None if parameters.max_hold_s is None else int(parameters.max_hold_s * _NS_PER_S)
        self._cooldown_ns = int(parameters.cooldown_s * _NS_PER_S)
        self._dust = float(parameters.dust_notional)
        self._settle_ns = int(parameters.settle_s * _NS_PER_S)
        self._unknown = Decision.hold(
            symbols[0] if symbols else "NONE", HOLD_REASONS["UNKNOWN_SYMBOL"], reason_codes=("UNKNOWN_SYMBOL",)
        )

    # -- the opinion, given by the subclass ---------------------------------------------------------------------------

    @abstractmethod
    def observe(self, symbol: str, price: float, at_ns: int) -> bool:
        """Take in a clean price; True once there is enough history to have an opinion."""

    @abstractmethod
    def restart(self, symbol: str) -> None:
        """Forget the history: the price has moved to another level."""

    @abstractmethod
    def entry(self, symbol: str) -> tuple[str, str] | None:
        """Reason and code for entering now, else None."""

    @abstractmethod
    def leave(self, symbol: str) -> tuple[str, str] | None:
        """Reason and code for leaving now, else None. Stop, target and time limit are seen to elsewhere."""

    def scores(self, symbol: str) -> dict[str, str]:
        """The figures behind the opinion, as decimal strings, for the decision log."""
        return {}

    # -- callbacks ----------------------------------------------------------------------------------------------------

    def on_tick(self, tick: Tick, view: View) -> Decision:
        book = self._books.get(tick.symbol)
        if book is None:
            return self._unknown
        self._last = book
        price = self._price(book, tick)
        if isinstance(price, str):
            return book.holds[price]
        if not book.filter.accept(price):
            return book.holds["UNCONFIRMED_JUMP"]
        if book.filter.has_moved:
            self.restart(book.symbol)
        book.price = price
        is_warm = self.observe(book.symbol, price, tick.event_time_ns)
        return self._decide(book, view, is_warm)

    def on_order_update(self, update: OrderUpdated, view: View) -> None:
        order = update.order
        book = self._books.get(order.ticket.symbol)
        if book is None:
            return
        if order.ticket.intent_type.is_entry:
            if order.average_price is not None:
                book.entry_price = float(order.average_price)
            if order.status.is_terminal and not order.filled and book.phase is Phase.ENTERING:
                self._rest(book, view.now_ns())
        if book.phase in (Phase.ENTERING, Phase.EXITING):
            # Also after a refused exit: it is decided again, but not on the next tick and every tick after it.
            book.settle_by_ns = view.now_ns() + self._settle_ns

    def on_timer(self, key: str, view: View) -> Decision | None:
        """The time limit must hold when no tick comes."""
        book = self._books.get(key.removeprefix(_TIMER))
        if book is None or not key.startswith(_TIMER) or self._max_hold_ns is None:
            return None
        if self._holding(book, view) <= 0 or view.working(book.symbol) < 0 or book.phase is not Phase.LONG:
            return None
        if view.now_ns() - book.long_since_ns < self._max_hold_ns:
            return None
        return self._exit(book, view, "held for as long as allowed", "TIME_STOP")

    def state(self) -> dict[str, str]:
        """Of the symbol handled last: phase, entry price and the figures behind the opinion."""
        book = self._last
        if book is None:
            return {}
        state = {"symbol": book.symbol, "phase": book.phase.value}
        if book.entry_price is not None:
            state["entry_price"] = f"{book.entry_price:.8g}"
        state.update(self.scores(book.symbol))
        return state

    # -- prices -------------------------------------------------------------------------------------------------------

    def _price(self, book: Book, tick: Tick) -> float | str:
        """A usable price, or the code of why there is none."""
        source = self._p.price_source
        if isinstance(tick, Quote):
            if source is PriceSource.LAST:
                return "OTHER_PRICE_SOURCE"
            if tick.bid is None or tick.ask is None:
                return "ONE_SIDED_QUOTE"
            bid, ask = float(tick.bid), float(tick.ask)
            if ask < bid:
                return "CROSSED_QUOTE"
            mid = (bid + ask) / 2
            book.spread_is_ok = ask - bid <= mid * self._max_spread
            if not book.spread_is_ok:
                return "WIDE_SPREAD"
            book.mid_at_ns = tick.event_time_ns
            return mid
        if source is PriceSource.MID:
            return "OTHER_PRICE_SOURCE"
        if source is PriceSource.AUTO and tick.event_time_ns - book.mid_at_ns < 60 * _NS_PER_S:
            return "OTHER_PRICE_SOURCE"
        return float(tick.price)

    # -- orders -------------------------------------------------------------------------------------------------------

    def _decide(self, book: Book, view: View, is_warm: bool) -> Decision:
        now_ns = view.now_ns()
        position = self._holding(book, view)
        working = view.working(book.symbol)
        if position > 0:
            return self._decide_long(book, view, working, now_ns, is_warm)
        if position < 0:
            return book.holds["SHORT_POSITION"]
        if book.phase is Phase.LONG or (book.phase is Phase.EXITING and not working):
            self._rest(book, now_ns)
        if working:
            return book.holds["ORDER_WORKING"]
        if book.phase is Phase.ENTERING:
            if now_ns < book.settle_by_ns:
                return book.holds["AWAITING_ORDER"]
            self._rest(book, now_ns)
        if not is_warm:
            return book.holds["WARMING_UP"]
        wish = self.entry(book.symbol)
        if wish is None:
            book.armed = True
            return book.holds["NO_SIGNAL"]
        if now_ns < book.cool_until_ns:
            return book.holds["COOLING_DOWN"]
        if not book.armed:
            return book.holds["NO_SIGNAL"]
        if view.stop_level > StopLevel.REDUCED:
            return book.holds["GATE_SHUT"]
        if not book.spread_is_ok:
            return book.holds["WIDE_SPREAD"]
        return self._enter(book, now_ns, *wish)

    def _decide_long(self, book: Book, view: View, working: Decimal, now_ns: int, is_warm: bool) -> Decision:
        if book.phase is Phase.EXITING:
            if working < 0:
                return book.holds["ORDER_WORKING"]
            if now_ns < book.settle_by_ns:
                return book.holds["AWAITING_ORDER"]
            book.phase = Phase.LONG
        if book.phase is not Phase.LONG:
            self._begin_holding(book, view, now_ns)
        if working < 0:
            return book.holds["ORDER_WORKING"]
        reason = self._limit_hit(book, now_ns)
        if reason is None and working > 0:
            return book.holds["ORDER_WORKING"]  # only a limit may end a position that is still being built
        if reason is None and is_warm:
            reason = self.leave(book.symbol)
        if reason is None:
            return book.holds["HOLDING"]
        return self._exit(book, view, *reason)

    def _holding(self, book: Book, view: View) -> Decimal:
        """The position, with a remainder too small to be sold counted as none.

        Fees taken in the base asset leave such crumbs; without this a strategy would try to sell one for ever.
        """
        position = view.position(book.symbol)
        if position and abs(float(position)) * book.price < self._dust:
            return _ZERO
        return position

    def _begin_holding(self, book: Book, view: View, now_ns: int) -> None:
        book.phase = Phase.LONG
        book.long_since_ns = now_ns
        if book.entry_price is None:
            book.entry_price = book.price  # a position taken over from an earlier incarnation: count from here
        if self._max_hold_ns is not None:
            view.after(self._max_hold_ns / _NS_PER_S, _TIMER + book.symbol)

    def _limit_hit(self, book: Book, now_ns: int) -> tuple[str, str] | None:
        entry_price = book.entry_price or book.price
        gain_bps = (book.price / entry_price - 1.0) * 10_000
        if self._stop_bps is not None and gain_bps <= -self._stop_bps:
            return f"{-gain_bps:.1f} bps below the entry at {entry_price:.8g}", "STOP_LOSS"
        if self._target_bps is not None and gain_bps >= self._target_bps:
            return f"{gain_bps:.1f} bps above the entry at {entry_price:.8g}", "TAKE_PROFIT"
        if self._max_hold_ns is not None and now_ns - book.long_since_ns >= self._max_hold_ns:
            return "held for as long as allowed", "TIME_STOP"
        return None

    def _enter(self, book: Book, now_ns: int, reason: str, code: str) -> Decision:
        book.phase = Phase.ENTERING
        book.armed = False
        book.entry_price = None
        book.settle_by_ns = now_ns + self._settle_ns
        return Decision(
            symbol=book.symbol, action=Action.ENTER, side=Side.BUY, reason=reason, reason_codes=(code,),
            quantity=self._p.quantity, scores=self._decimal_scores(book),
        )  # fmt: skip

    def _exit(self, book: Book, view: View, reason: str, code: str) -> Decision:
        book.phase = Phase.EXITING
        book.settle_by_ns = view.now_ns() + self._settle_ns
        return Decision(
            symbol=book.symbol, action=Action.EXIT, reason=reason, reason_codes=(code,),
            scores=self._decimal_scores(book),
        )  # fmt: skip

    def _rest(self, book: Book, now_ns: int) -> None:
        book.phase = Phase.FLAT
        book.armed = False
        book.entry_price = None
        book.cool_until_ns = now_ns + self._cooldown_ns

    def _decimal_scores(self, book: Book) -> dict[str, Decimal]:
        return {name: Decimal(figure) for name, figure in self.scores(book.symbol).items()}
