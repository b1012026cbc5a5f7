"""Who may write what: for each record class, the actors that own it. A table, and two functions on it; pure.

An owner is named as its actor is (`actors/addresses.py`); a name before a colon stands for all of its kind, so `broker`
is `broker:sim` too. What the ledger's actor is handed by anybody else it refuses, records and letters both.
`session` is the house itself, which writes before the first actor is up and after the last one is down.

Not guarded against: code in our own process that lies about who it is. It catches the mistake, not malice.
"""

from collections.abc import Iterable

from messages import adjustments, escapes, inbox, operator, records, stops
from messages.instruments import InstrumentsRecorded
from messages.records import Record
from messages.risk_history import LimitRearmRecorded

OMS = "oms"
PORTFOLIO = "portfolio"
RISK_GUARD = "risk-guard"
FAILURE_HANDLER = "failure-handler"
DESK = "operator-desk"
INBOX = "intent-inbox"
SESSION = "session"
INSTRUMENT_MASTER = "instrument-master"
MARKET_DATA = "market-data"

_BY_OWNER: dict[frozenset[str], tuple[type[Record], ...]] = {
    frozenset({OMS}): (
        records.IntentRecorded,
        records.IntentStatusChanged,
        records.OrderRecorded,
        records.OrderAliasRecorded,
        records.FillRecorded,
        records.ForeignOrderSeen,
        records.OrphanFillSeen,
        records.ReconciliationRecorded,
        records.DeadlineSet,
        records.DeadlineCleared,
        escapes.EscapeRecorded,
        stops.ReductionRecorded,
        operator.StrangerSettled,
    ),
    frozenset({PORTFOLIO}): (
        records.PositionRecorded,
        records.PortfolioRecorded,
        records.OpeningBalancesRecorded,
        records.AccountObserved,
        adjustments.AdjustmentRecorded,
        records.RoundTripRecorded,
    ),
    frozenset({RISK_GUARD}): (
        records.RiskRefusalRecorded,
        records.RiskTripRecorded,
        records.LimitApproachRecorded,
        LimitRearmRecorded,
    ),
    frozenset({FAILURE_HANDLER}): (
        records.StopLevelRecorded,
        stops.StopPlansRecorded,
        records.FailureRecorded,
        records.ChildDownRecorded,
        records.ChildReadyRecorded,
        records.DeadLetterRecorded,
    ),
    frozenset({SESSION, INSTRUMENT_MASTER}): (InstrumentsRecorded,),
    frozenset({MARKET_DATA}): (records.SourceRecorded,),
    frozenset({DESK}): (records.OperatorActed,),
    frozenset({INBOX}): (inbox.InboxRowTaken, inbox.InboxRowRefused),
    frozenset({SESSION}): (
        records.SessionStarted,
        records.SessionStopped,
        records.ConfigSnapshotRecorded,
        records.LeaseTaken,
        records.LeaseReleased,
    ),
}

OWNERS: dict[type[Record], frozenset[str]] = {
    record_class: owners for owners, classes in _BY_OWNER.items() for record_class in classes
}
"""Every record class there is; tests/ledger/test_owners.py holds it to that, and to what the actors send."""


def may_write(sender: str, record: Record) -> bool:
    """Whether `sender` owns the record's class. A class that nobody has decided about is nobody's."""
    return sender.partition(":")[0] in OWNERS.get(type(record), frozenset())


def forbidden(sender: str, given: Iterable[Record]) -> tuple[str, ...]:
    """The names of the classes among these records that `sender` may not write, each once, sorted."""
    return tuple(sorted({type(record).__name__ for record in given if not may_write(sender, record)}))
