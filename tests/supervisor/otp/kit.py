"""What the re-expressed cases are made of: a worker that does as it is told, and a tree that can be looked at.

The worker and its factory can be sent to a process. It remembers nothing: which of its incarnations misbehave is told
by their epochs, and what it does it tells the notebook, an actor of the test.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import inf
from threading import Event
from typing import Any, NamedTuple, TypeVar

from messages.base import Body
from messages.failure import FailureReported
from messages.records import AppendFailed
from messages.supervision import (
    ChildAnswer,
    ChildCommand,
    ChildDown,
    ChildState,
    DeadLetter,
    NodeStatus,
    Outcome,
    StopChild,
    Terminated,
    TimerFired,
)
from supervisor.policy import IGNORE
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.simulated import SimulatedHost
from supervisor.spec import AnySpec, Backoff, Budget, ChildSpec, GiveUp, HostKind, Restart, Strategy, SupervisorSpec
from supervisor.supervisor import Supervisor
from supervisor.validation import validate
from tests.supervisor.hosts import Downs, Driver

B = TypeVar("B", bound=Body)
Line = AppendFailed
"""Only what is in the catalogue can leave a process; this is an event, so that nobody's last words are refused, and it
holds any text."""

NOTEBOOK = "notebook"
MARK = "-- mark "
AT_ONCE = Backoff(min_s=0, max_s=0)
NOT_SOON = Backoff(min_s=3_600, max_s=3_600)
"""For looking at a tree that waits for a restart."""
PLENTY = Budget(intensity=100_000)
LET_GO = Event()
"""Ends what hangs."""


class Worker(Behaviour):
    """Tells the notebook of its life. Of its incarnations, counted from 1, those in `fails` do not come up, those in
    `ignores` have nothing to do, and those in `silent` are ready only when they are told to be."""

    starts_ready = False

    def __init__(
        self, fails: tuple[int, ...] = (), ignores: tuple[int, ...] = (), silent: tuple[int, ...] = ()
    ) -> None:
        self._fails, self._ignores, self._silent = fails, ignores, silent
        self._fails_to_stop = False

    def on_start(self, ctx: Context) -> None:
        note(ctx, f"start {ctx.name}")
        if ctx.epoch in self._fails:
            raise RuntimeError("no luck today")
        if ctx.epoch in self._ignores:
            ctx.end(IGNORE)
        elif ctx.epoch not in self._silent:
            ctx.ready()

    def on_stop(self, ctx: Context, reason: str) -> None:
        note(ctx, f"stop {ctx.name}")
        if self._fails_to_stop:
            raise RuntimeError("it does not want to stop")

    @receives(TimerFired)
    def on_poke(self, poke: TimerFired, ctx: Context) -> None:
        what, _, rest = poke.key.partition(" ")
        match what:
            case "crash":
                raise ValueError("crashed on purpose")
            case "fatal":
                raise SystemExit("no exception of the ordinary kind")
            case "end":
                ctx.end(*rest.split(maxsplit=1))
            case "hang":
                LET_GO.wait(timeout=60)
            case "ready":
                ctx.ready()
            case "fail_to_stop":
                self._fails_to_stop = True
            case "watch":
                ctx.watch(rest)
            case "unwatch":
                ctx.unwatch(rest)
            case "alarm":
                ctx.after(float(rest), "it rings")
            case _:
                note(ctx, f"{poke.key} {ctx.name} {ctx.epoch}")

    @receives(Terminated)
    def on_terminated(self, terminated: Terminated, ctx: Context) -> None:
        note(ctx, f"{ctx.name} {ctx.epoch} has lost {terminated.child}: {terminated.reason}")


def note(ctx: Context, line: str) -> None:
    ctx.tell(NOTEBOOK, Line(reason=line))


class Notebook(Behaviour):
    """Writes down the workers' lines, and whatever else it is told."""

    def __init__(self, lines: list[str], heard: list[Body]) -> None:
        self._lines, self._heard = lines, heard

    @receives(Line)
    def on_line(self, line: Line, _: Context) -> None:
        self._lines.append(line.reason)

    @receives(Body)
    def on_body(self, body: Body, _: Context) -> None:
        self._heard.append(body)


def worker(
    name: str,
    *,
    restart: Restart = Restart.PERMANENT,
    backoff: Backoff = AT_ONCE,
    fails: tuple[int, ...] = (),
    ignores: tuple[int, ...] = (),
    silent: tuple[int, ...] = (),
) -> ChildSpec:
    """A worker that restarts at once and is never called stuck; for the other fields there is `replace`."""
    return ChildSpec(
        id=name,
        factory=partial(Worker, fails, ignores, silent),
        restart=restart,
        backoff=backoff,
        shutdown_s=30,
        stuck_after_s=inf,
    )


