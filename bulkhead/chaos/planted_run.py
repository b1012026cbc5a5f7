"""Playing with each planted bug until its invariant is red; then without any, where nothing may be."""

from collections.abc import Iterator, Sequence

from bulkhead.chaos.draw import draw
from bulkhead.chaos.plan import Plan
from bulkhead.chaos.planted import PLANTED
from bulkhead.chaos.progress import Step
from bulkhead.chaos.swarm import Crew
from bulkhead.chaos.tally import PlantedRow, Tally

MOST_SEEDS = 100
"""Within which a planted bug must be caught."""
CLEAN_SEEDS = 20
"""At least so many are played without any."""


def plans(first_seed: int, minutes: float, how_many: int) -> Iterator[Plan]:
    return (draw(seed, minutes) for seed in range(first_seed, first_seed + how_many))


def catch(crew: Crew, name: str, first_seed: int, minutes: float) -> PlantedRow:
    """Seeds are played until one is red for its reason."""
    planted = PLANTED[name]
    tried, caught = 0, None
    playing = crew.play_all(plans(first_seed, minutes, MOST_SEEDS), one_in=0, planted=name)
    for played in playing:
        tried += 1
        if any(violation.number == planted.number for violation in played.violations):
            caught = tried
            break
    playing.close()
    return PlantedRow(name=name, number=planted.number, sentence=planted.sentence, seeds=caught, tried=tried)


def catch_all(
    crew: Crew, names: Sequence[str], first_seed: int, minutes: float, tally: Tally, step: Step
) -> Iterator[PlantedRow]:
    """Each of `names`; `tally` has what came of the runs without a planted bug, as many as the slowest took."""
    most = CLEAN_SEEDS
    for done, name in enumerate(names):
        step(done, name)
        row = catch(crew, name, first_seed, minutes)
        most = max(most, row.tried)
        yield row
    step(len(names), "none planted")
    for played in crew.play_all(plans(first_seed, minutes, most)):
        tally.add(played)
