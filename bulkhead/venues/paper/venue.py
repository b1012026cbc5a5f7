"""PaperVenue: an account whose orders are filled on this machine, by a fill model, from the data of any market feed.

To the house it is a venue like any other (`bulkhead/venues/port.py`): it asks the gate before an order leaves, answers
each request once, never blocks its caller, and knows after a kill all that it has told. It decides nothing about
orders of ours. Only prices and trading rules come from outside; nothing is ever sent there.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from bulkhead.venues.answers import cancel_rejected, held_back, not_sent
from bulkhead.venues.paper.exchange import PaperExchange, strangers
from bulkhead.venues.paper.executor import rules_of
from bulkhead.venues.paper.factory import make_model
from bulkhead.venues.paper.settings import FillSettings
from bulkhead.venues.paper.surveying import Survey, ask_time
from bulkhead.venues.paper.worker import Job, Worker, WorkerClosed, WorkerFull
from bulkhead.venues.port import ClientIdScheme, Sink, VenueCapabilities, VenueRefused, VenueUnavailable, WriteGuard
from bulkhead.venues.simulator.books import Books
from bulkhead.venues.simulator.errors import Refused
from bulkhead.venues.simulator.instruments import MarketRules
from messages.base import Body
from messages.clock import AskVenueTime
from messages.instruments import Instrument, InstrumentsFailed, InstrumentsLoaded, LoadInstruments
from messages.market import FeedConnected, FeedDisconnected, MarketData, Trade
from messages.orders import (
    CancelOrder,
    CancelOutcomeUnknown,
    OrderChannelDown,
    OrderChannelUp,
    OrderOutcomeUnknown,
    OrderQueryFailed,
    OrderRejected,
    OrderTicket,
    QueryOrder,
    SubmitOrder,
    TakeVenueSnapshot,
    VenueSnapshotFailed,
)
from messages.values import TimeInForce

HISTORY_ORDERS = 500_000
"""Ended orders kept in the books; older ones are forgotten with their fills."""
_VALIDITY_MARGIN_S = 1.0

OnFault = Callable[[str, Exception], None]
OnSent = Callable[[str, int], None]


class _Request(NamedTuple):
    """A request on its way, and how each of its ends is told."""

    work: Callable[[PaperExchange], Iterable[Body]]
    unsent: Callable[[str, str], Body]
    refused: Callable[[str, str], Body]
    broken: Callable[[str], Body]


class PaperVenue:
    """Implements OrderVenue. `open_books` and `load_instruments` come before `open`; may be opened again."""

    def __init__(
        self,
        venue: str,
        account: str,
        settings: FillSettings,
        opening: Mapping[str, Decimal],
        *,
        survey: Survey,
        guard: WriteGuard,
        now_ns: Callable[[], int],
        monotonic_ns: Callable[[], int],
        on_fault: OnFault,
        on_sent: OnSent | None = None,
    ) -> None:
        """`opening` balances are used once, for new books. `on_sent` is told the client order id and the monotonic
        nanosecond at which an order left."""
        self._venue, self._account, self._settings, self._opening = venue, account, settings, opening
        self._survey, self._guard = survey, guard
        self._now_ns, self._monotonic_ns = now_ns, monotonic_ns
        self._on_fault, self._on_sent = on_fault, on_sent
        self._latency_ns = make_model(settings, "").latency_ns
        self._books: Books | None = None
        self._rules: dict[str, MarketRules] = {}
        self._exchange: PaperExchange | None = None
        self._sink: Sink | None = None
        self._worker = self._make_worker()
        self._is_open = False
        self._channel: OrderChannelUp | OrderChannelDown = self._down("not opened yet")
        self._lock = threading.Lock()
        self._pending = 0
        self._sent = 0
        self._last_due_ns = 0

    def _make_worker(self) -> Worker:
        return Worker(f"{self._venue}-paper", self._monotonic_ns, self._on_fault)

    # -- what it is ---------------------------------------------------------------------------------------------------

    @property
    def capabilities(self) -> VenueCapabilities:
        return VenueCapabilities(
            venue=self._venue,
            client_id=ClientIdScheme.UNIQUE_FOREVER,
            has_execution_ids=True,
            has_market_orders=True,
            can_amend=False,
            can_cancel_all=False,
            has_server_time=self._survey.capabilities.has_server_time,
            request_validity_s=self._settings.max_latency_s + _VALIDITY_MARGIN_S,
            submits_in_parallel=False,
        )

    def channel(self) -> OrderChannelUp | OrderChannelDown:
        return self._channel

    def pending(self) -> int:
        with self._lock:
            return self._pending

    # -- preflight ----------------------------------------------------------------------------------------------------

    def open_books(self, path: Path | None) -> None:
        """None keeps them in memory. Raises SimulatorError when they are in use or unusable."""
        self._books = Books(path, HISTORY_ORDERS, synced=True, one_thread=False)

    def close_books(self) -> None:
        if self._books is not None:
            self._books.close()
            self._books = None

    def load_instruments(self) -> tuple[Instrument, ...]:
        instruments = self._survey.load_instruments()
        self._rules = {instrument.symbol: _rules(instrument) for instrument in instruments}
        if self._books is not None and (unlisted := strangers(self._books, self._account, self._rules)):
            words = f"the paper books have open orders in {', '.join(unlisted)}, which no strategy of this run trades"
            raise VenueRefused("PAPER_BOOKS", words)
        return instruments

    def server_time_ms(self) -> int:
        return self._survey.server_time_ms()

    def check_key(self) -> None:
        """There is none: nothing of ours ever leaves."""

    # -- life ---------------------------------------------------------------------------------------------------------

    def open(self, sink: Sink) -> None:
        if self._is_open:
            raise RuntimeError("open already: close() comes before another open()")
        if self._books is None or not self._rules:
            raise RuntimeError("open_books() and load_instruments() come before open()")
        self._is_open = True
        self._sink = sink
        self._worker = self._make_worker()
        self._worker.start()
        self._worker.data(self._begin)

    def close(self, deadline_s: float) -> None:
        self._worker.close(deadline_s)
        self._exchange = None
        self._is_open = False  # the sink stays: what is still under way is answered
        self._channel = self._down("closed")

    def _begin(self) -> None:
        """Know again what the books know; the market is not known before the feed says more."""
        books = self._books
        try:
            if books is None:
                raise sqlite3.ProgrammingError("the paper books were closed")
            self._exchange = PaperExchange(
                self._account, self._settings, self._rules, books, self._opening, self._now_ns
            )
        except (sqlite3.Error, KeyError, ArithmeticError, ValueError) as error:
            self._exchange = None
            self._on_fault("paper books", error)
            self._set_channel(self._down(f"the paper books cannot be read: {error}"))
            return
        self._set_channel(OrderChannelUp(venue=self._venue))

    def _down(self, reason: str) -> OrderChannelDown:
        return OrderChannelDown(venue=self._venue, reason=reason, attempt=0)

    def _set_channel(self, channel: OrderChannelUp | OrderChannelDown) -> None:
        self._channel = channel
        self._tell((channel,))

    # -- the port's requests -------------------------------------------------------------------------------------

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        ticket = command.ticket
        key, symbol = ticket.client_order_id, ticket.symbol
        request = _Request(
            lambda exchange: exchange.place(ticket),
            lambda code, reason: not_sent(ticket, code, reason),
            lambda code, reason: OrderRejected(client_order_id=key, symbol=symbol, code=code, reason=reason),
            lambda reason: OrderOutcomeUnknown(client_order_id=key, symbol=symbol, reason=reason),
        )
        self._hand_in(request, lambda: self._leave(request, ticket, issuer, epoch))

    def cancel(self, command: CancelOrder) -> None:
        key, symbol = command.client_order_id, command.symbol
        request = _Request(
            lambda exchange: exchange.cancel(command),
            lambda code, reason: cancel_rejected(command, code, reason),
            lambda code, reason: cancel_rejected(command, code, reason),
            lambda reason: CancelOutcomeUnknown(client_order_id=key, symbol=symbol, reason=reason),
        )
        self._hand_in(request, lambda: self._travel(request))

    def query(self, command: QueryOrder) -> None:
        def failed(reason: str) -> Body:
            return OrderQueryFailed(client_order_id=command.client_order_id, symbol=command.symbol, reason=reason)

        self._ask(lambda exchange: (exchange.query(command),), failed)

    def snapshot(self, command: TakeVenueSnapshot) -> None:
        def failed(reason: str) -> Body:
            return VenueSnapshotFailed(venue=self._venue, reason=reason)

        self._ask(lambda exchange: (exchange.snapshot(command, self._venue),), failed)

    def instruments(self, command: LoadInstruments) -> None:
        """Asked of the venue on a thread of its own, since it may take long: orders and cancels go on meanwhile."""
        self._take_in()
        threading.Thread(target=self._survey_rules, name=f"{self._venue}-paper-rules", daemon=True).start()

    def venue_time(self, command: AskVenueTime) -> None:
        """The same: the feed's venue, whose times the ticks bear."""
        self._take_in()
        threading.Thread(target=self._survey_time, name=f"{self._venue}-paper-time", daemon=True).start()

    def _survey_time(self) -> None:
        self._answer((ask_time(self._survey, self._venue, self._now_ns, self._on_fault),))

    def _survey_rules(self) -> None:
        as_of_ns = self._now_ns()
        try:
            listed = self._survey.load_instruments()
            rules = {instrument.symbol: _rules(instrument) for instrument in listed}
        except (VenueUnavailable, VenueRefused) as error:
            self._answer((InstrumentsFailed(venue=self._venue, reason=str(error)),))
            return
        except Exception as error:  # noqa: BLE001 - every request is answered; the error is reported
            self._on_fault("paper rules", error)
            self._answer((InstrumentsFailed(venue=self._venue, reason=f"our own code failed: {error}"),))
            return
        self._worker.data(lambda: self._take(rules))
        self._answer((InstrumentsLoaded(venue=self._venue, instruments=listed, as_of_ns=as_of_ns),))

    def _take(self, rules: dict[str, MarketRules]) -> None:
        """New rules make the exchange anew from its books; what is not listed any more keeps its old ones."""
        before = self._rules
        if {**before, **rules} == before:
            return
        self._rules = {**before, **rules}
        self._begin_again("the trading rules have changed")
        if self._exchange is None:  # what is open does not fit them: it goes on by the old ones
            self._rules = before
            self._begin()

    def _ask(self, work: Callable[[PaperExchange], Iterable[Body]], failed: Callable[[str], Body]) -> None:
        def coded(code: str, reason: str) -> Body:
            return failed(f"{code}: {reason}")

        request = _Request(work, coded, coded, failed)
        self._hand_in(request, lambda: self._travel(request))

    def _hand_in(self, request: _Request, run: Callable[[], None]) -> None:
        self._take_in()
        try:
            self._worker.request(self._job(request, run))
        except WorkerClosed as error:
            self._answer((request.unsent("CLOSED", str(error)),))
        except WorkerFull as error:
            self._answer((request.unsent("LANE_FULL", str(error)),))

    def _job(self, request: _Request, run: Callable[[], None]) -> Job:
        return Job(run, lambda reason: self._answer((request.unsent("CLOSED", reason),)))

    # -- the market's data, on the feed's thread ----------------------------------------------------------------------

    def see(self, body: Body) -> None:
        """Take in what the feed says, in the order in which it says it. Never blocks, never raises."""
        if isinstance(body, Trade):
            self._worker.data(lambda: self._look(body))
        elif isinstance(body, MarketData):
            self._worker.data(lambda: self._look(body), (type(body), body.symbol))
        elif isinstance(body, FeedConnected | FeedDisconnected):
            self._worker.data(self._forget_market)

    # -- on the worker's thread ---------------------------------------------------------------------------------------

    def _look(self, data: MarketData) -> None:
        exchange = self._exchange
        if exchange is None:
            return
        try:
            self._tell(exchange.see(data))
        except Exception:
            self._begin_again("a fill could not be written down, or told")
            raise

    def _forget_market(self) -> None:
        if self._exchange is not None:
            self._exchange.forget_market()

    def _leave(self, request: _Request, ticket: OrderTicket, issuer: str, epoch: int) -> None:
        """The last moment at which the gate can hold an order back."""
        refusal = self._refusal(ticket, issuer, epoch)
        if refusal is not None:
            self._answer((held_back(ticket, refusal),))
        elif ticket.time_in_force is TimeInForce.DAY:
            self._answer((not_sent(ticket, "UNSUPPORTED", "time in force DAY: a paper market has no sessions"),))
        else:
            if self._on_sent is not None:
                self._on_sent(ticket.client_order_id, self._monotonic_ns())
            self._travel(request)

    def _refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        try:
            return self._guard.refusal(ticket, issuer, epoch)
        except Exception as error:  # noqa: BLE001 - fail closed: a guard that cannot be asked refuses; it is reported
            self._on_fault("write guard", error)
            return f"GATE_SHUT: the write guard failed: {type(error).__name__}: {error}"

    def _travel(self, request: _Request) -> None:
        """Nothing overtakes: a cancel cannot arrive before its order."""
        self._sent += 1
        now_ns = self._monotonic_ns()
        self._last_due_ns = max(self._last_due_ns, now_ns + self._latency_ns(self._sent))
        if self._last_due_ns <= now_ns:
            self._arrive(request)
        else:
            self._worker.later(self._last_due_ns, self._job(request, lambda: self._arrive(request)))

    def _arrive(self, request: _Request) -> None:
        if self._exchange is None:
            self._begin()
        exchange = self._exchange
        if exchange is None:
            self._answer((request.unsent("PAPER_BOOKS", "the paper books cannot be used"),))
            return
        try:
            said = tuple(request.work(exchange))
        except Refused as refused:
            said = (request.refused(str(refused.code), refused.message),)
        except Exception as error:
            self._answer((request.broken(f"our own code failed: {type(error).__name__}: {error}"),))
            self._begin_again("a request failed")
            raise
        try:
            self._answer(said)
        except Exception:
            self._begin_again("evidence could not be told")
            raise

    def _begin_again(self, why: str) -> None:
        """What the books say is what has happened: the engine may know more, and the house less. It compares its own
        when the channel comes up."""
        self._set_channel(self._down(why))
        self._begin()

    # -- answering ----------------------------------------------------------------------------------------------------

    def _take_in(self) -> None:
        if self._sink is None:
            raise RuntimeError("open() comes before any request: there is nobody to answer")
        self._count(+1)

    def _count(self, change: int) -> None:
        with self._lock:
            self._pending += change

    def _answer(self, bodies: Iterable[Body]) -> None:
        try:
            self._tell(bodies)
        finally:
            self._count(-1)  # after the sink: that nothing is pending means that everything has been posted

    def _tell(self, bodies: Iterable[Body]) -> None:
        sink = self._sink
        if sink is None:
            raise RuntimeError("an answer before open()")
        for body in bodies:
            sink(body)


def _rules(instrument: Instrument) -> MarketRules:
    try:
        return rules_of(instrument)
    except ValueError as error:
        raise VenueRefused("PAPER_RULES", f"{instrument.symbol} cannot be filled on paper: {error}") from None
