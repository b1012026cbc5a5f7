"""What the oracle knows of one child, and what its families need to know of the whole tree."""

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from supervisor.spec import AnySpec, Restart

S_NS = 1_000_000_000


class View(Enum):
    """How a child stands, as far as its supervisor can know."""

    DOWN = "down"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"


@dataclass(slots=True)
class Kid:
    spec: AnySpec
    view: View = View.DOWN
    epoch: int = 0
    grant: int | None = None
    """The batch in which it may, and shall, be started."""
    may_join: int | None = None
    """The batch in which it may be started, though nobody misses it."""
    is_owed: bool = False
    """It must come back one day."""
    waits: bool = False
    """It has failed, and its next attempt is due later."""
    is_held: bool = False
    """Operator-stopped or parked."""
    is_parked: bool = False
    is_asked: bool = False
    """An operator has asked for its start, and not been answered."""
    stop_due: str = ""
    """Why it is to be stopped: group or operator."""
    was_ready: bool = False
    is_added: bool = False
    is_leaving: bool = False
    """An operator has it removed."""
    by_operator: bool = False
    attempts: int = 0
    since_ns: int = 0
    failed_ns: int = 0

    @property
    def name(self) -> str:
        return self.spec.id

    @property
    def is_temporary(self) -> bool:
        return self.spec.restart is Restart.TEMPORARY

    @property
    def has_come_up(self) -> bool:
        """It is ready, or has said that there is nothing to do."""
        return self.view is View.READY or (self.view is View.DOWN and not self.is_owed)

    def __str__(self) -> str:
        marks = ("is_owed", "waits", "is_held", "is_parked", "is_asked", "is_added", "was_ready")
        return f"{self.name}.{self.epoch} {self.view.value} {[mark for mark in marks if getattr(self, mark)]}"


class Judge(Protocol):
    """Whom a family tells."""

    living: dict[str, int]
    finished: set[str]
    events: Counter[str]

    def wrong(self, rule: str, text: str) -> None: ...
    def now_ns(self) -> int: ...
    def is_in_use(self, spec: AnySpec) -> bool: ...
    def is_left_over(self, spec: AnySpec) -> bool: ...
    def hold(self, name: str, is_held: bool) -> None: ...
    def is_kept_down(self, name: str) -> bool: ...
