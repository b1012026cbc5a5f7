"""What is written to the ledger.

Each record is one event of the chain and, in the same transaction, one change of a table. A record's class fixes its
observation stream; its JSON is the event's payload, so that every table can be made again from the events alone.
Who may write which is a table: `bulkhead/ledger/owners.py`.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, SerializeAsAny

from messages.base import Body, Command, Letter
from messages.failure import FailureReported, LimitApproached, RiskTripped, StopLevelChanged
from messages.market_health import SourceChanged
from messages.orders import Balance, Fill, FillBooked, OrderRow, Reconciled, VenueExecution, VenueOrder
from messages.portfolio import PortfolioSnapshot, Position, RoundTrip
from messages.strangers import KnownStrangers
from messages.supervision import ChildDown, ChildReady, DeadLetter
from messages.trading import OrderIntent, RiskRefused
from messages.values import IntentStatus, IntentType, Mode, Name, Nanoseconds, Number, Price, Value


class Stream(StrEnum):
    """Where an event is exported to, in the session folder."""

    OPS = "ops"
    DECISIONS = "obs_decisions"
    ORDERS_FILLS = "obs_orders_fills"
    TRADES = "obs_trades"
    RISK = "risk_events"
    FAILURES = "failures"
    PORTFOLIO = "portfolio"


class Record(Value):
    """Base of all records."""

    stream: ClassVar[Stream]


# -- written by the OMS -----------------------------------------------------------------------------------------------


class IntentRecorded(Record):
    """An approved intent, with the decision it came from; written before the first byte of its orders leaves."""

    stream = Stream.ORDERS_FILLS
    intent: OrderIntent
    checks: tuple[str, ...]
    reserved_notional: Number


class IntentStatusChanged(Record):
    stream = Stream.ORDERS_FILLS
    intent_id: str
    status: IntentStatus
    code: str | None = None
    reason: str


class OrderRecorded(Record):
    """The order row after a change; `change` names the change and `evidence_at_ns` the venue's time of it."""

    stream = Stream.ORDERS_FILLS
    order: OrderRow
    change: str
    evidence_at_ns: Nanoseconds | None = None
    is_late: bool = False
    notes: tuple[str, ...] = ()
    """What was odd about it, in words."""
    stages_us: dict[str, int] | None = None
    """With `created`: microseconds that each stage of the order path took over it, or over the orders made with it."""


class FillRecorded(Record):
    """One execution, once: the OMS books no execution twice, and the ledger refuses a fill_id that it has."""

    stream = Stream.ORDERS_FILLS
    fill: Fill
    intent_type: IntentType
    decision_price: Price | None = None
    source: str
    """stream, reply, query, snapshot, or totals (all that such a venue tells): where it was first seen."""


class ForeignOrderSeen(Record):
    stream = Stream.ORDERS_FILLS
    order: VenueOrder
    at_ns: Nanoseconds | None = None
    """When we first saw it, by the trading clock; None in records of older versions."""


class OrphanFillSeen(Record):
    """An execution for an order that is not ours, or not known yet."""

    stream = Stream.ORDERS_FILLS
    execution: VenueExecution


class ReconciliationRecorded(Record):
    stream = Stream.ORDERS_FILLS
    result: Reconciled


class OrderAliasRecorded(Record):
    """A number under which the venue knows an order of ours; it gets another one when it is amended there.

    An OrderRecorded says the same without a date. With `venue_date` the ledger holds the number to be unique in its
    venue, account, date and branch; without, it may come again (test venues begin anew).
    """

    stream = Stream.ORDERS_FILLS
    client_order_id: str
    venue: Name
    account: Name
    venue_order_id: Annotated[str, Field(min_length=1)]
    venue_date: str | None = None
    """As the venue writes it, in its time zone."""
    branch: str = ""
    """Whatever else the number is unique within."""
    reason: str


class DeadlineSet(Record):
    """Something is due at a time, and still is after a restart; said again, it moves."""

    stream = Stream.ORDERS_FILLS
    deadline_id: str
    due_ns: Nanoseconds
    kind: str
    payload: str = "{}"
    """JSON, for whoever set it."""


class DeadlineCleared(Record):
    """It was met, or is not needed any more."""

    stream = Stream.ORDERS_FILLS
    deadline_id: str
    reason: str


# -- written by Portfolio ---------------------------------------------------------------------------------------------


class PositionRecorded(Record):
    stream = Stream.PORTFOLIO
    position: Position


class PortfolioRecorded(Record):
    stream = Stream.PORTFOLIO
    snapshot: PortfolioSnapshot


class OpeningBalancesRecorded(Record):
    """What the account held when this ledger first met it. Cash = opening + every fill + adjustments, exactly."""

    stream = Stream.PORTFOLIO
    venue: Name
    account: Name
    balances: tuple[Balance, ...]
    at_ns: Nanoseconds


class AccountObserved(Record):
    """Balances as the venue stated them, beside what our books say; `differences` is empty when they agree."""

    stream = Stream.PORTFOLIO
    venue: Name
    account: Name
    balances: tuple[Balance, ...]
    differences: dict[str, str]
    at_ns: Nanoseconds


class RoundTripRecorded(Record):
    stream = Stream.TRADES
    trade: RoundTrip


# -- written by RiskGuard, FailureHandler and the supervisor ----------------------------------------------------------


class RiskRefusalRecorded(Record):
    stream = Stream.RISK
    refusal: RiskRefused


