"""Reading the observation files of a session, while they are written or long after.

A line counts once its newline is there: a torn last line is waited for. Damaged lines are passed over and counted, for
naming them is the work of `bulkhead verify`. Memory stays bounded whatever the size of the files. Nothing here writes.

    read_lines      one stream of one session, forwards
    read_backwards  the same, newest first
    find_lines      only the lines that contain given JSON strings, without parsing the others
    Follower        what is new in one file, through rotation and truncation
"""

import json
import mmap
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from messages.records import Stream

STREAMS: tuple[str, ...] = tuple(stream.value for stream in Stream)
BLOCK_BYTES = 256 * 1024
MAX_LINE_BYTES = 16 * 1024 * 1024
"""A line longer than this is damage: it is passed over."""
POINTER_NAME = "CURRENT"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a stream: its frame, and its payload as plain JSON."""

    session_id: str
    stream: str
    type: str
    seq: int
    at_ns: int
    correlation_id: str
    causation_id: str | None
    payload: dict[str, Any]
    raw: str


def parse(data: bytes) -> Line | None:
    """The line, or None when it is damaged. Fields that a newer version added are kept in `raw` and the payload."""
    try:
        text = data.rstrip(b"\n").decode()
        frame: dict[str, Any] = json.loads(text)
        seq, at_ns, payload = frame["seq"], frame["at_ns"], frame["payload"]
        names = (frame["session_id"], frame["stream"], frame["type"], frame["correlation_id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    is_sound = isinstance(payload, dict) and isinstance(seq, int) and isinstance(at_ns, int)
    if not is_sound or not all(isinstance(name, str) for name in names):
        return None
    session_id, stream, kind, correlation_id = names
    return Line(session_id, stream, kind, seq, at_ns, correlation_id, frame.get("causation_id"), payload, text)


# -- where the files are ----------------------------------------------------------------------------------------------


def session_folders(sessions_dir: Path) -> list[Path]:
    """Every session folder, newest first, by the start that its metadata state."""
    if not sessions_dir.is_dir():
        return []
    folders = [path for path in sessions_dir.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return sorted(folders, key=lambda path: (_started_ns(path), path.name), reverse=True)


def current_session(sessions_dir: Path) -> Path | None:
    """The folder that CURRENT names; None when there is none."""
    try:
        name = (sessions_dir / POINTER_NAME).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        return None
    folder = sessions_dir / name
    return folder if folder.is_dir() else None


def stream_files(session_dir: Path, stream: str) -> list[Path]:
    """The files of a stream, oldest first: what rotation put aside (`<stream>.*.jsonl`, `<stream>.jsonl.N`), then the
    one being written."""
    main = session_dir / f"{stream}.jsonl"
    aside = [*session_dir.glob(f"{stream}.*.jsonl"), *session_dir.glob(f"{stream}.jsonl.*[0-9]")]
    return [*sorted(aside, key=_first_seq), *([main] if main.exists() else [])]


def _started_ns(folder: Path) -> int:
    try:
        started = json.loads((folder / "ops_metadata.json").read_bytes())["started_ns"]
    except (OSError, ValueError, KeyError, TypeError):
        started = None
    return started if isinstance(started, int) else folder.stat().st_mtime_ns


def _first_seq(path: Path) -> int:
    return next((line.seq for line in read_file(path)), 0)


# -- whole files ------------------------------------------------------------------------------------------------------


def read_file(path: Path, since_ns: int = 0) -> Iterator[Line]:
    """Whole lines of one file, from `since_ns` on. A file that is not there has none."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        if since_ns:
            file.seek(_offset_of(file.fileno(), since_ns))
        while data := file.readline(MAX_LINE_BYTES):
            if not data.endswith(b"\n"):
                if len(data) < MAX_LINE_BYTES:
                    return
                continue
            line = parse(data)
            if line is not None and line.at_ns >= since_ns:
                yield line


def read_lines(session_dir: Path, stream: str, since_ns: int = 0) -> Iterator[Line]:
    for path in stream_files(session_dir, stream):
        yield from read_file(path, since_ns)


def read_backwards(session_dir: Path, stream: str) -> Iterator[Line]:
    """Whole lines, newest first."""
    for path in reversed(stream_files(session_dir, stream)):
        for data in _lines_backwards(path):
            line = parse(data)
            if line is not None:
                yield line


