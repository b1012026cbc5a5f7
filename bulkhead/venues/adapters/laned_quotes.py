"""Quotes on demand over a connection of their own: what every adapter's fallback source has in common.

A symbol that is asked for again while its question still waits gets one answer for both. It decides nothing and never
asks again by itself.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bulkhead.venues.port import Sink
from bulkhead.venues.transport.http import HttpChannel, HttpLane, HttpSettings, LaneFull, OnFault
from bulkhead.venues.wire.facts import clipped
from messages.base import Body
from messages.market import Quote, QuotesFailed
from messages.market_health import DataSource

Fetch = Callable[[HttpChannel, tuple[str, ...], Callable[[], bool]], Iterable[Quote | QuotesFailed]]
"""On the lane's thread: asks for these symbols, and gives each answer as it comes. The last argument tells whether
nobody wants them any more."""


@dataclass(frozen=True, slots=True)
class QuoteLane:
    """Where one source asks."""

    name: str
    url: str
    http: HttpSettings
    on_fault: OnFault


class LanedQuotes:
    """Implements QuoteSource. May be opened again after it was closed."""

    def __init__(self, source: DataSource, lane: QuoteLane, fetch: Fetch) -> None:
        self._source = source
        self._settings, self._fetch = lane, fetch
        self._lock = threading.Lock()
        self._waiting: set[str] = set()
        self._sink: Sink | None = None
        self._lane: HttpLane | None = None

    @property
    def source(self) -> DataSource:
        return self._source

    def open(self, sink: Sink) -> None:
        with self._lock:
            if self._lane is not None:
                raise RuntimeError("open already: close() comes before another open()")
            lane = self._settings
            self._sink, self._waiting = sink, set()
            self._lane = HttpLane(lane.name, lane.url, lane.http, lane.on_fault)
            self._lane.start()

    def close(self, deadline_s: float) -> None:
        with self._lock:
            lane, self._lane, self._sink = self._lane, None, None
        if lane is not None:
            lane.close(deadline_s)

    def ask(self, symbols: tuple[str, ...]) -> None:
        with self._lock:
            lane = self._lane
            wanted = tuple(symbol for symbol in symbols if symbol not in self._waiting)
            self._waiting.update(wanted)
        if lane is None or not wanted:
            return
        try:
            lane.submit(_Question(self, wanted))
        except LaneFull as error:
            self.give_up(wanted, str(error))

    # -- on the lane's thread -----------------------------------------------------------------------------------------

    def run(self, channel: HttpChannel, symbols: tuple[str, ...]) -> None:
        for answer in self._fetch(channel, symbols, lambda: self._sink is None):
            named = (answer.symbol,) if isinstance(answer, Quote) else answer.symbols
            self._tell(answer, named)

    def give_up(self, symbols: tuple[str, ...], reason: str) -> None:
        with self._lock:
            left = tuple(symbol for symbol in symbols if symbol in self._waiting)
        if left:
            self._tell(QuotesFailed(source=self._source, symbols=left, reason=clipped(reason)), left)

    def _tell(self, answer: Body, symbols: tuple[str, ...]) -> None:
        with self._lock:
            sink = self._sink
            self._waiting.difference_update(symbols)
        if sink is not None:
            sink(answer)


@dataclass(frozen=True, slots=True)
class _Question:
    """A job of the lane."""

    of: LanedQuotes
    symbols: tuple[str, ...]

    def run(self, channel: HttpChannel) -> None:
        self.of.run(channel, self.symbols)
        self.of.give_up(self.symbols, "the answer does not name it")

    def abandon(self, reason: str) -> None:
        self.of.give_up(self.symbols, reason)

    def fail(self, error: Exception) -> None:
        self.of.give_up(self.symbols, f"our own code failed: {type(error).__name__}: {error}")
