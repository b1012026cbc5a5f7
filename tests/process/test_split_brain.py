"""Another process takes the ledger of a run that goes on: the run ends at once, with exit code 8 and no word more."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from bulkhead.app.exit_codes import ExitCode
from bulkhead.chaos.oracle import LedgerFile
from bulkhead.ledger.lock import OwnerLock
from bulkhead.ledger.port import Entry
from bulkhead.ledger.sqlite import SqliteLedger
from messages.records import LeaseTaken
from tests.process.kit import running, simulator, until, write_config

pytestmark = pytest.mark.process


@pytest.mark.failure_mode("SPLIT_BRAIN")
@pytest.mark.parametrize("does_write", [False, True], ids=["it has the lock", "it has written, too"])
def test_split_brain_ends_the_process_with_exit_code_8(tmp_path: Path, reported: set[str], does_write: bool) -> None:
    path = tmp_path / "logs" / "ledger.db"
    with simulator(tmp_path) as venue, running(write_config(tmp_path, venue.port)) as run:
        run.until_trading()
        path.with_name(f"{path.name}.lock").unlink()  # as a careless hand does, before it starts another run
        if does_write:
            with closing(SqliteLedger(path)) as other:
                taken = LeaseTaken(venue="sim", account="paper", owner=f"elsewhere:{os.getpid()}", epoch=99, at_ns=1)
                other.append([Entry(taken, 1, "another", "another", None)])
                until(lambda: run.process.poll() is not None, "it has ended", 20)
        else:
            lock = OwnerLock(path)
            until(lambda: run.process.poll() is not None, "it has ended", 20)
            lock.release()
        assert run.process.returncode == ExitCode.FENCED
        said = run.output()
    assert "the account is held by another process" in said
    query = "select type, session_id from events order by seq desc limit 1"
    last = LedgerFile(path).rows(query)
    if does_write:
        assert last == [("LeaseTaken", "another")], "nothing was written behind the other's back"
    assert not list((tmp_path / "logs" / "stop").glob("*.json"))
    reported.add("SPLIT_BRAIN")
