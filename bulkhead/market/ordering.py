"""The order of one symbol's data, and its repeats. Pure: a tick and a monotonic time in, what may be passed on out.

- A line with contiguous numbers (trades that rise by one) shows what is missing: what follows waits for it, at most
  `wait_ns`, and everything else of the symbol waits with it, so that the symbol keeps one order. Then the gap is
  declared and the rest goes on. A stream in order never waits.
- A line without such numbers cannot show what is missing: what is older than the last is late. Numbers that only rise
  (those of quotes) tell a repeat from what is late, and nothing more.
- Identical prints without a number are real trades. Only where a new connection overlaps what was seen are they crossed
  off, as often as they were seen and no oftener.
- Data whose event time is ours (`event_time_is_receipt`) is never late: our clock may have been set back.
- Data from the future is not traded on: it would make everything after it late.

Every tick comes out once: passed on, or as a `Dropped` that says why.
"""

from collections import Counter, deque
from collections.abc import Hashable, Sequence
from enum import StrEnum
from heapq import heappop, heappush
from typing import NamedTuple

from bulkhead.market.recent import WINDOW_NS, MissingRanges, RecentKeys
from messages.market import Book, FeedGap, MarketData, Quote, Trade

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
MAX_HELD = 20_000
"""Per symbol. Beyond it the oldest gap is declared at once."""
MOST_OUT_OF_STEP_NS = NS_PER_S
"""How far a venue's numbers and its times may contradict each other."""


class Why(StrEnum):
    DUPLICATE = "duplicate"
    LATE = "late"
    """Newer data was passed on already, or the gap that it belongs to was declared."""
    AHEAD = "ahead"
    """Its event time lies further ahead of our clock than `max_ahead_ns`."""


class Dropped(NamedTuple):
    tick: MarketData
    why: Why


Out = MarketData | FeedGap | Dropped
NOTHING: tuple[Out, ...] = ()


class OrderSettings(NamedTuple):
    wait_ns: int = 250 * NS_PER_MS
    """0: nothing ever waits, and a gap is declared at once."""
    max_ahead_ns: int = 10 * NS_PER_S
    window_ns: int = WINDOW_NS
    max_held: int = MAX_HELD


class _Held(NamedTuple):
    tick: MarketData
    arrived_ns: int


