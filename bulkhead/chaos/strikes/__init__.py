"""What each fault of the catalogue does to the world: one function for each name, in the file of its group."""

from bulkhead.chaos.strikes import actor, feed, operator, process, store, time, transport, venue
from bulkhead.chaos.strikes.kit import Does, Heal

__all__ = ["DOES", "Heal"]

DOES: dict[str, Does] = {
    **venue.DOES,
    **feed.DOES,
    **transport.DOES,
    **actor.DOES,
    **store.DOES,
    **process.DOES,
    **time.DOES,
    **operator.DOES,
}
