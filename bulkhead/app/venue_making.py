"""What each adapter's maker is given, and what it gives back: venue.py knows no adapter by more than its name."""

from collections.abc import Callable
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from loguru import logger
from pydantic import ValidationError

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import Settings
from bulkhead.venues.port import MarketFeed, OrderVenue, QuoteSource, WriteGuard
from bulkhead.venues.transport.rate_budget import RateState
from supervisor.runtime.host import Host

OnSent = Callable[[str, int], None]
"""Told the client order id and the monotonic nanosecond at which an order left."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Making(NamedTuple):
    """Everything that an adapter is made from."""

    settings: Settings
    simulator_port: int | None
    """Of the simulated venue that was started for this run; None: the URLs of the settings hold."""
    is_lockstep: bool
    """A tape owns the clock: one lane, one request after the other."""
    host: Host
    guard: WriteGuard
    on_sent: OnSent | None


class WireOrders(OrderVenue, Protocol):
    """Orders over a wire, with the budget of its requests."""

    @property
    def rate_state(self) -> RateState: ...


class CountingOrders(WireOrders, Protocol):
    """Counts what went and came, so that a tape can wait for it."""

    @property
    def handed_in(self) -> int: ...
    @property
    def received_user_events(self) -> int: ...


class CountingFeed(MarketFeed, Protocol):
    @property
    def received_market_events(self) -> int: ...


class Counted(NamedTuple):
    orders: CountingOrders
    feed: CountingFeed


class Wire(NamedTuple):
    """An adapter's two sides."""

    orders: WireOrders
    feed: MarketFeed
    counted: Counted | None = None
    """The same two, where a recorded tape can be played through them."""
    quotes: tuple[QuoteSource, ...] = ()
    """Who can be asked for quotes while the feed is silent: its provider, then the broker."""


class Traded(NamedTuple):
    """Where an adapter's symbols are traded."""

    calendar: str
    """Unless the settings name another one."""
    known: frozenset[str] | None
    """Calendars that can be right; None: any, since the venue plays what it is given."""


class Adapter(NamedTuple):
    """One way of speaking to a venue, as `venue.adapter` names it."""

    make: Callable[[Making], Wire]
    """Opens nothing. Raises Stopped for settings that cannot be used."""
    check: Callable[[Settings], None]
    """Raises Stopped for a contradiction that can be told without asking anybody."""
    simulated: Callable[[Settings], dict[str, object]]
    """Of the simulated venue's settings what makes it one of this kind."""
    hours: Callable[[Settings], Callable[[int], bool] | None]
    """Whether it trades at a time (ns), where its hours are known here; None: always, or it is left to the venue."""
    exchange: Callable[[Settings], Traded]
    """Whose calendar the symbols follow."""
    key_names: str
    """Which keys of the configuration to look at when the venue refuses ours."""


def is_here(url: str | None) -> bool:
    """Whether it is a venue on this machine, which no money is at."""
    return urlsplit(url or "").hostname in LOOPBACK


def log_fault(*said: object) -> None:
    logger.error("a transport reports a fault of our own: {}", " ".join(str(part) for part in said))


def refused_settings(error: ValidationError) -> Stopped:
    """An adapter's own settings are made from `[venue]`, so that is where to look."""
    said = (
        (".".join(map(str, f["loc"])), f["msg"].removeprefix("Value error, "))
        for f in error.errors(include_input=False)
    )
    faults = (f"venue.{where}: {words}" for where, words in said)
    return Stopped(ExitCode.CONFIG, "; ".join(faults))
