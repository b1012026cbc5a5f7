"""Faults of the venue and of the way to it, by the model's own switches; the model counts when they take effect."""

from bulkhead.chaos.strikes.kit import Does, share_of

DOES: dict[str, Does] = {
    "venue.reject": share_of("reject"),
    "venue.ack_lost": share_of("lost_reply"),
    "transport.request_lost": share_of("lost_request"),
}
