"""Child specs: the tree as data, validated before anything starts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from supervisor.runtime.behaviour import Behaviour


class Restart(StrEnum):
    PERMANENT = "permanent"
    """Always restarted."""
    TRANSIENT = "transient"
    """Restarted only after an abnormal end."""
    TEMPORARY = "temporary"
    """Never restarted."""


class Strategy(StrEnum):
    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"


class GiveUp(StrEnum):
    ESCALATE = "escalate"
    """Stop the others and end with reason `escalated`: the parent decides."""
    PARK = "park"
    """Leave the failed child stopped, reported, restartable by an operator; the others go on."""


class BadSpec(ValueError):
    """A spec that cannot be started; the message names the child, the field and what is wrong."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delay before restart n (from 0): `min(max_s, min_s * 2**n)`, then a random share of it."""

    min_s: float = 0.1
    max_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `intensity` restarts in any `period_s` seconds; 0 gives up at the first failure."""

    intensity: int = 3
    period_s: float = 60.0


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One worker. `factory` makes a fresh behaviour for each incarnation."""

    id: str
    factory: Callable[[], Behaviour]
    restart: Restart = Restart.PERMANENT
    shutdown_s: float = 5.0
    ready_timeout_s: float = 30.0
    backoff: Backoff = field(default_factory=Backoff)
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SupervisorSpec:
    """One supervisor with its children, in the order of start."""

    id: str
    children: tuple["ChildSpec | SupervisorSpec", ...]
    strategy: Strategy = Strategy.ONE_FOR_ONE
    restart: Restart = Restart.PERMANENT
    budget: Budget = field(default_factory=Budget)
    backoff: Backoff = field(default_factory=Backoff)
    on_give_up: GiveUp = GiveUp.ESCALATE
    ready_timeout_s: float = 120.0
    shutdown_s: float = 30.0
    topics: tuple[str, ...] = ()


AnySpec = ChildSpec | SupervisorSpec


def nodes(root: SupervisorSpec, parent: str | None = None) -> Iterator[tuple[AnySpec, str | None]]:
    """Every node with its parent's id, parents first, in the order of start."""
    yield root, parent
    for child in root.children:
        if isinstance(child, SupervisorSpec):
            yield from nodes(child, root.id)
        else:
            yield child, root.id


def validate(root: SupervisorSpec) -> None:
    """Check the whole tree. Raises BadSpec for the first fault, before anything has started."""
    seen: set[str] = set()
    _validate_node(root, seen)


def _validate_node(spec: AnySpec, seen: set[str]) -> None:
    if not spec.id:
        raise BadSpec("a child has an empty id")
    if spec.id in seen:
        raise BadSpec(f"{spec.id}: the id is used twice")
    seen.add(spec.id)
    _positive(spec.id, "ready_timeout_s", spec.ready_timeout_s)
    _positive(spec.id, "shutdown_s", spec.shutdown_s)
    _positive(spec.id, "backoff.min_s", spec.backoff.min_s)
    if spec.backoff.max_s < spec.backoff.min_s:
        raise BadSpec(f"{spec.id}: backoff.max_s {spec.backoff.max_s} is below min_s {spec.backoff.min_s}")
    if isinstance(spec, SupervisorSpec):
        if spec.budget.intensity < 0:
            raise BadSpec(f"{spec.id}: budget.intensity must not be negative, it is {spec.budget.intensity}")
        _positive(spec.id, "budget.period_s", spec.budget.period_s)
        for child in spec.children:
            _validate_node(child, seen)
    elif not callable(spec.factory):
        raise BadSpec(f"{spec.id}: factory cannot be called")


def _positive(child: str, name: str, value: float) -> None:
    if not value > 0:
        raise BadSpec(f"{child}: {name} must be above zero, it is {value}")
