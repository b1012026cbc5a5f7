"""What the stop reasons in force do to what exists: which plan runs now in which scope, and which waits for what. Pure.

A risk trip and an operator run their plan at once. A failure of the machinery cancels entries at once, which lowers
risk and needs no book; anything further waits until the books are compared, and then for an operator, unless the
settings say that nobody need confirm it: nothing is sold blind. Plans combine by maximum, scope by scope; what a wider
scope does already, a narrower one need not.

It is made anew from the reasons each time, so a plan survives whatever forgets it. Carrying out is the
FailureHandler's; each command may be sent again without harm.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from messages.failure import StopPlanState, StopReason
from messages.values import StopPlan

ALL = "all"
BOOKS = "the books are not compared"
OPERATOR = "an operator must confirm it"


class PlanPolicy(NamedTuple):
    """The settings of `[stops]` that plans depend on."""

    is_automatic: bool = False
    """Plans of technical reasons run without an operator, once the books are compared."""
    reduce_share_per_min: Decimal = Decimal("0.2")


class Step(NamedTuple):
    """A plan that runs now in one scope."""

    scope: str
    plan: StopPlan
    reasons: tuple[StopReason, ...]
    """Those that want it, the oldest first."""

    @property
    def reason_ids(self) -> frozenset[str]:
        return frozenset(reason.reason_id for reason in self.reasons)

    @property
    def cause(self) -> str:
        return f"{self.reasons[0].reason_id}: {self.reasons[0].cause}"

    @property
    def strategy_id(self) -> str | None:
        return _named(self.scope, "strategy")

    @property
    def symbol(self) -> str | None:
        return _named(self.scope, "symbol")


class Waiting(NamedTuple):
    """A plan that a reason asks for and that does not run yet."""

    reason: StopReason
    why: str


class Plans(NamedTuple):
    run: tuple[Step, ...]
    pending: tuple[Waiting, ...]

    def states(self) -> tuple[StopPlanState, ...]:
        """As they are recorded and shown."""
        running = (
            StopPlanState(scope=s.scope, plan=s.plan, reason_ids=tuple(r.reason_id for r in s.reasons))
            for s in self.run
        )
        waiting = (
            StopPlanState(
                scope=w.reason.scope,
                plan=w.reason.effective_plan,
                reason_ids=(w.reason.reason_id,),
                waits_for=w.why,
            )
            for w in self.pending
        )
        return (*running, *waiting)


def judge(reasons: Iterable[StopReason], venue: str, *, is_compared: bool, is_automatic: bool) -> Plans:
    """`venue` is the house's one: what is asked for it is asked for all."""
    wanted: dict[str, list[tuple[StopPlan, StopReason]]] = {}
    pending: list[Waiting] = []
    for reason in sorted(reasons, key=lambda each: (each.since_ns, each.reason_id)):
        scope = _scope_here(reason.scope, venue)
        if scope is None:
            continue
        plan, why = _runs_now(reason, is_compared=is_compared, is_automatic=is_automatic)
        if why is not None:
            pending.append(Waiting(reason, why))
        if plan > StopPlan.NONE:
            wanted.setdefault(scope, []).append((plan, reason))
    steps = [_strongest(scope, found) for scope, found in wanted.items()]
    everywhere = max((step.plan for step in steps if step.scope == ALL), default=StopPlan.NONE)
    run = tuple(step for step in steps if step.scope == ALL or step.plan > everywhere)
    return Plans(run, tuple(pending))


def plan_for(plans: Plans, strategy_id: str | None, symbol: str) -> StopPlan:
    """What runs now for an order or a holding. Of an owner that nobody knows: whatever runs for any strategy."""
    return max((step.plan for step in plans.run if _covers(step, strategy_id, symbol)), default=StopPlan.NONE)


def _runs_now(reason: StopReason, *, is_compared: bool, is_automatic: bool) -> tuple[StopPlan, str | None]:
    """The plan that runs, and why the reason's own does not."""
    plan = reason.effective_plan
    if not reason.is_technical or plan <= StopPlan.CANCEL_ENTRIES:
        return plan, None
    if not is_compared:
        return StopPlan.CANCEL_ENTRIES, BOOKS
    return (plan, None) if is_automatic else (StopPlan.CANCEL_ENTRIES, OPERATOR)


def _strongest(scope: str, found: list[tuple[StopPlan, StopReason]]) -> Step:
    plan = max(plan for plan, _ in found)
    return Step(scope, plan, tuple(reason for wanted, reason in found if wanted is plan))


def _scope_here(scope: str, venue: str) -> str | None:
    """None: nothing of this house is meant."""
    kind, _, name = scope.partition(":")
    if scope == ALL or (kind == "venue" and name == venue):
        return ALL
    return scope if kind in ("strategy", "symbol") and name else None


def _named(scope: str, kind: str) -> str | None:
    found, _, name = scope.partition(":")
    return name if found == kind else None


def _covers(step: Step, strategy_id: str | None, symbol: str) -> bool:
    if step.strategy_id is not None:
        return strategy_id in (None, step.strategy_id)
    return step.symbol in (None, symbol)
