"""What the detectors of failures need to know of a configuration."""

from actors import addresses
from actors.clock_watch import ClockSeat
from bulkhead.app.settings import Settings
from bulkhead.venues.port import VenueCapabilities


def clock_seat(settings: Settings, venue: VenueCapabilities) -> ClockSeat:
    detection = settings.detection
    return ClockSeat(
        venue=settings.venue.name,
        tells_time=venue.has_server_time,
        max_skew_ms=detection.max_clock_skew_ms,
        max_jump_ms=detection.max_clock_jump_ms,
        check_interval_s=detection.clock_check_interval_s,
        settle_s=detection.clock_settle_s,
    )


def stopped_without(settings: Settings, feed: str) -> dict[str, str]:
    """Which scope is shut when one of these is given up for good: nobody else does its work. `feed` is the address of
    the market data."""
    house = (feed, f"{feed}.io", addresses.CLOCK_WATCH)
    seats = {f"seat:{each.id}": addresses.strategy(each.id) for each in settings.strategies}
    return {**dict.fromkeys(house, "all"), **seats}
