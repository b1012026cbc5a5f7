"""LedgerActor: the one writer of durable truth, and the lock on the door of the order path.

Appends that wait together share one transaction and one sync (group commit). What an append asks to release is posted
only after the sync, so nothing can be sent that is not on disk. When a commit fails the gate is shut at once.
"""

from typing import NamedTuple, Protocol

from actors import addresses
from bulkhead.ledger.port import DuplicateRecord, Entry, LedgerPort, LedgerUnavailable
from messages.base import Envelope
from messages.failure import FailureMode, FailureReported
from messages.records import Append, AppendFailed, CommitNow, EventsCommitted, LoadRecovery
from messages.values import Value
from supervisor.runtime.behaviour import Behaviour, Context, receives

MAX_GROUP = 256
"""Appends in one transaction at most: bounds how long the first of a burst waits for its sync."""


class LedgerFigures(Value):
    commits: int
    events: int
    failures: int
    largest_group: int


class _Waiting(NamedTuple):
    append: Append
    envelope: Envelope


class LedgerGate(Protocol):
    """What the ledger needs of the gate."""

    def ledger_failed(self, detail: str, now_ns: int) -> None: ...
    def ledger_works(self) -> None: ...


class LedgerActor(Behaviour):
    def __init__(self, ledger: LedgerPort, session_id: str, gate: LedgerGate) -> None:
        self._ledger = ledger
        self._session_id = session_id
        self._gate = gate
        self._waiting: list[_Waiting] = []
        self._has_failed = False
        self._commits = self._events = self._failures = self._largest_group = 0

    def figures(self) -> LedgerFigures:
        return LedgerFigures(
            commits=self._commits, events=self._events, failures=self._failures, largest_group=self._largest_group
        )

    def on_stop(self, ctx: Context, reason: str) -> None:
        self._commit(ctx)

    @receives(Append)
    def on_append(self, append: Append, ctx: Context) -> None:
        if ctx.current is None:
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
            ctx.tell(ctx.current.sender, self._ledger.load_recovery())

    def _commit(self, ctx: Context) -> None:
        if not self._waiting:
            return
        group, self._waiting = self._waiting, []
        entries = [
            Entry(record, w.envelope.at_ns, self._session_id, w.envelope.correlation_id, w.envelope.causation_id)
            for w in group
            for record in w.append.records
        ]
        try:
            events = self._ledger.append(entries)
        except (LedgerUnavailable, DuplicateRecord) as error:
            self._failed(group, error, ctx)
            return
        self._commits += 1
        self._events += len(events)
        self._largest_group = max(self._largest_group, len(group))
        if self._has_failed:
            self._has_failed = False
            self._gate.ledger_works()
            ctx.tell(
                addresses.FAILURE_HANDLER,
                FailureReported(mode=FailureMode.LEDGER_FAILURE, detail="commits succeed again", recovered=True),
            )
        for waiting in group:
            for letter in waiting.append.release:
                ctx.post(letter)
        ctx.publish(addresses.EVENTS, EventsCommitted(events=events))

    def _failed(self, group: list[_Waiting], error: Exception, ctx: Context) -> None:
        """Nothing was written or released. Each sender is told, and works from the ledger's state again."""
        if isinstance(error, DuplicateRecord) and len(group) > 1:
            # One sender's duplicate must not take its neighbours' records with it.
            for waiting in group:
                self._waiting = [waiting]
                self._commit(ctx)
            return
        self._failures += 1
        if isinstance(error, LedgerUnavailable):
            self._gate.ledger_failed(str(error), ctx.now_ns())
            if not self._has_failed:
                # Once: the report is to be written down too, and its failing must not make another one.
                self._has_failed = True
                report = FailureReported(mode=FailureMode.LEDGER_FAILURE, detail=str(error))
                ctx.tell(addresses.FAILURE_HANDLER, report)
        for waiting in group:
            ctx.tell(waiting.envelope.sender, AppendFailed(reason=f"{type(error).__name__}: {error}"))
