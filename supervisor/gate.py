"""The gate: one shared latch, read in the transport right before each write.

Entries leave only while no reason of SOFT or above is in force for them; exits only while none is HARD, the stop plan's
own exits excepted. Whatever any actor believes, this is what decides. Any thread may read;
reasons are put in and taken out one by one, and a recovery removes only its own. An incarnation that was given up moves
nothing any more, whenever it comes back: its successor judges the same things by what is true now.
"""

from collections.abc import Callable
from threading import Lock
from typing import Protocol

from messages.failure import StopLevelTold, StopReason
from messages.orders import OrderTicket
from messages.values import StopLevel, StopPlan

ENTRY_LIMIT = StopLevel.SOFT
EXIT_LIMIT = StopLevel.HARD
LEDGER_REASON = "ledger_failure:all"
"""The one that the table of failure modes makes of the same failure: who reports it and who decides are the same."""
LEASE_REASON = "split_brain:all"
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


def doubt(reason_id: str, cause: str, now_ns: int) -> StopReason:
    """Of the house itself: no entry leaves while it lasts, and what exists is left as it is."""
    return StopReason(
        reason_id=reason_id,
        level=StopLevel.SOFT,
        cause=cause,
        since_ns=now_ns,
        plan=StopPlan.NONE,
        is_technical=True,
    )


def _of_ledger(level: StopLevel, cause: str, now_ns: int) -> StopReason:
    return StopReason(
        reason_id=LEDGER_REASON,
        level=level,
        cause=cause,
        since_ns=now_ns,
        needs_operator=True,
        plan=StopPlan.NONE,
        is_technical=True,
    )


def merged(known: StopReason | None, newer: StopReason) -> StopReason:
    """What is in force once `newer` has come under an id that is in force already. One that an operator must lift keeps
    the stricter level and the further plan; of two scopes it takes all. Any other is what was said of it last."""
    if known is None or not known.needs_operator:
        return newer
    is_stricter = newer.level > known.level or newer.effective_plan > known.effective_plan
    last = newer if is_stricter else known
    return last.model_copy(
        update={
            "level": max(known.level, newer.level),
            "plan": max(known.effective_plan, newer.effective_plan),
            "scope": known.scope if known.scope == newer.scope else "all",
            "since_ns": known.since_ns,
            "needs_operator": True,
            "is_technical": known.is_technical and newer.is_technical,
        }
    )


def told_of(gate: "Gate") -> StopLevelTold:
    """What is in force, for those who cannot read the gate themselves."""
    return StopLevelTold(level=gate.level(), change=gate.changes, levels=gate.levels())


def _force_of(reason: StopReason) -> tuple[object, ...]:
    return reason.level, reason.scope, reason.effective_plan, reason.needs_operator, reason.is_technical


