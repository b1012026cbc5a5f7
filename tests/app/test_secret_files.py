"""Secrets come from the environment or a file; whatever is wrong with one is said without a word of it."""

import os
from pathlib import Path

import pytest

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.secret_files import MAX_BYTES, exposed, read_secret

CANARY = "canary-7f3a9c"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "key"
    monkeypatch.delenv("TEST_KEY", raising=False)
    monkeypatch.setenv("TEST_KEY_FILE", str(path))
    return path


def refusal() -> str:
    with pytest.raises(Stopped) as refused:
        read_secret("TEST_KEY")
    assert refused.value.code is ExitCode.CONFIG
    assert CANARY not in repr(refused.value)
    assert refused.value.__cause__ is None
    return refused.value.sentence


@pytest.mark.req("S-16")
def test_it_comes_from_the_variable_or_else_from_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(f"\ufeff {CANARY} \n", encoding="utf-8")
    assert read_secret("TEST_KEY").get_secret_value() == CANARY
    monkeypatch.setenv("TEST_KEY", "the-variable ")
    assert read_secret("TEST_KEY").get_secret_value() == "the-variable"
    assert CANARY not in repr(read_secret("TEST_KEY"))


@pytest.mark.req("S-16")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (f"{CANARY}\n{CANARY}".encode(), "more than one line"),
        (f"{CANARY}\rmore".encode(), "more than one line"),
        (f"{CANARY}\x00".encode(), "characters that no key has"),
        (f"{CANARY}é".encode(), "characters that no key has"),
        (f"{CANARY}".encode() + b"\xff", "is not text"),
        (CANARY.encode() * MAX_BYTES, "bytes: that is no key"),
    ],
)
def test_what_cannot_be_a_secret_is_refused_without_showing_it(file: Path, content: bytes, said: str) -> None:
    file.write_bytes(content)
    assert said in refusal()


def test_a_variable_is_held_to_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", f"{CANARY}\nX-Header: y")
    assert refusal().startswith("TEST_KEY has more than one line")


def test_a_folder_a_pipe_and_nothing_are_no_files(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cannot be read (No such file or directory)" in refusal()
    file.mkdir()
    assert "is no file" in refusal()
    file.rmdir()
    os.mkfifo(file)
    assert "is no file" in refusal()
    monkeypatch.delenv("TEST_KEY_FILE")
    monkeypatch.setenv("TEST_KEY", "  ")
    assert "set TEST_KEY, or TEST_KEY_FILE" in refusal()


@pytest.mark.parametrize(("mode", "is_exposed"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_file_that_others_may_read_is_named(file: Path, mode: int, is_exposed: bool) -> None:
    file.write_text(CANARY)
    file.chmod(mode)
    found = exposed(("TEST_KEY", "TEST_OTHER"))
    assert [(each.env_name, each.mode) for each in found] == ([("TEST_KEY", mode)] if is_exposed else [])
    assert CANARY not in repr(found)


def test_a_file_that_is_not_in_use_is_nobodys_matter(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(CANARY)
    file.chmod(0o644)
    monkeypatch.setenv("TEST_KEY", "used")
    assert exposed(("TEST_KEY",)) == []
    monkeypatch.delenv("TEST_KEY")
    file.unlink()
    assert exposed(("TEST_KEY",)) == []
