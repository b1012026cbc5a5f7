"""A correct house breaks none of the invariants 13 to 23, whatever is done to it."""

from itertools import pairwise
from pathlib import Path

import pytest

from bulkhead.chaos.draw import draw
from bulkhead.chaos.invariants import ALL
from bulkhead.chaos.plan import Plan, VenueKind
from bulkhead.chaos.run import play
from bulkhead.chaos.world import make_template
from tests.chaos.plans_rest import CRASHING, KILLED, LATE, LOOP, LOSSY

PLANS = {
    "lossy": LOSSY,
    "late": LATE,
    "crashing": CRASHING,
    "killed": KILLED,
    "loop": LOOP,
    "lossy-without-ids": LOSSY.model_copy(update={"venue": VenueKind.NUMBERED}),
    "nothing-broken": Plan(seed=7, minutes=1.5),
    **{f"drawn-{seed}": draw(seed, minutes=2.0) for seed in (8, 18)},
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.mark.parametrize("name", PLANS)
def test_a_correct_house_breaks_none(name: str, tmp_path: Path, template: Path) -> None:
    outcome = play(PLANS[name], tmp_path, template=template)
    assert not [violation for violation in outcome.violations if violation.number >= 13]
    assert outcome.messages > 1_000, "a house that does nothing breaks nothing"


def test_they_stand_in_the_order_of_their_numbers() -> None:
    assert all(one.number < other.number for one, other in pairwise(ALL))
    assert set(range(13, 24)) <= {each.number for each in ALL}