def _lines_backwards(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        fd = file.fileno()
        start = os.fstat(fd).st_size
        tail = b""
        is_torn = True  # what stands behind the last newline is not a line yet
        while start > 0:
            size = min(BLOCK_BYTES, start)
            start -= size
            parts = (os.pread(fd, size, start) + tail).split(b"\n")
            tail = parts[0]
            if len(parts) > 1 and is_torn:
                parts.pop()
                is_torn = False
            yield from (part for part in reversed(parts[1:]) if part)
            if len(tail) > MAX_LINE_BYTES:
                return
        if tail and not is_torn:
            yield tail


def _offset_of(fd: int, since_ns: int) -> int:
    """Offset of a line start before which every line is older than `since_ns`: times rise along a file, nearly."""
    low, high = 0, os.fstat(fd).st_size
    while high - low > BLOCK_BYTES:
        middle = (low + high) // 2
        block = os.pread(fd, BLOCK_BYTES, middle)
        begin = block.find(b"\n") + 1
        end = block.find(b"\n", begin)
        line = parse(block[begin:end]) if begin and end > begin else None
        if line is not None and line.at_ns < since_ns:
            low = middle + begin
        else:
            high = middle
    if low == 0:
        return 0
    back = max(0, low - BLOCK_BYTES)  # a margin for lines that are a little out of order
    return back + os.pread(fd, low - back, back).find(b"\n") + 1


# -- searching --------------------------------------------------------------------------------------------------------


def find_lines(path: Path, words: Iterable[str]) -> Iterator[Line]:
    """Whole lines in which one of `words` stands as a JSON string, in file order.

    The search runs over the mapped file at memory speed and only what it hits is parsed, so hundreds of megabytes are
    fine. That the word stands in the field one means is for the caller to check.
    """
    needles = [json.dumps(word, ensure_ascii=False).encode() for word in words]
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        if not needles or os.fstat(file.fileno()).st_size == 0:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            nearest = {needle: text.find(needle) for needle in needles}
            while hits := [offset for offset in nearest.values() if offset >= 0]:
                hit = min(hits)
                start = text.rfind(b"\n", 0, hit) + 1
                end = text.find(b"\n", hit)
                if end < 0:
                    return
                line = parse(text[start:end])
                if line is not None:
                    yield line
                for needle, offset in nearest.items():
                    if 0 <= offset < end:
                        nearest[needle] = text.find(needle, end)


# -- following --------------------------------------------------------------------------------------------------------


class Follower:
    """What is new in one file. Survives that the file does not exist yet, is rotated away, or is cut shorter.

    It keeps only where the last whole line ended: a torn line is read again once its end is there. Lines whose seq has
    been seen are not told again.
    """

    def __init__(self, path: Path, since_ns: int = 0, *, from_end: bool = False) -> None:
        self._path = path
        self._since_ns = since_ns
        self._fd = -1
        self._offset = 0
        self._last_seq = 0
        self._is_first = True
        self._is_leaving = False
        self._from_end = from_end
        self.damaged = 0
        """Whole lines that could not be read."""

    @property
    def last_seq(self) -> int:
        """Of the last line told, or of the last line there was when it began from the end."""
        return self._last_seq

    def start(self) -> None:
        """Fix the beginning now instead of at the first poll."""
        if self._fd < 0:
            self._open()

    def poll(self, max_lines: int = 1000) -> list[Line]:
        """Up to about `max_lines` new lines; none when there is nothing new."""
        lines: list[Line] = []
        while len(lines) < max_lines:
            if self._fd < 0 and not self._open():
                break
            block = self._read_whole_lines()
            if block:
                lines.extend(self._parse(block))
            elif not self._is_replaced():
                break
        return lines

    def close(self) -> None:
        """Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> bool:
        try:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._from_end = False  # it will be new when it comes
            return False
        self._offset = 0
        self._is_leaving = False
        if self._is_first and self._from_end:
            last = next(_lines_backwards(self._path), None)
            line = parse(last) if last else None
            self._last_seq = line.seq if line else 0
            self._offset = _end_of_whole_lines(self._fd)
        elif self._is_first and self._since_ns:
            self._offset = _offset_of(self._fd, self._since_ns)
        self._is_first = False
        return True

    def _read_whole_lines(self) -> bytes:
        size = BLOCK_BYTES
        while True:
            block = os.pread(self._fd, size, self._offset)
            end = block.rfind(b"\n") + 1
            if end or len(block) < size:
                self._offset += end
                return block[:end]
            if size >= MAX_LINE_BYTES:
                self._offset += len(block)
                self.damaged += 1
                size = BLOCK_BYTES
            else:
                size *= 4

    def _parse(self, block: bytes) -> Iterator[Line]:
        for data in block.split(b"\n")[:-1]:
            line = parse(data)
            if line is None:
                self.damaged += 1
            elif line.seq > self._last_seq:
                self._last_seq = line.seq
                if line.at_ns >= self._since_ns:
                    yield line

    def _is_replaced(self) -> bool:
        """At the end of what is open: True when there is another beginning to read from."""
        here = os.fstat(self._fd)
        if here.st_size < self._offset:
            self._offset = 0
            return here.st_size > 0
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return False
        if (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino):
            return False
        if self._is_leaving:
            self.close()
        self._is_leaving = True  # once more first: something may have been written between our read and the rename
        return True


def _end_of_whole_lines(fd: int) -> int:
    before = os.fstat(fd).st_size
    while before > 0:
        start = max(0, before - BLOCK_BYTES)
        found = os.pread(fd, before - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        before = start
    return 0