class RiskTripRecorded(Record):
    stream = Stream.RISK
    trip: RiskTripped


class LimitApproachRecorded(Record):
    stream = Stream.RISK
    approach: LimitApproached


class StopLevelRecorded(Record):
    stream = Stream.RISK
    change: StopLevelChanged


class FailureRecorded(Record):
    stream = Stream.FAILURES
    failure: FailureReported


class SourceRecorded(Record):
    """Which source of market data is in force for a symbol."""

    stream = Stream.FAILURES
    change: SourceChanged


class ChildDownRecorded(Record):
    stream = Stream.FAILURES
    down: ChildDown


class ChildReadyRecorded(Record):
    stream = Stream.FAILURES
    ready: ChildReady


class DeadLetterRecorded(Record):
    stream = Stream.FAILURES
    letter: DeadLetter


# -- written by the session -------------------------------------------------------------------------------------------


class SessionStarted(Record):
    stream = Stream.OPS
    session_id: str
    mode: Mode
    venue: Name
    account_masked: str
    strategies: tuple[str, ...]
    config_snapshot_id: str
    code_version: str
    seed: int
    at_ns: Nanoseconds


class SessionStopped(Record):
    stream = Stream.OPS
    session_id: str
    reason: str
    at_ns: Nanoseconds


class ConfigSnapshotRecorded(Record):
    """The settings of a session, in full; the same ones again change nothing. Never holds a secret."""

    stream = Stream.OPS
    config_snapshot_id: str
    content: str
    """JSON."""
    at_ns: Nanoseconds
    changes: tuple[str, ...] = ()
    """`key: old -> new`, against the settings of the last session on this ledger."""


class LeaseTaken(Record):
    """From now on only this owner trades the account. The ledger refuses an epoch that is not above the last one."""

    stream = Stream.OPS
    venue: Name
    account: Name
    owner: str
    epoch: Annotated[int, Field(ge=1)]
    expires_at_ns: Nanoseconds | None = None
    """None while a file lock stands for it."""
    at_ns: Nanoseconds


class LeaseReleased(Record):
    """Changes nothing once somebody else has a higher epoch."""

    stream = Stream.OPS
    venue: Name
    account: Name
    epoch: Annotated[int, Field(ge=1)]
    at_ns: Nanoseconds


class OperatorActed(Record):
    stream = Stream.OPS
    operator: str
    action: str
    reason: str
    at_ns: Nanoseconds
    audit_id: str | None = None
    """The hash of its line in the audit file, which stood there first; None: it has none (before there was one)."""


# -- messages of the ledger -------------------------------------------------------------------------------------------


class LedgerEvent(Value):
    """One line of the chain as it stands in `events` and in the exported files.

    `hash = sha256(prev_hash + canonical JSON of all other fields)`, hex; the first event's prev_hash is 64 zeros.
    """

    schema_version: int = 1
    seq: int
    at_ns: Nanoseconds
    stream: Stream
    type: str
    session_id: str
    correlation_id: str
    causation_id: str | None
    payload: str
    """The record's canonical JSON."""
    prev_hash: str
    hash: str


class Append(Command):
    """Write these records in one transaction; post `release` once they are on disk, and not before.

    That is how "durable before sent" is built in: a SubmitOrder reaches the Broker only as such a letter.
    """

    records: tuple[SerializeAsAny[Record], ...]
    release: tuple[Letter, ...] = ()
    load_id: str | None = None
    """Of the RecoveryLoaded that the sender works from; None when the records rest on nothing that was read."""


class CommitNow(Body):
    """The ledger's note to itself: everything that arrived before this shares a transaction."""


class AppendFailed(Body):
    """The transaction did not happen; nothing of it was released."""

    reason: str


class EventsCommitted(Body):
    """Told to the recorder, which exports them."""

    events: tuple[LedgerEvent, ...]


class LoadRecovery(Command):
    """Ask the ledger for what a restarted OMS or Portfolio needs."""


class RecoveryLoaded(Body):
    """Everything unfinished, and where the venue must be asked from."""

    load_id: str = ""
    """To be given back with each append that rests on this. It is void once one of those was refused."""
    open_intents: tuple[OrderIntent, ...]
    reserved_notional: dict[str, Number] = Field(default_factory=dict)
    """What the risk guard holds for each open intent, by intent id."""
    stopping: dict[str, str] = Field(default_factory=dict)
    """Open intents that are not worked any more, and why; by intent id."""
    deadlines: tuple[DeadlineSet, ...] = ()
    """What is set and not cleared, the earliest first."""
    orders: tuple[OrderRow, ...]
    """Every order that is not terminal, every one of an open intent, and the recently ended ones (tombstones)."""
    positions: tuple[Position, ...]
    known: KnownStrangers = KnownStrangers()
    """What is in the account and in no book of ours."""
    unapplied_fills: tuple[FillBooked, ...] = ()
    """Fills on disk that no recorded position contains yet: what a crash left between the two commits."""
    last_portfolio: PortfolioSnapshot | None
    opening_balances: tuple[Balance, ...] | None
    balance_changes: dict[str, Number]
    """Sums over every fill of this ledger: `<symbol>:base` and `<symbol>:quote` before fees, and each fee asset's name
    with minus what was paid in it. A fill does not name its assets; who knows the instruments adds the kinds up."""
    fill_ids: tuple[str, ...]
    """Executions already booked since the watermark."""
    watermark_ns: Nanoseconds
    """Executions before this time are all booked."""
    has_history: bool
