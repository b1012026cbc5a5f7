"""Each fault that must alarm did; while nothing has been broken, nothing alarms."""

from collections.abc import Sequence
from typing import NamedTuple

from bulkhead.chaos.faults import fault
from bulkhead.chaos.invariants.kit import Invariant
from bulkhead.chaos.plan import Strike
from bulkhead.ledger.port import Entry
from messages.failure import FailureMode
from messages.records import FailureRecorded, LedgerEvent

GRACE_S = 60.0
"""After a fault is over: what was found while it lasted may still be on its way to the disk."""


class Waiting(NamedTuple):
    """A fault that must alarm and has not yet."""

    mode: FailureMode
    strike: Strike
    until_s: float | None
    """None while it lasts."""
    fired: int
    """How often it had taken effect when it began."""
    began_s: float


class Alarms(Invariant):
    """By the failures on record and the reasons in force at the gate.

    A fault whose row in the catalogue says `alarms` must have one of that mode on record
    between its beginning and a minute after its end, if it took effect at all and the process lived through it; one
    that was on record before and has not been taken back will do. Until the first strike of a plan, and in a plan
    without any, no failure may be on record.

    Not looked at: alarms that a fault brings beside its own, and who is told of them."""

    number = 21
    name = "alarms"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._is_clean = True
        self._standing: dict[FailureMode, set[str]] = {}
        """Scopes in which each is on record and not taken back."""
        self._waiting: list[Waiting] = []

    def struck(self, strike: Strike) -> None:
        self._is_clean = False
        mode = fault(strike.fault).alarms
        if mode is not None and not self._standing.get(mode):
            until_s = None if strike.lasts_s else self.world.elapsed_s() + GRACE_S
            self._waiting.append(Waiting(mode, strike, until_s, self.world.fired[strike.fault], self.world.elapsed_s()))

    def healed(self, strike: Strike) -> None:
        now_s = self.world.elapsed_s()
        is_cut_short = any(w.strike is strike and now_s - w.began_s < strike.lasts_s - 1e-3 for w in self._waiting)
        if is_cut_short:  # by the end of the plan: perhaps it had not lasted long enough to be seen
            self._waiting = [w for w in self._waiting if w.strike is not strike]
        else:
            until_s = now_s + GRACE_S
            self._waiting = [w._replace(until_s=until_s) if w.strike is strike else w for w in self._waiting]

    def killed(self) -> None:
        self._waiting, self._standing = [], {}

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        for entry in entries:
            if isinstance(entry.record, FailureRecorded):
                self._heard(entry.record)
        if self._waiting:
            self._judge(self.world.elapsed_s())

    def _heard(self, record: FailureRecorded) -> None:
        failure = record.failure
        if failure.recovered:
            self._standing.get(failure.mode, set()).discard(failure.scope)
            return
        if self._is_clean:
            self.violated(f"nothing was broken, and {failure.mode} is on record: {failure.detail}")
        self._standing.setdefault(failure.mode, set()).add(failure.scope)
        self._waiting = [each for each in self._waiting if each.mode is not failure.mode]

    def gate_moved(self) -> None:
        """What cannot be written down, since the disk is what fails, is told by the gate."""
        if self._waiting:
            in_force = {reason.reason_id.partition(":")[0] for reason in self.world.house.gate.reasons()}
            self._waiting = [each for each in self._waiting if each.mode.value not in in_force]

    def at_rest(self) -> None:
        self._judge(self.world.elapsed_s())

    def _judge(self, now_s: float) -> None:
        over = [each for each in self._waiting if each.until_s is not None and each.until_s < now_s]
        for each in over:
            self._waiting.remove(each)
            if self.world.fired[each.strike.fault] > each.fired:
                began = f"{each.strike.fault} at {each.strike.at_s:g} s for {each.strike.lasts_s:g} s"
                self.violated(f"{began} must alarm as {each.mode}, and did not")
