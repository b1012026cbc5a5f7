"""One finished session for all who only read; each test gets a copy to break."""

import shutil
from pathlib import Path

import pytest

from tests.app.kit import TREND, Cli, in_process, real, tape_rows, write_config, write_tape


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("COLUMNS", "200")
    return in_process(capsys)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder in which one session on a small tape has ended in order."""
    folder = tmp_path_factory.mktemp("project")
    config = write_config(folder / "test.toml", strategies=TREND)
    tape = write_tape(folder / "TEST-2013-10-10.csv", tape_rows())
    done = real("run", "--config", config, "--replay-ticks", tape, cwd=folder)
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def project(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished session's folder, as the current directory."""
    folder = tmp_path / "project"
    shutil.copytree(finished, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def session_dir(project: Path) -> Path:
    sessions = project / "logs" / "sessions"
    return sessions / (sessions / "CURRENT").read_text(encoding="utf-8").strip()
