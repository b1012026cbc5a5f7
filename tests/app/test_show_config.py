"""show-config: the whole truth about the settings, and no secret."""

import json
import re
from pathlib import Path

import pytest

from bulkhead.app.exit_codes import ExitCode
from bulkhead.app.flat import changes, flatten
from bulkhead.app.masking import MASK, masked
from tests.app.kit import ROOT, TREND, Cli, write_config


def test_it_marks_what_the_file_says(cli: Cli, tmp_path: Path) -> None:
    config = write_config(tmp_path / "test.toml", session="seed = 7", strategies=TREND)
    done = cli("show-config", "--config", config)
    assert done.code == ExitCode.OK
    session, venue = done.out.split("[session]")[1].split("[venue]")
    assert re.search(r"^seed = 7 +file$", session, re.MULTILINE)
    assert re.search(r"^recv_window_ms = 5000 +default$", venue, re.MULTILINE)

    settings = json.loads(cli("show-config", "--config", config, "--json").out)["settings"]
    assert settings["session.seed"] == {"value": 7, "from": "file"}
    assert settings["venue.recv_window_ms"] == {"value": 5000, "from": "default"}
    assert settings["strategies.trend.parameters.fast_s"] == {"value": 2.0, "from": "file"}
    assert settings["strategies.trend.sizing.max_notional"]["from"] == "default"


@pytest.mark.req("S-16")
def test_no_secret_is_shown(cli: Cli, tmp_path: Path) -> None:
    venue = """
start_simulator = false
rest_url = "http://me:hunter2@127.0.0.1:1"
ws_api_url = "ws://127.0.0.1:1/ws-api/v3"
stream_url = "ws://127.0.0.1:1"
api_key_env = "TEST_KEY"
api_secret_env = "TEST_SECRET"
"""
    config = write_config(tmp_path / "test.toml", venue=venue, strategies=f'{TREND}service_token = "hunter3"')
    for form in ((), ("--json",)):
        done = cli("show-config", "--config", config, *form)
        assert done.code == ExitCode.OK
        assert "hunter" not in done.out
        assert "TEST_SECRET" in done.out, "the name of the variable is no secret"


def test_what_counts_as_a_secret() -> None:
    assert masked("strategies.x.parameters.api_key", "k") == MASK
    assert masked("strategies.x.parameters.password", "k") == MASK
    assert masked("venue.api_key_env", "NAME") == "NAME"
    assert masked("venue.rest_url", "https://a:b@host/x") == f"https://{MASK}@host/x"
    assert masked("hooks", ["https://h/x?token=k&b", "https://h/x?"]) == [f"https://h/x?{MASK}", "https://h/x?"]
    assert masked("note", "is it? yes") == "is it? yes"
    assert masked("session.seed", 1) == 1


@pytest.mark.parametrize(
    "name", ["passphrase", "pwd", "auth", "bearer", "webhook", "cookie", "hmac", "signing_key", "access-key", "api-key"]
)
def test_whatever_a_strategy_calls_its_secret(name: str) -> None:
    assert masked(f"strategies.x.parameters.{name}", "k") == MASK
    assert masked("strategies.x.parameters", {"venue": {name: "k"}}) == {"venue": {name: MASK}}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("tgram://1234:token/5678", f"tgram://{MASK}"),
        ("slack://a/b/c", f"slack://{MASK}"),
        ("https://me:p@ss@host/x", f"https://{MASK}@host/x"),
        ("https://host/x#token", f"https://host/x#{MASK}"),
        ("wss://host:1/ws", "wss://host:1/ws"),
        ("sqlite:///var/lib/a.db", "sqlite:///var/lib/a.db"),
    ],
)
def test_what_of_a_url_may_be_a_secret(url: str, shown: str) -> None:
    assert masked("note", url) == shown


@pytest.mark.req("S-05")
def test_what_differs_between_two_settings() -> None:
    before = {"risk": {"max_positions": 2, "old": True}, "strategies": [{"id": "x", "parameters": {"a": 1}}]}
    after = {"risk": {"max_positions": 3}, "strategies": [{"id": "x", "parameters": {"a": 1, "b": "t"}}]}
    assert changes(before, after) == (
        "risk.max_positions: 2 -> 3",
        "risk.old: true -> absent",
        'strategies.x.parameters.b: absent -> "t"',
    )
    assert changes(after, after) == ()


def test_tables_in_lists_go_by_their_id() -> None:
    data = {"a": {"b": 1, "empty": {}}, "list": [{"id": "x", "v": 2}, {"v": 3}], "plain": [1, 2]}
    assert flatten(data) == {"plain": [1, 2], "a.b": 1, "a.empty": {}, "list.x.id": "x", "list.x.v": 2, "list.1.v": 3}


def test_every_configuration_that_we_ship_is_valid(cli: Cli) -> None:
    for config in sorted((ROOT / "config").glob("*.toml")):
        assert cli("show-config", "--config", config).code == ExitCode.OK, config.name


def test_a_bad_file(cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "bad.toml"
    config.write_text("[session\n", encoding="utf-8")
    done = cli("show-config", "--config", config)
    assert done.code == ExitCode.CONFIG
    assert "is not valid TOML" in done.sentence


@pytest.mark.req("S-05")
def test_a_session_says_what_it_ran_with(cli: Cli, session_dir: Path) -> None:
    done = cli("show-config", "--session", session_dir.name)
    assert done.code == ExitCode.OK, done.err
    assert re.search(r"^fast_s = 2\.0$", done.out, re.MULTILINE)
    settings = json.loads(cli("show-config", "--session", session_dir.name, "--json").out)["settings"]
    assert settings["risk.currency"] == {"value": "USD"}
    for audit in (session_dir.parents[1] / "audit").glob("config_*.json"):
        audit.unlink()
    assert json.loads(cli("show-config", "--session", session_dir.name, "--json").out)["settings"] == settings
    (session_dir / "ops.jsonl").unlink()
    done = cli("show-config", "--session", session_dir.name)
    assert done.code == ExitCode.NOT_FOUND
    assert "has left no settings" in done.sentence
