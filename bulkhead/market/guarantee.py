"""The guarantee of a feed's order: none, per symbol, or over all symbols. Pure.

- `best_effort`: nothing waits. What is older than the last is late, and a gap is declared at once.
- `per_symbol`: the data of each symbol is in order; it waits only while something of it is missing.
- `global`: besides, all symbols make one sequence by event time. Data waits until every symbol has come as far, at most
  the same time once more; what comes later than that is late. Of two symbols one of which is quiet, the other waits:
  this level does delay a stream in order.
"""

import heapq
from collections.abc import Iterable, Sequence
from enum import StrEnum

from bulkhead.market.ordering import NOTHING, Dropped, OrderSettings, Out, SymbolOrder, Why
from messages.market import FeedGap, MarketData


class Guarantee(StrEnum):
    BEST_EFFORT = "best_effort"
    PER_SYMBOL = "per_symbol"
    GLOBAL = "global"


class FeedOrder:
    """All symbols of one feed. `now_ns` is monotonic and never goes back."""

    def __init__(self, guarantee: Guarantee, settings: OrderSettings | None = None) -> None:
        settings = settings or OrderSettings()
        self._settings = settings._replace(wait_ns=0) if guarantee is Guarantee.BEST_EFFORT else settings
        self._symbols: dict[str, SymbolOrder] = {}
        self._waiting: set[str] = set()
        self._merge = _Merge(self._settings) if guarantee is Guarantee.GLOBAL else None

    def of(self, symbol: str) -> SymbolOrder:
        found = self._symbols.get(symbol)
        if found is None:
            found = self._symbols[symbol] = SymbolOrder(self._settings)
        return found

    @property
    def held(self) -> int:
        merged = 0 if self._merge is None else len(self._merge)
        return merged + sum(self._symbols[symbol].held for symbol in self._waiting)

    @property
    def due_ns(self) -> int | None:
        """When what waits has waited for long enough; None: nothing waits."""
        due = [due for symbol in self._waiting if (due := self._symbols[symbol].due_ns) is not None]
        if self._merge is not None and self._merge.due_ns is not None:
            due.append(self._merge.due_ns)
        return min(due, default=None)

    def is_across_gap(self, symbol: str) -> bool:
        return symbol in self._symbols and self._symbols[symbol].is_across_gap

    def arrive(self, tick: MarketData, now_ns: int) -> Sequence[Out]:
        """What may be passed on now that `tick` has come, in order."""
        order = self.of(tick.symbol)
        out = order.arrive(tick, now_ns)
        if order.held:
            self._waiting.add(tick.symbol)
        elif self._waiting:
            self._waiting.discard(tick.symbol)
        return out if self._merge is None else self._merge.add(out, now_ns)

    def expire(self, now_ns: int) -> Sequence[Out]:
        """What has waited for long enough."""
        if not self._waiting and self._merge is None:
            return NOTHING
        out: list[Out] = []
        for symbol in sorted(self._waiting):
            out += self._symbols[symbol].expire(now_ns)
            if not self._symbols[symbol].held:
                self._waiting.discard(symbol)
        return out if self._merge is None else self._merge.add(out, now_ns)

    def cut(self, now_ns: int) -> Sequence[Out]:
        """The connection is lost: nothing waits any longer."""
        out: list[Out] = []
        for symbol in sorted(self._symbols):
            out += self._symbols[symbol].cut(now_ns)
        self._waiting.clear()
        return out if self._merge is None else [*self._merge.add(out, now_ns), *self._merge.flush()]


class _Merge:
    """One sequence by event time, of what each symbol's order has let pass."""

    def __init__(self, settings: OrderSettings) -> None:
        self._wait_ns, self._max_held = settings.wait_ns, settings.max_held
        self._heap: list[tuple[int, int, MarketData | FeedGap]] = []  # event time, number of the arrival
        self._arrived: dict[int, int] = {}  # when, by number of the arrival; the oldest first
        self._reached: dict[str, int] = {}  # the newest event time of each symbol
        self._arrivals = 0
        self._last_ns = 0

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def due_ns(self) -> int | None:
        return next(iter(self._arrived.values())) + self._wait_ns if self._arrived else None

    def add(self, out: Iterable[Out], now_ns: int) -> list[Out]:
        passed: list[Out] = []
        for each in out:
            if isinstance(each, Dropped):
                passed.append(each)
                continue
            at_ns = each.event_time_ns
            self._reached[each.symbol] = max(at_ns, self._reached.get(each.symbol, 0))
            self._arrivals += 1
            self._arrived[self._arrivals] = now_ns
            heapq.heappush(self._heap, (at_ns, self._arrivals, each))
        complete_ns = min(self._reached.values(), default=0)
        while self._heap and (self._heap[0][0] <= complete_ns or self._is_over(now_ns)):
            passed.append(self._pop())
        return passed

    def flush(self) -> list[Out]:
        return [self._pop() for _ in range(len(self._heap))]

    def _is_over(self, now_ns: int) -> bool:
        due_ns = self.due_ns
        return len(self._heap) > self._max_held or (due_ns is not None and due_ns <= now_ns)

    def _pop(self) -> Out:
        at_ns, number, each = heapq.heappop(self._heap)
        del self._arrived[number]
        if at_ns < self._last_ns and not isinstance(each, FeedGap):
            return Dropped(each, Why.LATE)
        self._last_ns = max(self._last_ns, at_ns)
        return each
