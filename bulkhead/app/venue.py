"""The venue of a session: who takes its orders, who tells it of the market, and the simulated venue if one is made.

With `paper.execution = "fill_model"` the feed is the venue's as ever, and the orders stay here.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import Settings
from bulkhead.app.simulator_process import SimulatorProcess
from bulkhead.app.venue_binance import BINANCE
from bulkhead.app.venue_kis import KIS
from bulkhead.app.venue_making import Adapter, Making, OnSent, Wire, log_fault
from bulkhead.venues.paper.tee import Tee
from bulkhead.venues.paper.venue import PaperVenue
from bulkhead.venues.port import MarketFeed, OrderVenue, WriteGuard
from bulkhead.venues.simulator.errors import SimulatorError
from bulkhead.venues.simulator.settings import SimulatorSettings
from bulkhead.venues.transport.tape_control import TapeControl, TapeControlError
from supervisor.runtime.host import Host

ADAPTERS: dict[str, Adapter] = {"binance": BINANCE, "kis": KIS}
"""By `venue.adapter`. A new one is a module like venue_binance.py and a line here."""
OPENING_CASH = Decimal(100_000)
"""In `risk.currency`, for a new paper account that the settings say nothing else of."""


@dataclass(frozen=True)
class Venue:
    """What a session holds of its venue."""

    orders: OrderVenue
    feed: MarketFeed
    wire: Wire
    paper: PaperVenue | None
    """Set when orders are filled on this machine."""
    simulator: SimulatorProcess | None
    tape: TapeControl | None
    """Set when a recorded tape drives the run and owns its clock."""

    @property
    def owns_trading_clock(self) -> bool:
        return self.tape is not None


def adapter_of(settings: Settings) -> Adapter:
    return ADAPTERS[settings.venue.adapter]


@contextmanager
def connect(
    settings: Settings,
    simulator: SimulatorSettings | None,
    host: Host,
    guard: WriteGuard,
    on_sent: OnSent | None = None,
) -> Iterator[Venue]:
    """Start the simulated venue if one is given, and make the adapters. No order channel is opened yet."""
    with ExitStack() as stack:
        process = tape = port = None
        if simulator is not None:
            process = stack.enter_context(SimulatorProcess(simulator))
            port = process.port
            if simulator.lockstep:
                tape = stack.enter_context(_tape_control(f"ws://127.0.0.1:{port}/sim/tape"))
        wire = adapter_of(settings).make(Making(settings, port, tape is not None, host, guard, on_sent))
        if not settings.paper.is_local:
            yield Venue(wire.orders, wire.feed, wire, None, process, tape)
            return
        paper = _paper(settings, wire.orders, host, guard, on_sent)
        stack.callback(paper.close_books)
        yield Venue(paper, Tee(wire.feed, paper.see), wire, paper, process, tape)


def _paper(settings: Settings, survey: OrderVenue, host: Host, guard: WriteGuard, on_sent: OnSent | None) -> PaperVenue:
    """The adapter for orders is asked for trading rules and the time only, and never opened."""
    opening = settings.paper.balances
    return PaperVenue(
        settings.venue.name,
        settings.venue.account,
        settings.paper,
        {settings.risk.currency: OPENING_CASH} if opening is None else opening,
        survey=survey,
        guard=guard,
        now_ns=host.now_ns,
        monotonic_ns=host.monotonic_ns,
        on_fault=log_fault,
        on_sent=on_sent,
    )


def open_paper_books(paper: PaperVenue, settings: Settings) -> None:
    """Beside the ledger unless the settings name a file. A fresh ledger begins with a fresh account, too: the books
    before it are kept as `<name>.previous`. Raises Stopped while another process uses them."""
    path = settings.paper.books_file or settings.session.ledger_file.with_suffix(".paper.db")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if settings.session.fresh_ledger and path.exists():
            paper.open_books(path)
            paper.close_books()  # which also writes its log into it: one file is left
            path.replace(path.with_name(f"{path.name}.previous"))
        paper.open_books(path)
    except (SimulatorError, OSError) as error:
        raise Stopped(ExitCode.CONFIG, f"the paper account cannot be opened: {error}") from None


def _tape_control(url: str) -> TapeControl:
    try:
        return TapeControl(url)
    except TapeControlError as error:
        raise Stopped(ExitCode.ERROR, str(error)) from None
