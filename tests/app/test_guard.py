"""`run --guard` before anything runs: what it refuses, and the command line that its child gets."""

import contextlib
import errno
import os
import socket
from pathlib import Path

import pytest
from typer.main import get_command

from bulkhead.app import cli as command_line
from bulkhead.app import guard
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.guard_rules import Leave, Note, Rules
from bulkhead.app.run import CANCEL_TIMEOUT_S, START_TIMEOUT_S, STOP_TIMEOUT_S
from bulkhead.monitor.guard_log import gave_up
from supervisor.spec import Budget
from tests.app.kit import TREND_BTC, Cli, tape_rows, write_config, write_tape

RUN = get_command(command_line.app).commands["run"]  # type: ignore[attr-defined]


def child_arguments(*given: str) -> list[str]:
    with RUN.make_context("run", list(given)) as context:
        return guard.arguments_of(context)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--guard"], ["run"]),
        (["--guard", "--watchdog", "7", "-c", "a b.toml"], ["run", "--config", "a b.toml"]),
        (["--watchdog=7", "--json", "--guard", "--for=30"], ["run", "--for", "30.0", "--json"]),
        (
            ["--replay-ticks", "a", "--replay-ticks", "b", "--speed", "2"],
            ["run", "--replay-ticks", "a", "--replay-ticks", "b", "--speed", "2"],
        ),
    ],
)
def test_the_child_gets_the_same_command_without_the_guard(given: list[str], expected: list[str]) -> None:
    assert child_arguments(*given) == expected
    assert child_arguments(*expected[1:]) == expected, "and what it gets, it understands"


def test_every_option_of_run_reaches_the_child_or_is_the_guards_own() -> None:
    values = {"config": "c", "for_s": "3", "replay_ticks": "t", "speed": "2", "guard": None, "watchdog_s": "9"}
    given = [
        word
        for option in RUN.params
        for word in ([option.opts[0]] if values.get(option.name) is None else [option.opts[0], values[option.name]])
    ]
    reached = {word for word in child_arguments(*given) if word.startswith("--")}
    assert reached == {option.opts[0] for option in RUN.params} - {"--guard", "--watchdog"}


@pytest.mark.parametrize(
    ("arguments", "session", "said"),
    [
        (["--guard", "--replay-ticks", "TEST-2013-10-10.csv"], "", "a tape begins anew with each start"),
        (["--guard"], "fresh_ledger = true", "would forget open orders"),
        (["--watchdog", "9"], "", "--watchdog is for the guard"),
        (["--guard", "--speed", "0"], "", "--speed takes a number above zero"),
        (["--guard", "--watchdog", "0.5"], "", "--watchdog"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], session: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(guard, "guard", None)
    write_tape(tmp_path / "TEST-2013-10-10.csv", tape_rows(4))
    config = write_config(tmp_path / "test.toml", session=session, strategies=TREND_BTC, currency="USDT")
    done = cli("run", "--config", config, *arguments)
    assert done.code in (ExitCode.CONFIG, ExitCode.ERROR)
    assert said in done.sentence
    assert not (tmp_path / "logs").exists()


def test_a_configuration_that_cannot_be_used_is_the_guards_own_refusal(cli: Cli, tmp_path: Path) -> None:
    done = cli("run", "--guard", "--config", tmp_path / "nothing.toml")
    assert done.code == ExitCode.CONFIG
    assert "nothing.toml does not exist" in done.sentence


@pytest.mark.parametrize(("watchdog", "rules"), [([], Rules()), (["--watchdog", "40"], Rules(watchdog_s=40.0))])
def test_what_the_guard_is_asked_for(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watchdog: list[str], rules: Rules
) -> None:
    asked: list[tuple[object, ...]] = []

    def fake(command: tuple[str, ...], logs_dir: Path, given: Rules) -> Leave:
        asked.append((command[1:], logs_dir, given.watchdog_s))
        return Leave(7, "gave up")

    monkeypatch.setattr(guard, "guard", fake)
    config = write_config(tmp_path / "test.toml", strategies=TREND_BTC)
    done = cli("run", "--config", config, "--guard", *watchdog)
    assert (done.code, done.sentence) == (7, "bulkhead: gave up")
    command = ("-P", "-m", "bulkhead", "run", "--config", str(config))
    assert asked == [(command, Path("logs"), rules.watchdog_s)]


def test_its_deadlines_leave_the_run_its_own() -> None:
    rules = Rules()
    assert rules.start_deadline_s > START_TIMEOUT_S
    assert rules.stop_deadline_s > 3 * CANCEL_TIMEOUT_S + STOP_TIMEOUT_S


def test_a_tmpdir_that_is_too_long_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with pytest.raises(Stopped, match="set TMPDIR to a short folder"):
        guard.guard(["true"], tmp_path)
    assert not list(deep.iterdir())


def test_a_journal_that_cannot_be_written_is_one_line_and_no_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").write_text("a file in the way")
    journal = guard.Journal(tmp_path / "logs")
    for _ in range(3):
        journal.append(Note("restarting", "test"), 1)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_that_it_gave_up_is_kept_and_told_to_its_own_manager(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "n"))
        env = {"NOTIFY_SOCKET": str(tmp_path / "n"), "PATH": os.environ["PATH"]}
        left = guard.guard(["sh", "-c", "exit 7"], tmp_path, Rules(budget=Budget(intensity=0, period_s=60.0)), env)
        manager.setblocking(False)
        told = []
        with contextlib.suppress(BlockingIOError):
            while True:
                told.append(manager.recv(4096).decode())
    assert left.code == ExitCode.STUCK, "the run's own, as without a guard"
    assert any(text.startswith("STATUS=gave up: the run failed 1 times within 60 s") for text in told)
    assert told[-1] == "STOPPING=1"
    found = gave_up(tmp_path / "guard.jsonl", None)
    assert found is not None
    assert left.sentence == f"the guard gave up: {found.sentence}"


def test_a_child_that_cannot_be_watched_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    def no_descriptor(pid: int) -> int:
        started.append(pid)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("os.pidfd_open", no_descriptor)
    left = guard.guard(["sleep", "1000"], tmp_path, Rules(budget=Budget(intensity=0, period_s=60.0)))
    assert left.code == ExitCode.ERROR
    assert len(started) == 1
    assert not Path(f"/proc/{started[0]}").exists()
