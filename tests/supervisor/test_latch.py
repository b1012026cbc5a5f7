"""The stop latch on disk: a file for each reason, whole or not at all, and a damaged one still stops."""

import json
import os
from pathlib import Path

import pytest

from messages.failure import StopReason
from messages.values import StopLevel, StopPlan
from supervisor.latch import FORMAT_VERSION, MAX_BYTES, UNREADABLE, StopLatch, text_of
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


WHOLE = text_of(reason("risk:a", StopLevel.SOFT)).encode()
DAMAGED = {
    "empty": b"",
    "truncated": WHOLE[: len(WHOLE) // 2],
    "binary": bytes(range(256)),
    "no object": b"[1, 2]",
    "no reason": b'{"format_version": 1}',
    "a field is missing": b'{"reason_id": "x"}',
    "wrong type": WHOLE.replace(b'"all"', b"17"),
    "no such level": WHOLE.replace(b'"level": 2', b'"level": 9'),
    "no version": WHOLE.replace(b'"format_version": 1', b'"format_version": "one"'),
    "nested without end": b"[" * 100_000,
    "endless": b" " * (MAX_BYTES + 1),
}


def assert_cancels_only(found: StopReason, *words: str) -> None:
    assert (found.level, found.effective_plan) == (StopLevel.HARD, StopPlan.NONE)
    assert found.needs_operator
    assert not [word for word in (*words, "cancels only", "operator") if word not in found.cause], found.cause


@pytest.mark.req("S-09")
@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_lets_cancels_out_and_nothing_else(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "risk-a.json").write_bytes(content)
    (found,) = StopLatch(tmp_path).load(now_ns=7)
    assert_cancels_only(found, "risk-a.json", "cannot be read")


@pytest.mark.req("S-09")
def test_a_file_of_a_newer_version_does_too_and_says_so(tmp_path: Path) -> None:
    newer = {"format_version": FORMAT_VERSION + 1, "reason": {"severity": "mild"}}
    (tmp_path / "kill.json").write_text(json.dumps(newer))
    (found,) = StopLatch(tmp_path).load(now_ns=7)
    assert_cancels_only(found, "kill.json", "newer version", str(FORMAT_VERSION + 1))


def test_a_file_from_before_there_were_versions_is_read(tmp_path: Path) -> None:
    old = reason("risk:a", StopLevel.MEDIUM, needs_operator=True)
    (tmp_path / "risk-a.json").write_text(old.model_dump_json())
    assert StopLatch(tmp_path).load(0) == (old,)


@pytest.mark.req("S-09")
def test_what_cannot_be_opened_stops_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a-folder.json").mkdir()
    os.mkfifo(tmp_path / "a-pipe.json")
    (tmp_path / "leads-nowhere.json").symlink_to(tmp_path / "nothing")
    (tmp_path / "no-rights.json").write_bytes(WHOLE)
    really_open = os.open

    def refusing(path: os.PathLike[str] | str, *more: int) -> int:
        if Path(path).name == "no-rights.json":  # whoever runs the tests may read everything
            raise PermissionError(13, "Permission denied")
        return really_open(path, *more)

    monkeypatch.setattr("supervisor.latch.os.open", refusing)
    found = StopLatch(tmp_path).load(now_ns=7)
    assert len(found) == 4
    for each in found:
        assert_cancels_only(each)


@pytest.mark.req("S-09")
def test_a_folder_that_is_a_file_stops_too(tmp_path: Path) -> None:
    (tmp_path / "stop").write_text("not a folder")
    (found,) = StopLatch(tmp_path / "stop").load(now_ns=7)
    assert_cancels_only(found, str(tmp_path / "stop"))
    with pytest.raises(OSError, match="exists"):
        StopLatch(tmp_path / "stop").write(reason("r", StopLevel.SOFT))


def test_what_was_looked_at_is_set_aside_and_kept(tmp_path: Path) -> None:
    (tmp_path / "kill.json").write_bytes(b"?")
    latch = StopLatch(tmp_path)
    (found,) = latch.load(0)
    latch.set_aside(found.reason_id)
    assert latch.load(0) == ()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"?"]
    with pytest.raises(FileNotFoundError):
        latch.set_aside(f"{UNREADABLE}../elsewhere.json")


def test_the_folder_is_synced_with_each_file_that_comes_or_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("supervisor.latch.sync_folder", synced.append)
    latch = StopLatch(tmp_path / "stop")
    latch.write(reason("risk:a", StopLevel.SOFT))
    assert synced == [tmp_path, tmp_path / "stop"], "it was made, too"
    latch.remove("risk:a")
    latch.remove("risk:a")
    assert synced[2:] == [tmp_path / "stop"]


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
