"""Plans that once were red, kept: each is played as long as it is in the folder, and must be green."""

from pathlib import Path

import pytest

from bulkhead.chaos.draw import draw
from bulkhead.chaos.plan import read
from bulkhead.chaos.plan_check import check
from bulkhead.chaos.run import play
from bulkhead.chaos.swarm import Crew

FILES = sorted((Path(__file__).parent / "seeds").glob("*.json"))
FEW = range(4)
"""Seeds that every run of the tests plays; `bulkhead chaos --seeds` plays as many as one likes."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_kept_plan_is_green(file: Path, tmp_path: Path) -> None:
    plan = read(file)
    check(plan)
    assert not play(plan, tmp_path).violations


def test_a_few_seeds_of_two_minutes_are_green_and_the_first_twice_the_same() -> None:
    with Crew(1) as crew:
        played = list(crew.play_all((draw(seed, 2.0) for seed in FEW), one_in=len(FEW)))
    assert len(played) == len(FEW) + 1
    red = {each.plan.seed: each.error or each.violations[0].detail for each in played if each.is_red}
    assert not red
