"""`bulkhead backup`, and the drill of putting a backup back."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from bulkhead.app.exit_codes import ExitCode
from bulkhead.ledger.sqlite import LedgerReader
from tests.app.kit import COMMAND, TREND_BTC, Cli, real, write_config

RUNBOOK = Path(__file__).parents[2] / "docs" / "RUNBOOK.md"


def head(path: Path) -> int:
    reader = LedgerReader(path)
    try:
        return max((event.seq for event in reader.events()), default=0)
    finally:
        reader.close()


def test_it_copies_the_current_sessions_ledger(cli: Cli, project: Path) -> None:
    done = cli("backup", "copy.db")
    assert done.code == ExitCode.OK, done.err
    assert re.match(r"copy\.db: [\d.,]+ MB, events 1 to [\d,]+ of \S+; checked, [\d.]+ s\n$", done.out)
    assert cli("verify", "--ledger", "copy.db").code == ExitCode.OK
    said = json.loads(cli("backup", "again.db", "--json").out)
    assert said["head_seq"] == said["live_seq"] == said["rows"]["events"] == head(Path("copy.db"))


def test_it_overwrites_nothing(cli: Cli, project: Path) -> None:
    Path("copy.db").write_text("mine")
    done = cli("backup", "copy.db")
    assert done.code == ExitCode.ERROR
    assert "exists already" in done.sentence
    assert Path("copy.db").read_text() == "mine"


def test_what_it_cannot_copy_it_says_in_a_sentence(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("backup", "copy.db")
    assert done.code == ExitCode.NOT_FOUND
    assert "no ledger logs/ledger.db" in done.sentence
    Path("note.db").write_text("not a database, and long enough to be read as one" * 100)
    done = cli("backup", "copy.db", "--ledger", "note.db")
    assert done.code == ExitCode.ERROR
    assert "not a database" in done.sentence
    assert not Path("copy.db").exists()


def test_a_ledger_that_was_tampered_with_gives_no_copy(cli: Cli, project: Path) -> None:
    ledger = json.loads(cli("backup", "good.db", "--json").out)["ledger"]
    connection = sqlite3.connect(ledger)
    connection.execute("UPDATE events SET at_ns = at_ns + 1 WHERE seq = 3")
    connection.commit()
    connection.close()
    done = cli("backup", "copy.db", "--ledger", ledger)
    assert done.code == ExitCode.VERDICT_FAILED
    assert "at event 3" in done.sentence
    assert not Path("copy.db").exists()


@pytest.mark.process
def test_the_restore_drill(tmp_path: Path) -> None:
    """A run is killed, its ledger is backed up, lost, and put back: the next run takes over where it ended."""
    config = write_config(tmp_path / "test.toml", strategies=TREND_BTC, currency="USDT")
    folder, ledger = tmp_path, tmp_path / "logs" / "ledger.db"
    with subprocess.Popen(
        [COMMAND, "run", "--config", config], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        until = time.monotonic() + 60
        while time.monotonic() < until and not (ledger.exists() and _has_orders(ledger)):
            time.sleep(0.2)
        live = real("backup", "while-it-runs.db", cwd=folder)
        assert live.code == 0, live.err
        os.kill(run.pid, signal.SIGKILL)
    assert real("backup", "backup.db", cwd=folder).code == 0
    assert head(folder / "while-it-runs.db") <= head(folder / "backup.db")

    for path in (folder / "logs").glob("ledger.db*"):
        path.unlink()
    shutil.copy(folder / "backup.db", ledger)

    verified = real("verify", cwd=folder)
    assert verified.code in (0, 6)
    assert verified.code == 0 or "completes its files" in verified.out
    again = real("run", "--config", config, "--for", "3", cwd=folder)
    assert again.code == 0, again.err
    assert head(ledger) > head(folder / "backup.db")
    verified = real("verify", cwd=folder)
    assert verified.code == 0, verified.out


def _has_orders(ledger: Path) -> bool:
    try:
        reader = LedgerReader(ledger)
    except OSError:
        return False
    try:
        return any(event.type == "FillRecorded" for event in reader.events())
    finally:
        reader.close()


def test_the_runbook_has_the_drill() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    assert "bulkhead backup" in text
    assert text.index("cp ledger-backup.db logs/ledger.db") < text.index("bulkhead verify --ledger logs/ledger.db")
