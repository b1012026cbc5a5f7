"""What the stop threads write down, by a thread of its own: a disk that hangs must hold up neither of them."""

import json
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from loguru import logger

from bulkhead.app.stops.seen import Seen, write_seen
from bulkhead.ledger.jsonl import JsonlFile, iso_text

EMERGENCY_FILE = "emergency.jsonl"
WAITING = 10_000
"""Notes that may wait for the disk; what comes then is dropped, and counted."""


class Notes:
    def __init__(self, audit_dir: Path, stop_dir: Path) -> None:
        self._audit_dir, self._stop_dir = audit_dir, stop_dir
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._work, name="stop-notes", daemon=True)
        self.dropped = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self, deadline_s: float) -> None:
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(deadline_s)

    def emergency(self, **said: object) -> None:
        """A line of logs/audit/emergency.jsonl, when it can be written."""
        now_ns = time.time_ns()
        line = json.dumps({"at": iso_text(now_ns), "at_ns": now_ns, **said}, ensure_ascii=False)
        self.later(lambda: self._append(line))

    def seen(self, file_name: str, seen: Seen) -> None:
        self.later(lambda: write_seen(self._stop_dir, file_name, seen))

    def later(self, write: Callable[[], None]) -> None:
        """Have it done by the thread that may wait for the disk."""
        try:
            self._waiting.put_nowait(write)
        except queue.Full:
            self.dropped += 1

    def _append(self, line: str) -> None:
        self._audit_dir.mkdir(parents=True, exist_ok=True)
        file = JsonlFile(self._audit_dir / EMERGENCY_FILE)
        try:
            file.write(line)
        finally:
            file.close()

    def _work(self) -> None:
        while (write := self._waiting.get()) is not None:
            try:
                write()
            except OSError as error:
                logger.warning("what a stop came to cannot be written down: {}", error)
