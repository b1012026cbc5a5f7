"""Broker: the only caller of a venue (stage L50).

It passes commands to the venue's port with the sender's epoch, and evidence on to the OMS (the trading rules to who
keeps them). It decides nothing: the adapter classifies outcomes, the OMS draws the consequences. One thing it holds
against everybody: an order that the port owes an answer for is not handed to it again, whoever believes it lost.
"""

from collections.abc import Callable

from actors import addresses
from bulkhead.venues.port import OrderVenue
from messages.base import Evidence
from messages.failure import FailureMode, FailureReported
from messages.instruments import InstrumentsFailed, InstrumentsLoaded, LoadInstruments
from messages.orders import (
    CancelOrder,
    OrderAccepted,
    OrderChannelDown,
    OrderChannelUp,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    QueryOrder,
    Reconcile,
    SubmitOrder,
    TakeVenueSnapshot,
    TellChannel,
    VenueProtocolError,
)
from messages.rates import RateLimitOver, RateLimitReached
from supervisor.runtime.behaviour import Behaviour, Context, receives

MAX_CHANNEL_ATTEMPTS = 5
"""Attempts before the broker counts as disconnected (operational policies, section 5)."""


ANSWERS = (OrderAccepted, OrderRejected, OrderNotSent, OrderOutcomeUnknown)
"""Of which each submit gets one."""


class BrokerActor(Behaviour):
    def __init__(self, venue: OrderVenue) -> None:
        self._venue = venue
        self._is_down = False
        self._under_way: set[str] = set()
        """Orders that were handed in and are not answered: each submit gets one answer."""

    # -- commands -----------------------------------------------------------------------------------------------------

    @receives(SubmitOrder)
    def on_submit(self, command: SubmitOrder, ctx: Context) -> None:
        """The same order again while the first is under way is the same order: one answer is for both."""
        current, key = ctx.current, command.ticket.client_order_id
        if current is None or key in self._under_way:
            return
        self._under_way.add(key)
        self._venue.submit(command, current.sender, current.epoch)

    @receives(CancelOrder)
    def on_cancel(self, command: CancelOrder, _: Context) -> None:
        self._venue.cancel(command)

    @receives(QueryOrder)
    def on_query(self, command: QueryOrder, _: Context) -> None:
        self._venue.query(command)

    @receives(TakeVenueSnapshot)
    def on_snapshot(self, command: TakeVenueSnapshot, _: Context) -> None:
        self._venue.snapshot(command)

    @receives(LoadInstruments)
    def on_load_instruments(self, command: LoadInstruments, _: Context) -> None:
        self._venue.instruments(command)

    @receives(TellChannel)
    def on_tell_channel(self, _: TellChannel, ctx: Context) -> None:
        if ctx.current is not None:
            ctx.tell(ctx.current.sender, self._venue.channel())

    # -- evidence -----------------------------------------------------------------------------------------------------

    @receives(Evidence)
    def on_evidence(self, evidence: Evidence, ctx: Context) -> None:
        if isinstance(evidence, ANSWERS):
            self._under_way.discard(evidence.client_order_id)
        ctx.publish(addresses.INPUTS, evidence)
        ctx.tell(addresses.OMS, evidence)

    @receives(InstrumentsLoaded)
    def on_instruments(self, loaded: InstrumentsLoaded, ctx: Context) -> None:
        ctx.tell(addresses.INSTRUMENT_MASTER, loaded)

    @receives(InstrumentsFailed)
    def on_instruments_failed(self, failed: InstrumentsFailed, ctx: Context) -> None:
        ctx.tell(addresses.INSTRUMENT_MASTER, failed)

    @receives(OrderChannelUp)
    def on_channel_up(self, event: OrderChannelUp, ctx: Context) -> None:
        if self._is_down:
            self._is_down = False
            self._report(ctx, f"{event.venue}: order channel is up again", recovered=True)
        ctx.tell(addresses.OMS, event)

    @receives(OrderChannelDown)
    def on_channel_down(self, event: OrderChannelDown, ctx: Context) -> None:
        if event.attempt >= MAX_CHANNEL_ATTEMPTS and not self._is_down:
            self._is_down = True
            self._report(ctx, f"{event.venue}: order channel down, {event.attempt} attempts: {event.reason}")
        ctx.tell(addresses.OMS, event)

    @receives(RateLimitReached)
    def on_rate_limit(self, event: RateLimitReached, ctx: Context) -> None:
        self._report_rates(ctx, event.venue, f"{event.venue}: {event.reason}")

    @receives(RateLimitOver)
    def on_rate_limit_over(self, event: RateLimitOver, ctx: Context) -> None:
        self._report_rates(ctx, event.venue, f"{event.venue}: requests are answered again", recovered=True)

    def _report_rates(self, ctx: Context, venue: str, detail: str, *, recovered: bool = False) -> None:
        scope = f"venue:{venue}"
        report = FailureReported(mode=FailureMode.RATE_LIMIT, scope=scope, detail=detail, recovered=recovered)
        ctx.tell(addresses.FAILURE_HANDLER, report)

    @receives(VenueProtocolError)
    def on_protocol_error(self, event: VenueProtocolError, ctx: Context) -> None:
        """Something of the order channel could not be read: what it said is unknown, so the books are compared."""
        ctx.publish(addresses.INPUTS, event)
        ctx.tell(addresses.OMS, Reconcile(reason=f"unreadable message from {event.venue}: {event.reason}"))

    def _report(self, ctx: Context, detail: str, *, recovered: bool = False) -> None:
        report = FailureReported(mode=FailureMode.BROKER_DISCONNECT, detail=detail, recovered=recovered)
        ctx.tell(addresses.FAILURE_HANDLER, report)


IoSwitch = Callable[[], None]


class TransportActor(Behaviour):
    """Keeps the I/O of a venue or feed running; requests under way run to their end."""

    def __init__(self, open_io: IoSwitch, close_io: IoSwitch) -> None:
        self._open_io, self._close_io = open_io, close_io

    def on_start(self, ctx: Context) -> None:
        if ctx.epoch > 1:
            self._close_io()  # an incarnation that crashed has left it open
        self._open_io()

    def on_stop(self, ctx: Context, reason: str) -> None:
        self._close_io()


class OrderTransportActor(TransportActor):
    """Carries orders. It says that its channel is down before it opens it: what the house knew of it is void."""

    def __init__(self, venue: str, open_io: IoSwitch, close_io: IoSwitch) -> None:
        super().__init__(open_io, close_io)
        self._venue = venue

    def on_start(self, ctx: Context) -> None:
        down = OrderChannelDown(venue=self._venue, reason="the transport is starting", attempt=0)
        ctx.tell(addresses.broker(self._venue), down)
        super().on_start(ctx)
