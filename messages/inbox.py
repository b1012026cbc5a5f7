"""The intent inbox in the ledger, and what its actor is told of its own writing."""

from messages.base import Body
from messages.records import Record, Stream
from messages.trading import OrderIntent
from messages.values import IntentStatus, Nanoseconds


class InboxRowTaken(Record):
    """A row has become an intent and goes to the risk guard: what was asked for, whatever comes of it.

    On disk before the risk guard hears of it. After a crash the row may be taken, and written here, once more; the
    intent itself is recorded once (IntentRecorded).
    """

    stream = Stream.ORDERS_FILLS
    row_id: int
    intent: OrderIntent
    created_ns: Nanoseconds
    """When it was inserted, as the row says."""


class InboxRowRefused(Record):
    """A row that was answered without the risk guard: it is no intent, repeats one, or was lost on its way."""

    stream = Stream.ORDERS_FILLS
    row_id: int
    intent_id: str
    action_key: str
    status: IntentStatus
    """DUPLICATE, REJECTED or FAILED."""
    code: str | None
    reason: str
    """With the numbers that were compared."""
    asked: str
    """What the row wanted, in words; empty where it could not be read."""


class InboxNoted(Body):
    """The ledger has written what was handed to it before this, and released it."""

    number: int
