"""FailureHandler: hears of every failure, records it, and moves the gate as the table of failure modes says."""

from actors import addresses
from messages.failure import FailureReported, RiskTripped, StopLevelChanged, StopLevelTold
from messages.orders import Reconcile
from messages.records import (
    Append,
    AppendFailed,
    ChildDownRecorded,
    DeadLetterRecorded,
    FailureRecorded,
    Record,
    StopLevelRecorded,
)
from messages.supervision import ChildDown, DeadLetter
from messages.values import StopLevel
from supervisor.failure_modes import Lift, Shut, decide
from supervisor.gate import Gate
from supervisor.runtime.behaviour import Behaviour, Context, receives

ORDER_PATH = frozenset({addresses.OMS, addresses.PORTFOLIO, addresses.RISK_GUARD, addresses.LEDGER})
CLEAN_ENDS = frozenset({"shutdown", "normal"})


class FailureHandlerActor(Behaviour):
    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._announced: StopLevel | None = None

    def on_start(self, ctx: Context) -> None:
        self._announce(ctx)
        if ctx.epoch > 1:
            # Last of its group: whatever of it was restarted, messages may have been lost.
            ctx.tell(addresses.OMS, Reconcile(reason="the guard group was restarted"))

    @receives(FailureReported)
    def on_failure(self, report: FailureReported, ctx: Context) -> None:
        verdict = decide(report, ctx.now_ns())
        if isinstance(verdict, Shut):
            self._gate.shut(verdict.reason, by=ctx)
        elif isinstance(verdict, Lift):
            self._gate.lift(verdict.reason_id, by=ctx)
        self._record(ctx, FailureRecorded(failure=report))
        self._announce(ctx)

    @receives(RiskTripped)
    def on_trip(self, _: RiskTripped, ctx: Context) -> None:
        """The risk guard has shut the gate itself; here it is only announced."""
        self._announce(ctx)

    @receives(StopLevelTold)
    def on_gate(self, _: StopLevelTold, ctx: Context) -> None:
        """Whoever moved it: that it opened, or shut, goes on record with the reasons."""
        self._announce(ctx)

    @receives(ChildDown)
    def on_child_down(self, down: ChildDown, ctx: Context) -> None:
        if down.reason not in CLEAN_ENDS:
            self._record(ctx, ChildDownRecorded(down=down))

    @receives(DeadLetter)
    def on_dead_letter(self, letter: DeadLetter, ctx: Context) -> None:
        """A message lost on the order path leaves the books in doubt until they have been compared."""
        self._record(ctx, DeadLetterRecorded(letter=letter))
        if letter.message_type == Reconcile.__name__:
            return  # a lost request to compare is no reason for another one
        if letter.to in ORDER_PATH or letter.to.startswith("broker:"):
            ctx.tell(addresses.OMS, Reconcile(reason=f"{letter.message_type} to {letter.to} was lost: {letter.reason}"))

    @receives(AppendFailed)
    def on_append_failed(self, failed: AppendFailed, ctx: Context) -> None:
        """The ledger has shut the gate itself, and its reason says why. This record is lost."""

    def _announce(self, ctx: Context) -> None:
        level = self._gate.level()
        if level is self._announced:
            return
        self._announced = level
        change = StopLevelChanged(level=level, reasons=self._gate.reasons())
        self._record(ctx, StopLevelRecorded(change=change))
        ctx.publish(addresses.STOP_LEVEL, change)

    def _record(self, ctx: Context, record: Record) -> None:
        ctx.tell(addresses.LEDGER, Append(records=(record,)))
