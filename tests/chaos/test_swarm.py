"""Many seeds in worker processes: none is lost, whatever becomes of its run or its worker."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulkhead.chaos import swarm, worker
from bulkhead.chaos.draw import draw
from bulkhead.chaos.plan import Plan, read
from bulkhead.chaos.run import Outcome
from bulkhead.chaos.swarm import Crew, compared
from bulkhead.chaos.worker import Job, Played, play_job
from tests.chaos.red import GREEN_PLAN, RED_PLAN


def seeds(*numbers: int, minutes: float = 0.2) -> Iterator[Plan]:
    return (draw(seed, minutes) for seed in numbers)


def outcome(trace: str) -> Outcome:
    return Outcome(
        plan=GREEN_PLAN,
        violations=(),
        fired={},
        paths={},
        messages=1,
        simulated_s=1.0,
        wall_s=1.0,
        trace=trace,
    )


def test_each_seed_is_played_once_and_every_second_of_them_again_elsewhere() -> None:
    with Crew(2) as crew:
        played = list(crew.play_all(seeds(0, 1, 2), one_in=2))
        folder = crew._folder
    assert sorted(each.plan.seed for each in played if not each.is_again) == [0, 1, 2]
    assert sorted(each.plan.seed for each in played if each.is_again) == [0, 2]
    assert not [each for each in played if each.is_red]
    assert not folder.exists()


def test_one_worker_alone_is_replaced_for_the_second_run() -> None:
    with Crew(1) as crew:
        played = list(crew.play_all(seeds(3), one_in=1))
    assert [each.is_again for each in played] == [False, True]
    assert not [each for each in played if each.is_red]


def test_a_worker_that_is_killed_is_a_verdict_on_its_seed_and_the_rest_goes_on() -> None:
    with Crew(1) as crew:
        playing = crew.play_all(seeds(1, 2, 3, minutes=0.1), one_in=0)
        first = next(playing)
        (at_hand,) = crew.idle()
        assert at_hand._process.pid is not None
        os.kill(at_hand._process.pid, signal.SIGKILL)
        rest = list(playing)
    assert not first.is_red
    lost = [each for each in rest if each.error is not None]
    assert [each.plan.seed for each in (first, *rest)] == [1, 2, 3]
    assert len(lost) == 1
    assert "the worker died (exit code -9)" in (lost[0].error or "")


def test_a_run_that_takes_too_long_is_ended_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swarm, "MOST_WALL_S", 0.0)
    with Crew(1) as crew:
        (played,) = crew.play_all(seeds(1), one_in=0)
    assert "it took longer than 0 s" in (played.error or "")


def test_a_run_that_raises_is_a_verdict_with_its_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def raises(*_: object, **__: object) -> None:
        raise LookupError("in the middle of it")

    monkeypatch.setattr(worker, "play", raises)
    played = play_job(Job(plan=GREEN_PLAN, keep=tmp_path / "kept"), tmp_path / "run", tmp_path / "none.db")
    assert played.is_red
    assert "in raises" in (played.error or "")
    assert played.signs == {"LookupError"}
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("forgetful")
def test_the_folder_of_a_red_run_is_kept_with_its_plan_and_that_of_a_green_one_is_not(tmp_path: Path) -> None:
    with Crew(0, keep=tmp_path) as crew:
        green, red = crew.play(GREEN_PLAN), crew.play(RED_PLAN)
    assert green.kept is None
    assert red.kept is not None
    assert [folder.name for folder in tmp_path.iterdir()] == [red.kept.name]
    assert (red.kept / "ledger.db").is_file()
    assert read(red.kept / "plan.json") == RED_PLAN


def test_whoever_breaks_a_round_off_ends_the_workers_that_were_in_it() -> None:
    with Crew(1) as crew:
        playing = crew.play_all(seeds(1, 2, minutes=0.1), one_in=0)
        next(playing)
        playing.close()
        assert not crew.at_work()
        assert not crew.play(draw(3, 0.1)).is_red


def test_two_traces_of_one_plan_that_differ_are_a_violation_of_17() -> None:
    second = Played(plan=GREEN_PLAN, outcome=outcome("b"))
    assert not compared("b", second).is_red
    (violation,) = compared("a", second).violations
    assert violation.number == 17
