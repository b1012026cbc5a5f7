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
from bulkhead.ledger.port import DuplicateRecord, Entry, LedgerUnavailable
from bulkhead.ledger.writers import Writers
from messages.base import Envelope
from messages.codes import ErrorCode
from messages.failure import FailureMode, FailureReported
from messages.records import Append, AppendFailed, CommitNow, EventsCommitted, LoadRecovery, OrderRecorded
from messages.values import Value
from supervisor.gate import Voice
from supervisor.runtime.behaviour import Behaviour, Context, receives

MAX_GROUP = 256
"""Appends in one transaction at most: bounds how long the first of a burst waits for its sync."""


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

    def ledger_failed(self, detail: str, now_ns: int, *, by: Voice | None) -> None: ...
    def ledger_works(self, *, by: Voice | None) -> None: ...


class Notes(Protocol):
    """Who must know which orders are on disk."""

    def note(self, client_order_ids: Iterable[str]) -> None: ...


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
        self._has_failed = False
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
        if ctx.epoch > 1:
            # What the one before had taken and not written is lost with it, and it could tell nobody.
            ctx.publish(addresses.LOST_APPENDS, AppendFailed(reason="the ledger was restarted"))

    def on_stop(self, ctx: Context, reason: str) -> None:
        self._commit(ctx)

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
            self._recorded.note(order.ticket.client_order_id for order in loaded.orders)
            ctx.tell(sender, loaded.model_copy(update={"load_id": load_id}))

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
        except (LedgerUnavailable, DuplicateRecord) as error:
            self._failed(group, error, ctx)
            return
        self._commits += 1
        self._events += len(events)
        self._largest_group = max(self._largest_group, len(group))
        if self._has_failed:
            self._has_failed = False
            self._gate.ledger_works(by=ctx)
            ctx.tell(
                addresses.FAILURE_HANDLER,
                FailureReported(mode=FailureMode.LEDGER_FAILURE, detail="commits succeed again", recovered=True),
            )
        written = (entry.record for entry in entries)
        self._recorded.note(r.order.ticket.client_order_id for r in written if isinstance(r, OrderRecorded))
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
        code = type(error).__name__
        if isinstance(error, LedgerUnavailable):
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
