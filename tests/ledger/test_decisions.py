"""The decision log: chained in its own file, resumed after a crash, and any change is found."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkhead.ledger.chain import GENESIS
from bulkhead.ledger.decisions import DecisionWriter, verify_file
from bulkhead.ledger.jsonl import LineDamaged, read_lines
from messages.trading import Decision, DecisionMade
from messages.values import StopLevel
from tests.ledger.generated import instances


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "obs_decisions.jsonl"


def made(number: int) -> DecisionMade:
    return DecisionMade(
        decision_id=f"d{number}",
        strategy_id="momentum",
        decision=Decision.hold("BTCUSDT", "nothing \u2028 to do", scores={"edge": Decimal("0.1")}, valid_for_s=1e16),
        market=None,
        position=Decimal(0),
        strategy_state={},
        stop_level=StopLevel.RUN,
        decision_time_ns=number,
    )


def write(writer: DecisionWriter, decision: DecisionMade) -> None:
    writer.write(decision, at_ns=5, session_id="s", correlation_id="c", causation_id=None)


def write_file(file: Path, count: int) -> None:
    writer = DecisionWriter(file)
    for number in range(count):
        write(writer, made(number))
    writer.close()


@pytest.mark.req("S-04")
def test_decisions_and_what_came_of_them(file: Path) -> None:
    writer = DecisionWriter(file)
    write(writer, made(0))
    about = {"at_ns": 6, "session_id": "s", "correlation_id": "c"}
    writer.write_outcome("d0", {"executed": "true"}, **about, causation_id="m1")  # type: ignore[arg-type]
    writer.flush()
    first, second = (json.loads(line.data) for line in read_lines(file))
    assert DecisionMade.model_validate(first["payload"]) == made(0)
    assert second["type"] == "DecisionOutcome"
    assert second["payload"] == {"decision_id": "d0", "executed": "true"}
    assert second["prev_hash"] == first["hash"]
    assert verify_file(file) == (writer.head, None)
    assert writer.head.seq == 2
    writer.close()


@settings(max_examples=50)
@given(instances(DecisionMade))
def test_any_decision_is_one_line_that_verifies(
    tmp_path_factory: pytest.TempPathFactory, decision: DecisionMade
) -> None:
    file = tmp_path_factory.mktemp("decisions") / "d.jsonl"
    writer = DecisionWriter(file)
    write(writer, decision)
    writer.close()
    assert verify_file(file) == (writer.head, None)


@pytest.mark.parametrize("cut", [1, 40, 300])
def test_it_goes_on_after_a_torn_line(file: Path, cut: int) -> None:
    write_file(file, 3)
    file.write_bytes(file.read_bytes()[:-cut])
    assert verify_file(file)[1] is not None
    write_file(file, 2)
    head, broken = verify_file(file)
    assert (head.seq, broken) == (4, None)


@pytest.mark.req("S-04")
@settings(max_examples=200)
@given(data=st.data())
def test_any_changed_byte_is_found_in_its_line(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("decisions") / "d.jsonl"
    write_file(file, 3)
    whole = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(whole) - 1))
    line = whole[:place].count(b"\n") + 1
    whole[place] ^= data.draw(st.integers(1, 255))
    file.write_bytes(whole)
    broken = verify_file(file)[1]
    assert broken is not None
    assert broken.line in {line, line + 1}


@pytest.mark.parametrize(("index", "found"), [(0, 1), (1, 2)])
def test_a_deleted_line_is_named(file: Path, index: int, found: int) -> None:
    write_file(file, 3)
    lines = file.read_bytes().splitlines(keepends=True)
    del lines[index]
    file.write_bytes(b"".join(lines))
    broken = verify_file(file)[1]
    assert broken is not None
    assert broken.line == found
    assert "missing" in broken.reason


def test_an_empty_file_is_whole(file: Path) -> None:
    file.touch()
    assert verify_file(file) == (GENESIS, None)


@pytest.mark.parametrize("last", [b"nonsense\n", b'{"seq":1}\n', b'{"seq":"1","hash":"x"}\n'])
def test_a_file_that_ends_in_something_else_is_left_alone(file: Path, last: bytes) -> None:
    file.write_bytes(last)
    with pytest.raises(LineDamaged):
        DecisionWriter(file)
    assert file.read_bytes() == last
