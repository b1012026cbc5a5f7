"""The life of the children of one supervisor: start, stop, failure, restart, giving up.

It carries out one step at a time (start a child and wait until it is ready, stop one and wait until it is down), so
that stop, queries and new failures always find it listening; independent children do not wait for one another. A failed
restart is a state and a delayed message to itself, never a loop in place. Policy (who, whether, when) is in policy.py,
what may be asked of it while it runs in supervisor.py; this file is only the mechanism.
"""

from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from math import inf
from typing import NamedTuple

from messages.base import Body
from messages.failure import FailureMode, FailureReported
from messages.supervision import ChildDown, ChildReady, ChildState, Outcome, RestartDue, Stop, TimerFired
from supervisor.children import STARTABLE, UP, Child, Shared, Step, Steps
from supervisor.policy import IGNORE, RestartWindow, affected, backoff_s, should_restart
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.host import Host
from supervisor.spec import BRUTAL, GiveUp, HostKind, Strategy, SupervisorSpec, nodes


class Ending(NamedTuple):
    """Why this supervisor is on its way down."""

    reason: str
    detail: str


class Fenced(RuntimeError):
    """What a supervisor wanted to do after it had been given up."""


class Lifecycle(Behaviour):
    """Of the children of one SupervisorSpec. `failures_to` names the actor that is told of failures."""

    starts_ready = False
    ends_itself = True

    def __init__(self, spec: SupervisorSpec, host: Host, failures_to: str | None = None) -> None:
        self._spec = spec
        self._host = host
        self._failures_to = failures_to
        self._children = {child.id: Child(child) for child in spec.children}
        self._window = RestartWindow(spec.budget)
        self._steps = Steps()
        self._is_first_start = True
        self._ending: Ending | None = None
        self._shared = Shared(frozenset(node.id for node, _ in nodes(spec)))

    # -- life ---------------------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context) -> None:
        self._forget_strangers(ctx)
        for child in self._children.values():
            if child.name in self._shared.kept_down:
                child.state, child.is_held = self._shared.kept_down[child.name], True
                self._hands(ctx).gone(child.name, child.state)
        self._steps.add("start", self._children)
        self._advance(ctx)

    def _forget_strangers(self, ctx: Context) -> None:
        """What an earlier incarnation had added while it ran: nobody will start it again, and its name is free."""
        for name in sorted(self._host.names()):
            if self._host.parent_of(name) == ctx.name and name not in self._children:
                self._hands(ctx).gone(name, "forgotten")
                self._hands(ctx).remove_child(name)

    @receives(Stop)
    def on_stop_asked(self, stop: Stop, ctx: Context) -> None:
        if self._ending is None:
            self._end("shutdown", stop.reason, ctx)
        self._advance(ctx)

    def _end(self, reason: str, detail: str, ctx: Context) -> None:
        """From here on everything goes down, in strict reverse order, and nothing is started any more."""
        self._ending = Ending(reason, detail)
        self._steps.clear()
        self._steps.begun = {c.name for c in self._children.values() if c.state is ChildState.STOPPING}
        for child in self._children.values():
            self._answer(child, Outcome.STOPPING, ctx)
        self._steps.add("stop", reversed(self._children))

    def receive(self, body: Body, ctx: Context) -> None:
        with suppress(Fenced):
            self._hands(ctx)
            super().receive(body, ctx)

    def _hands(self, ctx: Context) -> Host:
        """The host, to act upon. Raises Fenced where this incarnation has been given up: its successor is in office."""
        if self._host.current_epoch(ctx.name) != ctx.epoch:
            raise Fenced(f"{ctx.name}.{ctx.epoch} came back late")
        return self._host

    def _memory(self, ctx: Context) -> Shared:
        """What outlasts this incarnation, to be changed. Raises Fenced as well."""
        self._hands(ctx)
        return self._shared

    # -- steps --------------------------------------------------------------------------------------------------------

    @property
    def _is_one_at_a_time(self) -> bool:
        """Independent children need not wait for one another, but for the order of the first start and of the stop."""
        if self._ending is not None:
            return self._spec.template is None
        return self._is_first_start or self._spec.strategy is not Strategy.ONE_FOR_ONE

    def _advance(self, ctx: Context) -> None:
        while (step := self._steps.next(one_at_a_time=self._is_one_at_a_time)) is not None:
            self._begin(step, ctx)
        if self._steps.is_done:
            self._settle(ctx)

    def _begin(self, step: Step, ctx: Context) -> None:
        child = self._children.get(step.child)
        if child is None:
            return
        if step.kind == "start":
            if child.state in STARTABLE and not child.is_held:
                self._steps.begun.add(child.name)
                self._begin_start(child, ctx)
        elif child.state in UP:
            self._steps.begun.add(child.name)
            self._begin_stop(child, ctx)
        elif child.state is ChildState.RESTARTING:
            ctx.cancel_timer(f"restart:{child.name}")
            self._stopped(child, "shutdown", ctx, for_good=child.is_held)
            if child.is_held and self._ending is None:
                self._go_on_without(child)

    def _settle(self, ctx: Context) -> None:
        if self._ending is not None:
            ctx.end(*self._ending)
        elif self._is_first_start and all(c.state is not ChildState.RESTARTING for c in self._children.values()):
            self._is_first_start = False
            ctx.ready()

    def _begin_start(self, child: Child, ctx: Context) -> None:
        spec = child.spec
        child.state, child.has_ended = ChildState.STARTING, False
        if isinstance(spec, SupervisorSpec):
            child.epoch = self._hands(ctx).start_child(
                spec.id,
                partial(self._supervise, spec),
                parent=ctx.name,
                kind="supervisor",
                stuck_after_s=spec.stuck_after_s,
            )
        else:
            child.epoch = self._hands(ctx).start_child(
                spec.id,
                spec.factory,
                parent=ctx.name,
                topics=spec.topics,
                stuck_after_s=spec.stuck_after_s,
                compartment=spec.compartment if spec.host is HostKind.PROCESS else None,
            )
        self._set_timer("ready", child, spec.ready_timeout_s, ctx)

    def _supervise(self, spec: SupervisorSpec) -> Behaviour:
        made = type(self)(spec, self._host, self._failures_to)
        made._shared = self._shared
        return made

    def _begin_stop(self, child: Child, ctx: Context) -> None:
        child.state = ChildState.STOPPING
        if child.spec.shutdown_s == BRUTAL:
            self._hands(ctx).abandon(child.name, "its shutdown is brutal", "killed")
            return
        self._hands(ctx).stop_child(child.name, self._ending.detail if self._ending else "shutdown")
        self._set_timer("stop", child, child.spec.shutdown_s, ctx)

    def _set_timer(self, kind: str, child: Child, seconds: float, ctx: Context) -> None:
        """Of this incarnation: one that has fired and waits to be read must not be taken for its successor's."""
        if seconds != inf:
            ctx.after(seconds, f"{kind}:{child.epoch}:{child.name}")

    # -- what the children report -------------------------------------------------------------------------------------

    @receives(ChildReady)
    def on_ready(self, event: ChildReady, ctx: Context) -> None:
        child = self._children.get(event.child)
        if child is None or event.epoch != child.epoch or child.state is not ChildState.STARTING:
            return
        child.state, child.has_been_ready = ChildState.READY, True
        ctx.cancel_timer(f"ready:{child.epoch}:{child.name}")
        self._set_timer("quiet", child, child.spec.backoff.quiet_s, ctx)
        self._mark(child, ctx)
        self._no_longer_stuck(child.name, f"{child.name} answers again", ctx)
        self._steps.begun.discard(child.name)
        self._answer(child, Outcome.DONE, ctx)
        self._advance(ctx)

    @receives(ChildDown)
    def on_down(self, event: ChildDown, ctx: Context) -> None:
        child = self._children.get(event.child)
        if child is None or event.epoch != child.epoch or child.state not in (*UP, ChildState.STOPPING):
            return
        was, child.state = child.state, ChildState.STOPPED
        child.was_abandoned = event.reason == "stuck"
        self._mark(child, ctx)
        for kind in ("ready", "stop", "quiet"):
            ctx.cancel_timer(f"{kind}:{child.epoch}:{child.name}")
        self._steps.begun.discard(child.name)
        if self._failures_to is not None and self._failures_to != child.name:
            ctx.tell(self._failures_to, event)
        for name in sorted(self._shared.stuck):
            if self._is_below(child, name):
                self._no_longer_stuck(name, f"{child.name} above it has ended", ctx)
        if event.reason == "stuck" and was is not ChildState.STOPPING:
            self._memory(ctx).stuck.add(child.name)
            self._report(FailureMode.ACTOR_STUCK, child.name, last_line(event.detail), ctx)
        self._after_down(child, was, event, ctx)
        self._advance(ctx)

    def _after_down(self, child: Child, was: ChildState, event: ChildDown, ctx: Context) -> None:
        if self._ending is not None:
            return
        if was is ChildState.STOPPING or child.is_held:
            self._stopped(child, event.reason, ctx, for_good=child.is_held)
        elif was is ChildState.STARTING and event.reason == IGNORE:
            self._stopped(child, event.reason, ctx, for_good=True)
        elif child.asked:
            self._did_not_come_up(child, event, ctx)
        elif self._is_first_start and not child.has_been_ready:
            detail = f"{child.name} did not start ({event.reason}): {last_line(event.detail)}"
            self._end("start_failed", detail, ctx)
        elif self._steps.will_stop(child.name):  # for a sibling, with which it comes back: its own end adds nothing
            self._stopped(child, event.reason, ctx, for_good=False)
        elif should_restart(child.spec.restart, event.reason):
            self._recover(child, event, ctx)
        else:
            self._stopped(child, event.reason, ctx, for_good=True)

    @receives(TimerFired)
    def on_timer(self, timer: TimerFired, ctx: Context) -> None:
        kind, _, whose = timer.key.partition(":")
        epoch, _, name = whose.partition(":")
        child = self._children.get(name)
        if kind == "window":
            for each in self._children.values():
                if each.state is ChildState.READY:
                    self._mark(each, ctx)  # the count has come down
        elif child is None or epoch != str(child.epoch):
            return
        elif kind == "quiet" and child.state is ChildState.READY:
            child.attempts = 0
        elif kind == "ready" and child.state is ChildState.STARTING:
            self._hands(ctx).abandon(name, f"not ready within {child.spec.ready_timeout_s:g} s")
        elif kind == "stop" and child.state is ChildState.STOPPING:
            self._hands(ctx).abandon(name, f"not stopped within {child.spec.shutdown_s:g} s")

    def _stopped(self, child: Child, reason: str, ctx: Context, *, for_good: bool) -> None:
        """Down in order. A bystander comes back with its group, unless it is temporary: that is forgotten."""
        child.state = ChildState.STOPPED
        child.has_ended = for_good and not child.is_held
        self._mark(child, ctx)
        if for_good:
            self._answer(child, Outcome.DONE, ctx)
        if child.is_temporary:
            self._forget(child, reason, ctx)
        elif for_good:
            self._hands(ctx).gone(child.name, reason)

    def _forget(self, child: Child, reason: str, ctx: Context) -> None:
        self._no_longer_stuck(child.name, f"{child.name} is gone", ctx)
        self._answer(child, Outcome.NOT_FOUND, ctx)
        self._memory(ctx).kept_down.pop(child.name, None)
        del self._children[child.name]
        self._steps.drop(lambda name: name == child.name)
        self._hands(ctx).gone(child.name, reason)
        self._hands(ctx).remove_child(child.name)

    # -- failures -----------------------------------------------------------------------------------------------------

    def _recover(self, child: Child, event: ChildDown, ctx: Context) -> None:
        is_within_budget = self._window.charge(ctx.monotonic_ns())
        ctx.after(self._spec.budget.period_s, "window")
        if not is_within_budget:
            self._give_up(child, event, ctx)
            return
        if child.name in self._awaiting():
            return  # an operator had started it while a sibling waits, with which it comes back
        child.state, child.is_waiting = ChildState.RESTARTING, True
        self._mark(child, ctx)
        delay_s = backoff_s(child.spec.backoff, child.attempts, ctx.rng)
        child.attempts += 1
        # The others of a group go down now, not after the delay: they must not work beside a missing neighbour. One
        # that waits for its own restart comes back with this one.
        group = self._group(child)
        others = [name for name in reversed(group) if name != child.name]
        self._steps.drop(lambda name: name in group)
        self._take_down(others)
        ctx.after(delay_s, f"restart:{child.name}", RestartDue(child=child.name, attempt=child.attempts))

    def _group(self, child: Child) -> tuple[str, ...]:
        """Who is restarted with it, in the order of start, itself among them."""
        if self._spec.strategy is Strategy.ONE_FOR_ONE:
            return (child.name,)  # without a look at the others, who may be thousands
        return affected(self._spec.strategy, tuple(self._children), child.name)

    def _take_down(self, names: Iterable[str]) -> None:
        """Before anything else, and without waiting until one that is starting is ready."""
        names = tuple(names)
        for child in (self._children[name] for name in names):
            child.is_waiting = False
            if child.state is ChildState.STARTING:
                self._steps.begun.discard(child.name)
        self._steps.add_first("stop", names)

    def _bring_up(self, names: Iterable[str]) -> None:
        """Those of them that will be down once all that waits has been done."""
        last, children = self._steps.last(), self._children
        down = [n for n in names if last.get(n) == "stop" or (n not in last and children[n].state not in UP)]
        self._steps.add("start", down)

    def _awaiting(self) -> set[str]:
        """Who comes back with a sibling that waits for its restart."""
        if self._spec.strategy is Strategy.ONE_FOR_ONE:
            return set()
        waiting = [each for each in self._children.values() if each.is_waiting]
        return {name for each in waiting for name in self._group(each)}

    @receives(RestartDue)
    def on_restart_due(self, due: RestartDue, ctx: Context) -> None:
        child = self._children.get(due.child)
        if child is None or not child.is_waiting or due.attempt != child.attempts or self._ending is not None:
            return
        child.is_waiting = False
        self._bring_up(self._group(child))
        self._advance(ctx)

    def _give_up(self, child: Child, event: ChildDown, ctx: Context) -> None:
        detail = f"{child.name} used up its restart budget: {last_line(event.detail)}"
        is_parked = self._spec.on_give_up is GiveUp.PARK
        # What is parked is shut alone; what escalates is everybody's concern.
        self._report(FailureMode.ACTOR_CRASH_LOOP, child.name if is_parked else "all", detail, ctx)
        if not is_parked:
            self._end("escalated", detail, ctx)
            return
        child.state = ChildState.PARKED
        self._hold(child, ctx)
        self._mark(child, ctx)
        self._hands(ctx).gone(child.name, "parked")
        self._go_on_without(child)

    def _hold(self, child: Child, ctx: Context) -> None:
        child.is_held = True
        is_parked = child.state is ChildState.PARKED
        self._memory(ctx).kept_down[child.name] = ChildState.PARKED if is_parked else ChildState.STOPPED

    def _go_on_without(self, child: Child) -> None:
        """Neighbours that went down for it come back by themselves. Others wait for another one, or have ended."""
        awaiting, children = self._awaiting(), self._children
        self._bring_up(n for n in self._group(child) if n not in awaiting and not children[n].has_ended)

    # -- telling ------------------------------------------------------------------------------------------------------

    def _mark(self, child: Child, ctx: Context) -> None:
        self._hands(ctx).mark(child.name, child.shown_state, self._window.count(ctx.monotonic_ns()))

    def _report(self, mode: FailureMode, scope: str, detail: str, ctx: Context, **more: bool) -> None:
        if self._failures_to is not None:
            ctx.tell(self._failures_to, FailureReported(mode=mode, scope=scope, detail=detail, **more))

    def _no_longer_stuck(self, name: str, why: str, ctx: Context) -> None:
        if name in self._shared.stuck:
            self._memory(ctx).stuck.discard(name)
            self._report(FailureMode.ACTOR_STUCK, name, why, ctx, recovered=True)

    def _is_below(self, child: Child, name: str) -> bool:
        parent = self._host.parent_of(name)
        return parent is not None and (parent == child.name or self._is_below(child, parent))

    def _answer(self, child: Child, outcome: Outcome, ctx: Context, detail: str = "") -> None:
        """To whoever asked for something of this child: see supervisor.py."""

    def _did_not_come_up(self, child: Child, event: ChildDown, ctx: Context) -> None:
        """A start that an operator asked for has failed."""


def last_line(detail: str) -> str:
    lines = detail.strip().splitlines()
    return lines[-1] if lines else "no detail"
