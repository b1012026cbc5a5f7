"""Child specs: the tree as data."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from supervisor.runtime.behaviour import Behaviour
from supervisor.runtime.process import Compartment

BRUTAL = 0.0
"""As `shutdown_s`: ended at once, without `on_stop`."""


class Restart(StrEnum):
    PERMANENT = "permanent"
    """Always restarted."""
    TRANSIENT = "transient"
    """Restarted only after an abnormal end."""
    TEMPORARY = "temporary"
    """Never restarted, and forgotten when it has ended."""


class Strategy(StrEnum):
    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"


class GiveUp(StrEnum):
    ESCALATE = "escalate"
    """Stop the others and end with reason `escalated`: the parent decides."""
    PARK = "park"
    """Leave the failed child stopped, reported, restartable by an operator; the others go on."""


class HostKind(StrEnum):
    THREAD = "thread"
    PROCESS = "process"
    """In a child process of its own, which can be killed for real; the factory must be picklable."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delay before restart n (from 0): a random share of `min(max_s, min_s * 2**n)`, but `min_s` at least; 0 is at
    once. It begins anew once a child has been up for `quiet_s`."""

    min_s: float = 0.1
    max_s: float = 30.0
    quiet_s: float = 60.0


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
    """How long its ordered end may take; `BRUTAL`: none at all; `inf`: as long as it wants."""
    ready_timeout_s: float = 30.0
    stuck_after_s: float = 5.0
    """A message that takes longer ends this incarnation; `inf`: never."""
    backoff: Backoff = field(default_factory=Backoff)
    topics: tuple[str, ...] = ()
    host: HostKind = HostKind.THREAD
    compartment: Compartment = field(default_factory=Compartment)
    """Bounds of its process, where it has one."""


@dataclass(frozen=True, slots=True)
class SupervisorSpec:
    """One supervisor with its children, in the order of start."""

    id: str
    children: tuple["ChildSpec | SupervisorSpec", ...] = ()
    strategy: Strategy = Strategy.ONE_FOR_ONE
    restart: Restart = Restart.PERMANENT
    budget: Budget = field(default_factory=Budget)
    backoff: Backoff = field(default_factory=Backoff)
    on_give_up: GiveUp = GiveUp.ESCALATE
    ready_timeout_s: float = inf
    """Its children have limits of their own, one after the other."""
    shutdown_s: float = inf
    stuck_after_s: float = 5.0
    template: "Callable[[str, dict[str, str]], ChildSpec | SupervisorSpec] | None" = None
    """Makes the spec of a child that is added while running, from its id and the arguments of StartChild. Such a
    supervisor is one_for_one, and stops its children all at once."""


AnySpec = ChildSpec | SupervisorSpec


def nodes(root: SupervisorSpec, parent: str | None = None) -> Iterator[tuple[AnySpec, str | None]]:
    """Every node with its parent's id, parents first, in the order of start."""
    yield root, parent
    for child in root.children:
        if isinstance(child, SupervisorSpec):
            yield from nodes(child, root.id)
        else:
            yield child, root.id
