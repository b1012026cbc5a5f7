"""The interface that users implement.

    from bulkhead import Decision, Side, Strategy

    class Mine(Strategy):
        class Parameters(Strategy.Parameters):
            threshold_bps: Decimal = Decimal("5")

        def on_tick(self, tick, view):
            if view.position(tick.symbol) == 0 and ...:
                return Decision.enter(tick.symbol, Side.BUY, "…", reason_codes=("BREAKOUT",))
            return Decision.hold(tick.symbol, "nothing to do")

A callback returns one Decision, several, or None for "this event was not a question for me". HOLD and SKIP are
decisions: they are recorded with their reasons. A callback that raises ends this strategy's incarnation; the supervisor
restarts it, and nothing else notices. Callbacks are called one at a time and must not block.
"""

from collections.abc import Iterable
from decimal import Decimal
from random import Random
from typing import ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from messages.market import Bar, Quote, Trade
from messages.orders import OrderUpdated
from messages.trading import Decision
from messages.values import MarketSnapshot, OnStop, StopLevel

Tick = Trade | Quote
Answer = Decision | Iterable[Decision] | None


class View(Protocol):
    """What a strategy may look at, and the timers it may set. Valid only during the callback."""

    def now_ns(self) -> int:
        """The trading clock, UTC nanoseconds: event time of what is being handled, or later."""

    def position(self, symbol: str) -> Decimal:
        """This strategy's own confirmed position, signed; fills under way are not in it."""

    def working(self, symbol: str) -> Decimal:
        """Signed quantity that may still fill: this strategy's orders, and what of its intents is still to be sent."""

    def market(self, symbol: str) -> MarketSnapshot | None:
        """Latest quote and print of the symbol, None before the first one."""

    @property
    def stop_level(self) -> StopLevel:
        """The gate in force: above REDUCED no entry will leave."""

    @property
    def rng(self) -> Random:
        """Seeded randomness; the only one that replays."""

    def after(self, delay_s: float, key: str) -> None:
        """Call `on_timer(key)` once after `delay_s` of the trading clock; the same key replaces."""


class Strategy:
    """Base class of every strategy. One instance is one incarnation: state that must survive belongs to the ledger."""

    class Parameters(BaseModel):
        """A strategy's own settings; unknown keys are refused at start."""

        model_config = ConfigDict(frozen=True, extra="forbid")

    on_stop: ClassVar[OnStop] = OnStop.CANCEL_ENTRIES
    """What becomes of its orders and position when it is stopped or parked."""
    tier: ClassVar[int] = 3
    """Readiness by its author's word: below 3 (paper-ready) it is not started."""
    bar_intervals_s: ClassVar[tuple[int, ...]] = ()
    """Lengths of the bars it wants, in seconds."""

    def __init__(self, symbols: tuple[str, ...], parameters: "Strategy.Parameters") -> None:
        self.symbols = symbols
        self.parameters = parameters

    def on_start(self, view: View) -> None:
        """Once, before the first event."""

    def on_tick(self, tick: Tick, view: View) -> Answer:
        """Each print and each change of the best bid or ask of its symbols."""

    def on_bar(self, bar: Bar, view: View) -> Answer:
        """Each closed bar of the intervals it asked for."""

    def on_order_update(self, update: OrderUpdated, view: View) -> Answer:
        """Every change of its orders, rejects included."""

    def on_timer(self, key: str, view: View) -> Answer:
        """A timer set with `view.after`."""

    def state(self) -> dict[str, str]:
        """A few figures of its own for the decision log; small, or it slows every decision."""
        return {}
