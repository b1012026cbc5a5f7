"""resume: recorded first, lifted then, and never beside a live run."""

import json
from pathlib import Path

import pytest

from bulkhead.app.commands import resume
from bulkhead.app.exit_codes import ExitCode
from bulkhead.ledger.lock import OwnerLock
from messages.failure import StopReason
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
    assert resume.current_user()


def test_not_while_a_run_is_live(cli: Cli, latch: StopLatch) -> None:
    lock = OwnerLock(Path("logs/ledger.db"))
    try:
        done = cli("resume", *CONFIG, "--reason", "please")
    finally:
        lock.release()
    assert done.code == ExitCode.ERROR
    assert "is live" in done.sentence
    assert len(latch.load(0)) == 2
    assert not audit()


@pytest.mark.req("S-17")
def test_nothing_is_lifted_unrecorded(cli: Cli, latch: StopLatch) -> None:
    Path("logs/audit").write_text("in the way", encoding="utf-8")
    done = cli("resume", *CONFIG, "--reason", "checked")
    assert done.code == ExitCode.ERROR
    assert "nothing is lifted unrecorded" in done.sentence
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


def test_nothing_to_lift(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path / "test.toml", strategies=TREND)
    done = cli("resume", *CONFIG, "--reason", "checked")
    assert done.code == ExitCode.OK
    assert "nothing to lift" in done.out
    assert not Path("logs").exists()
