"""A copy of a live ledger: of one moment, checked, and never over anything that is there."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkhead.ledger import backup as module
from bulkhead.ledger import chain
from bulkhead.ledger.backup import BackupFailed, BackupRefused, back_up
from bulkhead.ledger.port import LedgerNewer, LedgerUnavailable
from bulkhead.ledger.rebuild import check_tables
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from messages.values import OrderStatus
from tests.ledger.stories import entry, fill_recorded, intent_recorded, order_recorded, story
from tests.ledger.test_migrate import set_revision
from tests.ledger.test_process import ROOT, start


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    (tmp_path / "safe").mkdir()
    return tmp_path / "safe" / "backup.db"


def with_open_orders(ledger: SqliteLedger) -> None:
    for number in range(1, 4):
        ledger.append([entry(intent_recorded(number)), entry(order_recorded(number, OrderStatus.PENDING_SUBMIT))])
    ledger.append([entry(order_recorded(1)), entry(fill_recorded(1)), entry(order_recorded(2, OrderStatus.UNKNOWN))])


def test_open_orders_come_back_from_the_copy(ledger: SqliteLedger, dest: Path) -> None:
    with_open_orders(ledger)
    said: list[tuple[str, int, int]] = []
    report = back_up(ledger.path, dest, lambda *progress: said.append(progress))
    assert (report.head_seq, report.head_hash, report.live_seq) == (*ledger.head, ledger.head.seq)
    assert (report.rows["orders"], report.rows["events"]) == (3, ledger.head.seq)
    assert ("copying", said[0][2], said[0][2]) in said
    assert [path.name for path in dest.parent.iterdir()] == ["backup.db"], "one file, and nothing is left beside it"
    before = ledger.load_recovery()
    assert {row.status for row in before.orders} == {
        OrderStatus.SUBMITTED,
        OrderStatus.UNKNOWN,
        OrderStatus.PENDING_SUBMIT,
    }
    restored = SqliteLedger(dest)
    assert restored.load_recovery() == before
    restored.append([entry(order_recorded(2))])
    assert chain.verify(restored.events()) is None
    restored.close()


@pytest.mark.process
def test_a_copy_beside_a_writer_is_whole_and_the_writer_goes_on(
    path: Path, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copied in steps so small that the writer commits between them."""
    monkeypatch.setattr(module, "PAGES_PER_STEP", 5)
    session = path.parent / "s-1"
    session.mkdir()
    with start(path, session) as child:
        assert child.stdout is not None
        first = max(int(child.stdout.readline()) for _ in range(100))
        reports = [back_up(path, dest.with_name(f"{number}.db")) for number in range(3)]
        went_on = [int(child.stdout.readline()) for _ in range(5)]
        child.kill()
        last = max([*went_on, *(int(line) for line in child.stdout.read().splitlines())])
    last += 2  # a batch that was committed, and not said before the end
    assert first <= reports[0].head_seq < reports[0].live_seq <= reports[1].head_seq < reports[2].head_seq <= last
    for report in reports:
        assert report.head_seq % 2 == 0, "no batch by halves"
        reader = LedgerReader(Path(report.backup))
        assert check_tables(reader) == ()
        reader.close()


def test_nothing_is_overwritten(ledger: SqliteLedger, dest: Path) -> None:
    with_open_orders(ledger)
    dest.write_text("dear to somebody")
    with pytest.raises(BackupRefused, match="exists already"):
        back_up(ledger.path, dest)
    assert dest.read_text() == "dear to somebody"
    with pytest.raises(BackupRefused, match="exists already"):
        back_up(ledger.path, ledger.path)
    with pytest.raises(BackupRefused, match="exists already"):
        back_up(ledger.path, dest.parent)
    with pytest.raises(BackupRefused, match="no folder"):
        back_up(ledger.path, dest / "x" / "y.db")
    dest.with_name("other.db-wal").touch()
    with pytest.raises(BackupRefused, match=r"other\.db-wal"):
        back_up(ledger.path, dest.with_name("other.db"))


