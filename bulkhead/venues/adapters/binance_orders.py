"""An account at Binance Spot: orders out over REST, evidence in from their answers and from the user stream.

It decides nothing: no retry, no order state. Every request handed in gets exactly one answer (plus its fills), also
when the lane is full, closed, or our own code fails under it.

Orders, cancels, queries and snapshots have a thread and a connection each, so that none holds a cancel up. A cancel
and its own order keep their order all the same: an order of which nothing has left is taken back instead (both are
answered, nothing is sent); of one that is under way, only a cancel that succeeded is told before the order's answer,
and one that found no such order is sent again after it, since it may have overtaken.
"""

import random
import threading
from collections.abc import Callable, Iterable

from bulkhead.venues.adapters.binance_preflight import Preflight
from bulkhead.venues.adapters.binance_questions import Questions
from bulkhead.venues.adapters.binance_rates import BinanceRates, Held, Turn
from bulkhead.venues.adapters.binance_settings import BinanceSettings
from bulkhead.venues.adapters.one_answer import Request, Work
from bulkhead.venues.adapters.unanswered import Unanswered, UnansweredOrders
from bulkhead.venues.adapters.user_stream import UserStream
from bulkhead.venues.answers import cancel_rejected, held_back, not_sent
from bulkhead.venues.port import (
    CANCELLED_UNSENT,
    ClientIdScheme,
    Sink,
    VenueCapabilities,
    WriteGuard,
)
from bulkhead.venues.transport.http import HttpChannel, HttpLane, LaneClosed, LaneFull, OnFault, Withheld
from bulkhead.venues.transport.rate_budget import Purpose, RateState
from bulkhead.venues.wire.binance import outcomes, replies, requests
from bulkhead.venues.wire.facts import NothingLeft, NotSupported, clipped
from messages.base import Body
from messages.instruments import Instrument, InstrumentsFailed, LoadInstruments
from messages.orders import (
    CancelOrder,
    CancelOutcomeUnknown,
    OrderCancelled,
    OrderChannelDown,
    OrderChannelUp,
    OrderOutcomeUnknown,
    OrderQueryFailed,
    OrderTicket,
    QueryOrder,
    SubmitOrder,
    TakeVenueSnapshot,
    VenueSnapshotFailed,
)
from messages.rates import RateLimitOver, RateLimitReached

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000

OnSent = Callable[[str, int], None]
"""Told the client order id and the monotonic nanosecond at which its bytes were in the socket."""


