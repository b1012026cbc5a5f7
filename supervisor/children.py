"""The children of one supervisor: who they are, how they stand, and the steps that are still to be done with them."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from messages.supervision import ChildCommand, ChildState
from supervisor.spec import AnySpec, Restart

STARTABLE = frozenset({ChildState.STOPPED, ChildState.RESTARTING})
UP = frozenset({ChildState.STARTING, ChildState.READY})


@dataclass(slots=True)
class Child:
    spec: AnySpec
    state: ChildState = ChildState.STOPPED
    epoch: int = 0
    attempts: int = 0
    """Restarts since it last stayed up, for the backoff."""
    is_waiting: bool = False
    """RESTARTING for itself: its delay is not over, and it has not gone down for another meanwhile."""
    has_been_ready: bool = False
    is_held: bool = False
    """An operator stopped it, or it was parked: only an operator starts it again (field lesson L36)."""
    has_ended: bool = False
    """By itself, and nothing is left for it to do."""
    is_added: bool = False
    """Made from the template while running."""
    was_abandoned: bool = False
    """Its last incarnation was given up, and may still hang somewhere."""
    asked: list[ChildCommand] = field(default_factory=list)
    """Commands that are answered when what they wanted has happened."""

    @property
    def name(self) -> str:
        return self.spec.id

    @property
    def shown_state(self) -> ChildState:
        """For the status query."""
        is_abandoned = self.was_abandoned and self.state is ChildState.STOPPED
        return ChildState.ABANDONED if is_abandoned else self.state

    @property
    def is_temporary(self) -> bool:
        return self.spec.restart is Restart.TEMPORARY


@dataclass(slots=True)
class Shared:
    """What the supervisors of one tree have in common; it outlasts their incarnations."""

    names: frozenset[str]
    """Of every node of the spec: an added child may not take one that is still to be started."""
    kept_down: dict[str, ChildState] = field(default_factory=dict)
    """Children that are held, as stopped or as parked."""
    stuck: set[str] = field(default_factory=set)
    """Children whose last incarnation gave no answer, as has been reported, and whose next is not ready yet."""


class Step(NamedTuple):
    kind: Literal["start", "stop"]
    child: str


class Steps:
    """What is to be done, in order. `begun` are the children with a step under way."""

    def __init__(self) -> None:
        self._waiting: deque[Step] = deque()
        self.begun: set[str] = set()

    def add(self, kind: Literal["start", "stop"], names: Iterable[str]) -> None:
        self._waiting.extend(Step(kind, name) for name in names)

    def add_first(self, kind: Literal["start", "stop"], names: Iterable[str]) -> None:
        """Before everything else, in the order given."""
        self._waiting.extendleft(reversed([Step(kind, name) for name in names]))

    def drop(self, is_dropped: Callable[[str], bool]) -> None:
        self._waiting = deque(step for step in self._waiting if not is_dropped(step.child))

    def will_stop(self, name: str) -> bool:
        """A stop of it is among those that have not begun."""
        return Step("stop", name) in self._waiting

    def last(self) -> dict[str, Literal["start", "stop"]]:
        """What is done last with each child, of what has not begun."""
        return {step.child: step.kind for step in self._waiting}

    def clear(self) -> None:
        self._waiting.clear()

    def next(self, *, one_at_a_time: bool) -> Step | None:
        """The next step that may begin now: after the one under way, or beside it when it is another child's."""
        if not self._waiting or (one_at_a_time and self.begun):
            return None
        for at, step in enumerate(self._waiting):
            if step.child not in self.begun:
                del self._waiting[at]
                return step
        return None

    @property
    def is_done(self) -> bool:
        return not self._waiting and not self.begun
