"""SqliteLedger: batches are whole, on disk and chained, or did not happen."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from bulkhead.ledger import chain
from bulkhead.ledger.port import DuplicateRecord, LedgerInUse, LedgerPort, LedgerTaken, LedgerUnavailable
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from messages.records import OrderRecorded, Stream
from messages.values import OrderStatus
from tests.ledger.stories import entry, fill_recorded, intent_recorded, opening, order, order_recorded, story


def table(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_it_is_a_ledger(ledger: SqliteLedger) -> None:
    port: LedgerPort = ledger
    assert port.append([]) == ()


def test_a_batch_becomes_chained_events_and_rows(ledger: SqliteLedger, path: Path) -> None:
    first = ledger.append([entry(intent_recorded(1)), entry(order_recorded(1, OrderStatus.PENDING_SUBMIT))])
    second = ledger.append([entry(fill_recorded(1))])
    assert [event.seq for event in (*first, *second)] == [1, 2, 3]
    assert second[0].prev_hash == first[1].hash
    assert chain.verify(ledger.events()) is None
    assert tuple(ledger.events()) == (*first, *second)
    assert table(path, "SELECT status, quantity, leaves, is_open FROM orders") == [
        ("PENDING_SUBMIT", "0.01", "0.01", 1)
    ]
    assert table(path, "SELECT fill_id, price, fee FROM fills") == [("sim:BTCUSDT:1", "64000.12", "0.00001")]


def test_it_goes_on_where_it_stopped(path: Path) -> None:
    first = SqliteLedger(path)
    first.append([entry(order_recorded(1))])
    head = first.head
    first.close()
    first.close()
    second = SqliteLedger(path)
    assert second.head == head
    (event,) = second.append([entry(order_recorded(2))])
    assert (event.seq, event.prev_hash) == (2, head.hash)
    assert chain.verify(second.events()) is None
    second.close()
    with pytest.raises(LedgerUnavailable, match="closed"):
        second.append([entry(order_recorded(3))])


def test_an_order_is_updated_in_place(ledger: SqliteLedger, path: Path) -> None:
    for status in (OrderStatus.PENDING_SUBMIT, OrderStatus.UNKNOWN, OrderStatus.FILLED):
        ledger.append([entry(order_recorded(1, status))])
        shown = table(path, "SELECT status FROM orders")
        assert shown == [(status.public,)]
    assert table(path, "SELECT filled, leaves, is_open FROM orders") == [("0.01", "0", 0)]


@pytest.mark.parametrize(
    "again",
    [
        fill_recorded(1),
        intent_recorded(1),
        intent_recorded(1).model_copy(
            update={"intent": intent_recorded(1).intent.model_copy(update={"intent_id": "other"})}
        ),
        OrderRecorded(order=order(1).model_copy(update={"intent_id": "other"}), change="taken"),
        OrderRecorded(order=order(2).model_copy(update={"intent_id": "i1"}), change="doubled"),
        opening(),
    ],
    ids=["fill id", "intent id", "action key", "client order id", "intent and child", "opening balances"],
)
def test_a_duplicate_takes_its_whole_batch_with_it(ledger: SqliteLedger, again: OrderRecorded) -> None:
    ledger.append([entry(each) for each in (intent_recorded(1), order_recorded(1), fill_recorded(1), opening())])
    before, head = tuple(ledger.events()), ledger.head
    recovery = ledger.load_recovery()
    with pytest.raises(DuplicateRecord, match="UNIQUE constraint failed"):
        ledger.append([entry(order_recorded(7)), entry(fill_recorded(7)), entry(again)])
    assert tuple(ledger.events()) == before
    assert ledger.head == head
    assert ledger.load_recovery() == recovery
    (event,) = ledger.append([entry(order_recorded(8))])
    assert event.seq == head.seq + 1


def test_a_full_disk_loses_nothing_acknowledged_and_passes(ledger: SqliteLedger) -> None:
    ledger.append([entry(order_recorded(1))])
    head = ledger.head
    pages = ledger.connection.exec_driver_sql("PRAGMA page_count").scalar()
    ledger.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    many = [entry(order_recorded(number)) for number in range(2, 200)]
    with pytest.raises(LedgerUnavailable, match="full"):
        ledger.append(many)
    assert ledger.head == head
    ledger.connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    assert len(ledger.append(many)) == 198
    assert chain.verify(ledger.events()) is None


def test_a_file_held_by_a_foreign_hand_is_unavailable_until_let_go(ledger: SqliteLedger, path: Path) -> None:
    ledger.connection.exec_driver_sql("PRAGMA busy_timeout = 10")
    foreign = sqlite3.connect(path, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailable, match="locked"):
        ledger.append([entry(order_recorded(1))])
    foreign.execute("ROLLBACK")
    foreign.close()
    assert len(ledger.append([entry(order_recorded(1))])) == 1


@pytest.mark.parametrize("is_replaced", [True, False])
def test_a_file_that_lost_its_name_takes_no_more_records(ledger: SqliteLedger, path: Path, is_replaced: bool) -> None:
    path.rename(path.with_name("moved.db"))
    if is_replaced:
        path.write_bytes(b"")
    with pytest.raises(LedgerUnavailable, match="replaced" if is_replaced else "gone"):
        ledger.append([entry(order_recorded(1))])


@pytest.mark.req("X-01")
def test_a_second_owner_is_refused_and_told_who_holds_it(ledger: SqliteLedger, path: Path) -> None:
    with pytest.raises(LedgerInUse, match=f"process {os.getpid()}") as caught:
        SqliteLedger(path)
    assert caught.value.holder_pid == os.getpid()
    ledger.close()
    SqliteLedger(path).close()


def test_a_failed_opening_lets_the_lock_go(path: Path) -> None:
    path.write_bytes(b"this is no database, whatever its name says" * 100)
    for _ in range(2):
        with pytest.raises(LedgerUnavailable, match="not a database"):
            SqliteLedger(path)


def test_a_missing_folder_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="cannot open the lock"):
        SqliteLedger(tmp_path / "nowhere" / "ledger.db")
    with pytest.raises(LedgerUnavailable, match="cannot read"):
        LedgerReader(tmp_path / "nowhere.db")


def test_it_may_be_opened_in_one_thread_and_used_in_another(ledger: SqliteLedger) -> None:
    thread = threading.Thread(target=lambda: ledger.append([entry(order_recorded(1))]))
    thread.start()
    thread.join()
    assert ledger.head.seq == 1


def test_events_are_read_from_a_place_by_stream_and_by_session(ledger: SqliteLedger) -> None:
    for session_id in ("s-1", "s-2"):
        for batch in story(400 if session_id == "s-1" else 1, session_id, 0 if session_id == "s-1" else 400):
            ledger.append(batch)
    everything = list(ledger.events())
    assert len(everything) > 2_000
    assert [event.seq for event in everything] == list(range(1, len(everything) + 1))
    assert list(ledger.events(after_seq=2_500)) == everything[2_500:]
    trades = list(ledger.events(streams=(Stream.TRADES, Stream.OPS)))
    assert trades == [event for event in everything if event.stream in (Stream.TRADES, Stream.OPS)]
    other = list(ledger.events(session_id="s-2"))
    assert other == [event for event in everything if event.session_id == "s-2"]


def test_a_reader_sees_what_is_committed_and_can_change_nothing(ledger: SqliteLedger, path: Path) -> None:
    reader = LedgerReader(path)
    assert list(reader.events()) == []
    events = ledger.append([entry(order_recorded(1))])
    assert tuple(reader.events()) == events
    with pytest.raises(Exception, match="readonly"):
        reader.connection.exec_driver_sql("DELETE FROM events")
    reader.close()


def test_commits_are_synced_and_written_ahead(ledger: SqliteLedger) -> None:
    def pragma(name: str) -> object:
        return ledger.connection.exec_driver_sql(f"PRAGMA {name}").scalar()

    assert (pragma("journal_mode"), pragma("synchronous"), pragma("foreign_keys")) == ("wal", 2, 1)


def test_it_is_ours_until_the_lock_leads_elsewhere(tmp_path: Path) -> None:
    with closing(SqliteLedger(tmp_path / "ledger.db")) as ledger:
        ledger.check_owner()
        lock = tmp_path / "ledger.db.lock"
        lock.unlink()
        with pytest.raises(LedgerTaken, match="not the file that this process has locked"):
            ledger.check_owner()
        lock.touch()
        with pytest.raises(LedgerTaken):
            ledger.append([entry(fill_recorded(1))])


def test_it_is_ours_until_somebody_else_has_written(tmp_path: Path) -> None:
    with closing(SqliteLedger(tmp_path / "ledger.db")) as ledger:
        ledger.append([entry(fill_recorded(1))])
        with closing(LedgerReader(tmp_path / "ledger.db")) as reader:
            assert list(reader.events())
        ledger.check_owner()  # our own writing, and whoever reads, change nothing
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as other, other:
            other.execute("create table theirs (x)")
        head = ledger.head
        with pytest.raises(LedgerTaken, match="somebody else has written"):
            ledger.append([entry(fill_recorded(2))])
        assert ledger.head == head
