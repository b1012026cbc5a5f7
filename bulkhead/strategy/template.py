"""A new strategy to start from: the file, its test and its configuration (the back of `bulkhead new-strategy`).

What is written runs as it is: a small breakout strategy that enters above the highest price of the last minutes and
leaves at a stop or after some time. Nothing that exists is ever overwritten.
"""

import keyword
import re
import sys
from pathlib import Path

_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")
_TAKEN = frozenset({"actors", "bulkhead", "messages", "supervisor", "tests", "conftest", "strategies", "strategy"})


class BadName(ValueError):
    """The name cannot be a module's; the message says what one looks like."""


class AlreadyThere(FileExistsError):
    """A file that would be written exists; nothing was written."""


def write_skeleton(name: str, folder: Path) -> list[Path]:
    """Write `strategies/<name>.py`, `tests/test_<name>.py` and `config/<name>.toml` below `folder`.

    Raises BadName, or AlreadyThere before anything is written.
    """
    _check_name(name)
    words = {"name": name, "title": class_name(name), "strategy_id": name.replace("_", "-")}
    files = {
        folder / "strategies" / f"{name}.py": _STRATEGY,
        folder / "tests" / f"test_{name}.py": _TEST,
        folder / "config" / f"{name}.toml": _CONFIG,
    }
    existing = [str(path) for path in files if path.exists()]
    if existing:
        raise AlreadyThere(f"not overwritten: {', '.join(existing)}")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        for word, value in words.items():
            text = text.replace(f"<{word}>", value)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    return list(files)


def class_name(name: str) -> str:
    """`my_breakout` -> `MyBreakout`."""
    return "".join(part.capitalize() for part in name.split("_"))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadName(f"{name!r}: use 2 to 41 of a-z, 0-9 and _, starting with a letter, like 'my_breakout'")
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise BadName(f"{name!r} is a word of the language")
    if name in sys.stdlib_module_names or name in _TAKEN:
        raise BadName(f"{name!r} is the name of another module")


_STRATEGY = '''\
"""<title>: buys when the price rises above its highest of the last minutes.

Run it:   bulkhead run --config config/<name>.toml
Test it:  pytest tests/test_<name>.py

A callback answers with one Decision, several, or None. HOLD is a decision too: it is recorded with its reason, so that
you can ask later why nothing happened. What to keep in mind:
- callbacks must not block or sleep, and take time and randomness only from `view`;
- money and quantities are Decimal, never float;
- an entry without a quantity is sized by the policy in the configuration;
- this object dies in a restart: after one, `view.position` tells what you still hold.
"""

from collections import deque
from decimal import Decimal

from bulkhead import Decision, OnStop, OrderUpdated, Side, Strategy, Tick, View


class <title>(Strategy):
    class Parameters(Strategy.Parameters):
        """Set under [strategies.parameters] in the configuration; an unknown key is refused at start."""

        lookback_ticks: int = 100
        stop_loss_bps: Decimal = Decimal(30)
        max_hold_s: float = 300.0

    on_stop = OnStop.FLATTEN  # when stopped: sell what it holds (or CANCEL_ENTRIES, or KEEP)

    def __init__(self, symbols: tuple[str, ...], parameters: Parameters) -> None:
        super().__init__(symbols, parameters)
        self.settings = parameters
        self.history = {symbol: deque[Decimal](maxlen=parameters.lookback_ticks) for symbol in symbols}
        self.entry_price: dict[str, Decimal] = {}
        self.asked_ns: dict[str, int] = {}

    def on_tick(self, tick: Tick, view: View) -> Decision:
        symbol = tick.symbol
        market = view.market(symbol)
        price = market.mid if market is not None else None
        if price is None:
            return Decision.hold(symbol, "no price yet", reason_codes=("NO_PRICE",))
        history = self.history[symbol]
        highest = max(history) if len(history) == history.maxlen else None
        history.append(price)

        if view.working(symbol) != 0 or view.now_ns() - self.asked_ns.get(symbol, 0) < 5_000_000_000:
            return Decision.hold(symbol, "an order is under way", reason_codes=("ORDER_WORKING",))
        if view.position(symbol) > 0:
            return self.manage(symbol, price, view)
        if highest is None:
            return Decision.hold(symbol, "too little history", reason_codes=("WARMING_UP",))
        if price <= highest:
            return Decision.hold(symbol, "no breakout", reason_codes=("NO_SIGNAL",))
        self.asked_ns[symbol] = view.now_ns()
        self.entry_price[symbol] = price
        return Decision.enter(symbol, Side.BUY, f"{price} is above {highest}", reason_codes=("BREAKOUT",))

    def manage(self, symbol: str, price: Decimal, view: View) -> Decision:
        """Holding: leave at the stop or when it has lasted long enough."""
        entry = self.entry_price.setdefault(symbol, price)
        if price < entry * (1 - self.settings.stop_loss_bps / 10_000):
            reason, code = f"{price} is at the stop below {entry}", "STOP_LOSS"
        elif view.now_ns() - self.asked_ns.setdefault(symbol, view.now_ns()) > self.settings.max_hold_s * 1e9:
            reason, code = "held long enough", "TIME_STOP"
        else:
            return Decision.hold(symbol, "holding", reason_codes=("HOLDING",))
        self.asked_ns[symbol] = view.now_ns()
        return Decision.exit(symbol, reason, reason_codes=(code,))

    def on_order_update(self, update: OrderUpdated, view: View) -> None:
        """Every change of your orders, rejects included. The entry price becomes what was really paid."""
        order = update.order
        if order.ticket.intent_type.is_entry and order.average_price is not None:
            self.entry_price[order.ticket.symbol] = order.average_price

    def state(self) -> dict[str, str]:
        """A few figures for the decision log."""
        return {symbol: str(price) for symbol, price in self.entry_price.items()}
'''

