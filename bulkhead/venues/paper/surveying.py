"""What a paper venue asks of the venue whose market data it fills from: trading rules, and the time."""

from collections.abc import Callable
from typing import Protocol

from bulkhead.venues.port import VenueCapabilities, VenueRefused, VenueUnavailable
from messages.base import Body
from messages.clock import VenueTimeFailed, VenueTimeTold
from messages.instruments import Instrument

_NS_PER_MS = 1_000_000


class Survey(Protocol):
    """Who knows trading rules and time: the venue whose market data it is."""

    @property
    def capabilities(self) -> VenueCapabilities:
        """Asked for one thing only: whether it tells the time."""

    def load_instruments(self) -> tuple[Instrument, ...]: ...

    def server_time_ms(self) -> int: ...


def ask_time(survey: Survey, venue: str, now_ns: Callable[[], int], on_fault: Callable[[str, Exception], None]) -> Body:
    """Blocks for as long as the question takes; never raises."""
    asked_ns = now_ns()
    try:
        venue_ns = survey.server_time_ms() * _NS_PER_MS
    except (VenueUnavailable, VenueRefused) as error:
        return VenueTimeFailed(venue=venue, reason=str(error))
    except Exception as error:  # noqa: BLE001 - every request is answered; the error is reported
        on_fault("paper time", error)
        return VenueTimeFailed(venue=venue, reason=f"our own code failed: {error}")
    return VenueTimeTold(venue=venue, venue_ns=venue_ns, asked_ns=asked_ns, answered_ns=now_ns())
