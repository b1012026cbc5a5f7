"""The model venue's ports: what the house holds of it."""

from decimal import Decimal

from bulkhead.chaos.eyes import Question, Watcher
from bulkhead.chaos.model.market import INSTRUMENTS, VENUE
from bulkhead.chaos.model.venue import ADDRESS, ModelVenue
from bulkhead.chaos.model.words import Asked, Opened, Submitted
from bulkhead.venues.port import Sink, VenueCapabilities
from messages.base import Body
from messages.clock import AskVenueTime, VenueTimeFailed, VenueTimeTold
from messages.instruments import Instrument, InstrumentsFailed, InstrumentsLoaded, LoadInstruments
from messages.market import Quote, QuotesFailed
from messages.market_health import DataSource
from messages.orders import (
    CancelOrder,
    OrderChannelDown,
    OrderChannelUp,
    QueryOrder,
    SubmitOrder,
    TakeVenueSnapshot,
)
from supervisor.runtime.host import Host


class ModelOrders:
    """The venue's order port. Opening it twice is an error, as with the real adapter."""

    def __init__(self, host: Host, venue: ModelVenue) -> None:
        self._host, self._venue = host, venue
        self._is_open = False
        self.handed_in = 0
        self.listed = dict(INSTRUMENTS)
        self.is_mute = False
        """Asked for its rules or its time, it fails."""
        self.loses_questions = False
        """Queries and snapshots vanish, and nobody answers them."""
        self.clock_ahead_ns = 0
        """Its clock against the time that really passes: the host's monotonic one, which nobody sets."""
        self._zero_ns = host.now_ns() - host.monotonic_ns()

    @property
    def capabilities(self) -> VenueCapabilities:
        return self._venue.capabilities

    def load_instruments(self) -> tuple[Instrument, ...]:
        return tuple(INSTRUMENTS.values())

    def server_time_ms(self) -> int:
        return self._host.now_ns() // 1_000_000

    def check_key(self) -> None:
        """There is none."""

    def open(self, sink: Sink) -> None:
        if self._is_open:
            raise RuntimeError("open already: close() comes before another open()")
        self._is_open = True
        self._venue.order_sink = sink
        self._post(Opened(is_feed=False))

    def close(self, deadline_s: float) -> None:
        self._is_open = self._venue.is_stream_up = False

    def _post(self, body: Body) -> None:
        self._host.tell(ADDRESS, body, sender="wire")

    def _ask(self, question: Question) -> None:
        self._venue.eyes.tell(Watcher.asked, question)
        self._hand_in(Asked(question=question))

    def _hand_in(self, body: Body) -> None:
        self.handed_in += 1
        self._post(body)

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        self._venue.eyes.tell(Watcher.submitting, command.ticket, issuer, epoch)
        self._hand_in(Submitted(command=command, issuer=issuer, issuer_epoch=epoch))

    def cancel(self, command: CancelOrder) -> None:
        self._ask(command)

    def query(self, command: QueryOrder) -> None:
        if not self.loses_questions:
            self._ask(command)

    def snapshot(self, command: TakeVenueSnapshot) -> None:
        if not self.loses_questions:
            self._ask(command)

    def instruments(self, command: LoadInstruments) -> None:
        if self._venue.order_sink is None:
            return
        if self.is_mute or self._venue.is_away:
            self._venue.order_sink(InstrumentsFailed(venue=VENUE, reason="the venue is away"))
            return
        now_ns, listed = self._host.now_ns(), tuple(self.listed.values())
        self._venue.order_sink(InstrumentsLoaded(venue=VENUE, instruments=listed, as_of_ns=now_ns))

    def venue_time(self, command: AskVenueTime) -> None:
        if self._venue.order_sink is None:
            return
        if self.is_mute or self._venue.is_away:
            self._venue.order_sink(VenueTimeFailed(venue=VENUE, reason="the venue is away"))
            return
        now_ns, venue_ns = self._host.now_ns(), self._zero_ns + self._host.monotonic_ns() + self.clock_ahead_ns
        venue_ns += self._venue.read_clock_ns()
        told = VenueTimeTold(venue=VENUE, venue_ns=venue_ns, asked_ns=now_ns, answered_ns=now_ns)
        self._venue.order_sink(told)

    def channel(self) -> OrderChannelUp | OrderChannelDown:
        return self._venue.channel

    def pending(self) -> int:
        return self.handed_in - self._venue.answered


class ModelQuotes:
    """Quotes of the venue on demand; the port of a fallback source."""

    def __init__(self, source: DataSource, host: Host, venue: ModelVenue) -> None:
        self._source, self._host, self._venue = source, host, venue
        self._sink: Sink | None = None

    @property
    def source(self) -> DataSource:
        return self._source

    def open(self, sink: Sink) -> None:
        self._sink = sink

    def close(self, deadline_s: float) -> None:
        self._sink = None

    def ask(self, symbols: tuple[str, ...]) -> None:
        if self._sink is None:
            return
        if self._source in self._venue.quotes_down or self._venue.is_away:
            self._sink(QuotesFailed(source=self._source, symbols=symbols, reason="the venue is away"))
            return
        now_ns = self._host.now_ns()
        for symbol in symbols:
            walk = self._venue.walks[symbol]
            quote = Quote(
                venue=VENUE,
                symbol=symbol,
                event_time_ns=now_ns,
                received_at_ns=now_ns,
                received_monotonic_ns=self._host.monotonic_ns(),
                event_time_is_receipt=True,
                bid=walk.bid,
                bid_quantity=Decimal(5),
                ask=walk.ask,
                ask_quantity=Decimal(5),
                source=self._source,
            )
            self._sink(quote)


class ModelFeed:
    """The venue's market data port."""

    def __init__(self, host: Host, venue: ModelVenue) -> None:
        self._host, self._venue = host, venue

    def open(self, sink: Sink) -> None:
        if self._venue.feed_sink is not None:
            raise RuntimeError("open already: close() comes before another open()")
        self._venue.feed_sink = sink
        self._host.tell(ADDRESS, Opened(is_feed=True), sender="wire")

    def close(self, deadline_s: float) -> None:
        self._venue.feed_sink = None
        self._venue.is_feed_up = False