def sup(
    name: str,
    *children: AnySpec,
    strategy: Strategy = Strategy.ONE_FOR_ONE,
    restart: Restart = Restart.PERMANENT,
    budget: Budget = Budget(),  # noqa: B008 - immutable
    on_give_up: GiveUp = GiveUp.ESCALATE,
    shutdown_s: float = inf,
    template: Callable[[str, dict[str, str]], AnySpec] | None = None,
) -> SupervisorSpec:
    """A supervisor that is itself restarted at once."""
    return SupervisorSpec(
        id=name,
        children=children,
        strategy=strategy,
        restart=restart,
        budget=budget,
        backoff=AT_ONCE,
        on_give_up=on_give_up,
        shutdown_s=shutdown_s,
        template=template,
    )


def workers(names: str) -> tuple[ChildSpec, ...]:
    """One for each letter."""
    return tuple(worker(name) for name in names)


def hosted(spec: AnySpec, kind: HostKind) -> AnySpec:
    """The same tree with every worker in a thread, or every worker in a process."""
    if isinstance(spec, ChildSpec):
        return replace(spec, host=kind)
    template = spec.template

    def build(name: str, arguments: dict[str, str]) -> AnySpec:
        made: Any = template(name, arguments) if template is not None else None
        return hosted(made, kind) if isinstance(made, ChildSpec | SupervisorSpec) else made

    if template is not None:
        spec = replace(spec, template=build)
    return replace(spec, children=tuple(hosted(child, kind) for child in spec.children))


class Counts(NamedTuple):
    """Children of one supervisor."""

    known: int
    up: int
    supervisors: int
    workers: int