_TEST = '''\
"""<title> on the test bench: no engine, no network, no clock."""

from pathlib import Path

from bulkhead import Action, Side
from bulkhead.strategy.loader import load_strategy
from bulkhead.strategy.testkit import Bench

<title> = load_strategy("<name>.py:<title>", Path(__file__).parent.parent / "strategies")
SYMBOL = "BTCUSDT"


def bench() -> Bench:
    """Ten quiet ticks around 100, then it is warm."""
    on = Bench(<title>, (SYMBOL,), lookback_ticks=10, stop_loss_bps="30", max_hold_s=60)
    for _ in range(10):
        on.quote(SYMBOL, "99.99", "100.01")
    return on


def test_a_quiet_market_is_left_alone() -> None:
    on = bench()
    assert {decision.action for decision in on.decisions} == {Action.HOLD}


def test_a_breakout_is_bought_once() -> None:
    on = bench()
    on.quote(SYMBOL, "100.19", "100.21")
    assert on.last.action is Action.ENTER
    assert on.last.side is Side.BUY
    on.quote(SYMBOL, "100.29", "100.31")
    assert on.last.reason_codes == ("ORDER_WORKING",)
    assert len(on.entries()) == 1


def test_the_stop_sells_it() -> None:
    on = bench()
    on.quote(SYMBOL, "100.19", "100.21")
    on.fill()
    on.quote(SYMBOL, "99.69", "99.71", after_s=6)
    assert on.last.reason_codes == ("STOP_LOSS",)
    on.fill()
    assert on.view.position(SYMBOL) == 0
'''

_CONFIG = """\
# <title>, on paper, with everything else at its default: bulkhead run --config config/<name>.toml
# To run it beside others, copy this table into their configuration.

[[strategies]]
id = "<strategy_id>"                    # its name in logs, positions and orders
use = "<name>.py:<title>"               # a file of the strategies folder, or an importable "module:Class"
symbols = ["BTCUSDT"]

[strategies.parameters]
lookback_ticks = 100                    # ticks; the price must exceed the highest of them
stop_loss_bps = "30"                    # basis points below the entry; decimals are written as text, so they stay exact
max_hold_s = 300                        # seconds

[strategies.sizing]
notional = "100"                        # value of one entry, in the quote currency
"""
