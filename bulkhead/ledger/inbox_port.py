"""The intent inbox as the rest of the house sees it: rows that came in, what may be said of them, and who asks for it.

    NEW ──> SUBMITTED | DUPLICATE | REJECTED | FAILED       written once, by us; everything else is the sender's

How the actor that polls it uses it (actors/inbox.py; docs/INBOX.md is the sender's side):

    for row in inbox.take(now_ns):                          # NEW rows, oldest first, each once per Inbox object
        known = ledger.find_intent(row.action_key, row.intent_id)
        said = answer_at_once(row, known)                   # inbox_answers: duplicate, refused, or answered too late
        if said is not None:
            inbox.answer(row, said, now_ns)
        else:
            ctx.tell(RISK_GUARD, order_intent(row, ...))    # and remember the row by its intent_id
    ...
    inbox.answer(row, InboxAnswer(IntentStatus.SUBMITTED, ...), now_ns)     # when the OMS or the guard has spoken
    inbox.flush()                                           # with each poll: what could not be written before

Rules. The ledger is asked before anything else is said of a row: after a crash between taking and answering the row
comes again, perhaps expired by then, and its intent may be on disk. Only an approved intent is in the ledger; one that
was refused is checked anew, and nothing was sent for it. InboxBusy and InboxUnavailable are no reason to stop trading:
the poll is left out and tried again.
"""

from enum import Enum
from typing import Annotated, NamedTuple, Protocol

from pydantic import Field

from messages.trading import OrderIntent
from messages.values import (
    IntentStatus,
    IntentType,
    MarketSnapshot,
    Name,
    Nanoseconds,
    OrderType,
    Origin,
    Price,
    Quantity,
    Side,
    SplitPolicy,
    Symbol,
    TimeInForce,
    Value,
)

ANSWERS = (IntentStatus.SUBMITTED, IntentStatus.DUPLICATE, IntentStatus.REJECTED, IntentStatus.FAILED)


class InboxUnavailable(OSError):
    """The file cannot be read, written or made, or is no inbox. It was not changed."""


class InboxBusy(InboxUnavailable):
    """Another process holds the whole file; later it may be free."""


class InboxNewer(RuntimeError):
    """The file was made by a newer version of Bulkhead; it is not touched."""


class InboxIntent(Value):
    """What a row asks for, checked. Ids and times are the row's own."""

    strategy_id: Name
    venue: Name | None
    """None: the venue of the run that takes it."""
    account: Name | None
    group_id: str
    leg: Annotated[int, Field(ge=0, le=999)]
    symbol: Symbol
    side: Side
    intent_type: IntentType
    quantity: Quantity | None
    """None only with EXIT_FULL: all that the strategy holds of the symbol."""
    order_type: OrderType
    limit_price: Price | None
    time_in_force: TimeInForce
    split: SplitPolicy
    urgency: Annotated[int, Field(ge=0, le=9)]
    reason: str
    created_ns: Nanoseconds
    expires_at_ns: Nanoseconds


class InboxRefusal(NamedTuple):
    """Why a row cannot become an intent."""

    code: str
    reason: str


class RowKey(NamedTuple):
    """What a row is known by: its number alone means nothing once the file was replaced."""

    row_id: int
    action_key: str
    intent_id: str


class InboxRow(NamedTuple):
    """One NEW row. Exactly one of `intent` and `refusal` is given.

    The keys of a row that is refused may be unreadable; they are then shown with the bad bytes escaped.
    """

    row_id: int
    action_key: str
    intent_id: str
    intent: InboxIntent | None
    refusal: InboxRefusal | None

    @property
    def key(self) -> RowKey:
        return RowKey(self.row_id, self.action_key, self.intent_id)


class InboxAnswer(NamedTuple):
    status: IntentStatus
    """One of ANSWERS."""
    code: str | None
    reason: str


class KnownIntent(NamedTuple):
    """An intent of the ledger that has the action key or the intent id of a row."""

    intent_id: str
    action_key: str
    origin: Origin
    status: IntentStatus
    code: str | None
    reason: str


class Settled(Enum):
    """What became of an answer."""

    WRITTEN = "written"
    WAITING = "waiting"
    """Another process is writing; `flush` tries again."""
    LOST = "lost"
    """The row is gone, is another one now, or has been answered by somebody else: there is nothing to write it to."""


class InboxPort(Protocol):
    """The inbox, for one thread at a time. No method waits longer than a fifth of a second for another process."""

    def take(self, now_ns: int) -> tuple[InboxRow, ...]:
        """NEW rows that this object has not given out yet, in the order in which they were inserted.

        Raises InboxUnavailable, InboxBusy among them, or InboxNewer.
        """

    def answer(self, row: InboxRow, answer: InboxAnswer, now_ns: int) -> Settled:
        """Write what became of a row that was taken. LOST for one that was not, or has been answered.

        Raises ValueError for a status that is none of ANSWERS; never for what happens to the file: the answer waits.
        """

    def flush(self) -> dict[RowKey, Settled]:
        """Try the answers that wait, all in one transaction; what became of each."""

    @property
    def waiting(self) -> int:
        """Answers that are not written yet."""

    def close(self) -> None: ...


class IntentFinder(Protocol):
    """Where `known` comes from: a LedgerReader of the poller's own, which reads beside the writer."""

    def find_intent(self, action_key: str, intent_id: str) -> KnownIntent | None:
        """The intent with this action key, else the one with this id. Raises LedgerUnavailable."""

    def close(self) -> None: ...


def order_intent(
    row: InboxRow,
    *,
    venue: str,
    account: str,
    quantity: Quantity,
    correlation_id: str,
    decision_time_ns: int,
    market: MarketSnapshot | None = None,
) -> OrderIntent:
    """The intent for the risk guard. `quantity` is the row's own, or what the caller found for an EXIT_FULL without.

    Raises ValueError for a row that was refused, or that names another venue or account than this run trades on.
    """
    asked = row.intent
    if asked is None:
        raise ValueError(f"row {row.row_id} was refused: {row.refusal}")
    if asked.venue not in (None, venue) or asked.account not in (None, account):
        raise ValueError(f"this run trades on {venue}/{account}, not on {asked.venue}/{asked.account}")
    if asked.quantity not in (None, quantity):
        raise ValueError(f"the row asks for {asked.quantity}, not for {quantity}")
    same = asked.model_dump(exclude={"venue", "account", "quantity", "created_ns"})
    return OrderIntent(
        **same,
        intent_id=row.intent_id,
        action_key=row.action_key,
        correlation_id=correlation_id,
        origin=Origin.INBOX,
        venue=venue,
        account=account,
        quantity=quantity,
        decision_time_ns=decision_time_ns,
        market=market,
    )
