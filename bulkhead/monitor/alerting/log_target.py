"""The target that is always there: a line of `alerts.jsonl`, and a warning in app.log and on stderr."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from loguru import logger

from bulkhead.monitor.alerting.alarms import Notice, Severity

FILE_NAME = "alerts.jsonl"
MAX_BYTES = 10_000_000
"""Then it is kept as alerts.jsonl.1, and the one that had this name is deleted."""


class LogTarget:
    name = FILE_NAME

    def __init__(self, logs_dir: Path, session_id: str) -> None:
        self._path, self._session_id = logs_dir / FILE_NAME, session_id
        self._has_failed = False

    def send(self, notice: Notice) -> str | None:
        """Never refuses: where the disk does, app.log and stderr have the text."""
        level = "INFO" if notice.severity is Severity.INFO else "WARNING"
        logger.log(level, "alert: {}", notice.text.replace("\n", " | "))
        try:
            self._append(notice)
            self._has_failed = False
        except OSError as error:
            if not self._has_failed:
                logger.error("{} cannot be written: {}", self._path, error.strerror or error)
            self._has_failed = True
        return None

    def _append(self, notice: Notice) -> None:
        at = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
        words = {"at": at, "session_id": self._session_id, "severity": notice.severity.name, "text": notice.text}
        line = json.dumps(words, ensure_ascii=False)
        if self._path.exists() and self._path.stat().st_size > MAX_BYTES:
            os.replace(self._path, self._path.with_name(f"{FILE_NAME}.1"))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
