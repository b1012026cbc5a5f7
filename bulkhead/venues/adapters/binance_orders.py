"""An account at Binance Spot: orders out over REST, evidence in from their answers and from the user stream.

It decides nothing: no retry, no order state. Every request handed in gets exactly one answer (plus its fills), also
when the lane is full, closed, or our own code fails under it.
"""

import random
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from bulkhead.venues.adapters.binance_asking import AskFailed, Asking
from bulkhead.venues.adapters.binance_settings import BinanceSettings
from bulkhead.venues.adapters.one_answer import Request, Work
from bulkhead.venues.adapters.rate_state import RateBook, RateState
from bulkhead.venues.adapters.user_stream import UserStream
from bulkhead.venues.port import (
    ClientIdScheme,
    Instrument,
    Sink,
    VenueCapabilities,
    VenueRefused,
    VenueUnavailable,
    WriteGuard,
)
from bulkhead.venues.transport.http import HttpChannel, HttpLane, LaneClosed, LaneFull, OnFault, Withheld
from bulkhead.venues.wire.binance import outcomes, replies, requests
from bulkhead.venues.wire.facts import Answered, Family, NothingLeft, ProtocolError, WireRequest, clipped
from messages.base import Body
from messages.orders import (
    CancelOrder,
    CancelOutcomeUnknown,
    CancelRejected,
    OrderChannelDown,
    OrderChannelUp,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderQueryFailed,
    OrderStatusReported,
    OrderTicket,
    QueryOrder,
    SubmitOrder,
    TakeVenueSnapshot,
    VenueProtocolError,
    VenueSnapshotFailed,
    VenueSnapshotTaken,
)

