"""What a guard wrote last: the end of `guard.jsonl`, for whoever asks how the run is.

A guard that has given up is gone, and its words on stderr may be too. Its last line stands until something is started
again: a guard writes a line when it starts a run, and a run without a guard is known by its own start.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from messages.values import Nanoseconds, Value

FILE_NAME = "guard.jsonl"
GAVE_UP = "gave_up"
_TAIL_BYTES = 64 * 1024
"""Far more than the longest line."""


class GaveUp(Value):
    """Nothing starts the run again."""

    at_ns: Nanoseconds
    sentence: str
    """How often the run failed, of what the last time, and what to do."""


def gave_up(path: Path, last_start_ns: int | None) -> GaveUp | None:
    """The guard's last word, if that was it and no run has been started since; `last_start_ns` is the newest run's.

    A file that cannot be read says nothing: then there is the run's own status.
    """
    record = _last_record(path)
    if record is None or record.get("event") != GAVE_UP:
        return None
    try:
        at_ns = int(datetime.fromisoformat(record["at"]).timestamp() * 1e9)
        found = GaveUp(at_ns=at_ns, sentence=record.get("sentence") or record["cause"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return None if last_start_ns is not None and last_start_ns > found.at_ns else found


def _last_record(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read(_TAIL_BYTES).splitlines()
        record = json.loads(lines[-1])
    except (OSError, IndexError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
