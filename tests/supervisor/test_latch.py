"""The stop latch on disk: a file for each reason, whole or not at all, and a damaged one still stops."""

from pathlib import Path

import pytest

from messages.values import StopLevel
from supervisor.latch import StopLatch
from tests.supervisor.test_gate import reason


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    latch = StopLatch(tmp_path / "stop")
    reasons = (reason("risk:a", StopLevel.SOFT), reason("risk:b", StopLevel.HARD, "symbol:BTCUSDT"))
    for each in reasons:
        latch.write(each)
    assert set(StopLatch(tmp_path / "stop").load(now_ns=5)) == set(reasons)


def test_no_folder_means_no_reason(tmp_path: Path) -> None:
    assert StopLatch(tmp_path / "never").load(now_ns=5) == ()


def test_one_file_for_each_reason_and_removing_one_leaves_the_others(tmp_path: Path) -> None:
    latch = StopLatch(tmp_path)
    for reason_id in ("risk:a", "risk-a", "risk/a", "위험"):
        latch.write(reason(reason_id, StopLevel.SOFT))
    assert len(list(tmp_path.iterdir())) == 4
    latch.remove("risk:a")
    latch.remove("risk:a")
    assert {r.reason_id for r in latch.load(0)} == {"risk-a", "risk/a", "위험"}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"reason_id": "x"}', b'{"level": 9}'])
def test_a_damaged_file_is_a_reason_of_its_own(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "risk-a.json").write_bytes(content)
    (found,) = StopLatch(tmp_path).load(now_ns=7)
    assert found.level is StopLevel.SOFT
    assert found.needs_operator
    assert "risk-a.json" in found.cause


def test_a_half_written_file_never_has_the_final_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    latch = StopLatch(tmp_path)
    latch.write(reason("risk:a", StopLevel.SOFT))

    def no_sync(_: int) -> None:
        raise OSError("input/output error")

    monkeypatch.setattr("supervisor.latch.os.fsync", no_sync)
    with pytest.raises(OSError, match="input/output"):
        latch.write(reason("risk:a", StopLevel.HARD))
    (kept,) = latch.load(0)
    assert kept.level is StopLevel.SOFT
