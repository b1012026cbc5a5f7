"""A promise of the port as a value: its name, the promise in one sentence, and the function that asks for it."""

from collections.abc import Callable
from typing import NamedTuple

from bulkhead.venues.conformance.harness import Flaw, Harness
from bulkhead.venues.port import ClientIdScheme, VenueCapabilities
from messages.orders import OrderTicket

Applies = Callable[[VenueCapabilities], bool]


class Check(NamedTuple):
    name: str
    promise: str
    """What is promised, and why it matters."""
    run: Callable[[Harness], None]
    """Raises PromiseBroken."""
    flaw: Flaw | None = None
    """It needs an adapter with this flaw."""
    applies: Applies | None = None
    """Of the venue's capabilities; None: to every venue."""


def has_client_ids(capabilities: VenueCapabilities) -> bool:
    return capabilities.client_id is not ClientIdScheme.NONE


def is_unique_forever(capabilities: VenueCapabilities) -> bool:
    return capabilities.client_id is ClientIdScheme.UNIQUE_FOREVER


def sends_one_by_one(capabilities: VenueCapabilities) -> bool:
    return not capabilities.submits_in_parallel


def has_execution_ids(capabilities: VenueCapabilities) -> bool:
    return capabilities.has_execution_ids


def has_no_execution_ids(capabilities: VenueCapabilities) -> bool:
    return not capabilities.has_execution_ids


def has_market_orders(capabilities: VenueCapabilities) -> bool:
    return capabilities.has_market_orders


def has_no_market_orders(capabilities: VenueCapabilities) -> bool:
    return not capabilities.has_market_orders


def has_server_time(capabilities: VenueCapabilities) -> bool:
    return capabilities.has_server_time


class _Shut:
    """The guard of an adapter that is only looked at."""

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        return "nothing is sent"


def why_not(check: Check, harness: Harness) -> str | None:
    """Why this check is not applied to this venue, or None when it is."""
    if check.name in harness.omitted:
        return harness.omitted[check.name]
    if check.flaw is not None and check.flaw not in harness.flaws:
        return f"no adapter of this venue can be made for which {check.flaw.value}"
    if check.applies is not None and not check.applies(harness.make(_Shut(), _nobody).capabilities):
        return f"by its capabilities it is not so: {check.applies.__name__}"
    return None


def _nobody(where: str, error: Exception) -> None:
    """Nothing runs in it, so nothing fails."""