T = TypeVar("T")
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
    ) -> None:
        self._settings = settings
        self._guard = guard
        self._now_ns = now_ns
        self._monotonic_ns = monotonic_ns
        self._on_fault = on_fault
        self._on_sent = on_sent
        self._signer = requests.Signer(settings.api_key.get_secret_value(), settings.api_secret.get_secret_value())
        self._rates = RateBook(monotonic_ns)
        self._rng = rng
        self._lock = threading.Lock()
        self._pending = 0
        self._handed_in = 0
        self._sink: Sink | None = None
        self._is_open = False
        self._order_lane = self._query_lane = self._lane("orders")  # each open() makes its own
        self._stream = UserStream(settings, self._signer, self._stamp, rng, on_fault)

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
        return self._ask_now(requests.exchange_info(self._settings.symbols), replies.instruments)

    def server_time_ms(self) -> int:
        return self._ask_now(requests.server_time(), replies.server_time_ms)

    def check_key(self) -> None:
        self._ask_now(requests.account(self._signer, self._stamp()), lambda _: None)

    def _ask_now(self, request: WireRequest, read: Callable[[str], T | ProtocolError]) -> T:
        url = self._settings.rest_url
        with HttpChannel(url, self._settings.http) as channel:
            fact = channel.exchange(request)
        self._rates.note(fact)
        verdict = outcomes.judge(fact)
        if not isinstance(fact, Answered):
            raise VenueUnavailable(
                f"{url} cannot be asked ({verdict.reason}); check rest_url, the network and the venue"
            )
        if verdict.family is not Family.ACCEPTED:
            if outcomes.read_error(fact.text) is not None and fact.status < 500:
                raise VenueRefused(verdict.code, f"{url}{request.path} refused: {verdict.reason}")
            raise VenueUnavailable(
                f"{url}{request.path} answered HTTP {fact.status}; check rest_url, or wait and retry"
            )
        result = read(fact.text)
        if isinstance(result, ProtocolError):
            raise VenueUnavailable(
                f"{url}{request.path} answered what cannot be read ({result.reason}); check that rest_url is this venue"
            )
        return result

    # -- life ---------------------------------------------------------------------------------------------------------

    def open(self, sink: Sink) -> None:
        if self._is_open:
            raise RuntimeError("open already: close() comes before another open()")
        self._is_open = True
        self._sink = sink
        self._order_lane = self._lane("orders")
        self._query_lane = self._lane("queries") if self._settings.lanes == 2 else self._order_lane
        for lane in {self._order_lane, self._query_lane}:
            lane.start()
        self._stream.open(sink)

    def close(self, deadline_s: float) -> None:
        until_ns = self._monotonic_ns() + int(deadline_s * _NS_PER_S)
        for close in (self._order_lane.close, self._query_lane.close, self._stream.close):
            close(max(0.0, (until_ns - self._monotonic_ns()) / _NS_PER_S))
        self._is_open = False  # the sink stays: what is still under way is answered

    # -- the port's four requests -------------------------------------------------------------------------------------

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        ticket = command.ticket
        self._hand_in(
            self._order_lane,
            lambda channel: self._send(channel, ticket, issuer, epoch),
            lambda code, reason: _not_sent(ticket, code, reason),
            lambda reason: OrderOutcomeUnknown(
                client_order_id=ticket.client_order_id, symbol=ticket.symbol, reason=reason
            ),
        )

    def cancel(self, command: CancelOrder) -> None:
        self._hand_in(
            self._order_lane,
            lambda channel: self._cancel(channel, command),
            lambda code, reason: _cancel_rejected(command, code, reason),
            lambda reason: CancelOutcomeUnknown(
                client_order_id=command.client_order_id, symbol=command.symbol, reason=reason
            ),
        )

    def query(self, command: QueryOrder) -> None:
        def failed(reason: str) -> Body:
            return OrderQueryFailed(
                client_order_id=command.client_order_id, symbol=command.symbol, reason=clipped(reason)
            )

        self._hand_in(
            self._query_lane,
            lambda channel: self._query(channel, command, failed),
            lambda code, reason: failed(f"{code}: {reason}"),
            failed,
        )

    def snapshot(self, command: TakeVenueSnapshot) -> None:
        def failed(reason: str) -> Body:
            return VenueSnapshotFailed(venue=self._settings.venue, reason=clipped(reason))

        self._hand_in(
            self._query_lane,
            lambda channel: self._take(channel, command, failed),
            lambda code, reason: failed(f"{code}: {reason}"),
            failed,
        )

    def _hand_in(
        self, lane: HttpLane, work: Work, unsent: Callable[[str, str], Body], broken: Callable[[str], Body]
    ) -> None:
        if self._sink is None:
            raise RuntimeError("open() comes before any request: there is nobody to answer")
        request = Request(work, unsent, broken, self._answer)
        with self._lock:
            self._pending += 1
            self._handed_in += 1
        try:
            lane.submit(request)
        except LaneClosed as error:
            request.abandon(str(error))
        except LaneFull as error:
            request.refuse(str(error))

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

    # -- on a lane's thread -------------------------------------------------------------------------------------------

    def _send(self, channel: HttpChannel, ticket: OrderTicket, issuer: str, epoch: int) -> Iterable[Body]:
        blocked = self._rates.blocked()
        if blocked is not None:
            return (_not_sent(ticket, blocked.code, blocked.reason, blocked.retry_after_s),)

        def check() -> None:
            refusal = self._refusal(ticket, issuer, epoch)
            if refusal is not None:
                raise Withheld(refusal)

        try:
            check()
            request = requests.submit(self._signer, ticket, self._stamp())
        except Withheld as error:
            return (_held_back(ticket, str(error)),)
        except requests.NotSupported as error:
            return (_not_sent(ticket, "UNSUPPORTED", str(error)),)
        # Asked again when the connection stands: connecting can take seconds, and the gate may shut in between.
        fact = channel.exchange(request, check, self._told(ticket.client_order_id))
        self._rates.note(fact)
        if isinstance(fact, NothingLeft) and fact.is_withheld:
            return (_held_back(ticket, fact.reason),)
        return replies.submit_outcome(ticket, fact)

    def _refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        try:
            return self._guard.refusal(ticket, issuer, epoch)
        except Exception as error:  # noqa: BLE001 -- fail closed: a guard that cannot be asked refuses; it is reported
            self._on_fault("write guard", error)
            return f"GATE_SHUT: the write guard failed: {type(error).__name__}: {error}"

    def _told(self, client_order_id: str) -> Callable[[int], None] | None:
        on_sent = self._on_sent
        return None if on_sent is None else lambda at_ns: on_sent(client_order_id, at_ns)

    def _cancel(self, channel: HttpChannel, command: CancelOrder) -> Iterable[Body]:
        blocked = self._rates.blocked(is_cancel=True)
        if blocked is not None:
            return (_cancel_rejected(command, blocked.code, blocked.reason),)
        request = requests.cancel(self._signer, command.symbol, command.client_order_id, self._stamp())
        fact = channel.exchange(request)
        self._rates.note(fact)
        return replies.cancel_outcome(command, fact)

    def _asking(self, channel: HttpChannel) -> Asking:
        return Asking(channel.exchange, self._signer, self._stamp, self._rates, self._settings.max_pages)

    def _query(self, channel: HttpChannel, command: QueryOrder, failed: Callable[[str], Body]) -> Iterable[Body]:
        as_of_ns = self._now_ns()
        try:
            order, executions, raw = self._asking(channel).order(command.symbol, command.client_order_id)
        except AskFailed as error:
            return self._failed(error, failed)
        report = OrderStatusReported(
            client_order_id=command.client_order_id,
            symbol=command.symbol,
            order=order,
            executions=executions,
            as_of_ns=as_of_ns,
            raw=clipped(raw),
        )
        return (report,)

    def _take(self, channel: HttpChannel, command: TakeVenueSnapshot, failed: Callable[[str], Body]) -> Iterable[Body]:
        as_of_ns = self._now_ns()
        try:
            taken = self._asking(channel).snapshot(
                command.symbols, command.since_ns // _NS_PER_MS, as_of_ns // _NS_PER_MS
            )
        except AskFailed as error:
            return self._failed(error, failed)
        report = VenueSnapshotTaken(
            venue=self._settings.venue,
            account=self._settings.account,
            as_of_ns=as_of_ns,
            balances=taken.balances,
            open_orders=taken.open_orders,
            orders=taken.orders,
            executions=taken.executions,
        )
        return (report,)

    def _failed(self, error: AskFailed, failed: Callable[[str], Body]) -> Iterable[Body]:
        if error.raw is None:
            return (failed(error.reason),)
        unread = VenueProtocolError(venue=self._settings.venue, reason=clipped(error.reason), raw=clipped(error.raw))
        return (unread, failed(error.reason))


def _not_sent(ticket: OrderTicket, code: str, reason: str, retry_after_s: float | None = None) -> Body:
    return OrderNotSent(
        client_order_id=ticket.client_order_id,
        symbol=ticket.symbol,
        code=code,
        reason=reason,
        retry_after_s=retry_after_s,
    )


def _held_back(ticket: OrderTicket, refusal: str) -> Body:
    """A guard names FENCED before a colon when the issuer's incarnation has ended; anything else is the gate."""
    code, _, detail = refusal.partition(":")
    if code in ("FENCED", "GATE_SHUT"):
        return _not_sent(ticket, code, detail.strip() or refusal)
    return _not_sent(ticket, "GATE_SHUT", refusal)


def _cancel_rejected(command: CancelOrder, code: str, reason: str) -> Body:
    return CancelRejected(client_order_id=command.client_order_id, symbol=command.symbol, code=code, reason=reason)
