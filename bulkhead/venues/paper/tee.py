"""Tee: a market feed that lets somebody look at everything it says, before whoever it says it to."""

from collections.abc import Callable

from bulkhead.venues.port import MarketFeed, Sink
from messages.base import Body


class Tee:
    """Implements MarketFeed. The watcher must neither block nor raise: it looks on the feed's own thread."""

    def __init__(self, feed: MarketFeed, watch: Callable[[Body], None]) -> None:
        self._feed = feed
        self._watch = watch

    def open(self, sink: Sink) -> None:
        def both(body: Body) -> None:
            self._watch(body)
            sink(body)

        self._feed.open(both)

    def close(self, deadline_s: float) -> None:
        self._feed.close(deadline_s)