class Tree:
    """A tree on one host, and the ways to ask it, to hurt it and to look at it."""

    def __init__(self, driver: Driver, root: SupervisorSpec) -> None:
        spec = hosted(root, driver.workers_on)
        assert isinstance(spec, SupervisorSpec)
        validate(spec)
        self.driver, self.host, self.root = driver, driver.host, root.id
        self._lines: list[str] = []
        self._heard: list[Body] = []
        self._questions = 0
        self._downs = Downs(self.host)
        self.host.start_child(NOTEBOOK, lambda: Notebook(self._lines, self._heard), parent=None)
        self.host.dead_letter_to = NOTEBOOK
        self.host.start_child(
            spec.id, lambda: Supervisor(spec, self.host, NOTEBOOK), parent=None, kind="supervisor", stuck_after_s=inf
        )

    # -- looking -------------------------------------------------------------------------------------------------------

    def until(self, what: Callable[[], bool]) -> None:
        self.driver.until(what)

    def row(self, name: str) -> NodeStatus:
        return next(node for node in self.host.status() if node.id == name)

    def state(self, name: str) -> ChildState:
        return self.row(name).state

    def states(self, names: str) -> list[str]:
        """Of children with names of one letter."""
        return [self.state(name).value for name in names]

    def is_ready(self, name: str) -> bool:
        return self.state(name) is ChildState.READY

    def until_state(self, name: str, state: ChildState) -> None:
        self.until(lambda: name in self.host and self.state(name) is state)

    def until_ready(self, name: str, epoch: int) -> None:
        """Until this incarnation is ready."""
        self.until(lambda: self.row(name).epoch == epoch and self.is_ready(name))

    def children(self, of: str) -> list[str]:
        """Known children, in the order in which they were first started."""
        return [node.id for node in self.host.status() if node.parent == of]

    def counts(self, of: str) -> Counts:
        rows = [node for node in self.host.status() if node.parent == of]
        supervisors = sum(node.kind == "supervisor" for node in rows)
        up = sum(node.state is ChildState.READY for node in rows)
        return Counts(len(rows), up, supervisors, len(rows) - supervisors)

    # The next three are for `until`: what has been written down by now. The others wait for the notebook to catch up.

    def says(self, line: str) -> bool:
        return line in self._lines

    def starts(self, name: str) -> int:
        return self._lines.count(f"start {name}")

    def heard_of(self, kind: type[B]) -> list[B]:
        return [body for body in self._heard if isinstance(body, kind)]

    @property
    def lines(self) -> list[str]:
        self.catch_up()
        return [line for line in self._lines if not line.startswith(MARK)]

    def downs(self, name: str) -> list[ChildDown]:
        """Reports of the deaths of `name`, as its supervisor passed them on."""
        self.catch_up()
        return [down for down in self.heard_of(ChildDown) if down.child == name]

    def reports(self) -> list[FailureReported]:
        self.catch_up()
        return self.heard_of(FailureReported)

    def dead_letters(self) -> list[DeadLetter]:
        self.catch_up()
        return self.heard_of(DeadLetter)

    def catch_up(self) -> None:
        """Until the notebook has read all that it was told so far."""
        self._questions += 1
        mark = f"{MARK}{self._questions}"
        self.host.tell(NOTEBOOK, Line(reason=mark), sender="test")
        self.until(lambda: mark in self._lines)

    def end(self) -> ChildDown | None:
        """The root's own report, once it has ended."""
        return next((down for down in self._downs.seen if down.child == self.root), None)

    # -- doing ---------------------------------------------------------------------------------------------------------

    def poke(self, name: str, key: str, correlation_id: str | None = None) -> None:
        self.host.tell(name, TimerFired(key=key), sender="test", correlation_id=correlation_id)

    def hang(self, name: str) -> None:
        """It takes a message and does not come back from it."""
        if isinstance(self.host, SimulatedHost):
            self.host.hang(name)
        self.poke(name, "hang")
        self.until(lambda: self.row(name).busy_since_ns is not None)

    def let_go(self, name: str) -> None:
        """It comes back from the message that it hangs over, and takes the next one."""
        LET_GO.set()
        if isinstance(self.host, SimulatedHost):
            self.host.revive(name)

    def fell(self, name: str, how: str = "crash") -> ChildDown:
        """Poke it to death, and wait until its supervisor has drawn its conclusions."""
        before, parent = len(self.downs(name)), self.row(name).parent
        self.poke(name, how)
        return self._await_down(name, before, parent)

    def hang_until_given_up(self, name: str) -> ChildDown:
        """Its limit must be a short one. Waits until its supervisor has drawn its conclusions."""
        before, parent = len(self.downs(name)), self.row(name).parent
        self.hang(name)
        return self._await_down(name, before, parent)

    def _await_down(self, name: str, before: int, parent: str | None) -> ChildDown:
        self.until(lambda: len(self.downs(name)) > before)
        if parent is not None:
            self.settle(parent)
        return self.downs(name)[before]

    def confirm(self, name: str) -> None:
        """Until the worker has handled all that it was told so far."""
        self._questions += 1
        key = f"{MARK}{self._questions}"
        self.poke(name, key)
        self.until(lambda: any(line.startswith(f"{key} {name} ") for line in self._lines))

    def settle(self, supervisor: str) -> None:
        """Until it has handled all that it was told so far; returns at once when it has ended."""
        self._questions += 1
        question = StopChild(child=f"nobody {self._questions}")
        self.tell(supervisor, question)
        self.until(lambda: bool(self._answers(question)) or self._has_ended(supervisor))

    def _has_ended(self, name: str) -> bool:
        return self.state(name) in (ChildState.STOPPED, ChildState.RESTARTING, ChildState.PARKED)

    def tell(self, supervisor: str, command: ChildCommand) -> None:
        """Ask without waiting for the answer."""
        self.host.tell(supervisor, command.model_copy(update={"reply_to": NOTEBOOK}), sender="test")

    def ask(self, command: ChildCommand, of: str | None = None) -> ChildAnswer:
        before = len(self._answers(command))
        self.tell(of or self.root, command)
        self.until(lambda: len(self._answers(command)) > before)
        return self._answers(command)[before]

    def _answers(self, to: ChildCommand) -> list[ChildAnswer]:
        name = type(to).__name__
        return [each for each in self.heard_of(ChildAnswer) if each.child == to.child and each.command == name]

    def answers(self, to: ChildCommand) -> list[Outcome]:
        self.catch_up()
        return [answer.outcome for answer in self._answers(to)]

    def outcome(self, command: ChildCommand, of: str | None = None) -> Outcome:
        return self.ask(command, of).outcome

    def stop(self) -> ChildDown:
        self.host.stop_child(self.root, "the test ends")
        return self.until_ended()

    def until_ended(self) -> ChildDown:
        self.until(lambda: self.end() is not None)
        return next(down for down in self._downs.seen if down.child == self.root)


def grow(driver: Driver, root: SupervisorSpec) -> Tree:
    """A tree that is up."""
    tree = Tree(driver, root)
    tree.until_ready(root.id, 1)
    return tree
