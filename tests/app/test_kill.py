"""kill: latched whatever runs and whatever cannot be recorded; and said when a run has not seen it."""

import json
import os
import threading
import time
from pathlib import Path

import pytest

from bulkhead.app.commands import kill
from bulkhead.app.commands.kill import targets_of
from bulkhead.app.exit_codes import ExitCode
from bulkhead.app.stops.seen import OrderEnd, Seen, write_seen
from messages.values import StopLevel, StopPlan
from supervisor.latch import StopLatch
from tests.app.kit import TREND, Cli, write_config

CONFIG = ("--config", "test.toml")
HARD = (*CONFIG, "--level", "hard", "--reason", "it sells what it should not")


@pytest.fixture
def stop_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path / "test.toml", strategies=TREND)
    return tmp_path / "logs" / "stop"


def audit() -> list[dict[str, object]]:
    path = Path("logs/audit/operator_actions.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


@pytest.mark.req("S-09", "S-17", "P-09")
def test_while_nothing_runs_it_latches_for_the_next_start(cli: Cli, stop_dir: Path) -> None:
    done = cli("kill", *HARD, "--operator", "ada")
    assert done.code == ExitCode.OK, done.sentence
    assert "nothing runs" in done.out
    (found,) = StopLatch(stop_dir).load(0)
    assert (found.reason_id, found.level, found.scope) == ("kill:HARD:all", StopLevel.HARD, "all")
    assert (found.effective_plan, found.needs_operator, found.is_technical) == (StopPlan.FLATTEN, True, False)
    assert found.cause == "ada: it sells what it should not"
    (line,) = audit()
    assert (line["action"], line["operator"]) == ("kill --level HARD --scope all", "ada")


def test_levels_and_scopes_are_reasons_of_their_own_and_none_makes_another_milder(cli: Cli, stop_dir: Path) -> None:
    assert cli("kill", *HARD).code == ExitCode.OK
    assert cli("kill", *CONFIG, "--level", "SOFT", "--reason", "calmer").code == ExitCode.OK
    assert cli("kill", *HARD, "--scope", "strategy:trend").code == ExitCode.OK
    found = {reason.reason_id for reason in StopLatch(stop_dir).load(0)}
    assert found == {"kill:HARD:all", "kill:SOFT:all", "kill:HARD:strategy:trend"}


@pytest.mark.lesson("L22")
@pytest.mark.req("S-09")
def test_a_record_that_cannot_be_written_is_no_reason_to_go_on(cli: Cli, stop_dir: Path) -> None:
    Path("logs").mkdir()
    Path("logs/audit").write_text("in the way", encoding="utf-8")
    done = cli("kill", *HARD)
    assert done.code == ExitCode.OK
    assert "unrecorded" in done.err
    assert len(StopLatch(stop_dir).load(0)) == 1


@pytest.mark.lesson("L22")
def test_a_configuration_that_cannot_be_read_is_none_either(cli: Cli, stop_dir: Path) -> None:
    Path("test.toml").write_text("[session", encoding="utf-8")
    refused = cli("kill", *HARD)
    assert refused.code == ExitCode.CONFIG
    assert "--stop-dir" in refused.sentence
    done = cli("kill", *HARD, "--stop-dir", str(stop_dir))
    assert done.code == ExitCode.OK
    assert len(StopLatch(stop_dir).load(0)) == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--level", "RUN"), "--level is one of SOFT, MEDIUM, HARD"),
        (("--scope", "everything"), "--scope is all, venue:<name>"),
        (("--scope", "symbol:../x"), "--scope is all"),
        (("--reason", " "), "--reason needs words"),
    ],
)
def test_what_makes_no_sense_is_refused_and_latches_nothing(
    cli: Cli, stop_dir: Path, more: tuple[str, str], said: str
) -> None:
    done = cli("kill", *HARD, *more)
    assert done.code == ExitCode.ERROR
    assert said in done.sentence
    assert not stop_dir.exists()


def test_a_name_that_nothing_has_is_latched_and_said(cli: Cli, stop_dir: Path) -> None:
    done = cli("kill", *HARD, "--scope", "strategy:trned")
    assert done.code == ExitCode.OK
    assert "knows no strategy 'trned' (it has trend)" in done.err
    assert len(StopLatch(stop_dir).load(0)) == 1


@pytest.mark.lesson("L22")
def test_where_nothing_can_be_latched_it_says_so_loudly(cli: Cli, stop_dir: Path) -> None:
    stop_dir.parent.mkdir()
    stop_dir.write_text("a file in its place", encoding="utf-8")
    done = cli("kill", *HARD)
    assert done.code == ExitCode.ERROR
    assert "NOTHING IS STOPPED" in done.sentence


@pytest.fixture
def running(stop_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session that is taken to be live, with a folder of its own for stops: not the one of the configuration."""
    theirs = stop_dir.parent / "theirs"
    session = stop_dir.parent / "sessions" / "s-1"
    session.mkdir(parents=True)
    monkeypatch.setattr(kill, "living_sessions", lambda logs_dir: [session])
    monkeypatch.setattr(kill, "stop_dir_of", lambda folder, logs_dir: theirs)
    return theirs


@pytest.mark.lesson("L22")
def test_a_run_with_other_settings_is_stopped_too_and_one_that_says_nothing_is_named(
    cli: Cli, stop_dir: Path, running: Path
) -> None:
    done = cli("kill", *HARD, "--timeout", "0.05")
    assert done.code == ExitCode.TIMEOUT
    assert "s-1 has not said" in done.sentence
    assert len(StopLatch(running).load(0)) == len(StopLatch(stop_dir).load(0)) == 1


def test_it_shows_what_became_of_the_orders(cli: Cli, running: Path) -> None:
    def answer() -> None:
        while not (names := list(running.glob("*.json"))):
            time.sleep(0.005)
        order = OrderEnd(client_order_id="o-1", strategy_id="trend", symbol="BTCUSDT", state="cancelled")
        stuck = order.model_copy(update={"client_order_id": "o-2", "state": "not cancelled", "detail": "BANNED"})
        now_ns = time.time_ns()
        said = Seen(
            session_id="s-1", pid=os.getpid(), reason_id="r", seen_ns=now_ns, orders=(order, stuck), is_over=True
        )
        write_seen(running, names[0].name, said)

    running.mkdir()
    answering = threading.Thread(target=answer)
    answering.start()
    done = cli("kill", *HARD, "--timeout", "20")
    answering.join()
    assert done.code == ExitCode.OK
    assert "s-1 has seen it after" in done.out
    assert "cancelled: o-1 in BTCUSDT of trend" in done.out
    assert "not cancelled: o-2 in BTCUSDT of trend (BANNED)" in done.out


def test_what_was_said_of_an_older_kill_is_no_answer(cli: Cli, running: Path) -> None:
    running.mkdir()
    name = StopLatch(running).path_of("kill:HARD:all").name
    write_seen(running, name, Seen(session_id="s-1", pid=1, reason_id="kill:HARD:all", seen_ns=5, is_over=True))
    assert cli("kill", *HARD, "--timeout", "0.05").code == ExitCode.TIMEOUT


def test_one_folder_is_one_target(tmp_path: Path) -> None:
    assert [target.stop_dir for target in targets_of(tmp_path, tmp_path / "stop")] == [tmp_path / "stop"]
    assert targets_of(tmp_path, None) == []
