"""What the documents mention exists: files, commands, their options, tests, links."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from bulkhead.app import cli

ROOT = Path(__file__).parents[2]
FIRST = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "deploy/README.md", "logs/README.md")
DOCUMENTS = sorted([*(ROOT / first for first in FIRST), *(ROOT / "docs").rglob("*.md")])
MAX_LINE = 120
SUFFIXES = ("py", "md", "toml", "lock", "sh")
PATH = re.compile(rf"(?<![\w./<-])((?:[\w.-]+/)*[\w.-]+\.(?:{'|'.join(SUFFIXES)}))(?:::(\w+))?")
FOLDER = re.compile(r"`((?:actors|bulkhead|config|deploy|docs|logs|messages|supervisor|tests)/(?:[\w-]+/)*)`")
COMMAND = re.compile(r"(?<!from )(?<![\w./-])bulkhead (?!import)([a-z][a-z-]*)((?: +[^`\n|#]+)?)", re.MULTILINE)
OPTION = re.compile(r"(?<!\S)(--[a-z][a-z-]*)")
TARGET = re.compile(r"`make ([a-z]+)`|^\s*make ([a-z]+)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NOT_OURS = ("summary.md", "file.py")
"""What a run writes into its session folder, and a name that stands for any."""
YOURS = re.compile(r"(?:strategies|config|tests)/(?:my|test_my)_\w+\.\w+|my_\w+\.\w+")
"""What a reader makes with `bulkhead new-strategy`."""

commands = get_command(cli.app).commands  # type: ignore[attr-defined]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_file_that_it_names_exists(document: Path) -> None:
    for found in PATH.finditer(text_of(document)):
        mentioned, test = found.groups()
        if mentioned in NOT_OURS or YOURS.fullmatch(mentioned):
            continue
        places = [base / mentioned for base in (ROOT, document.parent) if (base / mentioned).is_file()]
        assert places, f"{name(document)} names {mentioned}, which does not exist"
        if test is not None:
            defined = re.search(rf"^(?:async )?def {test}\b", text_of(places[0]), re.MULTILINE)
            assert defined, f"{name(document)} names {mentioned}::{test}, and there is no such test"
    for folder in FOLDER.findall(text_of(document)):
        assert (ROOT / folder).is_dir() or folder.startswith("logs/"), f"{name(document)} names {folder}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_command_that_it_names_exists(document: Path) -> None:
    for command, rest in COMMAND.findall(text_of(document)):
        assert command in commands, f"{name(document)} names `bulkhead {command}`"
        taken = commands[command].params
        options = {"--help", *(option for each in taken for option in (*each.opts, *each.secondary_opts))}
        unknown = set(OPTION.findall(rest)) - options
        assert not unknown, f"{name(document)} names {unknown} of `bulkhead {command}`"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_make_target_that_it_names_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    assert {one or other for one, other in TARGET.findall(text_of(document))} <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in LINK.findall(text_of(document)):
        assert target.startswith("https://") or (document.parent / target).exists(), f"{name(document)} links {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_its_lines_can_be_read(document: Path) -> None:
    """Tables are one row a line; everything else is wrapped."""
    for number, line in enumerate(text_of(document).splitlines(), 1):
        assert len(line) <= MAX_LINE or line.startswith("|"), f"{name(document)}:{number} is {len(line)} wide"


def test_every_command_is_in_the_readme() -> None:
    told = {command for command, _ in COMMAND.findall(text_of(ROOT / "README.md"))}
    assert set(commands) <= told


def test_the_search_for_mentions_can_fail() -> None:
    assert PATH.search("see actors/none.py::test_x").groups() == ("actors/none.py", "test_x")  # type: ignore[union-attr]
    assert COMMAND.search("`bulkhead fly --far`").groups() == ("fly", " --far")  # type: ignore[union-attr]
