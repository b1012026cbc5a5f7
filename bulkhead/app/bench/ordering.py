"""The order of market data on recorded trades: mangled by a seed, what becomes of them and of the decisions on them;
and what ordering costs on the clean stream.

The recorded trades have no numbers, so they are numbered here in the order of the tape. Each file is played four times:
in order; mangled within the wait; mangled beyond it, with holes; and without numbers, where none may be dropped.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from bulkhead.app.bench.figures import Spread
from bulkhead.app.bench.mangler import Mangling, dropped, gaps, mangled, passed, play
from bulkhead.app.bench.replay import SEED, write_tape
from bulkhead.app.bench.session import NO_LIMIT
from bulkhead.market.guarantee import FeedOrder, Guarantee
from bulkhead.market.ordering import NS_PER_MS, Out, Why
from bulkhead.strategy.testkit import Bench
from bulkhead.strategy.trend import EmaTrend
from bulkhead.venues.simulator.tape import TRADE_ROW, TapeFile, symbol_of
from messages.market import MarketData, Trade
from messages.trading import Decision
from messages.values import Value

ROWS = 60_000
"""Of the generated tape, when none is given."""
TARGET_P99_MS = 0.1
WITHIN, BEYOND = Mangling(), Mangling(late_ms=2_000, hole_share=0.01)


class Mangled(Value):
    """What became of one mangled stream."""

    arrivals: int
    passed_on: int
    late: int
    duplicates: int
    gaps: int
    lost_in_gaps: int
    """Trades that the declared gaps name, late ones among them."""
    unaccounted: int
    """Trades that were neither passed on, nor counted as late, nor in a declared gap. Must be 0."""
    decisions: int
    decisions_differ: int
    """From those on the clean stream."""


class OrderingFile(Value):
    trades: int
    identical: int
    """Prints that share symbol, time, price and size with one before them."""
    identical_dropped: int
    """Of the stream without numbers. Must be 0."""
    within: Mangled
    beyond: Mangled
    added: Spread
    """To one tick of the clean stream."""
    floor: Spread
    """The same loop around a function that does nothing."""


class OrderingFigures(Value):
    files: dict[str, OrderingFile]
    is_generated: bool


def measure(folder: Path, tapes: Sequence[Path] = ()) -> OrderingFigures:
    paths = tuple(tapes) or (write_tape(folder / "GEN-2024-01-02.csv", ROWS, SEED),)
    return OrderingFigures(files={path.name: _measure(_trades(path)) for path in paths}, is_generated=not tapes)


def _measure(trades: list[Trade]) -> OrderingFile:
    clean = _decisions(trades)
    bare = [trade.model_copy(update={"trade_id": None}) for trade in trades]
    keys = [(trade.event_time_ns, trade.price, trade.quantity) for trade in trades]
    without_numbers = play(FeedOrder(Guarantee.PER_SYMBOL), mangled(bare, SEED, Mangling(0.0, 0, 0.0, 0)))
    return OrderingFile(
        trades=len(trades),
        identical=len(keys) - len(set(keys)),
        identical_dropped=len(trades) - len(passed(without_numbers)),
        within=_mangled(trades, clean, WITHIN),
        beyond=_mangled(trades, clean, BEYOND),
        added=_spans(FeedOrder(Guarantee.PER_SYMBOL).arrive, trades),
        floor=_spans(lambda tick, _: (tick,), trades),
    )


def _mangled(trades: list[Trade], clean: list[Decision], how: Mangling) -> Mangled:
    arrivals = mangled(trades, SEED, how)
    out = play(FeedOrder(Guarantee.PER_SYMBOL), arrivals)
    ticks, drops, declared = passed(out), dropped(out), gaps(out)
    late = [drop.tick for drop in drops if drop.why is Why.LATE]
    lost = {number for gap in declared for number in range(gap.expected_id, gap.received_id)}
    accounted = {tick.trade_id for tick in (*ticks, *late) if isinstance(tick, Trade)} | lost
    found = _decisions(ticks)
    return Mangled(
        arrivals=len(arrivals),
        passed_on=len(ticks),
        late=len(late),
        duplicates=len(drops) - len(late),
        gaps=len(declared),
        lost_in_gaps=len(lost),
        unaccounted=sum(1 for trade in trades if trade.trade_id not in accounted) - _after_the_last(trades, ticks),
        decisions=len(found),
        decisions_differ=_differences(clean, found),
    )


def _after_the_last(trades: list[Trade], ticks: list[MarketData]) -> int:
    """Holes behind everything that came: no number after them shows that they are missing."""
    last = ticks[-1]
    return len(trades) - (last.trade_id or 0) if isinstance(last, Trade) else 0


def _differences(clean: list[Decision], found: list[Decision]) -> int:
    if clean == found:
        return 0
    return abs(len(clean) - len(found)) + sum(1 for a, b in zip(clean, found, strict=False) if a != b)


def _decisions(ticks: Iterable[MarketData]) -> list[Decision]:
    """Those of a shipped strategy, one on each trade, with the figures that it decided by; its orders fill at once."""
    trades = [tick for tick in ticks if isinstance(tick, Trade)]
    desk = Bench(EmaTrend, (trades[0].symbol,), auto_fill=True)
    desk.feed(trades)
    return desk.decisions


def _spans(arrive: Callable[[MarketData, int], Sequence[Out]], trades: list[Trade]) -> Spread:
    spans, clock = [], time.perf_counter_ns
    for trade in trades:
        began = clock()
        arrive(trade, trade.event_time_ns)
        spans.append(clock() - began)
    return Spread.of(spans)


def _trades(path: Path) -> list[Trade]:
    symbol, trades = symbol_of(path), list[Trade]()
    with closing(TapeFile(path, bad_row_share=Decimal(1), bad_row_grace_rows=NO_LIMIT)) as tape:
        for time_ms, _, kind, price, size, _ in tape.rows():
            if kind == TRADE_ROW and price and size:
                at_ns = time_ms * NS_PER_MS
                trades.append(
                    Trade(
                        venue="tape",
                        symbol=symbol,
                        event_time_ns=at_ns,
                        received_at_ns=at_ns,
                        received_monotonic_ns=at_ns,
                        price=price,
                        quantity=size,
                        trade_id=len(trades) + 1,
                    )
                )
    return trades
