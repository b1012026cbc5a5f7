"""Plans of one fault, played in a folder of their own, with a last look at books and venue before the world closes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest

from bulkhead.chaos.eyes import Watcher
from bulkhead.chaos.faults import CATALOGUE
from bulkhead.chaos.plan import Moment, Plan, Strike, VenueKind
from bulkhead.chaos.run import Outcome, play
from bulkhead.chaos.world import World, make_template
from messages.supervision import ChildState
from tests.chaos.red import forgetful as forgetful

MINUTES = 1.0
AT_S = 15.0


@dataclass
class Played:
    """A run that is over."""

    outcome: Outcome
    differences: tuple[str, ...]
    down: tuple[str, ...]
    """Actors that nobody has started again."""
    latched: tuple[str, ...]
    """Stop reasons that only an operator lifts."""

    def assert_all_is_well(self) -> None:
        assert self.outcome.violations == ()
        assert self.differences == ()
        assert self.down == ()
        assert self.latched == ()


@dataclass
class LastLook(Watcher):
    """Before the process ends."""

    world: World
    differences: tuple[str, ...] = ("nobody has looked",)
    down: tuple[str, ...] = ()
    latched: tuple[str, ...] = field(default=())

    def at_rest(self) -> None:
        house = self.world.house
        is_told = self.world.venue.capabilities.has_execution_ids
        self.differences = house.differences() if is_told else house.balance_differences()
        self.down = tuple(node.id for node in self.world.host.status() if node.state is ChildState.PARKED)
        self.latched = tuple(reason.reason_id for reason in house.gate.reasons() if reason.needs_operator)


PlayPlan = Callable[[Plan], Played]
StrikeOnce = Callable[..., Played]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def play_plan(tmp_path: Path, template: Path) -> PlayPlan:
    numbers = iter(range(100))

    def played(plan: Plan) -> Played:
        folder = tmp_path / f"run{next(numbers)}"
        folder.mkdir()
        looks: list[LastLook] = []
        start = World.start

        def begin(world: World) -> None:
            looks.append(LastLook(world))
            world.eyes.add(looks[-1])
            start(world)

        with patch.object(World, "start", begin):
            outcome = play(plan, folder, template=template)
        (look,) = looks
        return Played(outcome, look.differences, look.down, look.latched)

    return played


@pytest.fixture
def strike_once(play_plan: PlayPlan) -> StrikeOnce:
    """A plan of one fault that is in the middle of what it may be, at a venue with ids."""

    def struck(
        name: str, *, target: str | None = None, moment: Moment | None = None, minutes: float = MINUTES, **more: float
    ) -> Played:
        fault = CATALOGUE[name]
        strike = Strike(
            fault=name,
            at_s=AT_S,
            moment=moment or fault.moments[0],
            lasts_s=more.get("lasts_s", _middle(fault.lasts_s)),
            amount=more.get("amount", None if fault.amount is None else _middle(fault.amount)),
            target=target,
        )
        played = play_plan(Plan(seed=3, venue=VenueKind.IDS, minutes=minutes, strikes=(strike,)))
        assert played.outcome.fired.get(name, 0) > 0, "it never took effect"
        return played

    return struck


def _middle(bounds: tuple[float, float]) -> float:
    return round(sum(bounds) / 2, 3)


def names_of(group: str) -> list[str]:
    return [name for name in CATALOGUE if name.startswith(f"{group}.")]
