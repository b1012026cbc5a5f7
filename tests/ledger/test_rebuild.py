"""Every table can be made again from the events, or from the files, and any difference is named."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from bulkhead.ledger.connect import close, open_writer
from bulkhead.ledger.export import Exporter
from bulkhead.ledger.rebuild import MAX_DIFFERENCES, TABLES, RebuildFailed, check_exports, check_tables, rebuild
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from tests.ledger.stories import housekeeping, story


@pytest.fixture
def told(path: Path) -> Path:
    """A ledger of two sessions, and their files."""
    ledger = SqliteLedger(path)
    for session_id, first in (("s-1", 0), ("s-2", 3)):
        (path.parent / session_id).mkdir()
        exporter = Exporter(path.parent / session_id)
        for batch in story(3, session_id, first):
            exporter.append(ledger.append(batch))
        if first:
            exporter.append(ledger.append([each._replace(session_id=session_id) for each in housekeeping()]))
        exporter.close()
    ledger.close()
    return path


def change(path: Path, statement: str) -> None:
    connection = open_writer(path)
    connection.exec_driver_sql(statement)
    close(connection)


def differences(path: Path) -> list[str]:
    reader = LedgerReader(path)
    try:
        return [f"{found.table} {found.key} {found.what}" for found in check_tables(reader)]
    finally:
        reader.close()


def test_the_events_give_the_tables(told: Path) -> None:
    assert differences(told) == []


@pytest.mark.req("P-16")
def test_the_files_alone_give_the_tables(told: Path) -> None:
    reader = LedgerReader(told)
    assert check_exports(reader, [told.parent / "s-1", told.parent / "s-2"]) == ()
    missing = check_exports(reader, [told.parent / "s-1"])
    assert {found.table for found in missing} >= {"events", "orders", "fills", "sessions", "fill_totals"}
    reader.close()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE fills SET price = '1' WHERE fill_id = 'sim:BTCUSDT:2'", "fills sim:BTCUSDT:2 price is 1 and should"),
        ("DELETE FROM orders WHERE client_order_id = 'o1'", "orders o1 the row is missing"),
        ("INSERT INTO fill_totals VALUES ('v', 'a', 'fee', 'X', '1')", "fill_totals v/a/fee/X the row is not in the"),
        ("UPDATE deadlines SET due_ns = 1", "deadlines d1 due_ns is 1"),
        ("DELETE FROM order_aliases", "order_aliases o1/901 the row is missing"),
        ("UPDATE adjustments SET amount = '5'", "adjustments sim:1 amount is 5 and"),
        ("UPDATE strangers SET verdict = 'ignored'", "strangers order/BTCUSDT/1 verdict is ignored"),
        ("UPDATE leases SET epoch = 7", "leases sim/paper epoch is 7"),
        ("UPDATE config_snapshots SET content = '[]'", "config_snapshots c1 content is [] and should be {}"),
        ("UPDATE positions SET quantity = '0.06'", "positions momentum/sim/paper/BTCUSDT quantity is"),
    ],
)
def test_a_changed_table_is_named(told: Path, statement: str, found: str) -> None:
    change(told, statement)
    (difference,) = differences(told)
    assert difference.startswith(found)


def test_every_table_with_rows_is_compared(told: Path) -> None:
    reader = LedgerReader(told)
    for table in TABLES:
        count = reader.connection.scalar(select(func.count()).select_from(table))
        assert count, table.name
    reader.close()


def test_a_comparison_ends_when_there_is_enough(told: Path) -> None:
    change(told, "UPDATE orders SET raw = 'x', reason = 'y', payload = 'z'")
    for _ in range(MAX_DIFFERENCES):
        change(told, "INSERT INTO fill_totals SELECT 'v', 'a', 'fee', count(*), '1' FROM fill_totals")
    assert len(differences(told)) == MAX_DIFFERENCES


@pytest.mark.parametrize("payload", ["{", '{"type":"Nothing"}', '{"type":"SessionStopped"}'])
def test_an_event_that_nobody_wrote_is_named(told: Path, payload: str) -> None:
    reader = LedgerReader(told)
    first, *rest = reader.events()
    reader.close()
    with pytest.raises(RebuildFailed, match=r"event 1 \(SessionStarted\) cannot be applied"):
        rebuild([first.model_copy(update={"payload": payload}), *rest])
    with pytest.raises(RebuildFailed, match="cannot be applied"):
        rebuild([first, first])
