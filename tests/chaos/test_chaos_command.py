"""`bulkhead chaos` as its user meets it: exit code, words, files."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from actors.order_keeper import OrderKeeper
from bulkhead.app.cli import main
from bulkhead.app.exit_codes import ExitCode
from bulkhead.chaos import planted_run
from bulkhead.chaos.faults import CATALOGUE
from bulkhead.chaos.invariants import ALL
from bulkhead.chaos.plan import Moment, Plan, Strike, read, write
from bulkhead.chaos.planted import PLANTED, Planted
from messages.records import FillRecorded
from tests.chaos.red import GREEN_PLAN, RED_PLAN


def ended(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["chaos", *arguments])
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_seeds_that_are_green_end_with_0_and_both_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = ended("--seeds", "3", "--minutes", "0.2", "--jobs", "2", "--json", "r.json", "--html", "r.html")
    assert code == ExitCode.OK
    assert "nothing found" in capsys.readouterr().out
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["plans"] == 3
    assert (tmp_path / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.usefixtures("forgetful")
def test_a_red_plan_ends_with_6_a_command_and_a_smaller_plan_that_is_red(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(RED_PLAN, tmp_path / "red.json")
    assert ended("--plan", "red.json", "--jobs", "0", "--keep", "kept") == ExitCode.VERDICT_FAILED
    said = capsys.readouterr().out
    assert "again: bulkhead chaos --plan red.json" in said
    smaller = tmp_path / "kept" / "seed-5-ids-invariant-4.json"
    assert f"shrunk: {smaller.relative_to(tmp_path)} (1 of 3 strikes" in said
    assert len(read(smaller).strikes) == 1
    assert ended("--plan", str(smaller), "--jobs", "0") == ExitCode.VERDICT_FAILED


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give exactly one of"),
        (("--seeds", "1", "--seed", "2"), "given: --seeds and --seed"),
        (("--seed", "1", "--pairs", "3"), "--pairs is for --exhaustive"),
        (("--seed", "1", "--from", "3"), "--from is for"),
        (("--exhaustive", "--minutes", "3"), "--minutes is for"),
        (("--faults", "--json", "r.json"), "there is no report"),
        (("--seed", "1", "--html", "none/r.html"), "there is no folder none"),
    ],
)
def test_options_that_do_not_go_together(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(*arguments) == ExitCode.CONFIG
    assert words in capsys.readouterr().err


def plan(**strike: object) -> str:
    strikes = (Strike.model_validate({"fault": "actor.crash", "at_s": 1.0, "target": "oms", **strike}),)
    return Plan(seed=1, minutes=1.0, strikes=strikes).model_dump_json()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Invalid JSON"),
        ('{"version": 2, "seed": 1}', "version 2, and this Bulkhead plays version 1"),
        ('{"seed": 1, "minutse": 3}', "minutse"),
        (plan(fault="actor.crush"), "no fault is called 'actor.crush': actor.crash"),
        (plan(target=None), "wants a target"),
        (plan(fault="process.kill"), "has no target"),
        (plan(at_s=60.0), "it would never strike"),
        (plan(at_step=3), "goes with the moment step"),
        (plan(moment=Moment.STEP), "goes with the moment step"),
        (plan(lasts_s=5.0), "nothing would end it"),
        (plan(fault="venue.reject", target=None, amount=0.5, lasts_s=9e9), "it would never be over"),
        (plan(fault="process.kill", target=None, amount=9e9), "the house could never come right"),
        (plan(fault="venue.reject", target=None, amount=1.5, lasts_s=5.0), "the house could never come right"),
    ],
)
def test_a_plan_that_cannot_be_played_is_refused_with_the_reason(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plan.json").write_text(text, encoding="utf-8")
    assert ended("--plan", "plan.json") == ExitCode.CONFIG
    assert words in capsys.readouterr().err


def test_a_plan_that_is_not_there_is_not_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("--plan", "none.json") == ExitCode.NOT_FOUND
    assert "there is no plan none.json" in capsys.readouterr().err


def test_faults_and_invariants_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("--faults") == ExitCode.OK
    said = capsys.readouterr().out
    assert all(name in said for name in CATALOGUE)
    assert ended("--invariants") == ExitCode.OK
    said = capsys.readouterr().out
    assert all(kind.name in said for kind in ALL)


@contextmanager
def forgets_all_but_reports() -> Iterator[None]:
    step = OrderKeeper._step

    def forgets(self, applied, ctx, source):  # type: ignore[no-untyped-def]
        followup = step(self, applied, ctx, source)
        kept = tuple(record for record in followup.records if not isinstance(record, FillRecorded))
        return followup._replace(records=kept)

    with patch.object(OrderKeeper, "_step", forgets):
        yield


@contextmanager
def harmless() -> Iterator[None]:
    yield


def test_a_planted_bug_is_caught_one_that_breaks_nothing_is_not_and_without_any_nothing_is_red(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(planted_run, "MOST_SEEDS", 15)
    monkeypatch.setattr(planted_run, "CLEAN_SEEDS", 1)
    monkeypatch.setitem(PLANTED, "t-forgets", Planted("t-forgets", 2, "no fill is booked", forgets_all_but_reports))
    monkeypatch.setitem(PLANTED, "t-harmless", Planted("t-harmless", 2, "changes nothing", harmless))
    assert ended("--planted", "t-forgets", "--from", "4", "--minutes", "0.5", "--jobs", "0") == ExitCode.OK
    said = capsys.readouterr().out
    assert "caught after" in said
    assert "nothing found" in said
    assert ended("--planted", "t-harmless", "--minutes", "0.2", "--jobs", "0") == ExitCode.VERDICT_FAILED
    assert "planted and not caught: t-harmless" in capsys.readouterr().out
    assert ended("--planted", "t-none") == ExitCode.NOT_FOUND
    assert "no planted bug is called 't-none'" in capsys.readouterr().err


@pytest.mark.process
def test_a_ctrl_c_ends_it_at_once_with_what_was_found_so_far(tmp_path: Path) -> None:
    write(GREEN_PLAN, tmp_path / "green.json")
    code = "from bulkhead.app.cli import main\nif __name__ == '__main__':\n    main()\n"
    (tmp_path / "run.py").write_text(code, encoding="utf-8")
    arguments = [sys.executable, "run.py", "chaos", "--seeds", "100000", "--minutes", "0.1", "--jobs", "1"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        arguments, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as running:
        time.sleep(6)
        began_s = time.monotonic()
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to the workers, too
        out, err = running.communicate(timeout=30)
    assert time.monotonic() - began_s < 10
    assert "cut short; so far: nothing found" in out.decode()
    assert err.decode() == ""
    assert running.returncode == ExitCode.OK
