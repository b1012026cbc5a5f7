"""The audit file: recorded whole and chained, whoever writes, whatever a crash or a hand did to it before."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bulkhead.app import audit
from bulkhead.app.audit import NotRecorded, positions_then, record
from bulkhead.ledger import audit_file

ACT: dict[str, object] = {"action": "kill", "operator": "ada", "reason": "the feed lies"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return audit_file.path_in(tmp_path / "logs")


def breaks(path: Path) -> list[int]:
    return [found.seq for found in audit_file.check(path).breaks]


@pytest.mark.req("S-17")
def test_lines_are_chained_and_say_who_what_why_and_when(path: Path) -> None:
    first, second = record(path, ACT), record(path, {**ACT, "reason": "ünd mehr"})
    found = audit_file.check(path)
    assert found.lines == (first, second)
    assert (found.breaks, found.unchained, found.torn_bytes) == ((), 0, 0)
    assert (first.seq, second.seq) == (1, 2)
    assert second.fields["prev_hash"] == first.hash
    assert second.fields["reason"] == "ünd mehr"
    assert {"at", "at_ns", "operator", "action"} <= first.fields.keys()
    assert first.fields["pid"] == os.getpid()


@pytest.mark.parametrize("missing", ["action", "operator", "reason"])
def test_who_what_and_why_are_wanted(path: Path, missing: str) -> None:
    for nothing in ({missing: " "}, {missing: None}):
        with pytest.raises(NotRecorded, match=missing):
            record(path, {**ACT, **nothing})
    assert not audit_file.check(path).lines


def test_the_words_of_the_file_are_not_overwritten(path: Path) -> None:
    with pytest.raises(NotRecorded, match="a word of the file"):
        record(path, {**ACT, "at_ns": 0})


def test_a_torn_last_line_is_healed_and_told(path: Path) -> None:
    record(path, ACT)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"schema_version":1,"seq":2,"at"')
    assert audit_file.check(path).torn_bytes == 32
    healed = record(path, ACT)
    assert healed.fields["healed_bytes"] == 32
    assert (breaks(path), audit_file.check(path).torn_bytes) == ([], 0)
    assert path.read_bytes().startswith(whole)


def test_an_edited_line_is_named(path: Path) -> None:
    for _ in range(4):
        record(path, ACT)
    text = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([text[0], text[1].replace("ada", "eve"), *text[2:]]), encoding="utf-8")
    assert breaks(path) == [2]
    path.write_text("".join([text[0], *text[2:]]), encoding="utf-8")
    assert breaks(path) == [2]
    path.write_text("".join([text[1], *text[2:]]), encoding="utf-8")
    assert breaks(path) == [1]
    path.write_text("".join([*text, text[3]]), encoding="utf-8")
    assert breaks(path) == [5]


def test_what_stood_there_before_the_chain_is_sealed_by_it(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text('{"action": "resume"}\n{"action": "resume"}\n', encoding="utf-8")
    assert record(path, ACT).seq == 3
    found = audit_file.check(path)
    assert (found.unchained, found.breaks) == (2, ())
    path.write_text(path.read_text(encoding="utf-8").replace("resume", "nothing", 1), encoding="utf-8")
    assert breaks(path) == [3]


@pytest.mark.parametrize("junk", [b"written by hand\n", b'{"action": "kill"}\n', b"[1]\n"])
def test_a_line_by_hand_keeps_nobody_from_recording_and_is_named(path: Path, junk: bytes) -> None:
    record(path, ACT)
    with path.open("ab") as file:
        file.write(junk)
    assert record(path, ACT).seq == 3
    record(path, ACT)
    assert breaks(path) == [2]


def test_a_full_disk_stops_the_act_and_leaves_what_can_be_healed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(path, ACT)
    write = os.write
    answers = iter((10,))

    def full(fd: int, data: memoryview) -> int:
        room = next(answers, 0)
        if not room:
            raise OSError(28, "No space left on device")
        return write(fd, data[:room])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(NotRecorded, match=r"No space left on device.*nothing is done unrecorded"):
            record(path, ACT)
    assert audit_file.check(path).torn_bytes == 10
    assert record(path, ACT).fields["healed_bytes"] == 10
    assert breaks(path) == []


def test_a_disk_that_does_not_sync_is_no_record(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(NotRecorded, match="Input/output error"):
        record(path, ACT)


def test_who_cannot_have_the_lock_waits_no_longer_than_its_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "LOCK_TIMEOUT_S", 0.05)
    path.parent.mkdir(parents=True)
    with audit._locked(path), pytest.raises(NotRecorded, match="another process holds it"):
        record(path, ACT)
    assert record(path, ACT).seq == 1


def test_an_unusable_folder_is_said(path: Path) -> None:
    path.parent.parent.mkdir(parents=True)
    path.parent.write_text("in the way", encoding="utf-8")
    with pytest.raises(NotRecorded, match="cannot record it in"):
        record(path, ACT)


def test_several_processes_write_one_chain(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from bulkhead.app.audit import record\n"
        "for n in range(20): record(Path(sys.argv[1]), {'action': 'kill', 'operator': sys.argv[2], 'reason': 'r'})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, path, name]) for name in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    found = audit_file.check(path)
    assert (len(found.lines), found.breaks) == (40, ())


def test_positions_of_a_ledger_that_cannot_be_read_are_unknown(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.db"
    assert positions_then(ledger) == []
    ledger.write_bytes(b"not a ledger" * 100)
    assert str(positions_then(ledger)).startswith("unknown: ")


def test_a_number_that_is_none_is_not_written(path: Path) -> None:
    with pytest.raises(NotRecorded):
        record(path, {**ACT, "equity": float("nan")})
    assert record(path, {**ACT, "path": Path("a")}).fields["path"] == "a"
