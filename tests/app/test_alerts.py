"""Alerts from settings and environment: the command that tries them, the start of a run, doctor, what is refused."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkhead.app.alerting import (
    begin_session,
    check_alerts,
    end_session,
    how_the_last_ended,
    last_word,
    leave_fenced,
    open_alerts,
)
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import Settings, check_settings
from bulkhead.monitor.status_view import alerts_words
from messages.codes import ErrorCode
from tests.app.kit import TREND, Cli, write_config
from tests.monitor.alerting.receiver import Receiver, receiver

CANARY = "c4n4ryS3cret"
URLS = "BULKHEAD_ALERT_URLS"
HEARTBEAT = "BULKHEAD_HEARTBEAT_URL"
CONFIG = ("--config", "test.toml")


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def url(server: Receiver) -> str:
    return f"json://{CANARY}:{CANARY}@127.0.0.1:{server.port}/{CANARY}?rto=0.5&cto=0.5"


def configured(folder: Path, **alerts: object) -> Path:
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in alerts.items())
    return write_config(folder / "test.toml", strategies=f"[alerts]\n{lines}\n{TREND}")


def settings_of(folder: Path, mode: str = "paper", **alerts: object) -> Settings:
    session = {"mode": mode, "logs_dir": str(folder / "logs")}
    return check_settings({"session": session, "alerts": {"self_test_timeout_s": 10, **alerts}}, "test")


def nothing_written_holds(folder: Path, secret: str) -> bool:
    return not any(secret in path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())


@pytest.mark.req("S-19")
def test_the_command_tries_every_target_and_the_heartbeat(
    cli: Cli, folder: Path, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(folder, urls_env=URLS, heartbeat_url_env=HEARTBEAT)
    monkeypatch.setenv(URLS, url(server))
    monkeypatch.setenv(HEARTBEAT, f"http://127.0.0.1:{server.port}/{CANARY}")
    done = cli("alerts", "test", *CONFIG)
    assert done.code == ExitCode.OK
    assert done.out == "json://127.0.0.1 (1)  ok\nheartbeat  ok\n"
    assert [method for method, _, _ in server.heard] == ["POST", "GET"]
    kept = json.loads((folder / "logs" / "audit" / "alerts_test.json").read_text())
    assert (kept["ok"], kept["log_only"], kept["at"][:2]) == (True, False, "20")
    assert CANARY not in done.err
    assert nothing_written_holds(folder, CANARY)


@pytest.mark.req("S-19")
def test_the_command_fails_when_one_target_does(
    cli: Cli, folder: Path, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(folder, urls_env=URLS)
    server.how = "401"
    secret_file = folder / "urls"
    secret_file.write_text(f"{url(server)}\n", encoding="utf-8")
    monkeypatch.setenv(f"{URLS}_FILE", str(secret_file))
    done = cli("alerts", "test", *CONFIG, "--json")
    assert done.code == ExitCode.VERDICT_FAILED
    said = json.loads(done.out)
    assert said["targets"] == [{"name": "json://127.0.0.1 (1)", "ok": False, "why": "HTTP status 401"}]
    assert json.loads((folder / "logs" / "audit" / "alerts_test.json").read_text()) == said
    secret_file.unlink()
    assert nothing_written_holds(folder, CANARY)
    assert CANARY not in done.out + done.err


def test_without_targets_it_says_so_and_writes_the_line(cli: Cli, folder: Path) -> None:
    configured(folder)
    done = cli("alerts", "test", *CONFIG)
    assert (done.code, done.out) == (ExitCode.OK, "log only: nobody is told; the line is in logs/alerts.jsonl\n")
    (line,) = (folder / "logs" / "alerts.jsonl").read_text().splitlines()
    assert "a test of the alerts" in json.loads(line)["text"]
    assert json.loads((folder / "logs" / "audit" / "alerts_test.json").read_text())["log_only"] is True


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        (None, f"no key: set {URLS}"),
        (f"nosuch://{CANARY}", f"{URLS}: alert URL (1) is no URL that apprise can use"),
        (f"json://127.0.0.1/ tgram://{CANARY}", f"{URLS}: tgram://… (2) is no URL that apprise can use; 2 URLs"),
    ],
)
def test_urls_that_cannot_be_used_are_refused_at_the_start(
    variable: str | None, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is not None:
        monkeypatch.setenv(URLS, variable)
    with pytest.raises(Stopped) as refused, open_alerts(settings_of(folder, urls_env=URLS), "s1"):
        pytest.fail("it opened")
    assert refused.value.code is ExitCode.CONFIG
    assert said in refused.value.sentence
    assert CANARY not in refused.value.sentence


def test_a_heartbeat_that_is_no_url_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HEARTBEAT, CANARY)
    with pytest.raises(Stopped) as refused, open_alerts(settings_of(folder, heartbeat_url_env=HEARTBEAT), "s1"):
        pytest.fail("it opened")
    assert HEARTBEAT in refused.value.sentence
    assert CANARY not in refused.value.sentence


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        ({"urls_env": f"json://{CANARY}"}, "not the name of an environment variable"),
        ({"heartbeat_fail_suffix": "/fail"}, "heartbeat_fail_suffix needs heartbeat_url_env"),
        ({"max_messages": 1}, "greater than or equal to 2"),
        ({"group": 5}, "did you mean group_s?"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(alerts: dict[str, Any], said: str, folder: Path) -> None:
    with pytest.raises(Stopped) as refused:
        settings_of(folder, **alerts)
    assert said in refused.value.sentence
    assert CANARY not in refused.value.sentence


# -- the start of a run -----------------------------------------------------------------------------------------------


@pytest.mark.req("S-19")
def test_paper_starts_beside_a_target_that_hangs_and_says_so(
    folder: Path, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.how = "hang"
    monkeypatch.setenv(URLS, url(server))
    settings = settings_of(folder, urls_env=URLS)
    with open_alerts(settings, "s1") as alerts:
        verdicts = begin_session(alerts, settings, "s1")
        assert not verdicts.are_all_in, "nobody has waited"
        assert verdicts.wait(10) == {"json://127.0.0.1 (1)": "no connection, or no answer in time"}
        status = alerts.status()
        assert status.is_deaf
        assert "FAILING" in alerts_words(status, 2**62)
        server.may_go_on.set()


@pytest.mark.code("ALERT_TARGET_DEAF")
def test_live_refuses_a_target_that_does_not_answer(
    folder: Path, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.how = "500"
    monkeypatch.setenv(URLS, url(server))
    settings = settings_of(folder, "live", urls_env=URLS)
    with pytest.raises(Stopped) as refused, open_alerts(settings, "s1") as alerts:
        begin_session(alerts, settings, "s1")
    assert (refused.value.code, refused.value.error_code) == (ExitCode.CONFIG, ErrorCode.ALERT_TARGET_DEAF)
    assert "json://127.0.0.1 (1): HTTP status 500" in refused.value.sentence
    server.how = "ok"
    with open_alerts(settings, "s2") as alerts:
        assert begin_session(alerts, settings, "s2").are_all_in


def test_live_starts_again_after_a_fall_though_nobody_answers(
    project: Path, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it holds is better attended than left alone."""
    server.how = "500"
    monkeypatch.setenv(URLS, url(server))
    metadata = next((project / "logs" / "sessions").glob("*/ops_metadata.json"))
    ended = json.loads(metadata.read_text())
    assert how_the_last_ended(project / "logs") is None, "it ended in order"
    metadata.write_text(json.dumps({**ended, "stop_reason": "the tree ended: no such luck"}))
    assert "failed: the tree ended: no such luck" in (how_the_last_ended(project / "logs") or "")
    metadata.write_text(json.dumps({**ended, "stopped_ns": None, "stop_reason": None}))
    assert "was cut off" in (how_the_last_ended(project / "logs") or "")
    settings = settings_of(project, "live", urls_env=URLS)
    with open_alerts(settings, "s2") as alerts:
        begin_session(alerts, settings, "s2")
        server.wait_for(1)
    assert "was cut off" in server.texts[0]
    assert server.heard[0][2]["type"] == "warning"


