"""Line files: whole lines count, a torn end goes, nothing is written twice."""

import gc
import os
from contextlib import suppress
from pathlib import Path

import pytest

from bulkhead.ledger.jsonl import BUFFER_BYTES, JsonlFile, Line, LineDamaged, iso_text, read_lines


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lines.jsonl"


def test_lines_are_there_after_a_flush(file: Path) -> None:
    lines = JsonlFile(file)
    lines.write('{"n":1}')
    assert file.read_bytes() == b""
    lines.flush()
    lines.write('{"n":2,"text":"a\u2028b"}')
    lines.close()
    lines.close()
    assert [line.number for line in read_lines(file)] == [1, 2]
    again = JsonlFile(file)
    assert again.torn_bytes == 0
    assert again.last_object() == {"n": 2, "text": "a\u2028b"}
    again.close()


@pytest.mark.parametrize("tail", [b"{", b'{"n":2', b"\x00" * 70_000, b'{"n":2}'])
def test_a_torn_end_is_cut_off(file: Path, tail: bytes) -> None:
    file.write_bytes(b'{"n":1}\n' + tail)
    assert list(read_lines(file))[-1] == Line(2, tail, is_whole=False)
    lines = JsonlFile(file)
    assert lines.torn_bytes == len(tail)
    assert lines.last_object() == {"n": 1}
    lines.close()
    assert file.read_bytes() == b'{"n":1}\n'


def test_a_file_of_one_torn_line_starts_anew(file: Path) -> None:
    file.write_bytes(b"x" * 200_000)
    lines = JsonlFile(file)
    assert lines.last_object() is None
    assert file.read_bytes() == b""
    lines.close()


def test_the_last_line_may_be_longer_than_a_block(file: Path) -> None:
    file.write_bytes(b'{"n":0}\n{"n":"' + b"y" * 200_000 + b'"}\n{"to')
    lines = JsonlFile(file)
    assert lines.last_object() == {"n": "y" * 200_000}
    lines.close()


@pytest.mark.parametrize("last", [b"not json", b"[1]", b""])
def test_a_last_line_that_no_crash_explains_is_an_error(file: Path, last: bytes) -> None:
    file.write_bytes(b'{"n":1}\n' + last + b"\n")
    lines = JsonlFile(file)
    with pytest.raises(LineDamaged):
        lines.last_object()
    lines.close()


def test_a_partial_write_is_continued_and_not_repeated(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = JsonlFile(file)
    lines.write('{"n":1}')
    lines.write('{"n":2}')
    write = os.write
    calls: list[int] = []

    def full_after_eleven_bytes(fd: int, data: bytes) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return write(fd, data[:11])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full_after_eleven_bytes)
        with pytest.raises(OSError, match="No space"):
            lines.flush()
    lines.close()
    assert file.read_bytes() == b'{"n":1}\n{"n":2}\n'


def is_open(file: Path) -> bool:
    """Whether this process has a descriptor of the file."""
    targets = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the listing's own descriptor is gone by now
            targets.append(os.readlink(descriptor))
    return str(file) in targets


def test_an_owner_that_is_dropped_writes_nothing_and_keeps_no_descriptor(file: Path) -> None:
    lines = JsonlFile(file)
    lines.write('{"n":1}')
    assert is_open(file)
    del lines
    gc.collect()
    assert not is_open(file)
    assert file.read_bytes() == b""


def test_an_owner_that_never_flushes_is_bounded(file: Path) -> None:
    lines = JsonlFile(file)
    line = "x" * 1023
    for _ in range(BUFFER_BYTES // 1024):
        lines.write(line)
    assert file.stat().st_size == BUFFER_BYTES
    lines.close()


def test_times_are_utc_with_nanoseconds() -> None:
    assert iso_text(0) == "1970-01-01T00:00:00.000000000Z"
    assert iso_text(1_735_689_600_000_000_001) == "2025-01-01T00:00:00.000000001Z"