class SymbolOrder:
    """One symbol of one feed. `now_ns` is monotonic and never goes back."""

    def __init__(self, settings: OrderSettings | None = None) -> None:
        self._settings = settings or OrderSettings()
        window_ns = self._settings.window_ns
        self._prints = _Prints(window_ns)
        self._quotes, self._books = _Rising(window_ns), _Rising(window_ns)
        self._first: int | None = None
        """The number with which the present count of trades began."""
        self._next = 0
        self._last_trade_ns = 0
        self._missing = MissingRanges(window_ns)
        self._held: dict[int, _Held] = {}  # trades beyond a gap, by number; in the order of arrival
        self._numbers: list[int] = []  # a heap of them; those that have gone on already are left in it for a while
        self._beside: deque[_Held] = deque()  # what else came meanwhile, in the order of arrival
        self._is_cut = False
        """The connection was lost, and nothing has come since."""
        self._may_jump = False
        """The next number need not follow the last one: what lies between will not come."""

    @property
    def held(self) -> int:
        return len(self._held) + len(self._beside)

    @property
    def is_across_gap(self) -> bool:
        """Something is missing and may still come, or the connection was lost and nothing has come since."""
        return bool(self._held) or self._is_cut

    @property
    def due_ns(self) -> int | None:
        """When what waits has waited for long enough; None: nothing waits."""
        if not self._held:
            return None
        first = next(iter(self._held.values())).arrived_ns
        if self._beside:
            first = min(first, self._beside[0].arrived_ns)
        return first + self._settings.wait_ns

    def arrive(self, tick: MarketData, now_ns: int) -> Sequence[Out]:
        """What may be passed on now that `tick` has come, in order."""
        if tick.event_time_ns - tick.received_at_ns > self._settings.max_ahead_ns:
            return (Dropped(tick, Why.AHEAD),)
        if isinstance(tick, Trade) and tick.trade_id is not None:
            return self._numbered(tick, tick.trade_id, now_ns)
        if self._held:
            self._beside.append(_Held(tick, now_ns))
            return self._over_bound(now_ns)
        return self._after_cut(tick, (self._pass(tick, now_ns),))

    def expire(self, now_ns: int) -> Sequence[Out]:
        """What has waited for long enough: its gaps are declared."""
        if not self._held or (self.due_ns or 0) > now_ns:
            return NOTHING
        out: list[Out] = []
        while (due_ns := self.due_ns) is not None and due_ns <= now_ns:
            out += self._give_up_first_gap(now_ns)
        return out

    def cut(self, now_ns: int) -> Sequence[Out]:
        """The connection is lost: what is missing will not come any more, and what comes next may overlap."""
        out: list[Out] = []
        while self._held:
            out += self._give_up_first_gap(now_ns)
        self.begin_anew()
        self._is_cut = True
        self._prints.begin_anew()
        return out

    def begin_anew(self) -> None:
        """What comes next may be numbered anew: without this a venue that begins at 1 again would stay unheard."""
        self._may_jump = True
        self._quotes.begin_anew()
        self._books.begin_anew()

    # -- trades with numbers ------------------------------------------------------------------------------------------

    def _numbered(self, trade: Trade, number: int, now_ns: int) -> Sequence[Out]:
        if self._first is None:
            self._first = self._next = number
        if number == self._next:
            self._take(trade, number)
            return (trade, *self._following(now_ns)) if self._held else (trade,)
        if number < self._next:
            return self._behind(trade, number, now_ns)
        if number in self._held:
            return (Dropped(trade, Why.DUPLICATE),)
        if self._may_jump or not self._settings.wait_ns:
            gap = self._declare(trade, number, now_ns)
            self._take(trade, number)
            return (gap, trade)
        self._held[number] = _Held(trade, now_ns)
        heappush(self._numbers, number)
        return self._over_bound(now_ns)

    def _take(self, trade: Trade, number: int) -> None:
        self._next = number + 1
        self._last_trade_ns = max(self._last_trade_ns, trade.event_time_ns)
        self._is_cut = self._may_jump = False

    def _behind(self, trade: Trade, number: int, now_ns: int) -> Sequence[Out]:
        # A repeat is no newer than what was passed on, and what is late hardly: else the venue has begun to count anew.
        newer_ns = 0 if trade.event_time_is_receipt else trade.event_time_ns - self._last_trade_ns
        is_missing = self._missing.take(number)
        is_newer = newer_ns > (MOST_OUT_OF_STEP_NS if is_missing else 0)
        if is_newer or (self._may_jump and trade.event_time_is_receipt):
            out = self.cut(now_ns)
            gap = _gap(trade, self._next, number, "the venue counts its trades anew")
            self._first = number
            self._missing.clear()
            self._take(trade, number)
            return (*out, gap, trade)
        is_before_all = self._first is not None and number < self._first
        return (Dropped(trade, Why.LATE if is_missing or is_before_all else Why.DUPLICATE),)

    def _declare(self, trade: Trade, number: int, now_ns: int) -> FeedGap:
        self._missing.declare(self._next, number, now_ns)
        return _gap(trade, self._next, number)

    def _give_up_first_gap(self, now_ns: int) -> list[Out]:
        while (number := heappop(self._numbers)) not in self._held:
            pass
        trade = self._held[number].tick
        out: list[Out] = [_gap(trade, self._next, number)]
        self._missing.declare(self._next, number, now_ns)
        self._next = number
        return out + self._following(now_ns)

    def _following(self, now_ns: int) -> list[Out]:
        """What was held up to the next gap, merged by event time with what came beside it."""
        out: list[Out] = []
        while (held := self._held.pop(self._next, None)) is not None:
            trade = held.tick
            while self._beside and _goes_before(self._beside[0], held):
                out.append(self._pass(self._beside.popleft().tick, now_ns))
            self._next += 1
            self._last_trade_ns = max(self._last_trade_ns, trade.event_time_ns)
            out.append(trade)
        if not self._held:
            out += [self._pass(other.tick, now_ns) for other in self._beside]
            self._beside.clear()
            self._numbers.clear()
        return out

    def _over_bound(self, now_ns: int) -> Sequence[Out]:
        out: list[Out] = []
        while self._held and self.held > self._settings.max_held:
            out += self._give_up_first_gap(now_ns)
        return out or NOTHING

    # -- all else -----------------------------------------------------------------------------------------------------

    def _pass(self, tick: MarketData, now_ns: int) -> Out:
        if isinstance(tick, Trade):
            why = self._prints.judge(tick, now_ns)
        else:
            line = self._quotes if isinstance(tick, Quote) else self._books
            why = line.judge(tick, now_ns)
        return tick if why is None else Dropped(tick, why)

    def _after_cut(self, tick: MarketData, out: tuple[Out, ...]) -> tuple[Out, ...]:
        """Without contiguous numbers nobody can tell what was missed while the connection was lost."""
        if not self._is_cut or isinstance(out[0], Dropped):
            return out
        self._is_cut = False
        return (_gap(tick, 0, 0, "the connection was lost"), *out)


