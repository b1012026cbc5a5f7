"""The port of a venue: what the house may ask of one, and what it must know before it asks.

Adapters are a codec (`wire/`, sans-I/O) plus transports. They never block the caller: each call returns at once, and
what the venue says comes back through the sink as evidence. The OMS reads capabilities; it never names a venue.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from messages.base import Body
from messages.instruments import Instrument, LoadInstruments
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
    has_market_orders: bool
    can_amend: bool
    can_cancel_all: bool
    has_server_time: bool
    request_validity_s: float
    """After this long, and a margin, a request lost on the way can no longer be accepted (Binance: recvWindow)."""
    submits_in_parallel: bool


class WriteGuard(Protocol):
    """Read by a transport right before bytes of an order leave: the one latch of the house."""

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        """Why this order must not leave now (gate shut, sender's incarnation has ended), or None."""


class OrderVenue(Protocol):
    """An account at a venue: orders out, evidence in."""

    @property
    def capabilities(self) -> VenueCapabilities: ...

    def load_instruments(self) -> tuple[Instrument, ...]:
        """Ask the venue for its trading rules. Blocks; only for preflight. Raises VenueUnavailable."""

    def server_time_ms(self) -> int:
        """The venue's clock, Unix ms. Blocks; only for preflight and doctor. Raises VenueUnavailable."""

    def check_key(self) -> None:
        """One signed question. Blocks; only for preflight and doctor. Raises VenueRefused or VenueUnavailable."""

    def open(self, sink: Sink) -> None:
        """Start the I/O: subscribe to order updates, reconnect for ever. Tells OrderChannelUp / OrderChannelDown."""

    def close(self, deadline_s: float) -> None:
        """Stop the I/O; requests under way may end within the deadline."""

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        """Send an order. Answers with exactly one of OrderAccepted, OrderRejected, OrderNotSent, OrderOutcomeUnknown,
        preceded or followed by an ExecutionReported for each fill known."""

    def cancel(self, command: CancelOrder) -> None:
        """Answers with OrderCancelled, CancelRejected or CancelOutcomeUnknown; other requests never delay it.

        An order of which nothing has left may be taken back: it is answered with OrderNotSent, then the cancel with
        CancelRejected, both with the code CANCELLED_UNSENT. A cancel that did not succeed is never told before the
        answer of its order."""

    def query(self, command: QueryOrder) -> None:
        """Answers with OrderStatusReported or OrderQueryFailed."""

    def snapshot(self, command: TakeVenueSnapshot) -> None:
        """Answers with VenueSnapshotTaken or VenueSnapshotFailed."""

    def instruments(self, command: LoadInstruments) -> None:
        """Answers with InstrumentsLoaded or InstrumentsFailed."""

    def channel(self) -> OrderChannelUp | OrderChannelDown:
        """What the sink was last told of the stream of order updates, for whoever has not heard it."""

    def pending(self) -> int:
        """Requests handed in whose answer has not yet been given to the sink."""


class MarketFeed(Protocol):
    """A source of market data for a fixed set of symbols."""

    def open(self, sink: Sink) -> None:
        """Connect and subscribe, reconnect for ever. Tells FeedConnected, data, FeedDisconnected."""

    def close(self, deadline_s: float) -> None: ...


class VenueUnavailable(ConnectionError):
    """The venue could not be asked; the message says which host, what happened and what to check."""


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
