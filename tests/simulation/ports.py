"""The model venue's two ports: what the house holds of it."""

from bulkhead.venues.port import Sink, VenueCapabilities
from messages.base import Body
from messages.instruments import Instrument, InstrumentsFailed, InstrumentsLoaded, LoadInstruments
from messages.orders import (
    CancelOrder,
    OrderChannelDown,
    OrderChannelUp,
    QueryOrder,
    SubmitOrder,
    TakeVenueSnapshot,
)
from supervisor.runtime.host import Host
from tests.simulation.market import CAPABILITIES, INSTRUMENTS, VENUE
from tests.simulation.model_venue import ADDRESS, Asked, ModelVenue, Opened, Submitted


class ModelOrders:
    """The venue's order port. Opening it twice is an error, as with the real adapter."""

    def __init__(self, host: Host, venue: ModelVenue) -> None:
        self._host, self._venue = host, venue
        self._is_open = False
        self.handed_in = 0
        self.listed = dict(INSTRUMENTS)
        self.is_mute = False
        """Asked for its rules, it fails."""

    @property
    def capabilities(self) -> VenueCapabilities:
        return CAPABILITIES

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

    def _hand_in(self, body: Body) -> None:
        self.handed_in += 1
        self._post(body)

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        self._hand_in(Submitted(command=command, issuer=issuer, issuer_epoch=epoch))

    def cancel(self, command: CancelOrder) -> None:
        self._hand_in(Asked(question=command))

    def query(self, command: QueryOrder) -> None:
        self._hand_in(Asked(question=command))

    def snapshot(self, command: TakeVenueSnapshot) -> None:
        self._hand_in(Asked(question=command))

    def instruments(self, command: LoadInstruments) -> None:
        if self._venue.order_sink is None:
            return
        if self.is_mute:
            self._venue.order_sink(InstrumentsFailed(venue=VENUE, reason="the venue is away"))
            return
        now_ns, listed = self._host.now_ns(), tuple(self.listed.values())
        self._venue.order_sink(InstrumentsLoaded(venue=VENUE, instruments=listed, as_of_ns=now_ns))

    def channel(self) -> OrderChannelUp | OrderChannelDown:
        return self._venue.channel

    def pending(self) -> int:
        return self.handed_in - self._venue.answered


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
