"""Real processes: killed while writing, out of disk, and a second owner."""

import subprocess
import sys
from pathlib import Path

import pytest

from bulkhead.ledger import chain
from bulkhead.ledger.decisions import DecisionWriter
from bulkhead.ledger.export import Exporter
from bulkhead.ledger.port import LedgerInUse
from bulkhead.ledger.rebuild import check_tables
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from bulkhead.ledger.verify import verify_session
from tests.ledger.stories import session_folder

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "tests.ledger.writer_process", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_killed_while_writing_again_and_again(path: Path) -> None:
    """Every acknowledged batch is there, the chain is whole, and the files are made good by the next run."""
    folder = session_folder(path.parent).path
    seen = 0
    for batches in (1, 40, 90):
        with start(path, folder) as child:
            assert child.stdout is not None
            for _ in range(batches):
                seen = int(child.stdout.readline())
            with pytest.raises(LedgerInUse, match=f"process {child.pid}"):
                SqliteLedger(path)
            child.kill()
            seen = max([seen, *(int(line) for line in child.stdout.read().splitlines())])
        ledger = SqliteLedger(path)
        assert ledger.head.seq >= seen
        assert ledger.head.seq % 2 == 0, "a batch is whole or absent"
        assert chain.verify(ledger.events()) is None
        ledger.close()
    with start(path, folder) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.stdout.readline()
        child.kill()
    ledger = SqliteLedger(path)
    complete(folder, ledger)
    ledger.close()
    report = verify_session(folder, path)
    assert report.findings == ()
    assert report.counts["events"] >= 262


def complete(folder: Path, ledger: SqliteLedger) -> None:
    exporter = Exporter(folder)
    exporter.catch_up(ledger)
    exporter.close()
    DecisionWriter(folder / "obs_decisions.jsonl").close()


def test_a_disk_that_fills_up_refuses_and_then_goes_on(path: Path) -> None:
    with start(path, path.parent, 2_000_000) as child:
        assert child.stdout is not None
        refused, after = child.stdout.read().splitlines()
        assert child.wait() == 0
    acknowledged = int(refused.split()[0])
    assert acknowledged > 20
    assert int(after) == acknowledged + 2
    reader = LedgerReader(path)
    assert chain.verify(reader.events()) is None
    assert check_tables(reader) == ()
    reader.close()
