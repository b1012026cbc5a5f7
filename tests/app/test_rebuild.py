"""`bulkhead rebuild` on a project in which a session has ended."""

import json
import shutil
import sqlite3
from pathlib import Path

from bulkhead.app.exit_codes import ExitCode
from bulkhead.ledger.sqlite import SqliteLedger
from tests.app.kit import Cli


def ledger_path(cli: Cli) -> Path:
    return Path(json.loads(cli("rebuild", "--json").out)["ledger"])


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_real_session_is_rebuilt_from_its_events_and_from_its_files(cli: Cli, project: Path) -> None:
    done = cli("rebuild")
    assert done.code == ExitCode.OK, done.out
    assert "from the events: " in done.out
    assert "from the files: " in done.out
    assert done.out.count("all as they are") == 2
    said = json.loads(cli("rebuild", "--json").out)
    assert said["ok"] is True
    assert [made["source"] for made in said["made"]] == ["events", "files"]
    for table in ("orders", "fills", "positions", "trades", "sessions"):
        assert said["made"][0]["rows"][table] == said["made"][1]["rows"][table] > 0


def test_a_tampered_row_is_named(cli: Cli, project: Path) -> None:
    path = ledger_path(cli)
    change(path, "UPDATE fills SET price = '1' WHERE seq = (SELECT min(seq) FROM fills)")
    done = cli("rebuild")
    assert done.code == ExitCode.VERDICT_FAILED
    assert "table fills, row sim:TESTUSD:" in done.out
    assert "price is 1 and should be " in done.out
    found = json.loads(cli("rebuild", "--json").out)["made"][1]["differences"][0]
    assert (found["table"], found["column"], found["real"]) == ("fills", "price", "1")
    assert found["made"] not in (None, "1")


def test_a_new_ledger_is_written_and_nothing_is_overwritten(cli: Cli, project: Path) -> None:
    done = cli("rebuild", "--from", "files", "--to", "new.db")
    assert done.code == ExitCode.OK, done.err
    assert "written: new.db" in done.out
    assert cli("verify", "--ledger", "new.db").code == ExitCode.OK
    again = cli("rebuild", "--to", "new.db")
    assert again.code == ExitCode.ERROR
    assert "exists already, and nothing is overwritten" in again.sentence


def test_a_lost_ledger_comes_back(cli: Cli, project: Path) -> None:
    path = ledger_path(cli)
    for found in path.parent.glob(f"{path.name}*"):
        shutil.move(found, f"kept-{found.name}")
    done = cli("rebuild")
    assert done.code == ExitCode.NOT_FOUND
    assert "--from files --to NEW" in done.sentence
    done = cli("rebuild", "--from", "files", "--to", path)
    assert done.code == ExitCode.OK, done.err
    assert "no ledger to compare with" in done.out
    assert cli("verify").code == ExitCode.OK
    assert cli("rebuild").code == ExitCode.OK


def test_it_says_that_a_run_is_going_on(cli: Cli, project: Path) -> None:
    path = ledger_path(cli)
    owner = SqliteLedger(path)
    done = cli("rebuild")
    assert done.code == ExitCode.FENCED
    assert "a run is going on" in done.sentence
    owner.close()
    assert cli("rebuild").code == ExitCode.OK


def test_bad_input_is_refused_in_a_sentence(cli: Cli, project: Path) -> None:
    done = cli("rebuild", "--from", "nowhere")
    assert done.code == ExitCode.CONFIG
    assert "'nowhere'" in done.sentence
    Path("note.db").write_text("not a database, and long enough to be read as one" * 100)
    done = cli("rebuild", "--ledger", "note.db")
    assert done.code == ExitCode.ERROR
    assert "not a database" in done.sentence
    done = cli("rebuild", "--to", "no/such/folder/new.db")
    assert done.code == ExitCode.ERROR
    assert "no folder" in done.sentence
