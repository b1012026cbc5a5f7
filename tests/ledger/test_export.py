"""The exported files are the ledger's events, whatever crashes in between."""

import json
from itertools import chain as flat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulkhead.ledger.export import EXPORTED_STREAMS, Exporter, ExportGap, event_of, file_of, line_of
from bulkhead.ledger.jsonl import LineDamaged, read_lines
from bulkhead.ledger.rebuild import exported_events
from bulkhead.ledger.sqlite import SqliteLedger
from messages.records import LedgerEvent, Stream
from tests.ledger.stories import SESSION, story


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / SESSION
    path.mkdir()
    return path


def tell(ledger: SqliteLedger, session_id: str = SESSION, first: int = 0) -> list[tuple[LedgerEvent, ...]]:
    return [ledger.append(batch) for batch in story(3, session_id, first)]


def test_each_stream_has_its_file_and_its_lines(ledger: SqliteLedger, folder: Path) -> None:
    exporter = Exporter(folder)
    batches = tell(ledger)
    for batch in batches:
        exporter.append(batch)
    exporter.close()
    assert list(exported_events([folder])) == list(flat(*batches))
    assert {path.name for path in folder.iterdir()} == {
        "ops.jsonl",
        "obs_orders_fills.jsonl",
        "obs_trades.jsonl",
        "risk_events.jsonl",
        "failures.jsonl",
        "portfolio.jsonl",
    }
    line = json.loads(next(read_lines(folder / "ops.jsonl")).data)
    assert list(line) == [
        *("schema_version", "seq", "at_ns", "at", "stream", "type", "session_id", "correlation_id"),
        *("causation_id", "payload", "prev_hash", "hash"),
    ]
    assert line["at"] == "2025-01-01T00:00:00.000000000Z"
    assert line["payload"]["mode"] == "paper"


def test_a_line_gives_its_event_back(ledger: SqliteLedger) -> None:
    for event in flat(*tell(ledger)):
        line = line_of(event)
        assert "\n" not in line
        assert event_of(json.loads(line)) == event


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_cut_of_any_file_is_made_good(data: st.DataObject, ledger: SqliteLedger, folder: Path) -> None:
    if not ledger.head.seq:
        tell(ledger)
    exporter = Exporter(folder)
    exporter.catch_up(ledger)
    exporter.close()
    whole = {stream: file_of(folder, stream).read_bytes() for stream in EXPORTED_STREAMS}
    for stream in data.draw(st.sets(st.sampled_from(EXPORTED_STREAMS), min_size=1)):
        path = file_of(folder, stream)
        path.write_bytes(whole[stream][: data.draw(st.integers(0, len(whole[stream])))])
    again = Exporter(folder)
    again.catch_up(ledger)
    assert again.catch_up(ledger) == 0
    again.close()
    assert {stream: file_of(folder, stream).read_bytes() for stream in EXPORTED_STREAMS} == whole


def test_what_is_told_twice_is_written_once(ledger: SqliteLedger, folder: Path) -> None:
    batches = tell(ledger)
    exporter = Exporter(folder)
    assert exporter.catch_up(ledger) == ledger.head.seq
    for batch in batches:
        exporter.append(batch)
    exporter.close()
    assert list(exported_events([folder])) == list(ledger.events())


def test_a_gap_is_not_written_over(ledger: SqliteLedger, folder: Path) -> None:
    first, second, third, *_ = tell(ledger)
    exporter = Exporter(folder)
    exporter.append(first)
    with pytest.raises(ExportGap, match="catch up"):
        exporter.append(third)
    exporter.append(second)
    exporter.append(third)
    exporter.close()
    resumed = Exporter(folder)
    with pytest.raises(ExportGap):
        resumed.append(third)
    resumed.catch_up(ledger)
    resumed.close()
    assert list(exported_events([folder])) == list(ledger.events())


def test_other_sessions_stay_out(ledger: SqliteLedger, folder: Path) -> None:
    tell(ledger, "s-0")
    own = tell(ledger, SESSION, first=3)
    exporter = Exporter(folder)
    exporter.catch_up(ledger)
    for batch in tell(ledger, "s-2", first=6):
        exporter.append(batch)
    exporter.close()
    assert list(exported_events([folder])) == list(flat(*own))


@pytest.mark.parametrize("last", [b"{}\n", b'{"seq":"4"}\n', b"nonsense\n"])
def test_a_file_that_ends_in_something_else_is_left_alone(folder: Path, last: bytes) -> None:
    path = file_of(folder, Stream.OPS)
    path.write_bytes(last)
    with pytest.raises(LineDamaged):
        Exporter(folder)
    assert path.read_bytes() == last
