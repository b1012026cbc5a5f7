"""The venue's clock beside ours, and whether the venue takes our key: what an adapter tells of both."""

from messages.base import Command, Evidence
from messages.values import Name, Nanoseconds


class AskVenueTime(Command):
    """Ask the venue for its time, on a lane of the adapter."""


class VenueTimeTold(Evidence):
    """Answer to AskVenueTime. What the venue says lies between the two of ours."""

    venue: Name
    venue_ns: Nanoseconds
    asked_ns: Nanoseconds
    """Our trading clock when the request was handed to the socket's thread."""
    answered_ns: Nanoseconds


class VenueTimeFailed(Evidence):
    """It could not be asked, or does not tell its time: nothing is known about the clocks."""

    venue: Name
    reason: str


class AuthRefused(Evidence):
    """A signed request was refused for its key or token, after the one renewal where there is any."""

    venue: Name
    reason: str


class AuthAccepted(Evidence):
    """A signed request was accepted again."""

    venue: Name
