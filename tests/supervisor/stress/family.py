"""One incarnation of a supervisor, as the specification has it: what it may do, what it must, and what it did.

It is told of each message before the supervisor acts on it, and of each act as it happens. It shares no code with the
supervisor: what is up, what waits, and what the budget says is worked out here again, from the messages alone.
"""

from collections import Counter, deque
from dataclasses import dataclass, field, replace

from messages.supervision import (
    ChildAnswer,
    ChildCommand,
    ChildDown,
    ChildReady,
    Outcome,
    RemoveChild,
    RestartChild,
    RestartDue,
    StartChild,
    StopChild,
)
from supervisor.spec import BRUTAL, GiveUp, Restart, Strategy, SupervisorSpec
from tests.supervisor.stress.kids import S_NS, Judge, Kid, View


@dataclass(slots=True)
class Family:
    judge: Judge
    spec: SupervisorSpec
    epoch: int
    kids: dict[str, Kid] = field(default_factory=dict)
    is_first: bool = True
    is_over: bool = False
    ending: str = ""
    charges_ns: deque[int] = field(default_factory=deque)
    batch: int = 0
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Commands without an answer yet."""
    answers: list[ChildAnswer] = field(default_factory=list)
    """To what is being handled."""
    may_be_refused: bool = False
    """The StartChild that is being handled asks for a name that may be taken."""
    undo: tuple[str, Kid | None, deque[int]] | None = None

    def __post_init__(self) -> None:
        self.kids = {spec.id: Kid(spec) for spec in self.spec.children}
        for kid in self.kids.values():
            kid.is_held = self.judge.is_kept_down(kid.name)
            kid.is_owed = not kid.is_held
            kid.grant = None if kid.is_held else 0

    def wrong(self, rule: str, text: str) -> None:
        self.judge.wrong(rule, f"{self.spec.id}.{self.epoch}: {text}")

    @property
    def is_ordered(self) -> bool:
        if self.ending:
            return self.spec.template is None
        return self.is_first or self.spec.strategy is not Strategy.ONE_FOR_ONE

    def group(self, name: str) -> list[Kid]:
        """Whom the failure of `name` concerns, in the order of start."""
        kids = list(self.kids.values())
        at = [kid.name for kid in kids].index(name)
        whole = {Strategy.ONE_FOR_ALL: kids, Strategy.REST_FOR_ONE: kids[at:], Strategy.ONE_FOR_ONE: [kids[at]]}
        return whole[self.spec.strategy]

    def later(self, kid: Kid) -> list[Kid]:
        kids = list(self.kids.values())
        return kids[kids.index(kid) + 1 :]

    def earlier(self, kid: Kid) -> list[Kid]:
        kids = list(self.kids.values())
        return kids[: kids.index(kid)]

    # -- what it hears ------------------------------------------------------------------------------------------------

    def hears_ready(self, event: ChildReady) -> None:
        kid = self.kids.get(event.child)
        if kid is not None and kid.epoch == event.epoch and kid.view is View.STARTING:
            kid.view, kid.was_ready, kid.is_owed, kid.is_asked = View.READY, True, False, False
            kid.since_ns = self.judge.now_ns()

    def hears_down(self, event: ChildDown, at_ns: int) -> None:
        kid = self.kids.get(event.child)
        if kid is None or kid.epoch != event.epoch or kid.view is View.DOWN:
            return
        was, was_due = kid.view, kid.stop_due == "group"
        kid.view, kid.stop_due = View.DOWN, ""
        if was is View.READY and at_ns - kid.since_ns >= kid.spec.backoff.quiet_s * S_NS:
            kid.attempts = 0
        if self.ending:
            return
        if was is View.STOPPING or kid.is_held:
            self._is_down(kid)
        elif was is View.STARTING and event.reason == "ignore":
            kid.is_owed = kid.is_asked = False
            self._is_down(kid)
        elif kid.is_asked:
            kid.is_asked, kid.is_owed, kid.is_held = False, False, True
            if kid.is_added and not kid.was_ready:
                del self.kids[kid.name]
        elif self.is_first and not kid.was_ready:
            self.ends("start_failed")
        elif was_due:  # for another, with which it comes back: its own end in the meantime adds nothing
            kid.is_owed = True
            self._is_down(kid)
        elif kid.spec.restart is Restart.PERMANENT or (
            kid.spec.restart is Restart.TRANSIENT and event.reason not in ("normal", "shutdown")
        ):
            self._fails(kid, was)
        else:
            kid.is_owed = False
            self._is_down(kid)

    def _is_down(self, kid: Kid) -> None:
        if kid.is_temporary:
            self.judge.events["temporary forgotten"] += 1
            self.judge.hold(kid.name, False)
            del self.kids[kid.name]

    def _is_awaited(self, kid: Kid) -> bool:
        """Another has failed, and takes this one along when it comes back."""
        waiting = [other for other in self.kids.values() if other.waits and other.grant is None]
        return any(kid in self.group(other.name) for other in waiting if other is not kid)

    def _fails(self, kid: Kid, was: View) -> None:
        now_ns = self.judge.now_ns()
        self.charges_ns.append(now_ns)
        horizon_ns = now_ns - int(self.spec.budget.period_s * S_NS)
        while self.charges_ns[0] <= horizon_ns:
            self.charges_ns.popleft()
        others = [other for other in self.group(kid.name) if other is not kid]
        if was is View.STARTING:
            self.judge.events["failed restart in a group" if others else "failed restart alone"] += 1
        if len(self.charges_ns) > self.spec.budget.intensity:
            self._gives_up(kid, others)
            return
        if self._is_awaited(kid):  # an operator had started it meanwhile: it comes back with the other
            kid.is_owed = not kid.is_temporary
            return
        self.judge.events["restart due"] += 1
        kid.attempts += 1
        kid.waits = kid.is_owed = True
        kid.grant, kid.failed_ns = None, now_ns
        if others and any(other.view is not View.DOWN for other in others):
            self.judge.events["group restart"] += 1
        for other in others:
            self._goes_down_with(other)

    def _goes_down_with(self, other: Kid) -> None:
        other.waits, other.grant = False, None
        if other.view in (View.STARTING, View.READY):
            other.stop_due = other.stop_due or "group"
        if other.view is not View.DOWN and not other.is_held:
            other.is_owed = not other.is_temporary

    def _gives_up(self, kid: Kid, others: list[Kid]) -> None:
        if self.spec.on_give_up is GiveUp.ESCALATE:
            self.judge.events["escalated"] += 1
            self.ends("escalated")
            return
        self.judge.events["parked"] += 1
        kid.is_held = kid.is_parked = True
        kid.is_owed = False
        kid.grant = None
        self.judge.hold(kid.name, True)
        self._go_on_without(others)

    def ends(self, reason: str) -> None:
        if not self.ending:
            self.ending = reason
            if any(kid.waits or kid.grant is not None for kid in self.kids.values()):
                self.judge.events["ended in the middle of a restart"] += 1
            for kid in self.kids.values():
                kid.grant = kid.may_join = None
                kid.waits = kid.is_owed = False
                kid.stop_due = "" if kid.view is View.DOWN else "end"

    def grants(self, kids: list[Kid]) -> None:
        """From here on these may be started, in their order."""
        self.batch += 1
        for kid in kids:
            if not kid.is_held and (kid.stop_due or kid.view in (View.DOWN, View.STOPPING)):
                kid.may_join = self.batch
                if kid.is_owed:
                    kid.grant = self.batch

    def _go_on_without(self, kids: list[Kid]) -> None:
        """These went down for one that does not come back; unless they wait for another besides, they start now."""
        self.grants([kid for kid in kids if kid.is_owed and not kid.waits and not self._is_awaited(kid)])

    def hears_due(self, due: RestartDue, at_ns: int) -> None:
        kid = self.kids.get(due.child)
        if kid is None or not kid.waits or self.ending:
            return
        backoff, delay_ns = kid.spec.backoff, at_ns - kid.failed_ns
        most_s = max(backoff.min_s, min(backoff.max_s, backoff.min_s * 2.0 ** (kid.attempts - 1)))
        if delay_ns > most_s * S_NS + 1:
            self.wrong("backoff", f"{kid.name} restarts after {delay_ns} ns, {most_s} s at most")
        if delay_ns >= backoff.min_s * S_NS - 1:
            self.grants(self.group(kid.name))

    # -- what an operator asks ----------------------------------------------------------------------------------------

    def hears_command(self, command: ChildCommand) -> None:
        """The effect at once; `settles` takes it back where the answer is a refusal."""
        self.asked[command.child, type(command).__name__] += command.reply_to is not None
        self.answers.clear()
        self.may_be_refused = False
        kid = self.kids.get(command.child)
        self.undo = (command.child, replace(kid) if kid else None, deque(self.charges_ns))
        if self.ending:
            return
        if isinstance(command, StartChild):
            self._hears_start(command, kid)
        elif kid is None:
            return
        elif isinstance(command, StopChild):
            self._hears_stop(kid)
        elif isinstance(command, RestartChild) and kid.view is View.DOWN and not kid.waits:
            kid.is_held = kid.is_parked = False
            self.judge.hold(kid.name, False)
            kid.attempts, kid.is_asked, kid.is_owed = 0, True, True
            self.charges_ns.clear()
            self.grants([kid])
        elif isinstance(command, RemoveChild) and kid.view is View.DOWN and not kid.waits:
            kid.is_leaving = True

    def _hears_start(self, command: StartChild, kid: Kid | None) -> None:
        if kid is not None or self.spec.template is None:
            return
        try:
            spec = self.spec.template(command.child, command.arguments)
        except Exception:  # noqa: BLE001 - the template's own; the answer must say so
            return
        fits = spec.shutdown_s <= self.spec.shutdown_s and spec.ready_timeout_s <= self.spec.ready_timeout_s
        self.may_be_refused = self.judge.is_left_over(spec)
        if fits and spec.id == command.child and not self.judge.is_in_use(spec):
            kid = self.kids[spec.id] = Kid(spec, is_added=True, is_asked=True, is_owed=True)
            self.grants([kid])

    def _hears_stop(self, kid: Kid) -> None:
        kid.is_held, kid.is_owed, kid.is_asked, kid.grant = True, False, False, None
        self.judge.hold(kid.name, True)
        if kid.view in (View.STARTING, View.READY):
            kid.stop_due = "operator"
        if kid.waits:
            kid.waits = False
            self.judge.events["stopped while it waits for its restart"] += 1
            self._go_on_without(self.group(kid.name))

    # -- what it does -------------------------------------------------------------------------------------------------

    def starts(self, name: str, epoch: int) -> None:
        kid = self.kids.get(name)
        if kid is None:
            self.wrong("start of a stranger", f"{name} is none of its children, or is forgotten")
            return
        batch = kid.grant if kid.grant is not None else kid.may_join
        if self.ending:
            self.wrong("start while ending", f"{name}, though it ends: {self.ending}")
        if kid.is_held:
            self.wrong("held child started", f"{name} was {'parked' if kid.is_parked else 'stopped by an operator'}")
        if batch is None:
            self.wrong("start without a reason", f"{name}.{epoch}, {kid.view.value}")
        if self.is_ordered:
            self._starts_in_order(kid, batch)
        if kid.waits or kid.was_ready:
            self.judge.events["restarted"] += 1
        kid.grant = kid.may_join = None
        kid.waits, kid.by_operator = False, kid.is_asked
        kid.view, kid.epoch, kid.since_ns = View.STARTING, epoch, self.judge.now_ns()

    def _starts_in_order(self, kid: Kid, batch: int | None) -> None:
        for other in self.kids.values():
            if other.view in (View.STARTING, View.STOPPING):
                self.wrong("two at a time", f"{kid.name} starts while {other.name} is {other.view.value}")
        for other in self.earlier(kid):
            if other.grant is not None and other.grant == batch and not kid.is_asked:
                self.wrong("start order", f"{kid.name} starts before {other.name}")
        if not self.is_first and not kid.by_operator and not kid.is_asked:
            for other in self.later(kid):
                if other.view is not View.DOWN and not other.by_operator:
                    self.wrong("group order", f"{kid.name} starts beside {other.name}, which ought to be down")

    def stops(self, name: str, *, is_brutal: bool) -> None:
        kid = self.kids.get(name)
        if kid is None or kid.view not in (View.STARTING, View.READY):
            self.wrong("stop of a stranger", f"{name} is {kid.view.value if kid else 'no child of it'}")
            return
        if is_brutal != (kid.spec.shutdown_s == BRUTAL):
            self.wrong("shutdown", f"{name} has {kid.spec.shutdown_s} s, and was stopped otherwise")
        if not kid.stop_due and not self.ending:
            self.wrong("stop without a reason", name)
        if self.is_ordered and (self.ending or kid.stop_due == "group"):
            for other in self.later(kid):
                if other.name in self.judge.living:
                    self.wrong("stop order", f"{name} is stopped before {other.name}")
        kid.view, kid.stop_due, kid.since_ns = View.STOPPING, "", self.judge.now_ns()

    def abandons(self, name: str, reason: str) -> None:
        """It gives a child up."""
        kid = self.kids.get(name)
        if kid is None:
            self.wrong("stop of a stranger", f"{name} is no child of it")
            return
        if reason == "killed":
            self.stops(name, is_brutal=True)
            return
        starting = kid.view is View.STARTING
        limit_s = kid.spec.ready_timeout_s if starting else kid.spec.shutdown_s
        if kid.view not in (View.STARTING, View.STOPPING) or self.waited_s(kid) < limit_s:
            self.wrong("given up early", f"{name} is {kid.view.value} since {self.waited_s(kid)} s, limit {limit_s} s")
        self.judge.events["abandoned starting" if starting else "abandoned stopping"] += 1

    def waited_s(self, kid: Kid) -> float:
        return (self.judge.now_ns() - kid.since_ns) / S_NS

    def answers_with(self, answer: ChildAnswer) -> None:
        key = (answer.child, answer.command)
        self.answers.append(answer)
        self.asked[key] -= 1
        if self.asked[key] < 0:
            self.wrong("answer twice", f"{answer.command} {answer.child}: {answer.outcome}")
        kid = self.kids.get(answer.child)
        if answer.outcome is Outcome.DONE:
            if answer.command == "StopChild" and kid is not None and kid.view is not View.DOWN:
                self.wrong("answer", f"{answer.child} is said to be stopped, and is {kid.view.value}")
            if answer.command in ("StartChild", "RestartChild") and kid is not None and not kid.has_come_up:
                self.wrong("answer", f"{answer.child} is said to be started, and is {kid.view.value}")
            if answer.command == "RemoveChild" and not (kid and kid.is_leaving):
                self.wrong("answer", f"{answer.child} is said to be removed, and cannot be")
        if answer.outcome is Outcome.STOPPING and not self.ending and answer.command == "StopChild":
            self.wrong("answer", f"StopChild {answer.child}: {answer.outcome}, though it does not end")
