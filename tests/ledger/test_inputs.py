"""Recorded inputs come back exactly, in order, also after a crash."""

from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bulkhead.ledger.inputs import InputsWriter, read_evidence, read_ticks, recover, tick_parts
from messages.base import Envelope
from messages.market import Quote, Trade
from messages.orders import OrderRejected
from messages.values import Side


def ticks(count: int) -> list[Trade | Quote]:
    made: list[Trade | Quote] = []
    for number in range(count):
        common = {
            "venue": "sim",
            "symbol": "BTCUSDT",
            "event_time_ns": number,
            "received_at_ns": number,
            "received_monotonic_ns": number,
        }
        if number % 2:
            price = {"price": f"64000.1000{number}", "quantity": "0.0100", "trade_id": 2**53 + number}
            made.append(Trade.model_validate({**common, **price, "aggressor": Side.BUY if number % 3 else None}))
        else:
            sides = {"bid": "0.000000000000000001", "bid_quantity": "1E+3", "ask": None, "ask_quantity": None}
            made.append(Quote.model_validate({**common, **sides, "event_time_is_receipt": True}))
    return made


def evidence(number: int) -> Envelope:
    return Envelope(
        id=f"broker.0.{number}",
        sender="broker",
        seq=number,
        epoch=0,
        at_ns=number,
        received_at_ns=number,
        correlation_id="c",
        causation_id=None,
        body=OrderRejected(client_order_id="o1", symbol="BTCUSDT", code="-2010", reason="no", raw='{"code":-2010}'),
    )


@pytest.mark.req("S-06")
def test_ticks_come_back_exactly_and_in_order(tmp_path: Path) -> None:
    writer = InputsWriter(tmp_path / "inputs", part_rows=10)
    written = ticks(25)
    for tick in written:
        writer.add_tick(tick)
    assert len(tick_parts(tmp_path / "inputs")) == 2
    writer.close()
    assert len(tick_parts(tmp_path / "inputs")) == 3
    found = list(read_ticks(tmp_path / "inputs"))
    assert found == written
    assert isinstance(found[1], Trade)
    assert str(found[1].price) == "64000.10001"
    assert isinstance(found[0], Quote)
    assert found[0].bid == Decimal("1e-18")


def test_what_a_crash_left_open_becomes_a_part(tmp_path: Path) -> None:
    folder = tmp_path / "inputs"
    writer = InputsWriter(folder, part_rows=10)
    written = ticks(17)
    for tick in written:
        writer.add_tick(tick)
    writer.flush()
    with (folder / "ticks-000002.open.jsonl").open("ab") as file:
        file.write(b'{"type":"Tra')
    (folder / "ticks-000002.draft").write_bytes(b"half a file")
    del writer
    again = InputsWriter(folder, part_rows=10)
    assert list(read_ticks(folder)) == written
    again.add_tick(written[0])
    again.close()
    assert list(read_ticks(folder)) == [*written, written[0]]
    assert not list(folder.glob("*.open.jsonl"))


def test_a_part_finished_before_its_lines_were_removed_is_not_doubled(tmp_path: Path) -> None:
    folder = tmp_path / "inputs"
    writer = InputsWriter(folder)
    for tick in ticks(3):
        writer.add_tick(tick)
    writer.flush()
    lines = (folder / "ticks-000001.open.jsonl").read_bytes()
    writer.close()
    (folder / "ticks-000001.open.jsonl").write_bytes(lines)
    assert recover(folder) == 0
    assert list(read_ticks(folder)) == ticks(3)


def test_a_run_without_ticks_leaves_no_part(tmp_path: Path) -> None:
    InputsWriter(tmp_path / "inputs").close()
    assert list(read_ticks(tmp_path / "inputs")) == []
    assert list(read_evidence(tmp_path / "inputs")) == []


def test_evidence_comes_back_and_a_torn_line_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "inputs"
    writer = InputsWriter(folder)
    for number in range(3):
        writer.add_evidence(evidence(number))
    writer.close()
    assert list(read_evidence(folder)) == [evidence(number) for number in range(3)]
    with (folder / "evidence.jsonl").open("ab") as file:
        file.write(b'{"half')
    assert len(list(read_evidence(folder))) == 3


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Not a directory"):
        InputsWriter(tmp_path / "file" / "inputs")


def test_a_part_of_an_earlier_version_is_read_without_what_it_did_not_know(tmp_path: Path) -> None:
    writer = InputsWriter(tmp_path)
    for tick in ticks(4):
        writer.add_tick(tick)
    writer.close()
    (part,) = tick_parts(tmp_path)
    pq.write_table(pq.read_table(part).drop_columns(["source"]), part)
    assert list(read_ticks(tmp_path)) == ticks(4)