@pytest.mark.code("ALERT_TARGET_DEAF")
def test_live_without_anybody_to_tell_is_refused_unless_that_is_meant(folder: Path) -> None:
    with pytest.raises(Stopped) as refused:
        check_alerts(settings_of(folder, "live"))
    assert refused.value.error_code is ErrorCode.ALERT_TARGET_DEAF
    check_alerts(settings_of(folder, "live", required=False))
    check_alerts(settings_of(folder))


def test_an_end_that_was_not_meant_is_told_at_once(
    folder: Path, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URLS, url(server))
    settings = settings_of(folder, urls_env=URLS)

    def end_badly() -> None:
        with open_alerts(settings, "s1") as alerts:
            end_session(alerts, "s1", "SIGTERM", ExitCode.OK)
            server.wait_for(1)
            end_session(alerts, "s1", "the tree ended: oms", ExitCode.ERROR)
            server.wait_for(2)
            raise KeyError("x")

    with pytest.raises(KeyError):
        end_badly()
    last_word(settings, "the guard gave up: five times in ten minutes")
    assert [body["type"] for _, _, body in server.heard] == ["info", "failure", "failure", "failure"]
    assert "has ended with exit code 1: the tree ended: oms" in server.texts[1]
    assert "an error of our own: KeyError" in server.texts[2]
    assert "the guard gave up" in server.texts[3]


