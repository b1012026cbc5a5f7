"""An account at KIS: orders out over REST, evidence in from their answers and from looks at the lists.

The venue keeps no client ids and tells no executions. An order is named by the number that its answer gave; what has
filled of it is its running total, told as OrderStatusReported whenever a notice gives cause to look. No executions are
told or listed. What becomes of requests is said in `laned_orders.py`.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal

from bulkhead.venues.adapters.ask_failed import AskFailed
from bulkhead.venues.adapters.kis_asking import Asking
from bulkhead.venues.adapters.kis_heard import Heard
from bulkhead.venues.adapters.kis_known import NO_ORDER_NUMBER, KnownOrders
from bulkhead.venues.adapters.kis_looks import Looks, LookSettings
from bulkhead.venues.adapters.kis_preflight import Preflight
from bulkhead.venues.adapters.kis_session import KisSession, Make, is_token_refused
from bulkhead.venues.adapters.kis_socket import Listener
from bulkhead.venues.adapters.laned_orders import Failed, LanedOrders, OnSent
from bulkhead.venues.adapters.one_answer import Request
from bulkhead.venues.adapters.unanswered import Unanswered
from bulkhead.venues.answers import cancel_rejected
from bulkhead.venues.port import (
    ClientIdScheme,
    Sink,
    VenueCapabilities,
    VenueRefused,
    VenueUnavailable,
    WriteGuard,
)
from bulkhead.venues.transport.http import HttpChannel
from bulkhead.venues.transport.rate_budget import Purpose, RateState
from bulkhead.venues.transport.turns import Held, Turn
from bulkhead.venues.wire.facts import HttpFact, Ignored, ProtocolError, clipped
from bulkhead.venues.wire.kis import notices, orders, streams
from bulkhead.venues.wire.kis_cipher import NoticeKey
from bulkhead.venues.wire.kis_fields import kst_date, parse_order_number
from messages.base import Body
from messages.costs import TradingCosts
from messages.instruments import Instrument, InstrumentsLoaded
from messages.orders import (
    CancelOrder,
    OrderAccepted,
    OrderChannelDown,
    OrderChannelUp,
    OrderNotSent,
    OrderStatusReported,
    OrderTicket,
    QueryOrder,
    TakeVenueSnapshot,
    VenueProtocolError,
    VenueSnapshotTaken,
)

TOKEN_RETRY_S = 1.0
"""An order whose token was refused: whoever sends it again makes the session ask for a new one."""
CASH_UNIT = Decimal(1)
"""A won is not divided."""


class KisOrders(LanedOrders):
    """Implements OrderVenue. May be opened again after it was closed: a restarted transport does."""

    def __init__(self, session: KisSession, *, guard: WriteGuard, on_sent: OnSent | None = None) -> None:
        self._session = session
        self._settings = settings = session.settings
        super().__init__(
            settings,
            session.turns,
            guard=guard,
            monotonic_ns=session.monotonic_ns,
            on_fault=session.on_fault,
            on_sent=on_sent,
        )
        self._preflight = Preflight(session)
        self._known = KnownOrders(settings.exchange)
        self._looks = Looks(
            LookSettings(settings.venue, settings.cancel_confirm_s, settings.look_again_s),
            self._known,
            lambda channel: self._asking(channel, Purpose.QUERY),
            self._tell,
            session.now_ns,
            session.monotonic_ns,
            session.pause,
        )
        self._heard = Heard(session.account, self._known, self._looks)
        self._listener = Listener(
            (session.notices,), self._on_frame, self._on_unread, self._on_up, self._on_down, needs_key=True
        )
        session.socket.add(self._listener)
        self._channel: OrderChannelUp | OrderChannelDown
        self._channel = OrderChannelDown(venue=settings.venue, reason="the socket has not come up yet", attempt=0)

    # -- what it is ---------------------------------------------------------------------------------------------------

    @property
    def capabilities(self) -> VenueCapabilities:
        settings = self._settings
        costs = TradingCosts(
            asset="KRW",
            commission_rate=settings.commission_rate,
            sell_tax_rate=settings.sell_tax_rate,
            unit=CASH_UNIT,
            off_by=settings.cost_off_by,
        )
        return VenueCapabilities(
            venue=settings.venue,
            client_id=ClientIdScheme.NONE,
            has_execution_ids=False,
            has_market_orders=True,
            can_amend=True,
            can_cancel_all=False,
            has_server_time=False,
            request_validity_s=settings.request_validity_s,
            submits_in_parallel=False,
            orders_end_with_day=True,
            costs=costs,
            own_channels=settings.own_channels,
        )

    @property
    def rate_state(self) -> RateState:
        return self._session.rate_state

    @property
    def notices_heard(self) -> tuple[int, int]:
        """Of this account, and of other accounts of the same person, which are dropped."""
        return self._heard.notices, self._heard.others

    def channel(self) -> OrderChannelUp | OrderChannelDown:
        return self._channel

    # -- preflight ----------------------------------------------------------------------------------------------------

    def load_instruments(self) -> tuple[Instrument, ...]:
        return self._preflight.load_instruments()

    def server_time_ms(self) -> int:
        return self._preflight.server_time_ms()

    def check_key(self) -> None:
        self._preflight.check_key()

    # -- life ---------------------------------------------------------------------------------------------------------

    def open(self, sink: Sink) -> None:
        self._open_lanes(sink)
        self._looks.start(self._query_lane)
        self._session.socket.open(self._listener)

    def close(self, deadline_s: float) -> None:
        self._close_lanes(
            deadline_s, self._looks.stop, lambda left_s: self._session.socket.close(self._listener, left_s)
        )

    # -- the stream of notices ----------------------------------------------------------------------------------------

    def _on_frame(self, frame: streams.Frame, key: NoticeKey | None) -> None:
        heard = notices.notices(frame, key, self._session.received())
        if isinstance(heard, ProtocolError):
            self._on_unread(heard)
        elif not isinstance(heard, Ignored):
            for notice in heard:
                self._heard.heard(notice)

    def _on_unread(self, error: ProtocolError) -> None:
        """Of which order, nobody knows: whoever hears this compares the books."""
        self._tell((VenueProtocolError(venue=self._settings.venue, reason=error.reason, raw=error.raw),))

    def _on_up(self) -> None:
        self._tell_channel(OrderChannelUp(venue=self._settings.venue))

    def _on_down(self, reason: str, attempt: int) -> None:
        self._tell_channel(OrderChannelDown(venue=self._settings.venue, reason=clipped(reason), attempt=attempt))

    def _tell_channel(self, channel: OrderChannelUp | OrderChannelDown) -> None:
        """Kept before it is told: whoever asks after having missed it hears nothing older."""
        self._channel = channel
        self._tell((channel,))

    # -- on a lane's thread -------------------------------------------------------------------------------------------

    def _submit(
        self, channel: HttpChannel, ticket: OrderTicket, issuer: str, epoch: int, order: Unanswered, due_ns: int
    ) -> Iterable[Body]:
        self._heard.order_begins()
        try:
            return super()._submit(channel, ticket, issuer, epoch, order, due_ns)
        finally:
            self._heard.order_ended()

    def _send(
        self, channel: HttpChannel, ticket: OrderTicket, turn: Turn, leave: Callable[[], None]
    ) -> HttpFact | Held:
        return self._session.exchange_order(
            channel,
            turn,
            lambda caller: orders.submit(caller, ticket, self._settings.exchange),
            leave,
            self._told(ticket.client_order_id),
        )

    def _outcome(self, ticket: OrderTicket, fact: HttpFact) -> Iterable[Body]:
        told = orders.submit_outcome(ticket, fact, self._session.now_ns())
        for body in told:
            number = parse_order_number(body.venue_order_id or "") if isinstance(body, OrderAccepted) else None
            if number is not None:
                self._known.learn(ticket.client_order_id, number, orders.division_of(ticket))
        if is_token_refused(fact):
            waits = {"retry_after_s": TOKEN_RETRY_S}
            return tuple(body.model_copy(update=waits) if isinstance(body, OrderNotSent) else body for body in told)
        return told

    def _cancel(self, channel: HttpChannel, command: CancelOrder, request: Request) -> Iterable[Body] | None:
        under_way = self._unanswered.of(command.client_order_id)
        number = self._known.number_of(command.client_order_id, command.venue_order_id)
        if number is None and under_way:
            # Its answer brings the number, and a cancel cannot be sent without one.
            under_way[-1].when_answered(lambda: self._queue(self._cancel_lane, request))
            return None
        if number is None:
            return (cancel_rejected(command, NO_ORDER_NUMBER, "the venue's number of this order is not known"),)
        placed = self._known.placed(number)
        fact = self._session.exchange(
            channel,
            self._turn(Purpose.CANCEL, self._settings.rates.cancel_wait_s),
            lambda caller: orders.cancel(caller, placed),
        )
        if isinstance(fact, Held):
            return (cancel_rejected(command, fact.code, fact.reason),)
        outcome = orders.cancel_outcome(command, fact, self._session.now_ns())
        if isinstance(outcome, orders.Sent):
            self._looks.confirm(number, command, request)
            return None
        # Whatever it was, how the order stands is worth a look: it may have filled, or be cancelled after all.
        self._looks.mark((number.date, number.number))
        return (outcome,)

    def _query(self, channel: HttpChannel, command: QueryOrder, failed: Failed) -> Iterable[Body]:
        number = self._known.number_of(command.client_order_id, command.venue_order_id)
        if number is None:
            return (failed(f"{NO_ORDER_NUMBER}: the venue's number of this order is not known"),)
        as_of_ns = self._session.now_ns()
        try:
            row = self._asking(channel, Purpose.QUERY).order(number)
        except AskFailed as error:
            return self._failed(error, failed)
        if row is None:
            return (failed(f"the venue gave the number {number}, and does not list it (yet)"),)
        self._known.seen(row)
        report = OrderStatusReported(
            client_order_id=command.client_order_id,
            symbol=command.symbol,
            order=row.as_venue_order(command.client_order_id, kst_date(as_of_ns)),
            as_of_ns=as_of_ns,
            raw=row.raw,
        )
        return (report,)

    def _snapshot(self, channel: HttpChannel, command: TakeVenueSnapshot, failed: Failed) -> Iterable[Body]:
        as_of_ns = self._session.now_ns()
        try:
            asking = self._asking(channel, Purpose.SURVEY)
            rows, balances = asking.since(command.since_ns), asking.balances()
        except AskFailed as error:
            return self._failed(error, failed)
        for row in rows:
            self._known.seen(row)
        today = kst_date(as_of_ns)
        listed = tuple(row.as_venue_order(self._known.id_of(row.number), today) for row in rows)
        taken = VenueSnapshotTaken(
            venue=self._settings.venue,
            account=self._settings.account,
            as_of_ns=as_of_ns,
            balances=balances,
            open_orders=tuple(order for order in listed if not order.status.is_terminal),
            orders=listed,  # of every symbol: somebody's trade in another one moves the same money
            executions=(),
        )
        return (taken,)

    def _instruments(self, channel: HttpChannel, failed: Failed) -> Iterable[Body]:
        as_of_ns = self._session.now_ns()
        turn = self._turn(Purpose.SURVEY, self._settings.rates.question_wait_s)
        try:
            listed = self._preflight.load_instruments(channel, turn)
        except (VenueUnavailable, VenueRefused) as error:
            return (failed(str(error)),)
        return (InstrumentsLoaded(venue=self._settings.venue, instruments=listed, as_of_ns=as_of_ns),)

    def _asking(self, channel: HttpChannel, purpose: Purpose) -> Asking:
        def exchange(make: Make) -> HttpFact:
            turn = self._turn(purpose, self._settings.rates.question_wait_s)
            fact = self._session.exchange(channel, turn, make)
            if isinstance(fact, Held):
                raise AskFailed(f"{fact.code}: {fact.reason}")
            return fact

        return Asking(exchange, self._session.now_ns, self._settings.max_pages)

    def _failed(self, error: AskFailed, failed: Failed) -> Iterable[Body]:
        if error.raw is None:
            return (failed(error.reason),)
        unread = VenueProtocolError(venue=self._settings.venue, reason=clipped(error.reason), raw=clipped(error.raw))
        return (unread, failed(error.reason))
