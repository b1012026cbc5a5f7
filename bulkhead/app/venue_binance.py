"""Binance Spot, its testnet, and our simulated venue in its words: the adapter as the settings want it."""

from random import Random
from typing import NamedTuple

from pydantic import SecretStr, ValidationError

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.secret_files import read_secret
from bulkhead.app.settings import Settings
from bulkhead.app.venue_making import Adapter, Counted, Making, Traded, Wire, is_here, log_fault, refused_settings
from bulkhead.market.calendar import ALWAYS
from bulkhead.venues.adapters.binance import BinanceFeed, BinanceOrders, BinanceQuotes, BinanceRates, BinanceSettings
from bulkhead.venues.adapters.binance_settings import StreamKind
from bulkhead.venues.port import QuoteSource
from bulkhead.venues.simulator.settings import DEMO_API_KEY, DEMO_API_SECRET
from bulkhead.venues.transport.http import HttpSettings
from messages.market_health import DataSource

STREAMS: tuple[StreamKind, ...] = ("trade", "bookTicker")
BOOK_STREAM: StreamKind = "depth20@100ms"
"""Twenty levels of each side, ten times a second: for a fill model that walks them."""


class _Urls(NamedTuple):
    rest: str
    ws_api: str
    stream: str


def _make(making: Making) -> Wire:
    settings, host = making.settings, making.host
    adapter = _adapter_settings(settings, _urls(making), making.is_lockstep)
    seed = settings.session.seed
    # The one budget: whatever asks this venue over REST gets it. The feed's stream asks nothing.
    rates = BinanceRates(adapter.rates, host.monotonic_ns, host.now_ns)
    orders = BinanceOrders(
        adapter,
        guard=making.guard,
        now_ns=host.now_ns,
        monotonic_ns=host.monotonic_ns,
        rng=Random(f"{seed}:orders"),  # noqa: S311 - backoff jitter, not a secret
        on_fault=log_fault,
        on_sent=making.on_sent,
        rates=rates,
    )
    feed = BinanceFeed(
        adapter,
        now_ns=host.now_ns,
        monotonic_ns=host.monotonic_ns,
        rng=Random(f"{seed}:feed"),  # noqa: S311 - backoff jitter, not a secret
        on_fault=log_fault,
    )
    return Wire(orders, feed, Counted(orders, feed), _quotes(making, adapter, rates))


def _quotes(making: Making, adapter: BinanceSettings, rates: BinanceRates) -> tuple[QuoteSource, ...]:
    """The provider's, then the broker's; none where a tape owns the clock, which would not wait for them. A provider
    at the broker's address shares its budget: the venue counts by address."""
    if making.is_lockstep:
        return ()
    host, url = making.host, making.settings.market_data.rest_url or adapter.rest_url
    of_provider = rates if url == adapter.rest_url else BinanceRates(adapter.rates, host.monotonic_ns, host.now_ns)
    sources = {DataSource.SNAPSHOT: (url, of_provider), DataSource.BROKER: (adapter.rest_url, rates)}
    if making.settings.paper.is_local:
        del sources[DataSource.BROKER]  # it is this machine, which has no quotes of its own
    return tuple(
        BinanceQuotes(
            source, adapter, at, budget, now_ns=host.now_ns, monotonic_ns=host.monotonic_ns, on_fault=log_fault
        )
        for source, (at, budget) in sources.items()
    )


def _urls(making: Making) -> _Urls:
    venue = making.settings.venue
    if making.simulator_port is None:
        return _Urls(venue.rest_url or "", venue.ws_api_url or "", venue.stream_url or "")
    stream = f"ws://127.0.0.1:{making.simulator_port}"
    return _Urls(f"http://127.0.0.1:{making.simulator_port}", f"{stream}/ws-api/v3", stream)


def _adapter_settings(settings: Settings, urls: _Urls, is_lockstep: bool) -> BinanceSettings:
    venue = settings.venue
    key, secret = _credentials(settings, urls.rest)
    try:
        return BinanceSettings(
            venue=venue.name,
            account=venue.account,
            rest_url=urls.rest,
            ws_api_url=urls.ws_api,
            stream_url=urls.stream,
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
        raise refused_settings(error) from None


def _credentials(settings: Settings, rest_url: str) -> tuple[SecretStr, SecretStr]:
    """The configured key; for a venue on this machine without one, the simulator's well-known words, and the same where
    nothing is ever signed."""
    venue = settings.venue
    if settings.paper.is_local:
        return SecretStr(DEMO_API_KEY), SecretStr(DEMO_API_SECRET)
    if venue.api_key_env is not None and venue.api_secret_env is not None:
        return read_secret(venue.api_key_env), read_secret(venue.api_secret_env)
    if is_here(rest_url):
        return SecretStr(DEMO_API_KEY), SecretStr(DEMO_API_SECRET)
    sentence = "a venue that is not on this machine needs a key: set venue.api_key_env and venue.api_secret_env"
    raise Stopped(ExitCode.CONFIG, sentence)


def _check(_: Settings) -> None:
    """Which of its hosts it is nothing but the URLs say."""


def _hours(_: Settings) -> None:
    """It never closes."""


def _exchange(settings: Settings) -> Traded:
    """Crypto never rests. A venue on this machine may play the ticks of any exchange."""
    is_simulated = settings.venue.start_simulator or is_here(settings.venue.rest_url)
    return Traded(ALWAYS, None if is_simulated else frozenset({ALWAYS}))


def _simulated(settings: Settings) -> dict[str, object]:
    return {"commission_bps": settings.simulator.commission_bps, "commission_in": settings.simulator.commission_in}


BINANCE = Adapter(
    make=_make,
    check=_check,
    simulated=_simulated,
    hours=_hours,
    exchange=_exchange,
    key_names="venue.api_key_env and api_secret_env",
)
