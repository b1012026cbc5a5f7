"""The supervisor: a behaviour like any other, whose work is other behaviours.

It carries out one step at a time (start a child and wait until it is ready, stop one and wait until it is down), so
that stop, queries and new failures always find it listening. A failed restart is a state and a delayed message to
itself, never a loop in place. Policy (who, whether, when) is in policy.py; this file is only the mechanism.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

from messages.failure import FailureMode, FailureReported
from messages.supervision import ChildDown, ChildReady, ChildState, RestartChild, StopChild, TimerFired
from supervisor.policy import RestartWindow, affected, backoff_s, should_restart
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.host import Host
from supervisor.spec import AnySpec, GiveUp, SupervisorSpec


class StartFailed(RuntimeError):
    """A child failed at its first start; the earlier ones have been stopped in reverse order."""


class Escalated(RuntimeError):
    """The restart budget is spent and this supervisor cannot hold: its parent must decide."""


@dataclass(slots=True)
class Child:
    spec: AnySpec
    state: ChildState = ChildState.STOPPED
    epoch: int = 0
    attempts: int = 0
    """Restarts since it last stayed up, for the backoff."""
    last_reason: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    kind: Literal["start", "stop"]
    child: str


class Supervisor(Behaviour):
    """Supervises the children of one SupervisorSpec. `failures_to` names the actor that is told of failures."""

    starts_ready = False

    def __init__(self, spec: SupervisorSpec, host: Host, failures_to: str | None = None) -> None:
        self._spec = spec
        self._host = host
        self._failures_to = failures_to
        self._children = {child.id: Child(child) for child in spec.children}
        self._order = tuple(self._children)
        self._window = RestartWindow(spec.budget)
        self._steps: deque[Step] = deque()
        self._current: Step | None = None
        self._is_first_start = True
        self._stopping: str | None = None
        self._ending: Exception | None = None

    # -- life ---------------------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context) -> None:
        self._steps.extend(Step("start", child) for child in self._order)
        self._advance(ctx)

    @receives(StopChild)
    def on_stop_child(self, command: StopChild, ctx: Context) -> None:
        """`child` of another supervisor's own name: stop the whole subtree; else one child, which stays stopped."""
        if command.child == ctx.name:
            self._stopping = "shutdown"
            self._steps.clear()
            self._steps.extend(Step("stop", child) for child in reversed(self._order))
            if self._current is not None and self._current.kind == "start":
                self._current = None  # it is stopped like the others, ready or not
        else:
            self._steps.append(Step("stop", command.child))
        self._advance(ctx)

    # -- steps --------------------------------------------------------------------------------------------------------

    def _advance(self, ctx: Context) -> None:
        while self._current is None and self._steps:
            step = self._steps.popleft()
            child = self._children[step.child]
            if step.kind == "start":
                if child.state in (ChildState.STOPPED, ChildState.RESTARTING):
                    self._current = step
                    self._begin_start(child, ctx)
            elif child.state in (ChildState.READY, ChildState.STARTING):
                self._current = step
                self._begin_stop(child, ctx)
        if self._current is None and not self._steps:
            self._settle(ctx)

    def _settle(self, ctx: Context) -> None:
        if self._ending is not None:
            raise self._ending
        if self._stopping is not None:
            self._host.stop_child(ctx.name, self._stopping)
        elif self._is_first_start:
            self._is_first_start = False
            ctx.ready()

    def _begin_start(self, child: Child, ctx: Context) -> None:
        spec = child.spec
        child.state = ChildState.STARTING
        if isinstance(spec, SupervisorSpec):
            nested = spec
            child.epoch = self._host.start_child(
                spec.id,
                lambda: Supervisor(nested, self._host, self._failures_to),
                parent=ctx.name,
                kind="supervisor",
            )
        else:
            child.epoch = self._host.start_child(spec.id, spec.factory, parent=ctx.name, topics=spec.topics)
        ctx.after(spec.ready_timeout_s, f"deadline:{spec.id}")

    def _begin_stop(self, child: Child, ctx: Context) -> None:
        child.state = ChildState.STOPPING
        if isinstance(child.spec, SupervisorSpec):
            ctx.tell(child.spec.id, StopChild(child=child.spec.id))
        else:
            self._host.stop_child(child.spec.id, self._stopping or "shutdown")
        ctx.after(child.spec.shutdown_s, f"deadline:{child.spec.id}")

    # -- what the children report -------------------------------------------------------------------------------------

    @receives(ChildReady)
    def on_ready(self, event: ChildReady, ctx: Context) -> None:
        child = self._children[event.child]
        if event.epoch != child.epoch or child.state is not ChildState.STARTING:
            return
        child.state = ChildState.READY
        ctx.cancel_timer(f"deadline:{event.child}")
        ctx.after(self._spec.budget.period_s, f"quiet:{event.child}")
        self._host.mark(event.child, ChildState.READY, self._window.count(ctx.monotonic_ns()))
        if self._current == Step("start", event.child):
            self._current = None
        self._advance(ctx)

    @receives(ChildDown)
    def on_down(self, event: ChildDown, ctx: Context) -> None:
        child = self._children[event.child]
        if event.epoch != child.epoch or child.state in (ChildState.STOPPED, ChildState.PARKED):
            return
        expected = child.state is ChildState.STOPPING
        child.state, child.last_reason = ChildState.STOPPED, event.reason
        ctx.cancel_timer(f"deadline:{event.child}")
        ctx.cancel_timer(f"quiet:{event.child}")
        if self._failures_to is not None and self._failures_to != event.child:
            ctx.tell(self._failures_to, event)
        if self._current is not None and self._current.child == event.child:
            self._current = None
        if expected or self._stopping is not None or self._ending is not None:
            self._advance(ctx)
        elif self._is_first_start:
            self._fail_first_start(event)
            self._advance(ctx)
        else:
            self._recover(child, event, ctx)

    @receives(TimerFired)
    def on_timer(self, timer: TimerFired, ctx: Context) -> None:
        kind, _, name = timer.key.partition(":")
        child = self._children[name]
        if kind == "quiet":
            child.attempts = 0
        elif kind == "deadline" and child.state in (ChildState.STARTING, ChildState.STOPPING):
            reason = "ready timeout" if child.state is ChildState.STARTING else "stop deadline"
            self._host.abandon(name, reason)

    # -- failures -----------------------------------------------------------------------------------------------------

    def _fail_first_start(self, event: ChildDown) -> None:
        self._ending = StartFailed(f"{event.child} did not start ({event.reason}): {_last_line(event.detail)}")
        self._steps.clear()
        self._current = None
        self._steps.extend(
            Step("stop", name) for name in reversed(self._order) if self._children[name].state is not ChildState.STOPPED
        )

    def _recover(self, child: Child, event: ChildDown, ctx: Context) -> None:
        if not should_restart(child.spec.restart, event.reason):
            self._host.mark(event.child, ChildState.STOPPED, self._window.count(ctx.monotonic_ns()))
            self._advance(ctx)
            return
        now_ns = ctx.monotonic_ns()
        if not self._window.charge(now_ns):
            self._give_up(child, event, ctx)
            return
        child.state = ChildState.RESTARTING
        self._host.mark(event.child, ChildState.RESTARTING, self._window.count(now_ns))
        delay_s = backoff_s(child.spec.backoff, child.attempts, ctx.rng)
        child.attempts += 1
        # The others of a group go down now, not after the delay: they must not work beside a missing neighbour.
        group = affected(self._spec.strategy, self._order, event.child)
        self._steps = deque(step for step in self._steps if step.child not in group)
        self._steps.extendleft(Step("stop", name) for name in group if name != event.child)
        ctx.after(delay_s, f"restart:{event.child}", RestartChild(child=event.child, attempt=child.attempts))
        self._advance(ctx)

    @receives(RestartChild)
    def on_restart(self, command: RestartChild, ctx: Context) -> None:
        child = self._children[command.child]
        if child.state is not ChildState.RESTARTING or self._stopping is not None or self._ending is not None:
            return
        for name in affected(self._spec.strategy, self._order, command.child):
            if self._children[name].state is not ChildState.PARKED:
                self._steps.append(Step("start", name))
        self._advance(ctx)

    def _give_up(self, child: Child, event: ChildDown, ctx: Context) -> None:
        detail = f"{event.child} used up its restart budget: {_last_line(event.detail)}"
        is_parked = self._spec.on_give_up is GiveUp.PARK
        if self._failures_to is not None:
            # What is parked is shut alone; what escalates is everybody's concern.
            scope = event.child if is_parked else "all"
            report = FailureReported(mode=FailureMode.ACTOR_CRASH_LOOP, scope=scope, detail=detail)
            ctx.tell(self._failures_to, report)
        if is_parked:
            child.state = ChildState.PARKED
            self._host.mark(event.child, ChildState.PARKED, self._window.count(ctx.monotonic_ns()))
            self._advance(ctx)
            return
        self._ending = Escalated(detail)
        self._steps.clear()
        self._steps.extend(Step("stop", name) for name in reversed(self._order))
        self._advance(ctx)


def _last_line(detail: str) -> str:
    lines = detail.strip().splitlines()
    return lines[-1] if lines else "no detail"
