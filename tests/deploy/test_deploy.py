"""The files of deploy/ against the code that they start: codes, deadlines, options, paths, and what they let in."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from bulkhead.app import cli
from bulkhead.app.exit_codes import ExitCode
from bulkhead.app.guard_rules import FINAL, Rules
from bulkhead.app.run import CANCEL_TIMEOUT_S, START_TIMEOUT_S, STOP_TIMEOUT_S
from bulkhead.app.settings import load_settings
from tests.deploy.files import DEPLOY, ROOT, dockerfile, seconds, unit, yaml

COMMANDS = get_command(cli.app).commands  # type: ignore[attr-defined]
RUN_STOP_S = 3 * CANCEL_TIMEOUT_S + STOP_TIMEOUT_S
"""What a run allows itself for an ordered stop, before its summary."""
UNIT = unit(DEPLOY / "bulkhead.service")
SERVICE = UNIT["Service"]
IMAGE = dockerfile(DEPLOY / "Dockerfile")
STAGES = [place for place, (word, _) in enumerate(IMAGE) if word == "FROM"]
FINAL_STAGE = IMAGE[STAGES[-1] :]
COMPOSE = yaml((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
CONTAINER = COMPOSE["services"]["run"]
README = (DEPLOY / "README.md").read_text(encoding="utf-8")


def one(key: str) -> str:
    """The value of a key that stands in [Service] once."""
    (value,) = SERVICE[key]
    return value


def last(word: str) -> str:
    """The argument of an instruction that stands in the final stage once."""
    (rest,) = (rest for found, rest in FINAL_STAGE if found == word)
    return rest


def understood(arguments: list[str]) -> dict[str, object]:
    """What the command line makes of them; a word that it does not know is an error."""
    name, *rest = arguments
    with COMMANDS[name].make_context(name, rest) as context:
        return dict(context.params)


# -- systemd ----------------------------------------------------------------------------------------------------------


def test_the_unit_starts_a_run_that_exists() -> None:
    program, *arguments = shlex.split(one("ExecStart"))
    given = understood(arguments)
    assert arguments[0] == "run"
    assert given["guard"] is False, "systemd is the guard"
    assert given["config"] == Path("/etc/bulkhead/bulkhead.toml")
    assert Path(program).relative_to("/opt/bulkhead") == Path(".venv/bin/bulkhead"), "where `make install` puts it"
    assert str(given["config"]) in README
    assert (one("Type"), one("NotifyAccess")) == ("notify", "main")


def test_its_deadlines_leave_the_run_its_own() -> None:
    assert seconds(one("TimeoutStartSec")) > START_TIMEOUT_S
    assert seconds(one("TimeoutStopSec")) > RUN_STOP_S
    assert seconds(one("WatchdogSec")) == Rules().watchdog_s, "silence means the same wherever it runs"
    assert one("KillMode") == "mixed"


def test_it_restarts_what_a_restart_can_help() -> None:
    assert one("Restart") == "on-failure"
    assert {int(code) for code in one("RestartPreventExitStatus").split()} == FINAL - {ExitCode.OK}
    burst, interval_s = int(UNIT["Unit"]["StartLimitBurst"][0]), seconds(UNIT["Unit"]["StartLimitIntervalSec"][0])
    assert burst * seconds(one("RestartSec")) < interval_s, "a limit that cannot be reached is none"


def test_a_hang_leaves_its_stacks() -> None:
    assert one("WatchdogSignal") == "SIGABRT"
    assert "PYTHONFAULTHANDLER=1" in SERVICE["Environment"]
    assert one("LimitCORE") == "0"


def test_what_it_may_write_and_do() -> None:
    for key, value in {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "PrivateDevices": "yes",
        "CapabilityBoundingSet": "",
        "RestrictSUIDSGID": "yes",
        "User": "bulkhead",
        "OOMPolicy": "continue",
    }.items():
        assert one(key) == value, key
    assert one("ReadWritePaths") == one("WorkingDirectory") == f"/var/lib/{one('StateDirectory')}"
    assert {"MemoryMax", "TasksMax", "LimitNOFILE"} <= set(SERVICE)
    assert "AF_UNIX" in one("RestrictAddressFamilies"), "for READY=1"


@pytest.mark.parametrize("config", ["paper.toml"])
def test_what_the_shipped_settings_write_lies_in_the_working_folder(config: str) -> None:
    settings = load_settings(ROOT / "config" / config)
    places = [settings.session.logs_dir, settings.session.ledger_file, settings.session.stop_dir]
    places += [settings.simulator.books_file] if settings.simulator.books_file else []
    assert all(not place.is_absolute() and place.parts[0] == "logs" for place in places)
    assert not settings.session.fresh_ledger


def test_keys_come_as_files_that_the_settings_can_name() -> None:
    text = (DEPLOY / "bulkhead.service").read_text(encoding="utf-8")
    named = set(re.findall(r'api_(?:key|secret)_env = "(\w+)"', text))
    assert len(named) == 2
    for name in named:
        assert re.search(rf"^#Environment={name}_FILE=%d/(\w+)$", text, re.MULTILINE), name


# -- Docker -----------------------------------------------------------------------------------------------------------


def test_the_image_has_a_python_of_ours() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = {line.rpartition(" :: ")[2] for line in project["classifiers"] if "Python :: 3." in line}
    (version,) = (rest.removeprefix("PYTHON=") for word, rest in IMAGE if word == "ARG")
    assert version in known
    bases = [IMAGE[place][1].split()[0] for place in STAGES]
    assert set(bases) == {"python:${PYTHON}-slim-bookworm"}


def test_the_image_takes_only_what_the_lock_file_names() -> None:
    steps = " && ".join(rest for word, rest in IMAGE if word == "RUN").split("&&")
    pip = [step for step in steps if "pip " in step]
    fetched = [step for step in pip if "--no-index" not in step]
    assert len(fetched) == 1
    assert "--require-hashes" in fetched[0]
    assert "-r requirements.lock" in fetched[0]
    assert "==" in (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_the_image_runs_as_nobody_special() -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", last("USER"))
    (made,) = (rest for word, rest in FINAL_STAGE if word == "RUN")
    assert f"--uid {last('USER').partition(':')[0]} " in made
    words = [word for word, _ in FINAL_STAGE]
    assert words.index("USER") > max(place for place, word in enumerate(words) if word in ("RUN", "COPY"))


def test_the_image_starts_a_guarded_run_under_tini() -> None:
    assert last("ENTRYPOINT") == '["tini", "--", "bulkhead"]'
    given = understood(yaml(f"command: {last('CMD')}")["command"])
    assert given["guard"] is True
    check = re.fullmatch(r"(.+) CMD bulkhead (\w+) \|\| exit 1", last("HEALTHCHECK"))
    assert check
    assert understood([check[2]])
    grace = re.search(r"--start-period=(\w+)", check[1])
    assert grace
    assert seconds(grace[1]) > Rules().start_deadline_s


def test_what_is_copied_into_the_image_exists_and_holds_no_secret() -> None:
    allowed = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    copied = {
        source
        for word, rest in IMAGE
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)
    assert not any(re.search(r"(?i)(key|secret|token|password)\s*=", rest) for _, rest in IMAGE)


def test_the_container_is_reached_by_nothing_but_this_machine() -> None:
    for service in COMPOSE["services"].values():
        for port in service.get("ports", []):
            assert str(port).startswith(("127.0.0.1:", "[::1]:"))
        assert service.get("network_mode") == "none" or "ports" in service


def test_the_container_starts_what_the_image_does_and_stops_it_in_time() -> None:
    assert CONTAINER["command"] == yaml(f"command: {last('CMD')}")["command"]
    assert seconds(CONTAINER["stop_grace_period"]) > Rules().stop_deadline_s + Rules().kill_patience_s
    assert CONTAINER["restart"] == "unless-stopped"
    build = CONTAINER["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert ROOT / build["dockerfile"] == DEPLOY / "Dockerfile"


def test_the_container_writes_to_its_volume_only() -> None:
    assert CONTAINER["read_only"] == "true"
    volumes = [volume.split(":") for volume in CONTAINER["volumes"]]
    (writable,) = (target for source, target, *mode in volumes if "ro" not in mode)
    assert writable == last("VOLUME") == f"{last('WORKDIR')}/logs"
    assert set(COMPOSE["volumes"]) == {"logs"}
    assert CONTAINER["cap_drop"] == ["ALL"]
    assert CONTAINER["user"] == last("USER")
    assert any(mount.startswith("/tmp:") for mount in CONTAINER["tmpfs"]), "for the guard's socket"  # noqa: S108


def test_memory_has_the_same_bound_in_both_and_no_swap() -> None:
    assert (one("MemoryMax"), CONTAINER["mem_limit"]) == ("2G", "2g")
    assert (one("MemorySwapMax"), CONTAINER["memswap_limit"]) == ("0", CONTAINER["mem_limit"])


# -- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_tells_the_figures_of_the_code() -> None:
    rules = Rules()
    for figure in (
        f"{rules.budget.period_s:g} s",
        f"waits {rules.stop_deadline_s:g} s",
        f"within {rules.start_deadline_s:g} s",
        f"({rules.watchdog_s:g})",
        f"{rules.backoff.min_s:g}, 4, 16, 64 and {rules.backoff.max_s:g} s",
    ):
        assert figure in README, figure


def test_every_setting_that_it_explains_is_there() -> None:
    keys = {key for section in UNIT.values() for key in section} | {"LoadCredential"}
    explained = set(re.findall(r"`([A-Z][A-Za-z]+)(?:=[^`]*)?`", README)) - {"HEALTHCHECK"}
    assert explained <= keys


def test_the_readers_can_fail() -> None:
    assert yaml("a:\n  - x\n  - [1]\nb: 2") == {"a": ["x", [1]], "b": 2}
    for odd in ("a: 1\na: 2", "- a\nb: 1", "a: {b: 1}\n  c: 2"):
        with pytest.raises(AssertionError):
            yaml(odd)
    assert seconds("2min") == 120