def _goes_before(other: _Held, trade: _Held) -> bool:
    return (other.tick.event_time_ns, other.arrived_ns) < (trade.tick.event_time_ns, trade.arrived_ns)


def _gap(tick: MarketData, expected: int, received: int, reason: str = "") -> FeedGap:
    return FeedGap(
        venue=tick.venue,
        symbol=tick.symbol,
        expected_id=expected,
        received_id=received,
        event_time_ns=tick.event_time_ns,
        reason=reason,
    )


class _Rising:
    """Quotes, or books: numbers that rise, by how much nobody knows, or none at all."""

    def __init__(self, window_ns: int) -> None:
        self._recent = RecentKeys(window_ns)
        self._last_id: int | None = None
        self._last_ns = 0
        self._is_anew = False

    def begin_anew(self) -> None:
        self._is_anew = True

    def judge(self, tick: MarketData, now_ns: int) -> Why | None:
        number = tick.update_id if isinstance(tick, Quote | Book) else None
        if number is not None:
            return self._by_number(number, now_ns)
        if tick.event_time_ns < self._last_ns and not tick.event_time_is_receipt:
            return Why.LATE
        if not tick.event_time_is_receipt:
            self._last_ns = tick.event_time_ns
        return None

    def _by_number(self, number: int, now_ns: int) -> Why | None:
        if self._last_id is not None and number <= self._last_id:
            if number in self._recent:
                return Why.DUPLICATE
            if not self._is_anew:
                return Why.LATE
        self._is_anew = False
        self._last_id = number
        self._recent.add(number, now_ns)
        return None


class _Prints:
    """Trades without numbers."""

    def __init__(self, window_ns: int) -> None:
        self._recent = RecentKeys(window_ns)
        self._last_ns = 0
        self._overlap: Counter[Hashable] | None = None
        """What was seen before the connection was lost, and has not come again."""
        self._overlap_until_ns = 0

    def begin_anew(self) -> None:
        self._overlap = self._recent.counts()
        self._overlap_until_ns = self._last_ns

    def judge(self, trade: Trade, now_ns: int) -> Why | None:
        if trade.event_time_is_receipt:
            return None
        key = (trade.event_time_ns, trade.price, trade.quantity, trade.aggressor)
        if self._overlap is not None:
            if trade.event_time_ns > self._overlap_until_ns:
                self._overlap = None
            elif self._overlap[key] > 0:
                self._overlap[key] -= 1
                return Why.DUPLICATE
        if trade.event_time_ns < self._last_ns:
            return Why.LATE
        self._last_ns = trade.event_time_ns
        self._recent.add(key, now_ns)
        return None
