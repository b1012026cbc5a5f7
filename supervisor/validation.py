"""Faults of a tree, each by its own name, before anything starts."""

from collections.abc import Container, Sequence
from enum import StrEnum
from math import inf, isnan
from typing import cast

from supervisor.runtime.process import Compartment, pickle_problem
from supervisor.spec import AnySpec, Backoff, Budget, ChildSpec, GiveUp, HostKind, Restart, Strategy, SupervisorSpec


class BadSpec(ValueError):
    """A spec that cannot be started; names the child, the field and what is wrong."""

    def __init__(self, child: str, field: str, wrong: str) -> None:
        super().__init__(f"{child or 'a child without an id'}: {field} {wrong}")
        self.child = child
        self.field = field


class BadId(BadSpec):
    """Empty, or no text."""


class DuplicateId(BadSpec):
    """Two nodes of one tree share an id: an address would lead to either."""


class BadFactory(BadSpec):
    """Cannot be called."""


class NotPicklable(BadSpec):
    """A factory that cannot be sent to the child process it is meant for."""


class BadRestart(BadSpec): ...


class BadShutdown(BadSpec): ...


class BadReadyTimeout(BadSpec): ...


class BadStuckLimit(BadSpec): ...


class BadBackoff(BadSpec): ...


class BadTopics(BadSpec): ...


class BadHost(BadSpec): ...


class BadCompartment(BadSpec): ...


class BadChildren(BadSpec): ...


class BadStrategy(BadSpec): ...


class BadBudget(BadSpec): ...


class BadGiveUp(BadSpec): ...


class BadTemplate(BadSpec): ...


class ContradictoryTimes(BadSpec):
    """A supervisor that would be given up before its child may have ended or started."""


def validate(root: SupervisorSpec) -> None:
    """Check the whole tree. Raises the BadSpec of the first fault, before anything has started."""
    _check(root, set())


def check_child(spec: AnySpec, asked_for: str, parent: SupervisorSpec, known: Sequence[Container[str]]) -> None:
    """Check one more child of `parent`, made while running, against the names that there are. Raises BadSpec."""
    _check(spec, set(), known)
    _check_agreement(parent, spec)
    if spec.id != asked_for:
        raise BadId(spec.id, "id", f"is not the {asked_for!r} that was asked for")


def _check(spec: object, seen: set[str], known: Sequence[Container[str]] = ()) -> None:
    if not isinstance(spec, ChildSpec | SupervisorSpec):
        raise BadChildren("", "children", f"hold {spec!r}, which is no spec")
    name: object = spec.id
    if not isinstance(name, str) or not name:
        raise BadId("", "id", f"must be a text that is not empty, it is {name!r}")
    if any(spec.id in names for names in (seen, *known)):
        raise DuplicateId(spec.id, "id", "is used twice")
    seen.add(spec.id)
    _one_of(spec.id, "restart", spec.restart, Restart, BadRestart)
    _seconds(spec.id, "shutdown_s", spec.shutdown_s, BadShutdown, at_least=True)
    _seconds(spec.id, "ready_timeout_s", spec.ready_timeout_s, BadReadyTimeout)
    _seconds(spec.id, "stuck_after_s", spec.stuck_after_s, BadStuckLimit)
    _check_backoff(spec.id, spec.backoff)
    if isinstance(spec, SupervisorSpec):
        _check_supervisor(spec, seen, known)
    else:
        _check_worker(spec)


def _check_worker(spec: ChildSpec) -> None:
    if not callable(spec.factory):
        raise BadFactory(spec.id, "factory", f"cannot be called, it is {spec.factory!r}")
    topics: object = spec.topics
    if not isinstance(topics, tuple) or not all(isinstance(topic, str) and topic for topic in topics):
        raise BadTopics(spec.id, "topics", f"must be texts that are not empty, they are {topics!r}")
    _one_of(spec.id, "host", spec.host, HostKind, BadHost)
    if not isinstance(spec.compartment, Compartment):
        raise BadCompartment(spec.id, "compartment", f"must be a Compartment, it is {spec.compartment!r}")
    if spec.host is HostKind.PROCESS:
        problem = pickle_problem(spec.factory)
        if problem is not None:
            raise NotPicklable(spec.id, "factory", f"cannot be sent to a process: {problem}")


def _check_supervisor(spec: SupervisorSpec, seen: set[str], known: Sequence[Container[str]]) -> None:
    _one_of(spec.id, "strategy", spec.strategy, Strategy, BadStrategy)
    _one_of(spec.id, "on_give_up", spec.on_give_up, GiveUp, BadGiveUp)
    _check_budget(spec.id, spec.budget)
    if spec.template is not None:
        if not callable(spec.template):
            raise BadTemplate(spec.id, "template", f"cannot be called, it is {spec.template!r}")
        if spec.strategy is not Strategy.ONE_FOR_ONE:
            raise BadTemplate(spec.id, "template", f"goes with one_for_one only, not with {spec.strategy}")
    if not isinstance(spec.children, tuple):
        raise BadChildren(spec.id, "children", f"must be a tuple of specs, they are {spec.children!r}")
    for child in spec.children:
        _check(child, seen, known)
        _check_agreement(spec, child)


def _check_agreement(parent: SupervisorSpec, child: AnySpec) -> None:
    for name in ("shutdown_s", "ready_timeout_s"):
        ours, theirs = getattr(parent, name), getattr(child, name)
        if theirs > ours:
            wrong = f"is {ours:g} s, less than the {theirs:g} s of its child {child.id}"
            raise ContradictoryTimes(parent.id, name, wrong)


def _check_backoff(child: str, backoff: object) -> None:
    if not isinstance(backoff, Backoff):
        raise BadBackoff(child, "backoff", f"must be a Backoff, it is {backoff!r}")
    _seconds(child, "backoff.min_s", backoff.min_s, BadBackoff, at_least=True, below_inf=True)
    _seconds(child, "backoff.max_s", backoff.max_s, BadBackoff, at_least=True, below_inf=True)
    _seconds(child, "backoff.quiet_s", backoff.quiet_s, BadBackoff)
    if backoff.max_s < backoff.min_s:
        raise BadBackoff(child, "backoff.max_s", f"is {backoff.max_s:g} s, below min_s of {backoff.min_s:g} s")


def _check_budget(child: str, budget: object) -> None:
    if not isinstance(budget, Budget):
        raise BadBudget(child, "budget", f"must be a Budget, it is {budget!r}")
    intensity: object = budget.intensity
    if not isinstance(intensity, int) or isinstance(intensity, bool) or intensity < 0:
        raise BadBudget(child, "budget.intensity", f"must be a whole number, zero or more, it is {intensity!r}")
    _seconds(child, "budget.period_s", budget.period_s, BadBudget, below_inf=True)


def _one_of(child: str, field: str, value: object, kind: type[StrEnum], error: type[BadSpec]) -> None:
    if not isinstance(value, kind):
        raise error(child, field, f"must be one of {', '.join(kind)}, it is {value!r}")


def _seconds(
    child: str, field: str, value: object, error: type[BadSpec], *, at_least: bool = False, below_inf: bool = False
) -> None:
    """`at_least`: zero is allowed too. `below_inf`: infinity is not."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    number = cast(float, value) if is_number else -1.0
    if isnan(number) or number < 0 or (number == 0 and not at_least) or (number == inf and below_inf):
        least = "zero or more" if at_least else "above zero"
        raise error(child, field, f"must be seconds, {least}{' and finite' if below_inf else ''}, it is {value!r}")