class BinanceOrders:
    """Implements OrderVenue. May be opened again after it was closed: a restarted transport does."""

    def __init__(
        self,
        settings: BinanceSettings,
        *,
        guard: WriteGuard,
        now_ns: Callable[[], int],
        monotonic_ns: Callable[[], int],
        rng: random.Random,
        on_fault: OnFault,
        on_sent: OnSent | None = None,
        rates: BinanceRates | None = None,
    ) -> None:
        """`rates` is handed in where several adapters share one address and account; else it has its own."""
        self._settings = settings
        self._guard = guard
        self._now_ns = now_ns
        self._monotonic_ns = monotonic_ns
        self._on_fault = on_fault
        self._on_sent = on_sent
        self._signer = requests.Signer(settings.api_key.get_secret_value(), settings.api_secret.get_secret_value())
        self._rates = rates or BinanceRates(settings.rates, monotonic_ns, now_ns)
        self._preflight = Preflight(settings, self._rates)
        self._questions = Questions(settings, self._signer, self._stamp, now_ns, self._rates, self._turn)
        self._rng = rng
        self._lock = threading.Lock()
        self._pending = 0
        self._handed_in = 0
        self._sink: Sink | None = None
        self._is_open = False
        self._is_closing = False
        self._unanswered = UnansweredOrders()
        self._order_lane = self._cancel_lane = self._query_lane = self._snapshot_lane = self._lane("orders")
        self._stream = UserStream(settings, self._signer, self._stamp, rng, on_fault, self._rates.charge_user_stream)

    def _lane(self, name: str) -> HttpLane:
        settings = self._settings
        return HttpLane(f"{settings.venue}-{name}", settings.rest_url, settings.http, self._on_fault)

    def _stamp(self) -> requests.Stamp:
        return requests.Stamp(self._now_ns() // _NS_PER_MS, self._settings.recv_window_ms)

    # -- what it is ---------------------------------------------------------------------------------------------------

    @property
    def capabilities(self) -> VenueCapabilities:
        return VenueCapabilities(
            venue=self._settings.venue,
            client_id=ClientIdScheme.UNIQUE_AMONG_OPEN,
            has_execution_ids=True,
            has_market_orders=True,
            can_amend=False,
            can_cancel_all=False,
            has_server_time=True,
            request_validity_s=self._settings.recv_window_ms / 1_000,
            submits_in_parallel=False,
        )

    @property
    def rate_state(self) -> RateState:
        return self._rates.state

    @property
    def received_user_events(self) -> int:
        """Events of the user stream whose evidence has been given to the sink, ignored kinds included."""
        return self._stream.received

    @property
    def handed_in(self) -> int:
        """Requests ever handed in; rises before the call that hands one in returns."""
        with self._lock:
            return self._handed_in

    def channel(self) -> OrderChannelUp | OrderChannelDown:
        return self._stream.channel

    def pending(self) -> int:
        with self._lock:
            return self._pending

    # -- preflight ----------------------------------------------------------------------------------------------------

    def load_instruments(self) -> tuple[Instrument, ...]:
        return self._preflight.load_instruments()

    def server_time_ms(self) -> int:
        return self._preflight.server_time_ms()

    def check_key(self) -> None:
        self._preflight.check_key(self._signer, self._stamp)

    # -- life ---------------------------------------------------------------------------------------------------------

    def open(self, sink: Sink) -> None:
        if self._is_open:
            raise RuntimeError("open already: close() comes before another open()")
        self._is_open, self._is_closing = True, False
        self._sink = sink
        self._rates.alarm.on_change = self._tell_rates
        self._order_lane = self._cancel_lane = self._query_lane = self._snapshot_lane = self._lane("orders")
        if self._has_own_lanes:
            self._cancel_lane = self._lane("cancels")
            self._query_lane = self._lane("queries")
            self._snapshot_lane = self._lane("snapshots")
        for lane in self._lanes():
            lane.start()
        self._stream.open(sink)

    def close(self, deadline_s: float) -> None:
        until_ns = self._monotonic_ns() + int(deadline_s * _NS_PER_S)
        self._is_closing = True  # whoever waits for its turn waits no more
        for close in (*(lane.close for lane in self._lanes()), self._stream.close):
            close(max(0.0, (until_ns - self._monotonic_ns()) / _NS_PER_S))
        self._is_open = False  # the sink stays: what is still under way is answered

    @property
    def _has_own_lanes(self) -> bool:
        return self._settings.lanes > 1

    def _lanes(self) -> tuple[HttpLane, ...]:
        """Each once, those first that may still hold an order."""
        lanes = (self._order_lane, self._cancel_lane, self._query_lane, self._snapshot_lane)
        return tuple(dict.fromkeys(lanes))

    # -- the port's four requests -------------------------------------------------------------------------------------

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        ticket = command.ticket
        due_ns = self._monotonic_ns() + int(self._settings.rates.order_wait_s * _NS_PER_S)

        def answer(bodies: Iterable[Body]) -> None:
            try:
                self._answer(bodies)
            finally:
                self._unanswered.remove(ticket.client_order_id, order)
                order.answered()

        request = Request(
            lambda channel: self._send(channel, ticket, issuer, epoch, order, due_ns),
            lambda code, reason: not_sent(ticket, code, reason),
            lambda reason: OrderOutcomeUnknown(
                client_order_id=ticket.client_order_id, symbol=ticket.symbol, reason=reason
            ),
            answer,
        )
        order = Unanswered(request)
        self._count()
        if self._has_own_lanes:  # else a cancel is behind its order anyway
            self._unanswered.add(ticket.client_order_id, order)
        self._queue(self._order_lane, request)

    def cancel(self, command: CancelOrder) -> None:
        orders = self._unanswered.of(command.client_order_id)
        request = Request(
            lambda channel: self._cancel(channel, command, request),
            lambda code, reason: cancel_rejected(command, code, reason),
            lambda reason: CancelOutcomeUnknown(
                client_order_id=command.client_order_id, symbol=command.symbol, reason=reason
            ),
            lambda bodies: self._answer_cancel(bodies, orders),
        )
        taken_back = [order.take_back() for order in orders]
        if taken_back and all(taken_back):
            self._count()
            reason = f"cancelled before anything of it had left: {command.reason}"
            for order in orders:
                order.request.withdraw(CANCELLED_UNSENT, reason)
            request.withdraw(CANCELLED_UNSENT, "nothing of the order had left; it was taken back")
            return
        self._hand_in(self._cancel_lane, request)

    def query(self, command: QueryOrder) -> None:
        def failed(reason: str) -> Body:
            return OrderQueryFailed(
                client_order_id=command.client_order_id, symbol=command.symbol, reason=clipped(reason)
            )

        self._hand_in(
            self._query_lane, self._question(lambda channel: self._questions.query(channel, command, failed), failed)
        )

    def snapshot(self, command: TakeVenueSnapshot) -> None:
        def failed(reason: str) -> Body:
            return VenueSnapshotFailed(venue=self._settings.venue, reason=clipped(reason))

        self._hand_in(
            self._snapshot_lane,
            self._question(lambda channel: self._questions.snapshot(channel, command, failed), failed),
        )

    def instruments(self, command: LoadInstruments) -> None:
        def failed(reason: str) -> Body:
            return InstrumentsFailed(venue=self._settings.venue, reason=clipped(reason))

        self._hand_in(
            self._snapshot_lane,
            self._question(lambda channel: self._questions.instruments(channel, self._preflight, failed), failed),
        )

    def _question(self, work: Work, failed: Callable[[str], Body]) -> Request:
        return Request(work, lambda code, reason: failed(f"{code}: {reason}"), failed, self._answer)

    def _hand_in(self, lane: HttpLane, request: Request) -> None:
        self._count()
        self._queue(lane, request)

    def _count(self) -> None:
        if self._sink is None:
            raise RuntimeError("open() comes before any request: there is nobody to answer")
        with self._lock:
            self._pending += 1
            self._handed_in += 1

    def _queue(self, lane: HttpLane, request: Request) -> None:
        try:
            lane.submit(request)
        except LaneClosed as error:
            request.abandon(str(error))
        except LaneFull as error:
            request.refuse(str(error))

    def _answer_cancel(self, bodies: Iterable[Body], orders: tuple[Unanswered, ...]) -> None:
        """A refusal told before the order's own answer would let an order that was not sent be sent again."""
        told = tuple(bodies)
        if not orders or any(isinstance(body, OrderCancelled) for body in told):
            self._answer(told)
        else:
            orders[0].when_answered(lambda: self._answer_cancel(told, orders[1:]))

    def _answer(self, bodies: Iterable[Body]) -> None:
        sink = self._sink
        if sink is None:
            raise RuntimeError("an answer before open()")
        try:
            for body in bodies:
                sink(body)
        finally:
            # After the sink, so that nothing is pending means that everything has been posted.
            with self._lock:
                self._pending -= 1

    def _tell_rates(self, reason: str | None) -> None:
        venue, sink = self._settings.venue, self._sink
        if sink is not None:
            sink(RateLimitOver(venue=venue) if reason is None else RateLimitReached(venue=venue, reason=reason))

    # -- on a lane's thread -------------------------------------------------------------------------------------------

    def _send(
        self, channel: HttpChannel, ticket: OrderTicket, issuer: str, epoch: int, order: Unanswered, due_ns: int
    ) -> Iterable[Body]:
        def check() -> None:
            refusal = self._refusal(ticket, issuer, epoch)
            if refusal is not None:
                raise Withheld(refusal)

        def leave() -> None:
            check()
            if not order.leave():
                raise Withheld(f"{CANCELLED_UNSENT}: it was taken back")

        purpose = Purpose.ENTRY if ticket.intent_type.is_entry else Purpose.EXIT
        left_s = max(0.0, (due_ns - self._monotonic_ns()) / _NS_PER_S)
        turn = self._turn(purpose, left_s, lambda: order.is_taken_back)
        try:
            check()
            # Asked again when the connection stands: waiting and connecting take time, and the gate may shut meanwhile.
            fact = self._rates.exchange(
                channel,
                turn,
                lambda: requests.submit(self._signer, ticket, self._stamp()),
                leave,
                self._told(ticket.client_order_id),
            )
        except Withheld as error:
            return (held_back(ticket, str(error)),)
        except NotSupported as error:
            return (not_sent(ticket, "UNSUPPORTED", str(error)),)
        if isinstance(fact, Held):
            return (not_sent(ticket, fact.code, fact.reason, fact.retry_after_s),)
        if isinstance(fact, NothingLeft) and fact.is_withheld:
            return (held_back(ticket, fact.reason),)
        return replies.submit_outcome(ticket, fact)

    def _turn(self, purpose: Purpose, wait_s: float, is_void: Callable[[], bool] = lambda: False) -> Turn:
        allowed_s = self._settings.longest_wait_s(wait_s)
        return Turn(purpose, allowed_s, lambda: self._is_closing or is_void())

    def _refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        try:
            return self._guard.refusal(ticket, issuer, epoch)
        except Exception as error:  # noqa: BLE001 -- fail closed: a guard that cannot be asked refuses; it is reported
            self._on_fault("write guard", error)
            return f"GATE_SHUT: the write guard failed: {type(error).__name__}: {error}"

    def _told(self, client_order_id: str) -> Callable[[int], None] | None:
        on_sent = self._on_sent
        return None if on_sent is None else lambda at_ns: on_sent(client_order_id, at_ns)

    def _cancel(self, channel: HttpChannel, command: CancelOrder, request: Request) -> Iterable[Body] | None:
        orders = self._unanswered.of(command.client_order_id)  # before it is sent: it may overtake these
        fact = self._rates.exchange(
            channel,
            self._turn(Purpose.CANCEL, self._settings.rates.cancel_wait_s),
            lambda: requests.cancel(self._signer, command.symbol, command.client_order_id, self._stamp()),
        )
        if isinstance(fact, Held):
            return (cancel_rejected(command, fact.code, fact.reason),)
        if orders and outcomes.judge(fact).code == outcomes.CANCEL_REJECTED:
            orders[-1].when_answered(lambda: self._queue(self._cancel_lane, request))
            return None
        return replies.cancel_outcome(command, fact)
