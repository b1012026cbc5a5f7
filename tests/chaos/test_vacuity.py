"""What never happened fails a run, once enough was played to know."""

from pathlib import Path

import pytest

from bulkhead.chaos import vacuity
from bulkhead.chaos.faults import CATALOGUE
from bulkhead.chaos.paths import IN_MESSAGES, IN_RECORDS, PATHS, SETTLED_BY, can_happen
from bulkhead.chaos.plan import Plan, Strike
from bulkhead.chaos.run import Outcome, play
from bulkhead.chaos.vacuity import Kind, Vacuity
from messages.failure import FailureMode
from tests.chaos.red import RED_PLAN


@pytest.fixture
def killed(tmp_path: Path) -> Outcome:
    return play(RED_PLAN, tmp_path)


def test_what_a_killed_house_does_to_come_back_is_counted(killed: Outcome) -> None:
    assert killed.fired["process.kill"] == 1
    assert killed.paths["process.came_back"] == 1
    assert killed.paths["order.unknown_after_restart"] == 1
    assert killed.paths["order.found_by_snapshot"] == 1


def test_an_actor_that_crashes_is_restarted_and_ready_again(tmp_path: Path) -> None:
    crash = Strike(fault="actor.crash", at_s=5.0, target="oms")
    outcome = play(Plan(seed=1, minutes=0.3, strikes=(crash,)), tmp_path)
    assert outcome.fired == {"actor.crash": 1}
    assert outcome.paths["actor.restarted"] >= 1
    assert outcome.paths["actor.recovered"] >= 1
    assert outcome.paths["letter.dead"] >= 1


def test_a_zero_fails_the_run_only_when_enough_was_played(killed: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Vacuity()
    table.add(killed)
    assert not table.is_judged
    assert table.zeros() == ()
    monkeypatch.setattr(vacuity, "ENOUGH_SEEDS", 1)
    assert table.zeros() == (), "half a minute is too short to count"
    table.add(killed.model_copy(update={"plan": RED_PLAN.model_copy(update={"minutes": 10.0})}))
    assert "actor.crash" in table.zeros()
    assert "process.kill" not in table.zeros()


def test_the_table_has_each_fault_and_each_path_once() -> None:
    rows = Vacuity().rows()
    assert [row.name for row in rows if row.kind is Kind.FAULT] == list(CATALOGUE)
    assert [row.name for row in rows if row.kind is Kind.PATH] == list(PATHS)


def test_what_is_counted_under_a_name_of_nobody_is_told(killed: Outcome) -> None:
    table = Vacuity()
    table.add(killed)
    assert table.unlisted() == ()
    table.add(killed.model_copy(update={"fired": {"venue.typo": 1}}))
    assert table.unlisted() == ("venue.typo",)


def test_every_path_that_is_looked_for_has_its_sentence() -> None:
    sights = [name for table in (IN_RECORDS, IN_MESSAGES) for seen in table.values() for name, _ in seen]
    assert {*sights, *SETTLED_BY.values()} <= PATHS.keys()
    for mode in FailureMode:
        assert {f"gate.{mode}.shut", f"gate.{mode}.lifted"} <= PATHS.keys()


def test_what_nothing_in_the_catalogue_brings_about_is_not_waited_for() -> None:
    alarming = {fault.alarms for fault in CATALOGUE.values()}
    for mode in FailureMode:
        assert can_happen(PATHS[f"gate.{mode}.shut"]) is (mode in alarming)
    assert can_happen(PATHS["actor.restarted"])
