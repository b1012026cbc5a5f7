"""The venue of a session: who takes its orders, who tells it of the market, and the simulated venue if one is made.

With `paper.execution = "fill_model"` the feed is the venue's as ever, and the orders stay here.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

from loguru import logger
from pydantic import SecretStr, ValidationError

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import Settings, read_secret
from bulkhead.app.simulator_process import SimulatorProcess
from bulkhead.venues.adapters.binance import BinanceFeed, BinanceOrders, BinanceRates, BinanceSettings, OnSent
from bulkhead.venues.adapters.binance_settings import StreamKind
from bulkhead.venues.paper.tee import Tee
from bulkhead.venues.paper.venue import PaperVenue
from bulkhead.venues.port import MarketFeed, OrderVenue, WriteGuard
from bulkhead.venues.simulator.errors import SimulatorError
from bulkhead.venues.simulator.settings import DEMO_API_KEY, DEMO_API_SECRET, SimulatorSettings
from bulkhead.venues.transport.http import HttpSettings
from bulkhead.venues.transport.tape_control import TapeControl, TapeControlError
from supervisor.runtime.host import Host

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
STREAMS: tuple[StreamKind, ...] = ("trade", "bookTicker")
BOOK_STREAM: StreamKind = "depth20@100ms"
"""Twenty levels of each side, ten times a second: for a fill model that walks them."""
OPENING_CASH = Decimal(100_000)
"""In `risk.currency`, for a new paper account that the settings say nothing else of."""


class Wire(NamedTuple):
    """The adapters themselves, for whoever counts what has come over them."""

    orders: BinanceOrders
    feed: BinanceFeed


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
        process, tape = None, None
        rest, ws_api, stream = settings.venue.rest_url, settings.venue.ws_api_url, settings.venue.stream_url
        if simulator is not None:
            process = stack.enter_context(SimulatorProcess(simulator))
            rest, stream = f"http://127.0.0.1:{process.port}", f"ws://127.0.0.1:{process.port}"
            ws_api = f"{stream}/ws-api/v3"
            if simulator.lockstep:
                tape = stack.enter_context(_tape_control(f"{stream}/sim/tape"))
        key, secret = _credentials(settings, rest or "")
        adapter = _adapter_settings(settings, rest or "", ws_api or "", stream or "", key, secret, tape is not None)
        seed = settings.session.seed
        # The one budget: whatever asks this venue over REST gets it. The feed's stream asks nothing.
        rates = BinanceRates(adapter.rates, host.monotonic_ns, host.now_ns)
        orders = BinanceOrders(
            adapter,
            guard=guard,
            now_ns=host.now_ns,
            monotonic_ns=host.monotonic_ns,
            rng=Random(f"{seed}:orders"),  # noqa: S311 - backoff jitter, not a secret
            on_fault=_log_fault,
            on_sent=on_sent,
            rates=rates,
        )
        feed = BinanceFeed(
            adapter,
            now_ns=host.now_ns,
            monotonic_ns=host.monotonic_ns,
            rng=Random(f"{seed}:feed"),  # noqa: S311 - backoff jitter, not a secret
            on_fault=_log_fault,
        )
        wire = Wire(orders, feed)
        if not settings.paper.is_local:
            yield Venue(orders, feed, wire, None, process, tape)
            return
        paper = _paper(settings, orders, host, guard, on_sent)
        stack.callback(paper.close_books)
        yield Venue(paper, Tee(feed, paper.see), wire, paper, process, tape)


def _paper(
    settings: Settings, survey: BinanceOrders, host: Host, guard: WriteGuard, on_sent: OnSent | None
) -> PaperVenue:
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
        on_fault=_log_fault,
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


def _log_fault(*said: object) -> None:
    logger.error("a transport reports a fault of our own: {}", " ".join(str(part) for part in said))


def _tape_control(url: str) -> TapeControl:
    try:
        return TapeControl(url)
    except TapeControlError as error:
        raise Stopped(ExitCode.ERROR, str(error)) from None


def _adapter_settings(
    settings: Settings, rest: str, ws_api: str, stream: str, key: SecretStr, secret: SecretStr, is_lockstep: bool
) -> BinanceSettings:
    venue = settings.venue
    try:
        return BinanceSettings(
            venue=venue.name,
            account=venue.account,
            rest_url=rest,
            ws_api_url=ws_api,
            stream_url=stream,
            api_key=key,
            api_secret=secret,
            symbols=settings.symbols,
            stream_kinds=(*STREAMS, BOOK_STREAM) if settings.paper.wants_depth else STREAMS,
            recv_window_ms=venue.recv_window_ms,
            lanes=1 if is_lockstep else 2,
            rates=venue.rates,
            http=HttpSettings(read_timeout_s=venue.request_timeout_s),
        )
    except ValidationError as error:
        faults = "; ".join(
            f"venue.{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors(include_input=False)
        )
        raise Stopped(ExitCode.CONFIG, faults) from None


def _credentials(settings: Settings, rest_url: str) -> tuple[SecretStr, SecretStr]:
    """The configured key; for a venue on this machine without one, the simulator's well-known words, and the same where
    nothing is ever signed."""
    venue = settings.venue
    if settings.paper.is_local:
        return SecretStr(DEMO_API_KEY), SecretStr(DEMO_API_SECRET)
    if venue.api_key_env is not None and venue.api_secret_env is not None:
        return read_secret(venue.api_key_env), read_secret(venue.api_secret_env)
    if urlsplit(rest_url).hostname in LOOPBACK:
        return SecretStr(DEMO_API_KEY), SecretStr(DEMO_API_SECRET)
    sentence = "a venue that is not on this machine needs a key: set venue.api_key_env and venue.api_secret_env"
    raise Stopped(ExitCode.CONFIG, sentence)