def test_a_name_that_was_taken_meanwhile_is_left_alone(ledger: SqliteLedger, dest: Path) -> None:
    with_open_orders(ledger)

    def take_it(*_: object) -> None:
        dest.write_text("mine")

    with pytest.raises(BackupRefused, match="exists already"):
        back_up(ledger.path, dest, take_it)
    assert dest.read_text() == "mine"
    assert [path.name for path in dest.parent.iterdir()] == ["backup.db"]


def test_where_links_cannot_be_made_it_is_renamed(
    ledger: SqliteLedger, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    with_open_orders(ledger)
    assert back_up(ledger.path, dest).size_bytes == dest.stat().st_size


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE events SET payload = '{}' WHERE seq = 2", "broken in the ledger itself, at event 2"),
        ("DELETE FROM events WHERE seq = 3", "event 4: seq 4 follows 2"),
    ],
)
def test_a_ledger_whose_chain_is_broken_gives_no_copy(path: Path, dest: Path, statement: str, words: str) -> None:
    ledger = SqliteLedger(path)
    with_open_orders(ledger)
    ledger.connection.exec_driver_sql(statement)
    ledger.close()
    with pytest.raises(BackupFailed, match=words):
        back_up(path, dest)
    assert not list(dest.parent.iterdir())


def test_a_copy_that_is_not_the_ledger_is_noticed(
    ledger: SqliteLedger, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each check can fail: what is compared with is changed under it."""
    with_open_orders(ledger)
    copied = module._copy

    def with_(change: Callable[[module._Moment], module._Moment]) -> None:
        monkeypatch.setattr(module, "_copy", lambda *args: change(copied(*args)))

    with_(lambda moment: moment._replace(rows={"events": 7}))
    with pytest.raises(BackupFailed, match=r"other rows than the ledger in: .*orders"):
        back_up(ledger.path, dest)
    with_(lambda moment: moment._replace(head=chain.Head(4, "x")))
    with pytest.raises(BackupFailed, match="ends with event 9, and the ledger with 4"):
        back_up(ledger.path, dest)
    reader = LedgerReader(ledger.path)
    with pytest.raises(BackupFailed, match="event 4, the last of the copy"):
        module._check_against(reader, chain.Head(4, "x"))
    reader.close()


def test_a_damaged_ledger_is_noticed(path: Path, dest: Path) -> None:
    ledger = SqliteLedger(path)
    for batch in story(40):
        ledger.append(batch)
    ledger.close()
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)
    with pytest.raises((BackupFailed, LedgerUnavailable)):
        back_up(path, dest)
    assert not list(dest.parent.iterdir())


def test_what_is_no_ledger_or_a_newer_one_is_refused(path: Path, dest: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="cannot read"):
        back_up(path, dest)
    sqlite3.connect(path).close()
    path.touch()
    with pytest.raises(LedgerUnavailable, match="empty"):
        back_up(path, dest)
    SqliteLedger(path).close()
    set_revision(path, "0099")
    with pytest.raises(LedgerNewer):
        back_up(path, dest)


def test_an_empty_ledger_can_be_copied(ledger: SqliteLedger, dest: Path) -> None:
    assert back_up(ledger.path, dest).head_seq == 0


def test_the_write_ahead_file_of_a_killed_run_is_in_the_copy(path: Path, dest: Path) -> None:
    ledger = SqliteLedger(path)
    with_open_orders(ledger)
    killed = path.with_name("killed.db")
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{killed}{suffix}")
    assert back_up(killed, dest).head_seq == ledger.head.seq
    ledger.close()


FULL = """
import resource, sys
from pathlib import Path
from bulkhead.ledger.backup import back_up
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    back_up(Path(sys.argv[1]), Path(sys.argv[2]))
except OSError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.process
def test_a_full_disk_leaves_nothing(ledger: SqliteLedger, dest: Path) -> None:
    for batch in story(40):
        ledger.append(batch)
    command = [sys.executable, "-W", "error", "-c", FULL, str(ledger.path), str(dest)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.startswith("LedgerUnavailable cannot copy")
    assert not list(dest.parent.iterdir())
