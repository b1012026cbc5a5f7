"""Queries and snapshots at Binance as work of a lane: evidence out, whatever comes of the asking."""

from collections.abc import Callable, Iterable

from bulkhead.venues.adapters.ask_failed import AskFailed
from bulkhead.venues.adapters.binance_asking import Asking, Make
from bulkhead.venues.adapters.binance_preflight import Preflight
from bulkhead.venues.adapters.binance_rates import BinanceRates
from bulkhead.venues.adapters.binance_settings import BinanceSettings
from bulkhead.venues.adapters.laned_orders import Failed
from bulkhead.venues.port import VenueRefused, VenueUnavailable
from bulkhead.venues.transport.http import HttpChannel
from bulkhead.venues.transport.rate_budget import Purpose
from bulkhead.venues.transport.turns import Held, Turn
from bulkhead.venues.wire.binance import requests
from bulkhead.venues.wire.facts import HttpFact, clipped
from messages.base import Body
from messages.clock import VenueTimeTold
from messages.instruments import InstrumentsLoaded
from messages.orders import (
    OrderStatusReported,
    QueryOrder,
    TakeVenueSnapshot,
    VenueProtocolError,
    VenueSnapshotTaken,
)

_NS_PER_MS = 1_000_000


class Questions:
    def __init__(
        self,
        settings: BinanceSettings,
        signer: requests.Signer,
        stamp: Callable[[], requests.Stamp],
        now_ns: Callable[[], int],
        rates: BinanceRates,
        turn: Callable[[Purpose, float], Turn],
    ) -> None:
        self._settings = settings
        self._signer = signer
        self._stamp = stamp
        self._now_ns = now_ns
        self._rates = rates
        self._turn = turn

    def query(self, channel: HttpChannel, command: QueryOrder, failed: Failed) -> Iterable[Body]:
        as_of_ns = self._now_ns()
        try:
            asking = self._asking(channel, Purpose.QUERY)
            order, executions, raw = asking.order(command.symbol, command.client_order_id)
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

    def snapshot(self, channel: HttpChannel, command: TakeVenueSnapshot, failed: Failed) -> Iterable[Body]:
        as_of_ns = self._now_ns()
        try:
            asking = self._asking(channel, Purpose.SURVEY)
            taken = asking.snapshot(command.symbols, command.since_ns // _NS_PER_MS, as_of_ns // _NS_PER_MS)
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

    def instruments(self, channel: HttpChannel, preflight: Preflight, failed: Failed) -> Iterable[Body]:
        as_of_ns = self._now_ns()
        turn = self._turn(Purpose.SURVEY, self._settings.rates.question_wait_s)
        try:
            listed = preflight.load_instruments(channel, turn)
        except (VenueUnavailable, VenueRefused) as error:
            return (failed(str(error)),)
        return (InstrumentsLoaded(venue=self._settings.venue, instruments=listed, as_of_ns=as_of_ns),)

    def venue_time(self, channel: HttpChannel, preflight: Preflight, failed: Failed) -> Iterable[Body]:
        turn = self._turn(Purpose.SURVEY, self._settings.rates.question_wait_s)
        asked_ns = self._now_ns()
        try:
            venue_ms = preflight.server_time_ms(channel, turn)
        except (VenueUnavailable, VenueRefused) as error:
            return (failed(str(error)),)
        told = VenueTimeTold(
            venue=self._settings.venue,
            venue_ns=venue_ms * _NS_PER_MS,
            asked_ns=asked_ns,
            answered_ns=self._now_ns(),
        )
        return (told,)

    def _asking(self, channel: HttpChannel, purpose: Purpose) -> Asking:
        def exchange(make: Make) -> HttpFact:
            fact = self._rates.exchange(channel, self._turn(purpose, self._settings.rates.question_wait_s), make)
            if isinstance(fact, Held):
                raise AskFailed(f"{fact.code}: {fact.reason}")
            return fact

        return Asking(exchange, self._signer, self._stamp, self._settings.max_pages)

    def _failed(self, error: AskFailed, failed: Failed) -> Iterable[Body]:
        if error.raw is None:
            return (failed(error.reason),)
        unread = VenueProtocolError(venue=self._settings.venue, reason=clipped(error.reason), raw=clipped(error.raw))
        return (unread, failed(error.reason))
