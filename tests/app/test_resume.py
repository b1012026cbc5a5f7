"""resume: recorded first, lifted then; a live run is asked to do it."""

import json
from pathlib import Path

import pytest

from bulkhead.app.audit import current_user
from bulkhead.app.commands import resume
from bulkhead.app.desk_requests import Action, Answer, Request
from bulkhead.app.exit_codes import ExitCode
from bulkhead.ledger.lock import OwnerLock
from messages.failure import StopReason
from messages.supervision import Outcome
from messages.values import StopLevel
from supervisor.latch import StopLatch
from tests.app.kit import TREND, Cli, write_config

CONFIG = ("--config", "test.toml")


@pytest.fixture
def latch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StopLatch:
    """Two reasons are latched in the current directory's logs."""
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path / "test.toml", strategies=TREND)
    latch = StopLatch(tmp_path / "logs" / "stop")
    for name in ("risk:daily_loss", "position_drift:all"):
        latch.write(StopReason(reason_id=name, level=StopLevel.SOFT, cause=f"because of {name}", since_ns=0))
    return latch


def audit() -> list[dict[str, object]]:
    path = Path("logs/audit/operator_actions.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


@pytest.mark.req("S-17")
def test_it_shows_records_and_lifts(cli: Cli, latch: StopLatch) -> None:
    done = cli("resume", *CONFIG, "--reason", "the feed is back", "--operator", "ada")
    assert done.code == ExitCode.OK
    assert "because of risk:daily_loss" in done.out
    assert "lifted: 2" in done.out
    assert latch.load(0) == ()
    asked, finished = audit()
    assert (asked["state"], asked["operator"], asked["reason"]) == ("asked", "ada", "the feed is back")
    assert {"at", "at_ns", "reasons"} <= asked.keys()
    assert finished["state"] == "done"


def test_the_operator_is_who_is_logged_in(cli: Cli, latch: StopLatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "grace")
    assert json.loads(cli("resume", *CONFIG, "--reason", "checked", "--json").out)["left"] == []
    assert audit()[0]["operator"] == "grace"
    monkeypatch.delenv("USER")
    assert current_user()


def test_not_while_somebody_holds_the_ledger_who_cannot_be_asked(cli: Cli, latch: StopLatch) -> None:
    lock = OwnerLock(Path("logs/ledger.db"))
    try:
        done = cli("resume", *CONFIG, "--reason", "please")
    finally:
        lock.release()
    assert done.code == ExitCode.ERROR
    assert "holds the ledger" in done.sentence
    assert len(latch.load(0)) == 2
    assert not audit()


@pytest.mark.lesson("L22")
def test_what_is_latched_anew_while_the_old_one_is_lifted_stays(
    cli: Cli, latch: StopLatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed = StopReason(reason_id="risk:daily_loss", level=StopLevel.HARD, cause="again", since_ns=9)

    def meanwhile(_: Path) -> str:
        latch.write(renewed)
        return "none"

    monkeypatch.setattr(resume, "positions_then", meanwhile)
    done = cli("resume", *CONFIG, "--reason", "the feed is back", "--json")
    assert latch.load(0) == (renewed,)
    assert [each["reason_id"] for each in json.loads(done.out)["lifted"]] == ["position_drift:all"]
    assert [each["reason_id"] for each in json.loads(done.out)["left"]] == ["risk:daily_loss"]
    assert audit()[-1]["lifted"] == ["position_drift:all"]


@pytest.mark.req("S-17")
def test_nothing_is_lifted_unrecorded(cli: Cli, latch: StopLatch) -> None:
    Path("logs/audit").write_text("in the way", encoding="utf-8")
    done = cli("resume", *CONFIG, "--reason", "checked")
    assert done.code == ExitCode.ERROR
    assert "nothing is done unrecorded" in done.sentence
    assert len(latch.load(0)) == 2


def test_a_reason_is_words(cli: Cli, latch: StopLatch) -> None:
    done = cli("resume", *CONFIG, "--reason", "  ")
    assert done.code == ExitCode.ERROR
    assert "--reason needs words" in done.sentence
    assert len(latch.load(0)) == 2


def test_what_cannot_be_read_stays(cli: Cli, latch: StopLatch) -> None:
    torn = Path("logs/stop/torn.json")
    torn.write_text("{", encoding="utf-8")
    done = cli("resume", *CONFIG, "--reason", "checked")
    assert done.code == ExitCode.ERROR
    assert "1 stop reasons cannot be read and stay in force" in done.sentence
    assert torn.exists()
    assert len(latch.load(0)) == 1


@pytest.mark.req("S-09", "S-17")
def test_what_cannot_be_read_is_put_away_by_name_and_kept(cli: Cli, latch: StopLatch) -> None:
    Path("logs/stop/torn.json").write_text("{", encoding="utf-8")
    done = cli("resume", *CONFIG, "--reason", "looked at it", "--id", "unreadable:torn.json")
    assert done.code == ExitCode.OK
    assert len(latch.load(0)) == 2, "and nothing else is lifted"
    assert [path.read_text() for path in Path("logs/stop").iterdir() if path.name.startswith("torn")] == ["{"]
    assert audit()[-1]["lifted"] == ["unreadable:torn.json"]


@pytest.mark.req("S-09")
def test_one_by_name_leaves_the_others(cli: Cli, latch: StopLatch) -> None:
    done = cli("resume", *CONFIG, "--reason", "checked", "--id", "risk:daily_loss", "--json")
    assert done.code == ExitCode.OK
    told = json.loads(done.out)
    assert [each["reason_id"] for each in told["lifted"]] == ["risk:daily_loss"]
    assert [each.reason_id for each in latch.load(0)] == ["position_drift:all"]


def test_a_name_that_is_not_latched_lifts_nothing(cli: Cli, latch: StopLatch) -> None:
    done = cli("resume", *CONFIG, "--reason", "checked", "--id", "risk:daily_loss", "--id", "risk:nothing")
    assert done.code == ExitCode.NOT_FOUND
    assert "risk:nothing" in done.sentence
    assert len(latch.load(0)) == 2
    assert not audit()


class Run:
    """A live session whose desk answers as it is told to."""

    def __init__(self, answer: Answer | None) -> None:
        self.answer = answer
        self.asked: list[Request] = []

    def ask(self, folder: Path, request: Request, timeout_s: float) -> Answer | None:
        assert audit()[-1]["state"] == "asked", "on record before anybody is asked"
        self.asked.append(request)
        return self.answer


def live(monkeypatch: pytest.MonkeyPatch, answer: Answer | None) -> Run:
    run = Run(answer)
    monkeypatch.setattr(resume, "living_sessions", lambda logs_dir: [logs_dir / "sessions" / "s-1"])
    monkeypatch.setattr(resume, "stop_dir_of", lambda folder, logs_dir: Path("logs/stop"))
    monkeypatch.setattr(resume, "ask", run.ask)
    return run


@pytest.mark.req("S-09", "S-17")
def test_a_live_run_lifts_it_itself(cli: Cli, latch: StopLatch, monkeypatch: pytest.MonkeyPatch) -> None:
    run = live(monkeypatch, Answer(outcome=Outcome.DONE, facts={"lifted": "risk:daily_loss", "left": "kill:SOFT:all"}))
    done = cli("resume", *CONFIG, "--reason", "checked", "--operator", "ada", "--id", "risk:daily_loss")
    assert done.code == ExitCode.OK, done.sentence
    (request,) = run.asked
    assert (request.action, request.subject, request.operator) == (Action.RESUME, "risk:daily_loss", "ada")
    assert "s-1 has lifted: risk:daily_loss" in done.out
    assert audit()[-1]["lifted"] == ["risk:daily_loss"]
    assert len(latch.load(0)) == 2, "the files are the run's to remove"


def test_what_a_live_run_cannot_read_is_put_away_once_it_is_lifted(
    cli: Cli, latch: StopLatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("logs/stop/torn.json").write_text("{", encoding="utf-8")
    live(monkeypatch, Answer(outcome=Outcome.DONE, facts={"lifted": "unreadable:torn.json", "left": ""}))
    assert cli("resume", *CONFIG, "--reason", "ok", "--id", "unreadable:torn.json").code == ExitCode.OK
    assert not Path("logs/stop/torn.json").exists()


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (None, ExitCode.TIMEOUT, "nothing may be lifted"),
        (Answer(outcome=Outcome.NOT_FOUND, detail="no such"), ExitCode.NOT_FOUND, "no such"),
        (Answer(outcome=Outcome.FAILED, detail="disk full"), ExitCode.ERROR, "disk full"),
    ],
)
def test_what_a_live_run_does_not_do_is_said(
    cli: Cli, latch: StopLatch, monkeypatch: pytest.MonkeyPatch, answer: Answer | None, code: ExitCode, said: str
) -> None:
    live(monkeypatch, answer)
    done = cli("resume", *CONFIG, "--reason", "checked", "--timeout", "0.1")
    assert done.code == code
    assert said in done.sentence


def test_nothing_to_lift(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path / "test.toml", strategies=TREND)
    done = cli("resume", *CONFIG, "--reason", "checked")
    assert done.code == ExitCode.OK
    assert "nothing to lift" in done.out
    assert not Path("logs").exists()
