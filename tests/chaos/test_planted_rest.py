"""Each planted bug of the house around its orders is caught by the invariant that is there for it."""

from pathlib import Path
from unittest.mock import patch

import pytest

from bulkhead.chaos import faults
from bulkhead.chaos.faults import Fault
from bulkhead.chaos.plan import Plan, Strike
from bulkhead.chaos.planted import PLANTED, rest
from bulkhead.chaos.run import Outcome, play
from bulkhead.chaos.strikes import DOES, Heal
from bulkhead.chaos.world import World, make_template
from messages.failure import FailureMode
from tests.chaos.plans_rest import BUSY, CRASHING, LATE, LOOP, LOSSY

WHERE = {
    "absent-left": LOSSY,
    "asks-at-once": LOSSY,
    "compares-at-each-word": BUSY,
    "only-to-the-living": CRASHING,
    "each-start-is-the-first": CRASHING,
    "environment-in-reports": CRASHING,
    "endless-restarts": LOOP,
}
"""What the defect needs to show; the others need nothing but trading."""
SEEDS = 4
"""Of a plan, until it is caught."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


def numbers(outcome: Outcome) -> set[int]:
    return {violation.number for violation in outcome.violations}


@pytest.mark.parametrize("name", sorted(rest.PLANTED))
def test_a_planted_bug_is_caught_by_its_invariant(name: str, tmp_path: Path, template: Path) -> None:
    bug, plan = PLANTED[name], WHERE.get(name, LATE)
    seen = []
    for seed in range(plan.seed, plan.seed + SEEDS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        outcome = play(plan.model_copy(update={"seed": seed}), folder, template=template, planted=name)
        if bug.number in numbers(outcome):
            return
        seen.append((seed, outcome.violations))
    pytest.fail(f"{bug.sentence}, and invariant {bug.number} has not seen it: {seen}")


def test_each_number_has_a_bug() -> None:
    assert {bug.number for bug in rest.PLANTED.values()} == set(range(13, 24))


# -- an alarm that does not come --------------------------------------------------------------------------------------

SILENCE = "feed.silence-of-this-test"


def silence(world: World, strike: Strike) -> Heal:
    """The feed says nothing, and the two who could stand in for it neither."""
    venue = world.venue
    venue.muted = set(venue.walks)
    world.fired[SILENCE] += 1

    def heal() -> None:
        venue.muted = set()

    return heal


def play_silence(folder: Path, template: Path, *, is_deaf: bool) -> Outcome:
    row = Fault("the feed says nothing", lasts_s=(60, 60), alarms=FailureMode.DATA_DELAY)
    plan = Plan(seed=9, minutes=2.5, strikes=(Strike(fault=SILENCE, at_s=20, lasts_s=60),))
    known = patch.object(faults, "CATALOGUE", {**faults.CATALOGUE, SILENCE: row})
    with known, patch.dict(DOES, {SILENCE: silence}):
        if not is_deaf:
            return play(plan, folder, template=template)
        with rest.deaf_to_silence():
            return play(plan, folder, template=template)


def test_an_alarm_that_must_come_and_does_not_is_missed(tmp_path: Path, template: Path) -> None:
    outcome = play_silence(tmp_path, template, is_deaf=True)
    assert 21 in numbers(outcome), "nobody was told that the feed was silent"


def test_an_alarm_that_comes_is_not_missed(tmp_path: Path, template: Path) -> None:
    assert not play_silence(tmp_path, template, is_deaf=False).violations