@pytest.mark.parametrize("how", ["ok", "hang"])
def test_whoever_must_leave_at_once_says_so_first_and_waits_for_nobody_for_long(
    how: str, folder: Path, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[ExitCode] = []
    monkeypatch.setattr("bulkhead.app.exit_codes.leave_at_once", left.append)
    monkeypatch.setattr("bulkhead.app.alerting.LEAVE_PATIENCE_S", 0.2 if how == "hang" else 20.0)
    monkeypatch.setenv(URLS, url(server))
    server.how = how
    with open_alerts(settings_of(folder, urls_env=URLS), "s1") as alerts:
        leave_fenced(alerts, "the lock is another's")
    server.may_go_on.set()
    leave_fenced(None, "nobody is to be told")
    assert left == [ExitCode.FENCED] * 2
    (line,) = (folder / "logs" / "alerts.jsonl").read_text().splitlines()
    assert json.loads(line)["severity"] == "P0"
    assert "held by another process" in server.texts[0]
    assert "the lock is another's" in server.texts[0]


def test_doctor_says_who_is_told_and_whether_it_was_ever_tried(
    cli: Cli, folder: Path, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said() -> tuple[str, str]:
        checks = json.loads(cli("doctor", *CONFIG, "--json").out)["checks"]
        (found,) = (check for check in checks if check["name"] == "alerts")
        return found["level"], found["said"]

    configured(folder)
    assert said() == ("ok", "log only: nobody is told when something happens")
    configured(folder, urls_env=URLS)
    assert said()[0] == "fail"
    monkeypatch.setenv(URLS, url(server))
    assert said() == ("warn", "1 targets: json://127.0.0.1 (1); never tried out")
    cli("alerts", "test", *CONFIG)
    assert said()[0] == "ok"
    server.how = "500"
    cli("alerts", "test", *CONFIG)
    assert "failed" in said()[1]


def test_apprise_is_not_loaded_where_nobody_is_to_be_told() -> None:
    found = "import sys, bulkhead.app.run, bulkhead.app.commands.doctor; print('apprise' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", found], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
