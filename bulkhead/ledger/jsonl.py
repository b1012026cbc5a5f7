"""Files of one JSON object per line that survive a crash: what they end with is found, and a torn end is cut off.

A line counts when its newline is there. Lines are separated by `\\n` alone, since JSON text may hold other line breaks.
"""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

BUFFER_BYTES = 1024 * 1024
"""A file whose owner does not flush is written out at this much."""
_BLOCK_BYTES = 64 * 1024


class LineDamaged(ValueError):
    """The last whole line of a file cannot be read. That is not what a crash leaves, so nothing is cut or added."""


class JsonlFile:
    """Appends lines to a file. A partial write is continued by the next flush, never repeated.

    The buffer is our own: the one of `open` would be written out when its object is collected, which may be after
    another owner went on with the same file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            end, self.last_line = _last_whole_line(self._fd)
            self.torn_bytes = os.fstat(self._fd).st_size - end
            """How much of a torn line was cut off when the file was opened."""
            if self.torn_bytes:
                os.ftruncate(self._fd, end)
        except BaseException:
            os.close(self._fd)
            self._fd = -1
            raise

    def last_object(self) -> dict[str, Any] | None:
        """The last line that was there when the file was opened. Raises LineDamaged."""
        if self.last_line is None:
            return None
        try:
            found = json.loads(self.last_line)
        except ValueError as error:
            raise LineDamaged(f"the last line of {self.path} is not JSON") from error
        if not isinstance(found, dict):
            raise LineDamaged(f"the last line of {self.path} is not an object")
        return found

    def write(self, line: str) -> None:
        """Take a line, without its newline, into the buffer."""
        data = (line + "\n").encode()
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the system. Raises OSError and keeps what was not written."""
        if not self._pending:
            return
        data = memoryview(b"".join(self._pending))
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        finally:
            self._pending = [bytes(data)] if data else []
            self._pending_bytes = len(data)

    def sync(self) -> None:
        """Hand everything to the system and make it durable. Raises OSError."""
        self.flush()
        os.fsync(self._fd)

    def __del__(self) -> None:
        # Of an owner that died without closing: give the descriptor back, write nothing behind its successor's back.
        if getattr(self, "_fd", -1) >= 0:
            os.close(self._fd)

    def close(self) -> None:
        """Idempotent; flushes first."""
        if self._fd < 0:
            return
        try:
            self.flush()
        finally:
            os.close(self._fd)
            self._fd = -1


def _last_whole_line(fd: int) -> tuple[int, bytes | None]:
    """Where the whole lines end, and the last of them without its newline."""
    end = _find_back(fd, os.fstat(fd).st_size) + 1
    if end == 0:
        return 0, None
    start = _find_back(fd, end - 1) + 1
    return end, os.pread(fd, end - 1 - start, start)


def _find_back(fd: int, before: int) -> int:
    """Position of the last newline before `before`, or -1."""
    while before > 0:
        start = max(0, before - _BLOCK_BYTES)
        found = os.pread(fd, before - start, start).rfind(b"\n")
        if found >= 0:
            return start + found
        before = start
    return -1


class Line(NamedTuple):
    number: int
    """From 1."""
    data: bytes
    """Without its newline."""
    is_whole: bool
    """False for a torn last line."""


def read_lines(path: Path) -> Iterator[Line]:
    """Raises OSError."""
    with path.open("rb") as file:
        for number, data in enumerate(file, start=1):
            yield Line(number, data.removesuffix(b"\n"), data.endswith(b"\n"))


@lru_cache(maxsize=8)
def _second_text(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def iso_text(at_ns: int) -> str:
    """UTC with nanoseconds, as `2025-01-31T09:00:00.000000001Z`. Good up to the year 9999."""
    at_s, rest_ns = divmod(at_ns, 1_000_000_000)
    return f"{_second_text(at_s)}.{rest_ns:09d}Z"
