"""Broker: the only caller of a venue (stage L50).

It passes commands to the venue's port with the sender's epoch, and evidence on to the OMS (the trading rules to who
keeps them). It decides nothing: the adapter classifies outcomes, the OMS draws the consequences. One thing it holds
against everybody: an order that the port owes an answer for is not handed to it again, whoever believes it lost.
"""

from collections.abc import Callable

from actors import addresses
from bulkhead.venues.port import OrderVenue
from messages.base import Evidence
from messages.clock import AskVenueTime, AuthAccepted, AuthRefused, VenueTimeFailed, VenueTimeTold
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
from messages.supervision import TimerFired
from supervisor.runtime.behaviour import Behaviour, Context, receives

CHANNEL_ATTEMPTS = 5
CHANNEL_TIMEOUT_S = 60.0
"""Failed attempts, or so long without the channel, before the broker counts as disconnected (operational policies,
section 5)."""
_OVERDUE = "channel-overdue"

ANSWERS = (OrderAccepted, OrderRejected, OrderNotSent, OrderOutcomeUnknown)
"""Of which each submit gets one."""


class BrokerActor(Behaviour):
    def __init__(
        self,
        venue: OrderVenue,
        channel_attempts: int = CHANNEL_ATTEMPTS,
        channel_timeout_s: float = CHANNEL_TIMEOUT_S,
    ) -> None:
        self._venue = venue
        self._channel_attempts = channel_attempts
        self._channel_timeout_s = channel_timeout_s
        self._is_down = False
        self._why_down: str | None = None
        """What was last told of the channel while it is waited for."""
        self._under_way: set[str] = set()
        """Orders that were handed in and are not answered: each submit gets one answer."""

    def on_start(self, ctx: Context) -> None:
        """The one before may have been waiting for the channel: it is waited for anew."""
        channel = self._venue.channel()
        if isinstance(channel, OrderChannelDown):
            self._wait_for_channel(channel, ctx)

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

    @receives(AskVenueTime)
    def on_ask_time(self, command: AskVenueTime, _: Context) -> None:
        self._venue.venue_time(command)

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

    @receives(VenueTimeTold)
    def on_venue_time(self, told: VenueTimeTold, ctx: Context) -> None:
        ctx.tell(addresses.CLOCK_WATCH, told)

    @receives(VenueTimeFailed)
    def on_venue_time_failed(self, failed: VenueTimeFailed, ctx: Context) -> None:
        ctx.tell(addresses.CLOCK_WATCH, failed)

    @receives(AuthRefused)
    def on_auth_refused(self, event: AuthRefused, ctx: Context) -> None:
        self._report_of_venue(ctx, FailureMode.AUTH_EXPIRED, event.venue, event.reason)

    @receives(AuthAccepted)
    def on_auth_accepted(self, event: AuthAccepted, ctx: Context) -> None:
        words = "signed requests are accepted again"
        self._report_of_venue(ctx, FailureMode.AUTH_EXPIRED, event.venue, words, recovered=True)

    @receives(OrderChannelUp)
    def on_channel_up(self, event: OrderChannelUp, ctx: Context) -> None:
        self._why_down = None
        ctx.cancel_timer(_OVERDUE)
        if self._is_down:
            self._is_down = False
            self._report(ctx, f"{event.venue}: order channel is up again", recovered=True)
        ctx.tell(addresses.OMS, event)

    @receives(OrderChannelDown)
    def on_channel_down(self, event: OrderChannelDown, ctx: Context) -> None:
        self._wait_for_channel(event, ctx)
        if event.attempt >= self._channel_attempts:
            self._call_disconnected(ctx, f"{event.venue}: order channel down, {event.attempt} attempts: {event.reason}")
        ctx.tell(addresses.OMS, event)

    def _wait_for_channel(self, event: OrderChannelDown, ctx: Context) -> None:
        if self._why_down is None:
            ctx.after(self._channel_timeout_s, _OVERDUE)
        self._why_down = f"{event.venue}: order channel down for {self._channel_timeout_s:g} s: {event.reason}"

    @receives(TimerFired)
    def on_timer(self, _: TimerFired, ctx: Context) -> None:
        if self._why_down is not None:
            self._call_disconnected(ctx, self._why_down)

    def _call_disconnected(self, ctx: Context, detail: str) -> None:
        if not self._is_down:
            self._is_down = True
            self._report(ctx, detail)

    @receives(RateLimitReached)
    def on_rate_limit(self, event: RateLimitReached, ctx: Context) -> None:
        self._report_of_venue(ctx, FailureMode.RATE_LIMIT, event.venue, event.reason)

    @receives(RateLimitOver)
    def on_rate_limit_over(self, event: RateLimitOver, ctx: Context) -> None:
        words = "requests are answered again"
        self._report_of_venue(ctx, FailureMode.RATE_LIMIT, event.venue, words, recovered=True)

    def _report_of_venue(
        self, ctx: Context, mode: FailureMode, venue: str, detail: str, *, recovered: bool = False
    ) -> None:
        report = FailureReported(mode=mode, scope=f"venue:{venue}", detail=f"{venue}: {detail}", recovered=recovered)
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
