"""LedgerActor: the one writer of durable truth, and the lock on the door of the order path.

Appends that wait together share one transaction and one sync (group commit). What an append asks to release is posted
only after the sync, so nothing can be sent that is not on disk. When a commit fails the gate is shut at once.

Who works from what it once read here names that load with each append. Once one of its appends was refused, or lost
with an incarnation of this actor, whatever it sends is refused until it has read again: it would rest on what is not
there.
"""

from collections.abc import Iterable
from itertools import count
from typing import NamedTuple, Protocol

from actors import addresses
from bulkhead.ledger.owners import forbidden
from bulkhead.ledger.port import DuplicateRecord, Entry, LedgerTaken, LedgerUnavailable
from bulkhead.ledger.writers import Writers
from messages.base import Envelope
from messages.codes import ErrorCode
from messages.failure import FailureMode, FailureReported
from messages.orders import OrderRow
from messages.records import (
    Append,
    AppendFailed,
    CommitNow,
    EventsCommitted,
    LedgerEvent,
    LoadRecovery,
    OrderRecorded,
)
from messages.risk_history import LoadRiskHistory
from messages.supervision import TimerFired
from messages.values import Value
from supervisor.gate import Voice
from supervisor.runtime.behaviour import Behaviour, Context, receives

MAX_GROUP = 256
"""Appends in one transaction at most: bounds how long the first of a burst waits for its sync."""


OWNER_CHECK_S = 1.0
"""Also while nothing is to be written, it is looked whether the ledger is still ours."""


class LedgerFigures(Value):
    commits: int
    events: int
    failures: int
    largest_group: int
    refused: int
    """Appends that rested on what was not written."""


class _Waiting(NamedTuple):
    append: Append
    envelope: Envelope


class LedgerGate(Protocol):
    """What the ledger needs of the gate."""

    @property
    def is_ledger_failed(self) -> bool: ...
    def ledger_failed(self, detail: str, now_ns: int, *, by: Voice | None) -> None: ...
    def ledger_works(self, detail: str, now_ns: int, *, by: Voice | None) -> None: ...
    def lease_lost(self, detail: str, now_ns: int, *, by: Voice | None) -> None: ...


class Notes(Protocol):
    """Who must know which orders are on disk."""

    def note(self, orders: Iterable[OrderRow]) -> None: ...


