"""The market's part of the tree: the feed's actor and its I/O, the fallback sources of quotes, the trading rules."""

from functools import partial
from typing import TYPE_CHECKING

from actors import addresses
from actors.broker import TransportActor
from actors.clock_watch import ClockWatchActor
from actors.instrument_master import InstrumentBook, InstrumentMasterActor
from actors.market_data import MarketDataActor
from actors.market_watch import MarketSeat
from bulkhead.app.detectors import clock_seat
from messages.base import Body
from supervisor.spec import Backoff, ChildSpec, GiveUp, SupervisorSpec

if TYPE_CHECKING:
    from bulkhead.app.house import Parts

FEED = "feed"
IO_DEADLINE_S = 3.0
_BACKOFF = Backoff(0.5, 60.0)


def market(parts: "Parts", book: InstrumentBook) -> SupervisorSpec:
    settings, host = parts.settings, parts.host
    address = addresses.market_data(FEED)
    seat = _seat(parts)

    def to_market_data(body: Body) -> None:
        host.tell(address, body, sender=f"feed:{FEED}")

    def open_io() -> None:
        parts.feed.open(to_market_data)
        for source in parts.quotes:
            source.open(to_market_data)

    def close_io() -> None:
        for source in parts.quotes:
            source.close(IO_DEADLINE_S)
        parts.feed.close(IO_DEADLINE_S)

    children = [
        ChildSpec(id=address, factory=lambda: MarketDataActor(seat, parts.quotes), backoff=_BACKOFF),
        ChildSpec(id=f"{address}.io", factory=lambda: TransportActor(open_io, close_io), backoff=_BACKOFF),
    ]
    if parts.refreshes_instruments:  # and the clock is ours
        master = partial(InstrumentMasterActor, settings.venue.name, book)
        watch = partial(ClockWatchActor, clock_seat(settings, parts.orders.capabilities), parts.gate.reasons)
        children.append(ChildSpec(id=addresses.INSTRUMENT_MASTER, factory=master, backoff=_BACKOFF))
        children.append(ChildSpec(id=addresses.CLOCK_WATCH, factory=watch, backoff=_BACKOFF))
    return SupervisorSpec(id="market", children=tuple(children), on_give_up=GiveUp.PARK)


def _seat(parts: "Parts") -> MarketSeat:
    settings = parts.settings
    given = settings.market_data
    intervals: dict[str, tuple[int, ...]] = {
        symbol: tuple(
            sorted({s for loaded in parts.strategies if symbol in loaded.symbols for s in loaded.bar_intervals_s})
        )
        for symbol in settings.symbols
    }
    return MarketSeat(
        feed=FEED,
        venue=settings.venue.name,
        bar_intervals_s=intervals,
        limits=given.limits(settings.venue.max_silence_s),
        guarantee=given.guarantee,
        order=given.order(),
        calendars=parts.calendars,
        snapshot_interval_s=given.snapshot_interval_s,
        health_interval_s=given.health_interval_s,
    )
