"""An account at Binance Spot: orders out over REST, evidence in from their answers and from the user stream.

What becomes of requests is said in `laned_orders.py`. Here a cancel that found no such order is sent again after the
answer of its order, since it may have overtaken it.
"""

import random
from collections.abc import Callable, Iterable

from bulkhead.venues.adapters.binance_preflight import Preflight
from bulkhead.venues.adapters.binance_questions import Questions
from bulkhead.venues.adapters.binance_rates import BinanceRates
from bulkhead.venues.adapters.binance_settings import BinanceSettings
from bulkhead.venues.adapters.laned_orders import Failed, LanedOrders, OnSent
from bulkhead.venues.adapters.one_answer import Request
from bulkhead.venues.adapters.user_stream import UserStream
from bulkhead.venues.answers import cancel_rejected
from bulkhead.venues.key_rights import KeyRights
from bulkhead.venues.port import ClientIdScheme, Sink, VenueCapabilities, WriteGuard
from bulkhead.venues.transport.http import HttpChannel, OnFault
from bulkhead.venues.transport.rate_budget import Purpose, RateState
from bulkhead.venues.transport.turns import Held, Turn
from bulkhead.venues.wire.binance import outcomes, replies, requests
from bulkhead.venues.wire.facts import HttpFact
from messages.base import Body
from messages.instruments import Instrument
from messages.orders import (
    CancelOrder,
    OrderChannelDown,
    OrderChannelUp,
    OrderTicket,
    QueryOrder,
    TakeVenueSnapshot,
)

_NS_PER_MS = 1_000_000


class BinanceOrders(LanedOrders):
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
        self._now_ns = now_ns
        self._signer = requests.Signer(settings.api_key.get_secret_value(), settings.api_secret.get_secret_value())
        self._rates = rates = rates or BinanceRates(settings.rates, monotonic_ns, now_ns)
        super().__init__(settings, rates, guard=guard, monotonic_ns=monotonic_ns, on_fault=on_fault, on_sent=on_sent)
        self._preflight = Preflight(settings, rates)
        self._questions = Questions(settings, self._signer, self._stamp, now_ns, rates, self._turn)
        self._stream = UserStream(settings, self._signer, self._stamp, rng, on_fault, rates.charge_user_stream)

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
        return self._turns.state

    @property
    def received_user_events(self) -> int:
        """Events of the user stream whose evidence has been given to the sink, ignored kinds included."""
        return self._stream.received

    def channel(self) -> OrderChannelUp | OrderChannelDown:
        return self._stream.channel

    # -- preflight ----------------------------------------------------------------------------------------------------

    def load_instruments(self) -> tuple[Instrument, ...]:
        return self._preflight.load_instruments()

    def server_time_ms(self) -> int:
        return self._preflight.server_time_ms()

    def check_key(self) -> None:
        self._preflight.check_key(self._signer, self._stamp)

    def key_rights(self) -> KeyRights | None:
        return self._preflight.key_rights(self._signer, self._stamp)

    # -- life ---------------------------------------------------------------------------------------------------------

    def open(self, sink: Sink) -> None:
        self._open_lanes(sink)
        self._stream.open(sink)

    def close(self, deadline_s: float) -> None:
        self._close_lanes(deadline_s, self._stream.close)

    # -- on a lane's thread -------------------------------------------------------------------------------------------

    def _send(
        self, channel: HttpChannel, ticket: OrderTicket, turn: Turn, leave: Callable[[], None]
    ) -> HttpFact | Held:
        return self._turns.exchange(
            channel,
            turn,
            lambda: requests.submit(self._signer, ticket, self._stamp()),
            leave,
            self._told(ticket.client_order_id),
        )

    def _outcome(self, ticket: OrderTicket, fact: HttpFact) -> Iterable[Body]:
        return replies.submit_outcome(ticket, fact)

    def _cancel(self, channel: HttpChannel, command: CancelOrder, request: Request) -> Iterable[Body] | None:
        orders = self._unanswered.of(command.client_order_id)  # before it is sent: it may overtake these
        fact = self._turns.exchange(
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

    def _query(self, channel: HttpChannel, command: QueryOrder, failed: Failed) -> Iterable[Body]:
        return self._questions.query(channel, command, failed)

    def _snapshot(self, channel: HttpChannel, command: TakeVenueSnapshot, failed: Failed) -> Iterable[Body]:
        return self._questions.snapshot(channel, command, failed)

    def _instruments(self, channel: HttpChannel, failed: Failed) -> Iterable[Body]:
        return self._questions.instruments(channel, self._preflight, failed)

    def _venue_time(self, channel: HttpChannel, failed: Failed) -> Iterable[Body]:
        return self._questions.venue_time(channel, self._preflight, failed)