class LedgerActor(Behaviour):
    def __init__(self, writers: Writers, session_id: str, gate: LedgerGate, recorded: Notes) -> None:
        self._writers = writers
        self._session_id = session_id
        self._gate = gate
        self._recorded = recorded
        self._waiting: list[_Waiting] = []
        self._loads: dict[str, str] = {}
        """By sender: what it was last told, and may build on."""
        self._load_numbers = count(1)
        self._has_failed = self._is_taken = False
        self._commits = self._events = self._failures = self._largest_group = self._refused = 0

    def figures(self) -> LedgerFigures:
        return LedgerFigures(
            commits=self._commits,
            events=self._events,
            failures=self._failures,
            largest_group=self._largest_group,
            refused=self._refused,
        )

    def on_start(self, ctx: Context) -> None:
        self._writer = self._writers.admit(ctx.epoch)
        self._has_failed = self._gate.is_ledger_failed  # said by the one before, or by an earlier run, and not over
        if ctx.epoch > 1:
            # What the one before had taken and not written is lost with it, and it could tell nobody.
            ctx.publish(addresses.LOST_APPENDS, AppendFailed(reason="the ledger was restarted"))

        ctx.after(OWNER_CHECK_S, "owner")

    def on_stop(self, ctx: Context, reason: str) -> None:
        self._commit(ctx)

    @receives(TimerFired)
    def on_timer(self, _: TimerFired, ctx: Context) -> None:
        ctx.after(OWNER_CHECK_S, "owner")
        try:
            self._writer.check_owner()
        except LedgerTaken as error:
            self._lease_lost(error, ctx)
        except LedgerUnavailable:
            pass  # the next commit says so, and what follows from it

    @receives(Append)
    def on_append(self, append: Append, ctx: Context) -> None:
        if ctx.current is None:
            return
        sender = ctx.current.sender
        if wrong := forbidden(sender, append.records):
            self._loads.pop(sender, None)  # what it writes next would rest on this
            ctx.tell(sender, AppendFailed(reason=f"not {sender}'s to write: {', '.join(wrong)}"))
            return
        self._waiting.append(_Waiting(append, ctx.current))
        if len(self._waiting) >= MAX_GROUP:
            self._commit(ctx)
        elif len(self._waiting) == 1:
            ctx.tell(ctx.name, CommitNow())

    @receives(CommitNow)
    def on_commit_now(self, _: CommitNow, ctx: Context) -> None:
        self._commit(ctx)

    @receives(LoadRecovery)
    def on_load_recovery(self, _: LoadRecovery, ctx: Context) -> None:
        self._commit(ctx)
        if ctx.current is not None:
            sender, load_id = ctx.current.sender, f"{ctx.epoch}.{next(self._load_numbers)}"
            self._loads[sender] = load_id
            loaded = self._writer.load_recovery()
            self._recorded.note(loaded.orders)
            ctx.tell(sender, loaded.model_copy(update={"load_id": load_id}))

    @receives(LoadRiskHistory)
    def on_load_risk_history(self, asked: LoadRiskHistory, ctx: Context) -> None:
        self._commit(ctx)
        if ctx.current is not None:
            ctx.tell(ctx.current.sender, self._writer.load_risk_history(asked))

    def _rests_on_what_is_written(self, waiting: _Waiting) -> bool:
        """Whoever was refused something, or reads anew, must not go on from what it believed before."""
        load_id = waiting.append.load_id
        return load_id is None or self._loads.get(waiting.envelope.sender) == load_id

    def _commit(self, ctx: Context) -> None:
        group = [waiting for waiting in self._waiting if self._rests_on_what_is_written(waiting)]
        self._refused += len(self._waiting) - len(group)
        self._waiting = []
        if not group:
            return
        entries = [
            Entry(record, w.envelope.at_ns, self._session_id, w.envelope.correlation_id, w.envelope.causation_id)
            for w in group
            for record in w.append.records
        ]
        try:
            events = self._writer.append(entries)
            if self._has_failed:
                self._writer.read_back(events)
        except (LedgerUnavailable, DuplicateRecord) as error:
            self._failed(group, error, ctx)
            return
        self._commits += 1
        self._events += len(events)
        self._largest_group = max(self._largest_group, len(group))
        if self._has_failed:
            self._works_again(events, ctx)
        written = (entry.record for entry in entries)
        self._recorded.note(r.order for r in written if isinstance(r, OrderRecorded))
        for waiting in group:
            for letter in waiting.append.release:
                ctx.post(letter)
        ctx.publish(addresses.EVENTS, EventsCommitted(events=events))

    def _works_again(self, events: tuple[LedgerEvent, ...], ctx: Context) -> None:
        self._has_failed = False
        detail = f"commits succeed again: event {events[-1].seq} was read back as it was written"
        self._gate.ledger_works(detail, ctx.now_ns(), by=ctx)
        report = FailureReported(mode=FailureMode.LEDGER_FAILURE, detail=detail, recovered=True)
        ctx.tell(addresses.FAILURE_HANDLER, report)

    def _lease_lost(self, error: LedgerTaken, ctx: Context) -> None:
        """Said once: the process ends over it."""
        if self._is_taken:
            return
        self._is_taken = True
        self._gate.lease_lost(str(error), ctx.now_ns(), by=ctx)
        report = FailureReported(mode=FailureMode.SPLIT_BRAIN, detail=str(error))
        ctx.tell(addresses.FAILURE_HANDLER, report)

    def _failed(self, group: list[_Waiting], error: Exception, ctx: Context) -> None:
        """Nothing was written or released. Each sender is told, and works from the ledger's state again."""
        if isinstance(error, DuplicateRecord) and len(group) > 1:
            # One sender's duplicate must not take its neighbours' records with it.
            for waiting in group:
                self._waiting = [waiting]
                self._commit(ctx)
            return
        self._failures += 1
        code = type(error).__name__
        if isinstance(error, LedgerTaken):
            self._lease_lost(error, ctx)
        elif isinstance(error, LedgerUnavailable):
            code = ErrorCode.LEDGER_UNAVAILABLE
            self._gate.ledger_failed(str(error), ctx.now_ns(), by=ctx)
            if not self._has_failed:
                # Once: the report is to be written down too, and its failing must not make another one.
                self._has_failed = True
                detail = f"{ErrorCode.LEDGER_UNAVAILABLE}: {error}"
                report = FailureReported(mode=FailureMode.LEDGER_FAILURE, detail=detail)
                ctx.tell(addresses.FAILURE_HANDLER, report)
        for sender in dict.fromkeys(waiting.envelope.sender for waiting in group):
            self._loads.pop(sender, None)
            ctx.tell(sender, AppendFailed(reason=f"{code}: {error}"))
