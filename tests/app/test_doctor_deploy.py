"""doctor --deploy: each line of the checklist can fail, says what to do, and is well once that is done."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from bulkhead.app.audit import record
from bulkhead.app.commands import checks_deploy
from bulkhead.app.commands.checks import Check, Level
from bulkhead.app.commands.checks_deploy import NS_PER_DAY, TIME_ERROR, alerts, backups, kill_switch, time_sync
from bulkhead.app.commands.checks_env import dot_env
from bulkhead.app.exit_codes import ExitCode
from bulkhead.app.settings import Settings, check_settings, load_settings
from bulkhead.ledger import audit_file
from messages.failure import FailureMode
from messages.values import StopLevel
from supervisor.failure_modes import TABLE
from tests.app.kit import Cli

CONFIG = ("--config", "test.toml")
LOGS = Path("logs")


def checks(cli: Cli) -> dict[str, Check]:
    answer = json.loads(cli("doctor", "--deploy", *CONFIG, "--json").out)
    found = [Check.model_validate(check) for check in answer["checks"]]
    assert all(check.advice for check in found if check.level is not Level.OK)
    assert answer["ok"] == all(check.level is not Level.FAIL for check in found)
    return {check.name: check for check in found}


def made(folder: Path, **sections: object) -> Settings:
    session = {"logs_dir": str(folder), "ledger_file": str(folder / "ledger.db")}
    return check_settings({"session": session, **sections}, "test")


def killed(**more: object) -> None:
    record(audit_file.path_in(LOGS), {"action": "kill --level HARD", "operator": "ada", "reason": "drill", **more})


@pytest.mark.req("S-21")
def test_what_was_not_done_fails_and_is_well_once_it_is_done(cli: Cli, project: Path) -> None:
    before = checks(cli)
    failed = {name for name, check in before.items() if check.level is Level.FAIL}
    assert failed == {"kill switch", "backup", "alert test"}
    assert cli("doctor", "--deploy", *CONFIG).code == ExitCode.VERDICT_FAILED
    assert cli("doctor", *CONFIG).code == ExitCode.OK, "without --deploy it is not asked for"
    wanted = {"failure modes", "broker gone", "decisions", "settings", "audit", ".env", "time", "for live"}
    assert wanted <= before.keys()
    assert all(before[name].level is Level.OK for name in ("failure modes", "broker gone", "decisions", "settings"))
    killed()
    assert cli("backup", project / "copy.db").code == ExitCode.OK
    config = project / "test.toml"
    config.write_text(config.read_text(encoding="utf-8") + "\n[alerts]\nrequired = false\n")
    after = checks(cli)
    assert [name for name, check in after.items() if check.level is Level.FAIL] == []
    assert after["settings"].level is Level.WARN, "these settings have not run yet"
    assert cli("doctor", "--deploy", *CONFIG).code == ExitCode.OK


@pytest.mark.req("S-21")
def test_the_kill_switch_was_exercised_lately_on_this_ledger(project: Path) -> None:
    settings = load_settings(project / "test.toml")
    killed(ledger="/elsewhere/ledger.db")
    record(audit_file.path_in(LOGS), {"action": "resume", "operator": "ada", "reason": "after a kill"})
    assert kill_switch(settings, time.time_ns()).said == "it was never exercised here"
    killed(ledger=str(Path("logs/ledger.db").resolve()))
    assert kill_switch(settings, time.time_ns()).level is Level.OK
    assert kill_switch(settings, time.time_ns() + 29 * NS_PER_DAY).level is Level.OK
    assert kill_switch(settings, time.time_ns() + 31 * NS_PER_DAY).level is Level.FAIL
    audit_file.path_in(LOGS).unlink()
    audit_file.path_in(LOGS).mkdir()
    assert "cannot be read" in kill_switch(settings, time.time_ns()).said


@pytest.mark.req("S-21")
def test_a_mode_that_would_do_the_wrong_thing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    table = dict(TABLE)
    assert checks_deploy.failure_modes().level is Level.OK
    milder = {**table, FailureMode.LEDGER_FAILURE: table[FailureMode.LEDGER_FAILURE]._replace(level=StopLevel.RUN)}
    monkeypatch.setattr(checks_deploy, "TABLE", milder)
    assert "ledger_failure: entries are refused" in checks_deploy.failure_modes().said, "the gate does otherwise"
    del milder[FailureMode.CLOCK_SKEW]
    assert "clock_skew: no row says what to do" in checks_deploy.failure_modes().said
    mild = table[FailureMode.BROKER_DISCONNECT]._replace(level=StopLevel.REDUCED)
    monkeypatch.setattr(checks_deploy, "TABLE", {**table, FailureMode.BROKER_DISCONNECT: mild})
    assert checks_deploy.broker_disconnect().level is Level.FAIL


def test_decisions_settings_and_audit_that_were_changed(cli: Cli, session_dir: Path) -> None:
    killed()
    path = audit_file.path_in(LOGS)
    path.write_bytes(path.read_bytes().replace(b"drill", b"fight"))
    log = session_dir / "obs_decisions.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"seq":1,', b'"seq":7,', 1))
    for snapshot in (LOGS / "audit").glob("config_*.json"):
        snapshot.unlink()
    found = checks(cli)
    assert {found[name].level for name in ("audit", "decisions", "settings")} == {Level.FAIL}
    assert "line 1" in found["audit"].said
    log.unlink()
    assert "cannot be read" in checks(cli)["decisions"].said


def test_nothing_has_run_yet(tmp_path: Path) -> None:
    assert checks_deploy.decision_log(tmp_path).level is Level.FAIL
    assert checks_deploy.config_snapshot(made(tmp_path)).level is Level.FAIL
    assert checks_deploy.audit_chain(tmp_path).level is Level.OK
    assert backups(made(tmp_path), 0).level is Level.OK, "there is nothing to keep"


def test_a_backup_is_there_and_not_old(cli: Cli, project: Path) -> None:
    settings, copy = load_settings(project / "test.toml"), project / "copy.db"
    assert cli("backup", copy).code == ExitCode.OK
    now_ns = time.time_ns()
    assert backups(settings, now_ns).level is Level.OK
    assert "7 at most" in backups(settings, now_ns + 8 * NS_PER_DAY).said
    copy.unlink()
    assert "not there now" in backups(settings, now_ns).said
    next((LOGS / "audit").glob("backup_*.json")).write_text("junk")
    assert backups(settings, now_ns).level is Level.FAIL


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, Level.OK),
        ({"ok": False}, Level.FAIL),
        ({"log_only": True}, Level.FAIL),
        ({"at": "2025-01-01T00:00:00+00:00"}, Level.WARN),
    ],
)
def test_alerts_were_tried(tmp_path: Path, changes: dict[str, object], level: Level) -> None:
    settings = made(tmp_path, alerts={"urls_env": "TEST_URLS"})
    now_ns = 1_738_000_000 * 10**9 + 60 * NS_PER_DAY
    assert alerts(settings, now_ns).said == "never tried"
    (tmp_path / "audit").mkdir()
    said = {"at": "2025-03-20T00:00:00+00:00", "ok": True, "log_only": False, "targets": [], "heartbeat": None}
    (tmp_path / "audit" / "alerts_test.json").write_text(json.dumps({**said, **changes}))
    assert alerts(settings, now_ns).level is level
    assert alerts(made(tmp_path, alerts={"required": False}), now_ns).level is Level.WARN


def test_the_kernels_word_on_its_clock() -> None:
    assert [time_sync(state).level for state in (0, TIME_ERROR, -1, None)] == [Level.OK, *[Level.WARN] * 3]
    assert checks_deploy.clock_state() in (None, *range(-1, 6))


@pytest.mark.req("S-16")
def test_a_dot_env_is_ignored_by_git_and_private(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)

    assert "no git repository" in dot_env(tmp_path).said
    git("init", "-q")
    assert "not ignored" in dot_env(tmp_path).said
    (tmp_path / ".gitignore").write_text(".env\n")
    assert dot_env(tmp_path).level is Level.OK
    env = tmp_path / ".env"
    env.write_text("KEY=1")
    env.chmod(0o644)
    assert "may be read by others" in dot_env(tmp_path).said
    env.chmod(0o600)
    assert dot_env(tmp_path).level is Level.OK
    git("add", "-f", ".env")
    assert "git keeps it" in dot_env(tmp_path).said
