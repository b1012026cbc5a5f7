"""Two strategies for tests: one that misbehaves when it is told to, and one that it must not disturb."""

import ctypes
import os
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from bulkhead import Decision, Side, Strategy, View
from bulkhead.strategy.api import Answer, Tick
from messages.values import StopLevel

ALWAYS = "always "
"""Before a deed: each incarnation does it again."""
PAUSE_NS = 1_000_000_000
"""Between two bids: the limit on orders per second is the whole house's."""
LINES = 2_000
"""A pipe holds them all: however busy the machine, to print them is not to hang."""
KEPT: list[bytearray] = []
"""What leaks."""
BEAT, SHUT_OUT = "it beats", "it beats behind a shut gate"


class Misbehaving(Strategy):
    """Rests a bid far from the market. Does what the file `told` says, once the file is there."""

    class Parameters(Strategy.Parameters):
        told: Path
        below_bps: Decimal = Decimal(100)
        tick_size: Decimal = Decimal("0.01")

    parameters: "Misbehaving.Parameters"

    def on_start(self, view: View) -> None:
        self._asked_ns = 0

    def on_tick(self, tick: Tick, view: View) -> Answer:
        word = self._word() or ("leak" if KEPT else None)
        if word is not None:
            DEEDS[word]()
        market = view.market(tick.symbol)
        is_early = view.now_ns() - self._asked_ns < PAUSE_NS
        if is_early or market is None or market.bid is None or view.working(tick.symbol) != 0:
            return None
        self._asked_ns = view.now_ns()
        price = market.bid * (1 - self.parameters.below_bps / 10_000)
        price = (price / self.parameters.tick_size).to_integral_value() * self.parameters.tick_size
        return Decision.enter(tick.symbol, Side.BUY, "rest a bid", limit_price=price)

    def _word(self) -> str | None:
        try:
            word = self.parameters.told.read_text()
        except FileNotFoundError:
            return None
        if not word.startswith(ALWAYS):
            self.parameters.told.unlink()
        return word.removeprefix(ALWAYS)


class Steady(Strategy):
    """Beats by its timer, each beat a decision that tells whether the gate is open; and keeps the order path busy: in
    and out by market orders."""

    class Parameters(Strategy.Parameters):
        beat_s: float = 0.02
        pause_s: float = 0.1

    parameters: "Steady.Parameters"

    def on_start(self, view: View) -> None:
        self._acted_ns = 0
        view.after(self.parameters.beat_s, "beat")

    def on_timer(self, key: str, view: View) -> Answer:
        view.after(self.parameters.beat_s, "beat")
        return Decision.hold(self.symbols[0], BEAT if view.stop_level < StopLevel.SOFT else SHUT_OUT)

    def on_tick(self, tick: Tick, view: View) -> Answer:
        symbol, market = tick.symbol, view.market(tick.symbol)
        is_early = view.now_ns() - self._acted_ns < self.parameters.pause_s * 1e9
        if is_early or market is None or market.bid is None or market.ask is None or view.working(symbol) != 0:
            return None
        self._acted_ns = view.now_ns()
        if view.position(symbol) * market.bid < 10:
            return Decision.enter(symbol, Side.BUY, "in")
        return Decision.exit(symbol, "out")


# -- deeds ------------------------------------------------------------------------------------------------------------


def loop_for_ever() -> None:
    while True:
        pass


def sleep_for_ever() -> None:
    time.sleep(3_600)


def hold_the_interpreter() -> None:
    """In C, without letting go of the interpreter's lock: no other Python thread of this process runs from here on."""
    while True:
        ctypes.PyDLL(None).sleep(600)


def leak() -> None:
    """Some with each message from now on, so that none of them takes long. If no bound holds it, it ends by itself."""
    if len(KEPT) < 60:
        KEPT.append(bytearray(5_000_000))


def crash() -> None:
    ctypes.string_at(0)


def leave() -> None:
    print("leaving without a word", flush=True)
    os._exit(3)


def fail() -> None:
    raise ValueError("it misbehaves")


def chatter() -> None:
    for number in range(LINES):
        print(f"line {number} of {LINES}")


DEEDS: dict[str, Callable[[], None]] = {
    "loop": loop_for_ever,
    "sleep": sleep_for_ever,
    "gil": hold_the_interpreter,
    "leak": leak,
    "crash": crash,
    "leave": leave,
    "fail": fail,
    "chatter": chatter,
}
