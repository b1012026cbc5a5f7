"""What becomes of the venue's limit of requests."""

from messages.base import Evidence
from messages.values import Name


class RateLimitReached(Evidence):
    """The venue's limit of requests is used up, and waiting did not help."""

    venue: Name
    reason: str


class RateLimitOver(Evidence):
    """Requests of every kind are answered again."""

    venue: Name
