"""What an adapter for orders over HTTP does whichever venue it is: lanes, counting, one answer for each request.

It decides nothing: no retry, no order state. Every request handed in gets exactly one answer (plus its fills), also
when the lane is full, closed, or our own code fails under it.

Orders, cancels, queries and snapshots have a thread and a connection each, so that none holds a cancel up. A cancel
and its own order keep their order all the same: an order of which nothing has left is taken back instead (both are
answered, nothing is sent); of one that is under way, only a cancel that succeeded is told before the order's answer.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from bulkhead.venues.adapters.laned_settings import LanedSettings
from bulkhead.venues.adapters.one_answer import Request, Work
from bulkhead.venues.adapters.unanswered import Unanswered, UnansweredOrders
from bulkhead.venues.answers import cancel_rejected, held_back, not_sent
from bulkhead.venues.port import CANCELLED_UNSENT, Sink, WriteGuard
from bulkhead.venues.transport.http import HttpChannel, HttpLane, LaneClosed, LaneFull, OnFault, Withheld
from bulkhead.venues.transport.rate_budget import Purpose
from bulkhead.venues.transport.turns import Held, Turn, Turns
from bulkhead.venues.wire.facts import HttpFact, NothingLeft, NotSupported, clipped
from messages.base import Body
from messages.clock import AskVenueTime, AuthAccepted, AuthRefused, VenueTimeFailed
from messages.instruments import InstrumentsFailed, LoadInstruments
from messages.orders import (
    CancelOrder,
    CancelOutcomeUnknown,
    OrderCancelled,
    OrderOutcomeUnknown,
    OrderQueryFailed,
    OrderTicket,
    QueryOrder,
    SubmitOrder,
    TakeVenueSnapshot,
    VenueSnapshotFailed,
)
from messages.rates import RateLimitOver, RateLimitReached

_NS_PER_S = 1_000_000_000

OnSent = Callable[[str, int], None]
"""Told the client order id and the monotonic nanosecond at which its bytes were in the socket."""
Failed = Callable[[str], Body]
"""Makes the evidence of a question that came to nothing, from the reason."""


class LanedOrders(ABC):
    """A part of an OrderVenue: its requests, from being handed in to their answers."""

    def __init__(
        self,
        settings: LanedSettings,
        turns: Turns,
        *,
        guard: WriteGuard,
        monotonic_ns: Callable[[], int],
        on_fault: OnFault,
        on_sent: OnSent | None,
    ) -> None:
        self._laned = settings
        self._turns = turns
        self._guard = guard
        self._monotonic_ns = monotonic_ns
        self._on_fault = on_fault
        self._on_sent = on_sent
        self._lock = threading.Lock()
        self._pending = 0
        self._handed_in = 0
        self._sink: Sink | None = None
        self._is_open = False
        self._is_closing = False
        self._unanswered = UnansweredOrders()
        self._order_lane = self._cancel_lane = self._query_lane = self._snapshot_lane = self._lane("orders")
        self._emergency_lane = self._order_lane

    # -- what a venue brings ------------------------------------------------------------------------------------------

    @abstractmethod
    def _send(
        self, channel: HttpChannel, ticket: OrderTicket, turn: Turn, leave: Callable[[], None]
    ) -> HttpFact | Held:
        """Carry one order to the venue. `leave` comes right before its first byte and raises Withheld to keep it here.
        Raises NotSupported, before that."""

    @abstractmethod
    def _outcome(self, ticket: OrderTicket, fact: HttpFact) -> Iterable[Body]:
        """What the fact says of the order: exactly one answer, and fills."""

    @abstractmethod
    def _cancel(self, channel: HttpChannel, command: CancelOrder, request: Request) -> Iterable[Body] | None:
        """Its answer; None where the request will be run again or answered by somebody else."""

    @abstractmethod
    def _query(self, channel: HttpChannel, command: QueryOrder, failed: Failed) -> Iterable[Body]: ...

    @abstractmethod
    def _snapshot(self, channel: HttpChannel, command: TakeVenueSnapshot, failed: Failed) -> Iterable[Body]: ...

    @abstractmethod
    def _instruments(self, channel: HttpChannel, failed: Failed) -> Iterable[Body]: ...

    def _venue_time(self, channel: HttpChannel, failed: Failed) -> Iterable[Body]:
        """Where the venue tells its time, its adapter asks for it."""
        return (failed("this venue tells no time"),)

    # -- life ---------------------------------------------------------------------------------------------------------

    @property
    def handed_in(self) -> int:
        """Requests ever handed in; rises before the call that hands one in returns."""
        with self._lock:
            return self._handed_in

    def pending(self) -> int:
        with self._lock:
            return self._pending

    def _open_lanes(self, sink: Sink) -> None:
        if self._is_open:
            raise RuntimeError("open already: close() comes before another open()")
        self._is_open, self._is_closing = True, False
        self._sink = sink
        self._turns.alarm.on_change = self._tell_rates
        self._turns.auth.on_change = self._tell_auth
        self._order_lane = self._cancel_lane = self._query_lane = self._snapshot_lane = self._lane("orders")
        self._emergency_lane = self._order_lane
        if self._laned.has_own_lanes:
            self._emergency_lane = self._lane("emergency")
            self._cancel_lane = self._lane("cancels")
            self._query_lane = self._lane("queries")
            self._snapshot_lane = self._lane("snapshots")
        for lane in self._lanes():
            lane.start()

    def _close_lanes(self, deadline_s: float, *others: Callable[[float], object]) -> None:
        """And whatever else is to be closed within the same deadline, after them."""
        until_ns = self._monotonic_ns() + int(deadline_s * _NS_PER_S)
        self._is_closing = True  # whoever waits for its turn waits no more
        for close in (*(lane.close for lane in self._lanes()), *others):
            close(max(0.0, (until_ns - self._monotonic_ns()) / _NS_PER_S))
        self._is_open = False  # the sink stays: what is still under way is answered

    def _lane(self, name: str) -> HttpLane:
        settings = self._laned
        return HttpLane(f"{settings.venue}-{name}", settings.rest_url, settings.http, self._on_fault)

    def _lanes(self) -> tuple[HttpLane, ...]:
        """Each once, those first that may still hold an order."""
        lanes = (self._order_lane, self._cancel_lane, self._emergency_lane, self._query_lane, self._snapshot_lane)
        return tuple(dict.fromkeys(lanes))

    # -- the port's requests ------------------------------------------------------------------------------------------

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        ticket = command.ticket
        due_ns = self._monotonic_ns() + int(self._laned.rates.order_wait_s * _NS_PER_S)

        def answer(bodies: Iterable[Body]) -> None:
            try:
                self._answer(bodies)
            finally:
                self._unanswered.remove(ticket.client_order_id, order)
                order.answered()

        request = Request(
            lambda channel: self._submit(channel, ticket, issuer, epoch, order, due_ns),
            lambda code, reason: not_sent(ticket, code, reason),
            lambda reason: OrderOutcomeUnknown(
                client_order_id=ticket.client_order_id, symbol=ticket.symbol, reason=reason
            ),
            answer,
        )
        order = Unanswered(request)
        self._count()
        if self._laned.has_own_lanes:  # else a cancel is behind its order anyway
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

    def cancel_apart(self, command: CancelOrder, told: Sink) -> None:
        """As `cancel`, past whatever may hang: on a thread and a connection of its own, and answered to `told` alone.
        The sink waits for room where evidence piles up, and a full mailbox would keep the cancel lane from its work.
        Shared with the others: the count of requests (cancels have their share of it), and a token where there is one.
        """

        def answer(bodies: Iterable[Body]) -> None:
            for body in bodies:
                told(body)

        request = Request(
            lambda channel: self._cancel(channel, command, request),
            lambda code, reason: cancel_rejected(command, code, reason),
            lambda reason: CancelOutcomeUnknown(
                client_order_id=command.client_order_id, symbol=command.symbol, reason=reason
            ),
            answer,
        )
        self._queue(self._emergency_lane, request)

    def query(self, command: QueryOrder) -> None:
        def failed(reason: str) -> Body:
            return OrderQueryFailed(
                client_order_id=command.client_order_id, symbol=command.symbol, reason=clipped(reason)
            )

        self._ask(self._query_lane, lambda channel: self._query(channel, command, failed), failed)

    def snapshot(self, command: TakeVenueSnapshot) -> None:
        def failed(reason: str) -> Body:
            return VenueSnapshotFailed(venue=self._laned.venue, reason=clipped(reason))

        self._ask(self._snapshot_lane, lambda channel: self._snapshot(channel, command, failed), failed)

    def instruments(self, command: LoadInstruments) -> None:
        def failed(reason: str) -> Body:
            return InstrumentsFailed(venue=self._laned.venue, reason=clipped(reason))

        self._ask(self._snapshot_lane, lambda channel: self._instruments(channel, failed), failed)

    def venue_time(self, command: AskVenueTime) -> None:
        def failed(reason: str) -> Body:
            return VenueTimeFailed(venue=self._laned.venue, reason=clipped(reason))

        self._ask(self._snapshot_lane, lambda channel: self._venue_time(channel, failed), failed)

    # -- handing in and answering -------------------------------------------------------------------------------------

    def _ask(self, lane: HttpLane, work: Work, failed: Failed) -> None:
        request = Request(work, lambda code, reason: failed(f"{code}: {reason}"), failed, self._answer)
        self._hand_in(lane, request)

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
        try:
            self._tell(bodies)
        finally:
            # After the sink, so that nothing is pending means that everything has been posted.
            with self._lock:
                self._pending -= 1

    def _tell(self, bodies: Iterable[Body]) -> None:
        """Evidence that nobody asked for, too."""
        sink = self._sink
        if sink is None:
            raise RuntimeError("an answer before open()")
        for body in bodies:
            sink(body)

    def _tell_rates(self, reason: str | None) -> None:
        venue, sink = self._laned.venue, self._sink
        if sink is not None:
            sink(RateLimitOver(venue=venue) if reason is None else RateLimitReached(venue=venue, reason=reason))

    def _tell_auth(self, reason: str | None) -> None:
        venue, sink = self._laned.venue, self._sink
        if sink is not None:
            sink(AuthAccepted(venue=venue) if reason is None else AuthRefused(venue=venue, reason=clipped(reason)))

    # -- on a lane's thread -------------------------------------------------------------------------------------------

    def _submit(
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
            fact = self._send(channel, ticket, turn, leave)
        except Withheld as error:
            return (held_back(ticket, str(error)),)
        except NotSupported as error:
            return (not_sent(ticket, "UNSUPPORTED", str(error)),)
        if isinstance(fact, Held):
            return (not_sent(ticket, fact.code, fact.reason, fact.retry_after_s),)
        if isinstance(fact, NothingLeft) and fact.is_withheld:
            return (held_back(ticket, fact.reason),)
        return self._outcome(ticket, fact)

    def _turn(self, purpose: Purpose, wait_s: float, is_void: Callable[[], bool] = lambda: False) -> Turn:
        allowed_s = self._laned.longest_wait_s(wait_s)
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
