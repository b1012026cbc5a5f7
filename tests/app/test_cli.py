"""The command line as a whole: help, version, and one sentence for whatever goes wrong."""

import pytest
from typer.main import get_command

from bulkhead.app import cli as command_line
from bulkhead.app.exit_codes import ExitCode
from tests.app.kit import Cli

COMMANDS = [command.name or command.callback.__name__.replace("_", "-")  # type: ignore[union-attr]
            for command in command_line.app.registered_commands]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(cli: Cli, command: str) -> None:
    done = cli(command, "--help")
    assert done.code == ExitCode.OK
    assert command in done.out
    assert not done.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_argument_says_what_it_is_and_all_of_that_is_shown(cli: Cli, command: str) -> None:
    """Words in square brackets would be taken for markup, and swallowed."""
    shown = " ".join(cli(command, "--help").out.replace("│", " ").split())
    for each in get_command(command_line.app).commands[command].params:  # type: ignore[attr-defined]
        said = " ".join((each.help or "").split())
        assert said.endswith(".") or each.name == "help", f"{each.name} says {said!r}"
        assert said in shown, f"{each.name}: {said!r}"
        assert not isinstance(each.show_default, str) or f"({each.show_default})" in shown, each.name


def test_alone_it_shows_every_command(cli: Cli) -> None:
    done = cli()
    assert done.code == ExitCode.OK
    assert all(command in done.out for command in COMMANDS)


def test_its_version(cli: Cli) -> None:
    done = cli("--version")
    assert done.code == ExitCode.OK
    assert done.out.startswith("bulkhead 0.")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fly"], "No such command 'fly'"),
        (["run", "--for", "soon"], "--for"),
        (["resume"], "--reason"),
        (["explain"], "ID"),
        (["run", "--speed", "0"], "--speed takes a number above zero"),
        (["run", "--speed", "2"], "--speed is for a recorded tape: add --replay-ticks"),
        (["run", "--for", "soon"], "see `bulkhead run --help`"),
        (["adopt", "fill", "5"], "'fill' is not one of 'order', 'drift'; see `bulkhead adopt --help`"),
    ],
)
def test_a_wrong_argument_is_one_sentence(cli: Cli, arguments: list[str], said: str) -> None:
    done = cli(*arguments)
    assert done.code in (ExitCode.ERROR, ExitCode.CONFIG), "2 means not found, and nothing was looked for"
    assert said in done.sentence


def _fail(*_: object) -> None:
    raise RuntimeError("a pipe has burst")


def test_an_error_of_our_own_is_one_sentence_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulkhead.app.commands.status.run", _fail)
    done = cli("status")
    assert done.code == ExitCode.ERROR
    assert "RuntimeError: a pipe has burst" in done.sentence
    assert "BULKHEAD_DEBUG=1" in done.sentence


def test_its_traceback_is_there_for_who_asks(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulkhead.app.commands.status.run", _fail)
    monkeypatch.setenv("BULKHEAD_DEBUG", "1")
    with pytest.raises(RuntimeError, match="a pipe has burst"):
        command_line.main(["status"])
