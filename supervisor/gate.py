"""The gate: one shared latch, read in the transport right before each write.

Entries leave only while no reason of SOFT or above is in force for them; exits only while none is HARD, the stop plan's
own exits excepted. Whatever any actor believes, this is what decides. Any thread may read;
reasons are put in and taken out one by one, and a recovery removes only its own. An incarnation that was given up moves
nothing any more, whenever it comes back: its successor judges the same things by what is true now.
"""

from collections.abc import Callable
from threading import Lock
from typing import Protocol

from messages.failure import StopReason
from messages.orders import OrderTicket
from messages.values import StopLevel

ENTRY_LIMIT = StopLevel.SOFT
EXIT_LIMIT = StopLevel.HARD
LEDGER_REASON = "ledger_failure:commit"
RECOVERY_REASON = "recovery:books"
SESSION_REASON = "session:stopping"
"""In force from the moment that a session begins to end."""


class Latch(Protocol):
    """Where reasons that only an operator may lift outlive the process."""

    def write(self, reason: StopReason) -> None: ...
    def remove(self, reason_id: str) -> None: ...


class Voice(Protocol):
    """Who moves the gate: a handler's context. The house itself is None."""

    @property
    def name(self) -> str: ...
    @property
    def epoch(self) -> int: ...


class Gate:
    """Starts shut: the reasons of `initial` are in force until each is lifted."""

    def __init__(self, initial: tuple[StopReason, ...], current_epoch: Callable[[str], int], latch: Latch) -> None:
        self._lock = Lock()
        self._latch = latch
        self._doubts = 0
        self.unlatched = 0
        """How often the disk refused a reason, or to give one up: then memory and disk differ."""
        self._reasons: dict[str, StopReason] = {reason.reason_id: reason for reason in initial}
        self._current_epoch = current_epoch
        self._changes = 0
        self.on_change: Callable[[], None] = lambda: None
        """Called after each change of the reasons in force, in the thread that made it."""

    def shut(self, reason: StopReason, *, by: Voice | None) -> bool:
        """Put a reason in force; True if that changed anything."""
        with self._lock:
            if self._is_over(by):
                return False
            known = self._reasons.get(reason.reason_id)
            if known is not None and known.level >= reason.level and known.scope == reason.scope:
                return False
            # In force first, then on disk: the stop must hold even where recording it fails.
            self._put_in_force({**self._reasons, reason.reason_id: reason})
        if reason.needs_operator:
            try:
                self._latch.write(reason)
            except OSError:
                self.unlatched += 1
        self.on_change()
        return True

    def has_ended(self, name: str, epoch: int) -> bool:
        """Whether somebody else goes by the name now. Epoch 0 is nobody's, and has not ended."""
        return 0 < epoch < self._current_epoch(name)

    def _is_over(self, by: Voice | None) -> bool:
        return by is not None and by.epoch < self._current_epoch(by.name)

    def _put_in_force(self, reasons: dict[str, StopReason]) -> None:
        """Called with the lock held."""
        self._reasons = reasons
        self._changes += 1

    @property
    def changes(self) -> int:
        """How often the reasons in force have changed: tells which of two reports of the level is the newer."""
        return self._changes

    def lift(self, reason_id: str, *, by: Voice | None) -> bool:
        """Take one reason out, on disk too; True if it was in force."""
        with self._lock:
            reason = self._reasons.get(reason_id)
            if reason is None or self._is_over(by):
                return False
            self._put_in_force({key: value for key, value in self._reasons.items() if key != reason_id})
        if reason.needs_operator:
            try:
                self._latch.remove(reason_id)
            except OSError:
                self.unlatched += 1
        self.on_change()
        return True

    def require_recovery(self, cause: str, now_ns: int, *, by: Voice | None) -> None:
        """The books are in doubt from now on; only a reconciliation that began after this ends it."""
        reason = StopReason(reason_id=RECOVERY_REASON, level=StopLevel.SOFT, cause=cause, since_ns=now_ns)
        with self._lock:
            if self._is_over(by):
                return
            self._doubts += 1
            self._put_in_force({**self._reasons, RECOVERY_REASON: reason})
        self.on_change()

    @property
    def doubts(self) -> int:
        """How often the books have come into doubt; to be read when a reconciliation begins."""
        return self._doubts

    def recovered(self, doubts_at_begin: int, *, by: Voice | None) -> bool:
        """A clean reconciliation has ended; False when the books came into doubt again while it ran."""
        with self._lock:
            if self._doubts != doubts_at_begin or self._is_over(by):
                return False
            self._put_in_force({key: value for key, value in self._reasons.items() if key != RECOVERY_REASON})
        self.on_change()
        return True

    def ledger_failed(self, detail: str, now_ns: int, *, by: Voice | None) -> None:
        """What cannot be written down must not be sent: entries stop at once."""
        self.shut(StopReason(reason_id=LEDGER_REASON, level=StopLevel.SOFT, cause=detail, since_ns=now_ns), by=by)

    def ledger_works(self, *, by: Voice | None) -> None:
        self.lift(LEDGER_REASON, by=by)

    def reasons(self) -> tuple[StopReason, ...]:
        return tuple(self._reasons.values())

    def level(self, scopes: frozenset[str] = frozenset({"all"})) -> StopLevel:
        """The strictest level in force for any of `scopes`."""
        return max((r.level for r in self._reasons.values() if r.scope in scopes), default=StopLevel.RUN)

    @property
    def is_open(self) -> bool:
        """True while entries may leave, as far as the whole house is concerned."""
        return self.level() < ENTRY_LIMIT

    def is_in_force(self, reason_id: str) -> bool:
        return reason_id in self._reasons

    @property
    def is_recovered(self) -> bool:
        return RECOVERY_REASON not in self._reasons

    def refusal_in(self, scopes: frozenset[str], *, is_entry: bool) -> str | None:
        """Why nothing of these scopes may be sent now, or None."""
        limit = ENTRY_LIMIT if is_entry else EXIT_LIMIT
        for reason in self._reasons.values():
            if reason.level >= limit and reason.scope in scopes:
                return f"{reason.reason_id} ({reason.level.name}): {reason.cause}"
        return None

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        """Why this order must not leave now, or None. Constant work over the few reasons in force."""
        if epoch < self._current_epoch(issuer):
            return f"FENCED: {issuer} epoch {epoch} has ended"
        if ticket.is_stop_plan:
            return None
        scopes = frozenset({"all", f"venue:{ticket.venue}", f"symbol:{ticket.symbol}"})
        refusal = self.refusal_in(scopes, is_entry=ticket.intent_type.is_entry)
        return None if refusal is None else f"GATE_SHUT: {refusal}"
