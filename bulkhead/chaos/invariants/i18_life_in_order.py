"""One live incarnation per name; restarts within their budget; start from top to bottom, stop from bottom to top."""

from collections import deque
from typing import NamedTuple

from bulkhead.app.house import tree
from bulkhead.chaos.invariants.kit import Invariant
from bulkhead.chaos.world import NS_PER_S
from messages.base import Envelope
from messages.supervision import ChildDown, ChildState, RestartChild
from supervisor.spec import Strategy, SupervisorSpec, nodes

OF_ITS_OWN = frozenset({"error", "init_error", "fatal", "stuck", "escalated"})
"""Ends that nobody has asked for."""


class Place(NamedTuple):
    """Where a name stands in the tree."""

    above: SupervisorSpec
    before: tuple[str, ...]
    """Its siblings, in the order of start."""
    after: tuple[str, ...]


class LifeInOrder(Invariant):
    """By the tree as data (`bulkhead.app.house.tree`) and by what its host says of each incarnation.

    Budget: a child that failed by itself is started again at most `intensity` times in any `period_s`, counted over the
    children of one incarnation of its supervisor. Order: where children depend on those above them (`rest_for_one`),
    one starts while all above it are ready, and ends in order once all below it are down; elsewhere the first start
    alone has an order. Not looked at: delays between restarts, and children that an operator stops."""

    number = 18
    name = "life-in-order"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._places: dict[str, Place] = {}
        self._below: dict[str, tuple[str, ...]] = {}
        """Everything under a supervisor."""
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._live: dict[str, int] = {}
        self._epochs: dict[str, int] = {}
        self._ready: set[str] = set()
        self._has_been_ready: set[str] = set()
        self._failed: dict[str, str] = {}
        """Names that ended by themselves and are not started again -> why."""
        self._restarts: dict[str, deque[int]] = {}
        """By supervisor."""

    def born(self) -> None:
        self._begin_anew()

    def _place(self, name: str) -> Place | None:
        if not self._places:
            if not hasattr(self.world, "house"):
                return None  # the root: nobody stands beside it
            self._read_the_tree()
        return self._places.get(name)

    def _read_the_tree(self) -> None:
        for spec, _ in nodes(tree(self.world.house.parts)):
            if isinstance(spec, SupervisorSpec):
                names = tuple(child.id for child in spec.children)
                for at, name in enumerate(names):
                    self._places[name] = Place(spec, names[:at], names[at + 1 :])
                self._below[spec.id] = tuple(each.id for each, _ in nodes(spec) if each.id != spec.id)

    # -- one of each --------------------------------------------------------------------------------------------------

    def handling(self, name: str, epoch: int, envelope: Envelope) -> None:
        if self._live.get(name) != epoch:
            self.violated(f"{name}.{epoch} takes a message, and {self._live.get(name, 'nobody')} is alive")
        if isinstance(envelope.body, RestartChild):  # an operator's: what was counted before is forgiven
            self._restarts.pop(name, None)

    def started(self, name: str, epoch: int) -> None:
        if name in self._live:
            self.violated(f"{name}.{epoch} starts while {name}.{self._live[name]} is alive")
        if epoch <= self._epochs.get(name, 0):
            self.violated(f"{name} starts with epoch {epoch} after {self._epochs[name]}")
        self._live[name] = self._epochs[name] = epoch
        place = self._place(name)
        if place is not None:
            self._count(name, place.above)
            self._hold_to_order(name, place)

    def became_ready(self, name: str) -> None:
        self._ready.add(name)
        self._has_been_ready.add(name)

    def ended(self, down: ChildDown) -> None:
        name = down.child
        self._live.pop(name, None)
        self._ready.discard(name)
        place = self._place(name)
        if place is not None and place.above.strategy is Strategy.REST_FOR_ONE and down.reason == "shutdown":
            up = [each for each in place.after if each in self._live]
            if up:
                self.violated(f"{name} was stopped before {', '.join(up)} below it")
        for each in self._below.get(name, ()):  # what its host has fenced with it
            self._live.pop(each, None)
            self._ready.discard(each)
            self._has_been_ready.discard(each)
            self._failed.pop(each, None)
        self._restarts.pop(name, None)
        if down.reason in OF_ITS_OWN and place is not None and not self._goes_down_with_another(place):
            self._failed[name] = down.reason

    def _goes_down_with_another(self, place: Place) -> bool:
        """One above it has failed: it would have been stopped for that, and its own end adds nothing."""
        is_group = place.above.strategy is Strategy.REST_FOR_ONE
        return is_group and any(name in self._failed for name in place.before)

    # -- how often ----------------------------------------------------------------------------------------------------

    def _count(self, name: str, above: SupervisorSpec) -> None:
        why = self._failed.pop(name, None)
        if why is None:
            return
        now_ns, budget = self.world.elapsed_ns(), above.budget
        times_ns = self._restarts.setdefault(above.id, deque())
        times_ns.append(now_ns)
        while times_ns[0] <= now_ns - round((budget.period_s - 1) * NS_PER_S):
            times_ns.popleft()
        if len(times_ns) > budget.intensity:
            within = f"{len(times_ns)} restarts in {budget.period_s:g} s, and {budget.intensity} are allowed"
            self.violated(f"{above.id} starts {name} again ({why}): {within}")

    # -- in which order -----------------------------------------------------------------------------------------------

    def _hold_to_order(self, name: str, place: Place) -> None:
        is_group = place.above.strategy is Strategy.REST_FOR_ONE
        if not is_group and name in self._has_been_ready:
            return
        there = self._ready if is_group else self._has_been_ready
        missing = [each for each in place.before if each not in there and not self._is_parked(each)]
        if missing:
            self.violated(f"{name} starts before {', '.join(missing)} above it")

    def _is_parked(self, name: str) -> bool:
        return any(
            node.id == name and node.state in (ChildState.PARKED, ChildState.STOPPED)
            for node in self.world.host.status()
            if node.epoch > 0
        )
