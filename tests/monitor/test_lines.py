"""Reading files that are torn, rotated, cut and damaged."""

from pathlib import Path

import pytest

from bulkhead.monitor import lines
from bulkhead.monitor.lines import (
    Follower,
    Line,
    current_session,
    find_lines,
    read_backwards,
    read_lines,
    session_folders,
)
from tests.monitor.sessions import Session, at, fill, frame

STREAM = "obs_orders_fills"


def line(seq: int, note: str = "") -> str:
    return frame("S1", STREAM, "FillRecorded", seq, at(seq), {"note": note})


def seqs(found: list[Line]) -> list[int]:
    return [item.seq for item in found]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / f"{STREAM}.jsonl"


def test_whole_lines_are_read_both_ways_and_a_torn_end_is_not_a_line(path: Path) -> None:
    path.write_text(line(1) + line(2) + line(3)[:50])
    assert seqs(list(read_lines(path.parent, STREAM))) == [1, 2]
    assert seqs(list(read_backwards(path.parent, STREAM))) == [2, 1]


def test_a_file_of_one_torn_line_has_no_lines(path: Path) -> None:
    path.write_text(line(1)[:-1])
    assert list(read_lines(path.parent, STREAM)) == []
    assert list(read_backwards(path.parent, STREAM)) == []


def test_damaged_lines_are_passed_over(path: Path) -> None:
    damage = ["{}\n", "no json\n", "[1]\n", '{"seq":1}\n', "\n", line(9).replace('"seq":9', '"seq":"9"')]
    path.write_bytes((line(1) + "".join(damage)).encode() + b"\xff\xfe\n" + line(2).encode())
    assert seqs(list(read_lines(path.parent, STREAM))) == [1, 2]
    assert seqs(list(read_backwards(path.parent, STREAM))) == [2, 1]


def test_no_file_has_no_lines(tmp_path: Path) -> None:
    assert list(read_lines(tmp_path, STREAM)) == []
    assert list(find_lines(tmp_path / "none", ["x"])) == []


def test_what_rotation_put_aside_is_read_first(path: Path) -> None:
    path.with_name(f"{STREAM}.2025-01-02.jsonl").write_text(line(3) + line(4))
    path.with_name(f"{STREAM}.jsonl.1").write_text(line(1) + line(2))
    path.write_text(line(5))
    assert seqs(list(read_lines(path.parent, STREAM))) == [1, 2, 3, 4, 5]
    assert seqs(list(read_backwards(path.parent, STREAM))) == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("block", [64, 300, 1000, 100_000])
def test_blocks_of_any_size_give_the_same_lines(path: Path, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    path.write_text("".join(line(n, "x" * (n * 37 % 500)) for n in range(1, 60)))
    assert seqs(list(read_backwards(path.parent, STREAM))) == list(range(59, 0, -1))
    assert seqs(list(read_lines(path.parent, STREAM, since_ns=at(40)))) == list(range(40, 60))
    follower = Follower(path)
    assert seqs(follower.poll()) == list(range(1, 60))
    follower.close()


def test_words_are_found_as_whole_json_strings(tmp_path: Path) -> None:
    session = Session(tmp_path, "S1")
    for n in (1, 2, 12):
        session.add(at(n), fill(n, 1, "1", at(n)))
    file = session.path / f"{STREAM}.jsonl"
    found = list(find_lines(file, ["client-1", "client-12"]))
    assert [item.payload["fill"]["client_order_id"] for item in found] == ["client-1", "client-12"]
    assert list(find_lines(file, ["client"])) == []
    assert list(find_lines(file, [])) == []


class TestFollower:
    def test_a_torn_line_is_waited_for(self, path: Path) -> None:
        follower = Follower(path)
        assert follower.poll() == []
        with path.open("a", buffering=1) as file:
            file.write(line(1) + line(2)[:40])
            file.flush()
            assert seqs(follower.poll()) == [1]
            assert follower.poll() == []
            file.write(line(2)[40:])
        assert seqs(follower.poll()) == [2]
        follower.close()

    def test_rotation_loses_nothing(self, path: Path) -> None:
        follower = Follower(path)
        path.write_text(line(1))
        assert seqs(follower.poll()) == [1]
        with path.open("a") as file:
            file.write(line(2))
        path.rename(path.with_suffix(".jsonl.1"))
        path.write_text(line(3))
        assert seqs(follower.poll()) == [2, 3]
        follower.close()

    def test_between_rename_and_new_file_it_waits(self, path: Path) -> None:
        path.write_text(line(1))
        follower = Follower(path)
        assert seqs(follower.poll()) == [1]
        path.rename(path.with_suffix(".jsonl.1"))
        assert follower.poll() == []
        path.write_text(line(2))
        assert seqs(follower.poll()) == [2]
        follower.close()

    def test_a_cut_torn_end_and_its_replacement(self, path: Path) -> None:
        path.write_text(line(1) + line(2)[:40])
        follower = Follower(path)
        assert seqs(follower.poll()) == [1]
        path.write_text(line(1))  # what opening the file again does after a crash
        assert follower.poll() == []
        path.write_text(line(1) + line(2, "again"))
        assert seqs(follower.poll()) == [2]
        follower.close()

    def test_truncation_begins_anew_without_repeating(self, path: Path) -> None:
        path.write_text(line(1) + line(2) + line(3))
        follower = Follower(path)
        assert len(follower.poll()) == 3
        with path.open("r+") as file:
            file.truncate(0)
            file.write(line(3) + line(4))
        assert seqs(follower.poll()) == [4]
        follower.close()

    def test_from_the_end_tells_only_what_is_new(self, path: Path) -> None:
        path.write_text(line(1) + line(2))
        follower = Follower(path, from_end=True)
        follower.start()
        assert follower.last_seq == 2
        assert follower.poll() == []
        with path.open("a") as file:
            file.write(line(3))
        assert seqs(follower.poll()) == [3]
        follower.close()
        follower.close()

    def test_damage_is_counted(self, path: Path) -> None:
        path.write_text("damage\n" + line(1))
        follower = Follower(path)
        assert seqs(follower.poll()) == [1]
        assert follower.damaged == 1
        follower.close()

    def test_a_line_too_long_is_passed_over(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lines, "MAX_LINE_BYTES", 2000)
        monkeypatch.setattr(lines, "BLOCK_BYTES", 500)
        path.write_text(line(1) + "x" * 10_000 + "\n" + line(2))
        follower = Follower(path)
        assert seqs(follower.poll()) == [1, 2]
        assert follower.damaged >= 1
        follower.close()

    def test_old_lines_are_left_out(self, path: Path) -> None:
        path.write_text(line(1) + line(5))
        follower = Follower(path, since_ns=at(3))
        assert seqs(follower.poll()) == [5]
        follower.close()


def test_sessions_come_newest_first_and_current_is_named(tmp_path: Path) -> None:
    assert session_folders(tmp_path / "none") == []
    assert current_session(tmp_path) is None
    Session(tmp_path, "B", at(1))
    Session(tmp_path, "A", at(2))
    (tmp_path / ".C.draft").mkdir()
    assert [folder.name for folder in session_folders(tmp_path)] == ["A", "B"]
    current = current_session(tmp_path)
    assert current is not None
    assert current.name == "A"
    for bad in ("../../etc", "", "gone"):
        (tmp_path / "CURRENT").write_text(bad)
        assert current_session(tmp_path) is None
    (tmp_path / "A" / "ops_metadata.json").write_text("damaged")
    assert {folder.name for folder in session_folders(tmp_path)} == {"A", "B"}