class Gate:
    """Starts shut: the reasons of `initial` are in force until each is lifted."""

    def __init__(self, initial: tuple[StopReason, ...], current_epoch: Callable[[str], int], latch: Latch) -> None:
        self._lock = Lock()
        self._disk = Lock()
        """Held while a latch file is brought to what is in force: of two who move one reason the later has the word."""
        self._latch = latch
        self._doubts = 0
        self.unlatched: frozenset[str] = frozenset()
        """Reasons that the disk refused, or refused to give up: memory and disk differ in these, until `settle`."""
        self._reasons: dict[str, StopReason] = {}
        self._said_ns: dict[str, int] = {}
        """When each reason in force was last put in force, also where it was already."""
        for reason in initial:
            self._reasons[reason.reason_id] = merged(self._reasons.get(reason.reason_id), reason)
            self._say(reason)
        self._current_epoch = current_epoch
        self._changes = 0
        self.on_change: Callable[[], None] = lambda: None
        """Called after each change of the reasons in force, in the thread that made it."""

    def shut(self, reason: StopReason, *, by: Voice | None, is_latched: bool = False) -> bool:
        """Put a reason in force, or make it what it is now; True if that changed anything.

        One that an operator must lift is never made milder or narrower. `is_latched`: it comes from its file."""
        with self._lock:
            if self._is_over(by):
                return False
            self._say(reason)
            known = self._reasons.get(reason.reason_id)
            now = merged(known, reason)
            if known is not None and _force_of(known) == _force_of(now):
                return False
            # In force first, then on disk: the stop must hold even where recording it fails.
            self._put_in_force({**self._reasons, reason.reason_id: now})
        if now.needs_operator and not (is_latched and now == reason):
            self._settle_on_disk(reason.reason_id)
        self.on_change()
        return True

    def confirm(self, reason_id: str, words: str, *, by: Voice | None) -> bool:
        """An operator makes a technical reason his own: its plan waits no more. On disk, too, where it is latched."""
        with self._lock:
            known = self._reasons.get(reason_id)
            if known is None or not known.is_technical or self._is_over(by):
                return False
            mine = known.model_copy(update={"is_technical": False, "cause": f"{known.cause}; {words}"})
            self._put_in_force({**self._reasons, reason_id: mine})
        if mine.needs_operator:
            self._settle_on_disk(reason_id)
        self.on_change()
        return True

    def _settle_on_disk(self, reason_id: str) -> None:
        with self._disk:
            reason = self._reasons.get(reason_id)
            try:
                if reason is None:
                    self._latch.remove(reason_id)
                elif reason.needs_operator:
                    self._latch.write(reason)
            except OSError:
                self.unlatched |= {reason_id}
            else:
                self.unlatched -= {reason_id}

    def settle(self) -> None:
        """Try again what the disk refused: a stop that came while it was full must outlive the process, too."""
        for reason_id in self.unlatched:
            self._settle_on_disk(reason_id)

    def has_ended(self, name: str, epoch: int) -> bool:
        """Whether somebody else goes by the name now. Epoch 0 is nobody's, and has not ended."""
        return 0 < epoch < self._current_epoch(name)

    def _is_over(self, by: Voice | None) -> bool:
        return by is not None and by.epoch < self._current_epoch(by.name)

    def _say(self, reason: StopReason) -> None:
        self._said_ns[reason.reason_id] = max(reason.since_ns, self._said_ns.get(reason.reason_id, 0))

    def _put_in_force(self, reasons: dict[str, StopReason]) -> None:
        """Called with the lock held."""
        self._reasons = reasons
        self._changes += 1

    @property
    def changes(self) -> int:
        """How often the reasons in force have changed: tells which of two reports of the level is the newer."""
        return self._changes

    def lift(self, reason_id: str, *, by: Voice | None, unless_said: tuple[int, int] | None = None) -> bool:
        """Take one reason out, on disk too; True if it was in force. It stays if somebody has put it in force after the
        first and until the second time of `unless_said`: an operator who asked before that has not meant it."""
        with self._lock:
            reason = self._reasons.get(reason_id)
            if reason is None or self._is_over(by):
                return False
            if unless_said is not None and unless_said[0] < self._said_ns.get(reason_id, 0) <= unless_said[1]:
                return False
            self._said_ns.pop(reason_id, None)
            self._put_in_force({key: value for key, value in self._reasons.items() if key != reason_id})
        if reason.needs_operator:
            self._settle_on_disk(reason_id)
        self.on_change()
        return True

    def ease(self, reason: StopReason, *, by: Voice | None) -> bool:
        """Make one in force milder, on disk too: what it is about is over, and an operator has not said so. True if
        that changed anything; what is not in force, or is as mild, stays as it is."""
        with self._lock:
            known = self._reasons.get(reason.reason_id)
            if known is None or known.level <= reason.level or self._is_over(by):
                return False
            eased = reason.model_copy(update={"since_ns": known.since_ns})
            self._put_in_force({**self._reasons, reason.reason_id: eased})
        if eased.needs_operator:
            self._settle_on_disk(reason.reason_id)
        self.on_change()
        return True

    def require_recovery(self, cause: str, now_ns: int, *, by: Voice | None) -> None:
        """The books are in doubt from now on; only a reconciliation that began after this ends it."""
        reason = doubt(RECOVERY_REASON, cause, now_ns)
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
        """What cannot be written down must not be sent: cancels only, at once, in the thread that found it."""
        self.shut(_of_ledger(StopLevel.HARD, detail, now_ns), by=by)

    @property
    def is_ledger_failed(self) -> bool:
        """Whether nothing leaves for it: no commit has been read back since."""
        known = self._reasons.get(LEDGER_REASON)
        return known is not None and known.level >= EXIT_LIMIT

    def ledger_works(self, detail: str, now_ns: int, *, by: Voice | None) -> None:
        """Exits leave again, since they can be written down; entries wait for an operator."""
        self.ease(_of_ledger(StopLevel.SOFT, detail, now_ns), by=by)

    def lease_lost(self, detail: str, now_ns: int, *, by: Voice | None) -> None:
        """The account is another process's: nothing leaves but cancels. Not latched, or it would stop that one."""
        reason = StopReason(
            reason_id=LEASE_REASON,
            level=StopLevel.HARD,
            cause=detail,
            since_ns=now_ns,
            plan=StopPlan.NONE,
            is_technical=True,
        )
        self.shut(reason, by=by)

    def reasons(self) -> tuple[StopReason, ...]:
        return tuple(self._reasons.values())

    def levels(self) -> dict[str, StopLevel]:
        """The strictest level of each scope that some reason names."""
        found: dict[str, StopLevel] = {}
        for reason in self._reasons.values():
            found[reason.scope] = max(reason.level, found.get(reason.scope, StopLevel.RUN))
        return found

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

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int, strategy_id: str | None = None) -> str | None:
        """Why this order must not leave now, or None. Constant work over the few reasons in force. `strategy_id`: whose
        it is; of nobody known it is refused by a stop of any strategy."""
        if epoch < self._current_epoch(issuer):
            return f"FENCED: {issuer} epoch {epoch} has ended"
        if ticket.is_stop_plan:
            return None
        scopes = frozenset({"all", f"venue:{ticket.venue}", f"symbol:{ticket.symbol}"})
        if strategy_id is None:
            scopes |= {r.scope for r in self._reasons.values() if r.scope.startswith("strategy:")}
        else:
            scopes |= {f"strategy:{strategy_id}"}
        refusal = self.refusal_in(scopes, is_entry=ticket.intent_type.is_entry)
        return None if refusal is None else f"GATE_SHUT: {refusal}"
