"""Every record there is can be written, read back, and applied again with the same result."""

import inspect
import json
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulkhead.ledger.apply import EVENTS_ONLY, HANDLERS
from bulkhead.ledger.port import DuplicateRecord
from bulkhead.ledger.rebuild import check_tables
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from messages.catalogue import RECORDS, record_from_json
from messages.records import IntentStatusChanged, Record, SessionStopped
from messages.values import IntentStatus
from tests.ledger.generated import instances
from tests.ledger.stories import entry, intent_recorded, session_started

numbers = count()


def test_each_record_class_has_been_decided_about() -> None:
    assert HANDLERS.keys() | EVENTS_ONLY == set(RECORDS.values())
    assert not HANDLERS.keys() & EVENTS_ONLY
    assert all(len(inspect.signature(handler).parameters) == 4 for handler in HANDLERS.values())


@pytest.mark.req("X-02")
@pytest.mark.parametrize("record_class", RECORDS.values(), ids=RECORDS.keys())
@settings(max_examples=5, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_each_record_can_be_written_and_rebuilt(
    record_class: type[Record], data: st.DataObject, tmp_path: Path
) -> None:
    path = tmp_path / f"{next(numbers)}.db"
    path.write_bytes(_empty_ledger(tmp_path).read_bytes())
    records = data.draw(st.lists(instances(record_class), min_size=1, max_size=3))
    ledger = SqliteLedger(path)
    written = []
    for record in records:
        try:
            (event,) = ledger.append([entry(record)])
        except DuplicateRecord:
            continue  # drawn twice with one key
        assert event.stream is record.stream
        written.append(record)
    assert written
    assert [record_from_json(json.loads(event.payload)) for event in ledger.events()] == written
    ledger.close()
    reader = LedgerReader(path)
    assert check_tables(reader) == ()
    reader.close()


def _empty_ledger(folder: Path) -> Path:
    """Made once per test, since a migration takes longer than everything else here."""
    path = folder / "empty.db"
    if not path.exists():
        SqliteLedger(path).close()
    return path


def statuses(ledger: SqliteLedger) -> list[tuple[str, str]]:
    rows = ledger.connection.exec_driver_sql("SELECT intent_id, status FROM order_intents ORDER BY intent_id")
    return [(row[0], row[1]) for row in rows]


def test_an_intents_status_changes_but_its_duplicate_does_not_touch_it(ledger: SqliteLedger) -> None:
    ledger.append([entry(intent_recorded(1)), entry(intent_recorded(2))])
    ledger.append([entry(IntentStatusChanged(intent_id="i1", status=IntentStatus.SUBMITTED, reason="sent"))])
    ledger.append([entry(IntentStatusChanged(intent_id="i1", status=IntentStatus.DUPLICATE, reason="again"))])
    ledger.append([entry(IntentStatusChanged(intent_id="unknown", status=IntentStatus.FAILED, reason="?"))])
    assert statuses(ledger) == [("i1", "SUBMITTED"), ("i2", "NEW")]


def test_a_session_has_its_end(ledger: SqliteLedger) -> None:
    ledger.append([entry(session_started())])
    ledger.append([entry(SessionStopped(session_id="s-1", reason="asked to", at_ns=9))])
    row = ledger.connection.exec_driver_sql("SELECT seed, stopped_ns, stop_reason FROM sessions").one()
    assert tuple(row) == (str(2**70), 9, "asked to")
