"""The stop latch on disk: one file for each reason that only an operator may lift.

Files, not a table: they hold when the ledger fails, and the command line can write one while every thread of the
process is wedged. One file per reason, written whole and renamed, so that two writers never overwrite each other. A
file that cannot be read counts as a reason of its own: entries stay shut and its name is shown.
"""

import hashlib
import os
import re
from pathlib import Path

from pydantic import ValidationError

from messages.failure import StopReason
from messages.values import StopLevel


class StopLatch:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path_of(self, reason_id: str) -> Path:
        """A readable name, made unique by a hash, since an id may hold any character."""
        words = re.sub(r"[^a-z0-9]+", "-", reason_id.lower()).strip("-")[:60]
        digest = hashlib.sha256(reason_id.encode()).hexdigest()[:8]
        return self._folder / f"{words}-{digest}.json"

    def write(self, reason: StopReason) -> None:
        """Durable before it returns. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self.path_of(reason.reason_id)
        scratch = target.with_suffix(f".{os.getpid()}.tmp")
        with scratch.open("w", encoding="utf-8") as file:
            file.write(reason.model_dump_json(indent=2))
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)

    def remove(self, reason_id: str) -> None:
        self.path_of(reason_id).unlink(missing_ok=True)

    def load(self, now_ns: int) -> tuple[StopReason, ...]:
        """Every reason on disk; an unreadable file is a reason itself."""
        if not self._folder.is_dir():
            return ()
        return tuple(self._read(path, now_ns) for path in sorted(self._folder.glob("*.json")))

    def _read(self, path: Path, now_ns: int) -> StopReason:
        try:
            return StopReason.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return StopReason(
                reason_id=f"unreadable:{path.name}",
                level=StopLevel.SOFT,
                cause=f"the stop latch {path.name} cannot be read; look at it, then remove it by hand",
                since_ns=now_ns,
                needs_operator=True,
            )
