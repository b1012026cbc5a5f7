"""Market data of KIS: trades, and a book of ten levels, on the socket that carries the notices, too.

Trades have no number. Each comes with the volume of the day: where that has grown by more than the trade itself, others
are missing, and a gap is told in shares of the day.
"""

from dataclasses import dataclass
from decimal import Decimal

from bulkhead.venues.adapters.kis_session import KisSession
from bulkhead.venues.adapters.kis_socket import Listener
from bulkhead.venues.port import Sink
from bulkhead.venues.wire.facts import Ignored, ProtocolError, clipped
from bulkhead.venues.wire.kis import market, streams
from bulkhead.venues.wire.kis_cipher import NoticeKey
from bulkhead.venues.wire.kis_fields import kst_date
from messages.base import Body
from messages.market import Book, FeedConnected, FeedDisconnected, FeedGap, FeedProtocolError, Quote


@dataclass(frozen=True, slots=True)
class _Day:
    date: str
    volume: Decimal


class KisFeed:
    """Implements MarketFeed. May be opened again after it was closed."""

    def __init__(self, session: KisSession) -> None:
        if not session.market:
            raise ValueError("a feed of no symbols: name at least one")
        self._session = session
        self._venue = session.settings.venue
        self._listener = Listener(session.market, self._on_frame, self._on_unread, self._on_up, self._on_down)
        session.socket.add(self._listener)
        self._sink: Sink | None = None
        self._is_open = False
        self._days: dict[str, _Day] = {}
        self._received = 0
        self.gaps = 0

    @property
    def received_market_events(self) -> int:
        """Records whose messages have been given to the sink."""
        return self._received

    def open(self, sink: Sink) -> None:
        if self._is_open:
            raise RuntimeError("open already: close() comes before another open()")
        self._is_open = True
        self._sink = sink
        self._session.socket.open(self._listener)

    def close(self, deadline_s: float) -> None:
        self._session.socket.close(self._listener, deadline_s)
        self._is_open = False

    # -- on the socket's thread ---------------------------------------------------------------------------------------

    def _tell(self, body: Body) -> None:
        if self._sink is None:
            raise RuntimeError("the feed was not opened")
        self._sink(body)

    def _on_up(self) -> None:
        self._tell(FeedConnected(feed=self._venue))

    def _on_down(self, reason: str, attempt: int) -> None:
        self._tell(FeedDisconnected(feed=self._venue, reason=clipped(reason), attempt=attempt))

    def _on_unread(self, error: ProtocolError) -> None:
        self._tell(FeedProtocolError(feed=self._venue, reason=error.reason, raw=error.raw))

    def _on_frame(self, frame: streams.Frame, _key: NoticeKey | None) -> None:
        events = market.market_events(frame, self._venue, self._session.received())
        if isinstance(events, ProtocolError):
            self._on_unread(events)
        elif not isinstance(events, Ignored):
            for event in events:
                if isinstance(event, Book):
                    self._tell(_best(event))
                    self._tell(event)
                else:
                    self._on_print(event)
                self._received += 1

    def _on_print(self, event: market.Print) -> None:
        trade = event.trade
        date, before = kst_date(trade.event_time_ns), self._days.get(trade.symbol)
        # Lower, or the same: told late or twice. That is no gap, and nothing is to be concluded from it.
        if before is not None and before.date == date and event.day_volume > before.volume:
            expected = before.volume + trade.quantity
            if event.day_volume > expected:
                self.gaps += 1
                gap = FeedGap(
                    venue=self._venue,
                    symbol=trade.symbol,
                    expected_id=int(expected),
                    received_id=int(event.day_volume),
                    event_time_ns=trade.event_time_ns,
                )
                self._tell(gap)
        if before is None or before.date < date or (before.date == date and event.day_volume > before.volume):
            self._days[trade.symbol] = _Day(date, event.day_volume)
        self._tell(trade)


def _best(book: Book) -> Quote:
    """The first level of either side, where there is one."""
    bid, ask = book.bids[:1], book.asks[:1]
    return Quote(
        venue=book.venue,
        symbol=book.symbol,
        event_time_ns=book.event_time_ns,
        received_at_ns=book.received_at_ns,
        received_monotonic_ns=book.received_monotonic_ns,
        bid=bid[0].price if bid else None,
        bid_quantity=bid[0].quantity if bid else None,
        ask=ask[0].price if ask else None,
        ask_quantity=ask[0].quantity if ask else None,
    )
