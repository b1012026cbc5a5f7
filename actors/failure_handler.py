"""FailureHandler: hears of every failure, records it, carries out what the table of failure modes says, and runs the
stop plans.

Whoever detects a failure that cannot wait for a message (the ledger, the lease) has shut the gate itself by then.

Whoever has shut the gate, what is then done to what exists is done from here alone: `supervisor/stop_plans.py` says
what, from the reasons in force. What was begun is kept in memory only. After a restart, and whenever the books have
been compared, every plan in force is told to the OMS again, which goes on with what it has begun.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from actors import addresses
from messages.base import Command
from messages.escapes import Escape, EscapeTrigger
from messages.failure import (
    CancelEntries,
    FailureMode,
    FailureReported,
    RiskTripped,
    StopLevelChanged,
    StopLevelTold,
    StopPlanState,
    StopReason,
)
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
from messages.stops import Reduction, SetReductions, StopPlansRecorded
from messages.supervision import ChildDown, DeadLetter
from messages.values import StopLevel, StopPlan
from supervisor.failure_modes import (
    TABLE,
    Alert,
    Compare,
    Directive,
    Ease,
    EndProcess,
    Lift,
    Row,
    Shut,
    directives,
)
from supervisor.gate import Gate
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.stop_plans import PlanPolicy, Step, judge

ORDER_PATH = frozenset({addresses.OMS, addresses.PORTFOLIO, addresses.RISK_GUARD, addresses.LEDGER})
CLEAN_ENDS = frozenset({"shutdown", "normal"})
Leave = Callable[[str], None]
"""Ends the process at once, and does not return. Told why."""


class FailureHandlerActor(Behaviour):
    def __init__(
        self,
        gate: Gate,
        table: Mapping[FailureMode, Row] = TABLE,
        stops: Mapping[str, str] = MappingProxyType({}),
        *,
        leave: Leave,
        venue: str = "",
        policy: PlanPolicy = PlanPolicy(),  # noqa: B008 -- immutable
    ) -> None:
        """`stops`: which scope is shut when an actor is given up, see `decide`. `venue`: the house's one."""
        self._gate = gate
        self._table = table
        self._stops = stops
        self._leave = leave
        self._venue = venue
        self._policy = policy
        self._announced: StopLevel | None = None
        self._recorded: tuple[StopPlanState, ...] = ()
        self._begun: dict[tuple[str, StopPlan], frozenset[str]] = {}
        """By scope and plan: for which reasons it was told to the OMS."""
        self._reductions: tuple[Reduction, ...] | None = None
        """As last told to the OMS; None: it is not known what it does."""
        self._compared_after = -1
        """The gate's count of doubts when the books were last found compared; -1: not yet."""

    def on_start(self, ctx: Context) -> None:
        self._announce(ctx)
        if ctx.epoch > 1:
            # Last of its group: whatever of it was restarted, messages may have been lost.
            ctx.tell(addresses.OMS, Reconcile(reason="the guard group was restarted"))

    @receives(FailureReported)
    def on_failure(self, report: FailureReported, ctx: Context) -> None:
        for directive in directives(report, ctx.now_ns(), self._table, self._stops):
            self._carry_out(directive, ctx)
        self._record(ctx, FailureRecorded(failure=report))
        self._announce(ctx)

    def _carry_out(self, directive: Directive, ctx: Context) -> None:
        if isinstance(directive, Shut):
            self._gate.shut(directive.reason, by=ctx)
        elif isinstance(directive, Ease):
            self._gate.ease(directive.reason, by=ctx)
        elif isinstance(directive, Lift):
            self._gate.lift(directive.reason_id, by=ctx)
        elif isinstance(directive, Alert):
            ctx.publish(addresses.FAILURES, directive.report)
        elif isinstance(directive, Compare):
            ctx.tell(addresses.OMS, Reconcile(reason=directive.why, is_look=True))
        elif isinstance(directive, EndProcess):
            self._leave(directive.why)

    @receives(RiskTripped)
    def on_trip(self, trip: RiskTripped, ctx: Context) -> None:
        """The risk guard has shut the gate itself, in the same instant."""
        ctx.publish(addresses.FAILURES, trip)
        self._announce(ctx)

    @receives(StopLevelTold)
    def on_gate(self, _: StopLevelTold, ctx: Context) -> None:
        """Whoever moved it: that it opened, or shut, goes on record with the reasons."""
        self._announce(ctx)

    @receives(ChildDown)
    def on_child_down(self, down: ChildDown, ctx: Context) -> None:
        if down.reason not in CLEAN_ENDS:
            ctx.publish(addresses.FAILURES, down)
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
        self._run_plans(ctx)
        level = self._gate.level()
        if level is self._announced:
            return
        self._announced = level
        change = StopLevelChanged(level=level, reasons=self._gate.reasons())
        self._record(ctx, StopLevelRecorded(change=change))
        ctx.publish(addresses.STOP_LEVEL, change)

    # -- plans --------------------------------------------------------------------------------------------------------

    def _run_plans(self, ctx: Context) -> None:
        is_compared = self._gate.is_recovered
        if is_compared and self._compared_after != self._gate.doubts:
            self._compared_after = self._gate.doubts
            self._begun = {}  # the OMS may have begun anew, or died over what it was told
            if self._reductions:  # where there are none it goes on with none: nothing need be told again
                self._reductions = None
        plans = judge(
            self._gate.reasons(), self._venue, is_compared=is_compared, is_automatic=self._policy.is_automatic
        )
        before, self._begun = self._begun, {(step.scope, step.plan): step.reason_ids for step in plans.run}
        for step in plans.run:
            if not step.reason_ids <= before.get((step.scope, step.plan), frozenset()):
                for command in commands_of(step):
                    ctx.tell(addresses.OMS, command)
        self._reduce(tuple(reduction_of(step) for step in plans.run if step.plan is StopPlan.REDUCE), ctx)
        if plans.states() != self._recorded:
            self._recorded = plans.states()
            self._record(ctx, StopPlansRecorded(plans=self._recorded))

    def _reduce(self, reductions: tuple[Reduction, ...], ctx: Context) -> None:
        """All of them at once: one that is not among them ends."""
        is_known = self._reductions is not None
        if reductions == self._reductions or not (is_known or reductions or self._compared_after >= 0):
            return
        self._reductions = reductions
        share = self._policy.reduce_share_per_min
        ctx.tell(addresses.OMS, SetReductions(reductions=reductions, share_per_min=share))

    def _record(self, ctx: Context, record: Record) -> None:
        ctx.tell(addresses.LEDGER, Append(records=(record,)))


def commands_of(step: Step) -> tuple[Command, ...]:
    """What the OMS is asked for at once. A reduction is told with all others."""
    if step.plan is StopPlan.FLATTEN:
        trigger = _trigger_of(step.reasons[0])
        return (
            Escape(
                escape_id=f"{trigger}/{step.reasons[0].reason_id}",
                trigger=trigger,
                reason=step.cause,
                strategy_id=step.strategy_id,
                symbol=step.symbol,
            ),
        )
    return (CancelEntries(reason=step.cause, strategy_id=step.strategy_id, symbol=step.symbol),)


def reduction_of(step: Step) -> Reduction:
    """One for each scope, whatever reasons come and go: it goes on with what it has begun."""
    return Reduction(
        reduction_id=step.scope, reason=step.reasons[0].reason_id, strategy_id=step.strategy_id, symbol=step.symbol
    )


def _trigger_of(reason: StopReason) -> EscapeTrigger:
    if reason.reason_id.startswith("kill:"):
        return EscapeTrigger.KILL_SWITCH
    return EscapeTrigger.RISK_GUARD if reason.reason_id.startswith("risk:") else EscapeTrigger.FAILURE
