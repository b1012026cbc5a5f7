"""The port of a venue: what the house may ask of one, and what it must know before it asks.

Adapters are a codec (`wire/`, sans-I/O) plus transports. They never block the caller: each call returns at once, and
what the venue says comes back through the sink as evidence. The OMS reads capabilities; it never names a venue.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol, runtime_checkable

from bulkhead.venues.key_rights import KeyRights
from messages.base import Body
from messages.clock import AskVenueTime
from messages.costs import TradingCosts
from messages.instruments import Instrument, LoadInstruments
from messages.market_health import DataSource
from messages.orders import (
    CancelOrder,
    OrderChannelDown,
    OrderChannelUp,
    OrderTicket,
    QueryOrder,
    SubmitOrder,
    TakeVenueSnapshot,
)
from messages.values import Name, Value

CANCELLED_UNSENT = "CANCELLED_UNSENT"
"""Code of an order that was taken back before a byte of it had left, and of its cancel: it must not be sent again."""

Sink = Callable[[Body], None]
"""Takes evidence or market data from an I/O thread and posts it to an address. Never blocks for long, never raises."""


class ClientIdScheme(StrEnum):
    NONE = "none"
    UNIQUE_AMONG_OPEN = "unique_among_open"
    """A resend of an id whose order has ended makes a second order: query first."""
    UNIQUE_FOREVER = "unique_forever"


class VenueCapabilities(Value):
    """Facts of a venue that decisions depend on."""

    venue: Name
    client_id: ClientIdScheme
    has_execution_ids: bool
    """Without them no ExecutionReported is told and none is listed: the totals of the orders are the fills."""
    has_market_orders: bool
    can_amend: bool
    can_cancel_all: bool
    has_server_time: bool
    request_validity_s: float
    """After this long, and a margin, a request lost on the way can no longer be accepted (Binance: recvWindow)."""
    submits_in_parallel: bool
    orders_end_with_day: bool = False
    """Nothing rests longer than its day: what an intent wants until it is cancelled is asked for as DAY."""
    costs: TradingCosts | None = None
    """Set where the venue does not tell what a fill costs."""
    own_channels: tuple[str, ...] = ()
    """Marks (`VenueOrder.channel`) that orders of ours bear, where that is known beforehand."""


class WriteGuard(Protocol):
    """Read by a transport right before bytes of an order leave: the one latch of the house."""

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        """Why this order must not leave now (gate shut, sender's incarnation has ended), or None."""


class OrderVenue(Protocol):
    """An account at a venue: orders out, evidence in.

    Requests may come from any thread. Each is answered, also when it is closed, when too much waits, or when our own
    code fails under it; `pending` counts it until then. What waits for an answer holds up no cancel. An adapter decides
    nothing: it never sends again by itself, and what it cannot know it calls unknown. Evidence keeps the venue's own
    words as `raw`; nothing that it tells, raises or reports shows a key or a signed request. The stream of updates may
    tell once more what an answer told (acceptance, execution, end), with the same ids: whoever books takes each once.

    `bulkhead/venues/conformance/` holds an adapter to every promise made here (docs/EXTENDING_VENUES.md).
    """

    @property
    def capabilities(self) -> VenueCapabilities:
        """The same for as long as it lives."""

    def load_instruments(self) -> tuple[Instrument, ...]:
        """Ask the venue for its trading rules. Blocks; only for preflight. Raises VenueUnavailable."""

    def server_time_ms(self) -> int:
        """The venue's clock, Unix ms. Blocks; only for preflight and doctor. Raises VenueUnavailable."""

    def check_key(self) -> None:
        """One signed question. Blocks; only for preflight and doctor. Raises VenueRefused or VenueUnavailable."""

    def open(self, sink: Sink) -> None:
        """Start the I/O: subscribe to order updates, reconnect for ever. Tells OrderChannelUp / OrderChannelDown.

        May be called again after close(). Raises RuntimeError when it is open; a request before the first open() does,
        too, since there is nobody to answer."""

    def close(self, deadline_s: float) -> None:
        """Stop the I/O; requests under way may end within the deadline.

        Those that are under way for longer are answered when they end, to the sink that was given last; of those that
        had not left, and of all that come later, nothing leaves: they are answered with the code CLOSED, questions with
        their failure."""

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        """Send an order. Answers with exactly one of OrderAccepted, OrderRejected, OrderNotSent, OrderOutcomeUnknown,
        preceded or followed by an ExecutionReported for each fill known.

        The guard's last asking comes right before the first byte; an order that it refuses is not sent (GATE_SHUT,
        FENCED), and neither is one when it cannot be asked. OrderNotSent means that nothing of it reached the matching
        engine; an id that the venue has already is never answered with it. What the venue has no word for is not sent
        (UNSUPPORTED), never sent as something like it. Fills, and an end without a cancel of ours, are told unasked. An
        execution has the same id and contents from every source. Where the venue has no execution ids, an
        OrderStatusReported is told unasked instead: its order's totals."""

    def cancel(self, command: CancelOrder) -> None:
        """Answers with OrderCancelled, CancelRejected or CancelOutcomeUnknown; no other request delays it on its way.

        Where the venue only says that it was sent on, it is answered once the order's end is seen, or after a bounded
        time as unknown; closing answers those that wait for that. Where orders are named by the venue's number alone,
        one whose number is not known cannot be cancelled (CancelRejected), nor asked for (OrderQueryFailed).

        An order of which nothing has left may be taken back: it is answered with OrderNotSent, then the cancel with
        CancelRejected, both with the code CANCELLED_UNSENT. A cancel that did not succeed is never told before the
        answer of its order."""

    def query(self, command: QueryOrder) -> None:
        """Answers with OrderStatusReported or OrderQueryFailed.

        The report has every execution of the order, each once, and where the venue has no execution ids its totals.
        `as_of_ns` is our time before the venue looked, since absence is judged by it. A question that came to nothing
        has failed; it never says that there is no order."""

    def snapshot(self, command: TakeVenueSnapshot) -> None:
        """Answers with VenueSnapshotTaken or VenueSnapshotFailed.

        It lists every order and execution of its symbols since the watermark, each once, whatever the stream has told,
        every open order, and every balance; `as_of_ns` as in a query. One that lacks a part has failed."""

    def instruments(self, command: LoadInstruments) -> None:
        """Answers with InstrumentsLoaded or InstrumentsFailed; the rules are those of `load_instruments`."""

    def venue_time(self, command: AskVenueTime) -> None:
        """Answers with VenueTimeTold, or VenueTimeFailed where it cannot be asked or tells no time.

        A signed request that is refused for its key is told as AuthRefused, unasked and once, after the one renewal
        where there is any; and the first that is accepted again as AuthAccepted."""

    def channel(self) -> OrderChannelUp | OrderChannelDown:
        """What the sink was last told of the stream of order updates, for whoever has not heard it; never up before
        open(). Every loss is told, and every return."""

    def pending(self) -> int:
        """Requests handed in whose answer has not yet been given to the sink: at zero all has been told."""


@runtime_checkable
class TellsKeyRights(Protocol):
    """A venue that can be asked what its key may do. Not every one can, so it is no part of OrderVenue."""

    def key_rights(self) -> KeyRights | None:
        """None: this host of it does not tell. Blocks; only for preflight and doctor. Raises VenueRefused or
        VenueUnavailable."""


class MarketFeed(Protocol):
    """A source of market data for a fixed set of symbols."""

    def open(self, sink: Sink) -> None:
        """Connect and subscribe, reconnect for ever. Tells FeedConnected, data, FeedDisconnected."""

    def close(self, deadline_s: float) -> None: ...


class QuoteSource(Protocol):
    """Quotes on demand, for when the feed is silent: of the feed's provider, or of the broker.

    `ask` may come from any thread, returns at once, and is answered through the sink: for each symbol by a Quote that
    is marked with the source, or by QuotesFailed; what is asked for again while its question waits gets one answer for
    both. It is of the lowest urgency, and waits behind everything else that the venue is asked. Closed, nothing leaves
    and nothing is answered."""

    @property
    def source(self) -> DataSource: ...

    def open(self, sink: Sink) -> None: ...

    def close(self, deadline_s: float) -> None: ...

    def ask(self, symbols: tuple[str, ...]) -> None: ...


class VenueUnavailable(ConnectionError):
    """The venue could not be asked; the message says which host, what happened and what to check."""


class NotOffered(VenueUnavailable):
    """This host of the venue has no such question."""


class VenueBusy(VenueUnavailable):
    """The venue, or our budget of its requests, asks us to wait: the question itself is sound."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class VenueRefused(PermissionError):
    """The venue answered no to a preflight question (bad key, bad signature); `code` is the venue's own."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{reason} (code {code})")
        self.code = code
