"""The stop latch on disk: one file for each reason that only an operator may lift.

Files, not a table: they hold when the ledger fails, and the command line can write one while every thread of the
process is wedged. One file per reason, written whole, renamed and synced with its folder, so that two writers never
overwrite each other. What cannot be understood (damaged, of a newer version, not to be opened, no folder at all where
one should be) counts as a reason of its own that lets cancels out and nothing else: nobody knows how strict it was.
"""

import hashlib
import json
import os
import re
import stat
from pathlib import Path
from typing import Any

from messages.failure import StopReason
from messages.values import StopLevel, StopPlan

FORMAT_VERSION = 1
"""Of what is written. A file without one is of the time before there were versions: the bare reason."""
UNREADABLE = "unreadable:"
"""Begins the id of a reason that stands for a file which cannot be understood."""
SUFFIX = ".json"
SET_ASIDE = ".set-aside"
"""Behind the name of a file that an operator has put away: kept, and no stop any more."""
MAX_BYTES = 1_000_000
"""A reason is a few hundred bytes; what is larger was written by nobody of ours."""


class NewerFormat(ValueError):
    """The file is of a version that this code does not know."""


class StopLatch:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path_of(self, reason_id: str) -> Path:
        """A readable name, made unique by a hash, since an id may hold any character."""
        words = re.sub(r"[^a-z0-9]+", "-", reason_id.lower()).strip("-")[:60]
        digest = hashlib.sha256(reason_id.encode()).hexdigest()[:8]
        return self.folder / f"{words}-{digest}{SUFFIX}"

    def write(self, reason: StopReason) -> None:
        """Durable before it returns. Raises OSError."""
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            sync_folder(self.folder.parent)
        target = self.path_of(reason.reason_id)
        scratch = target.with_suffix(f".{os.getpid()}.tmp")
        with scratch.open("w", encoding="utf-8") as file:
            file.write(text_of(reason))
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)
        sync_folder(self.folder)

    def remove(self, reason_id: str) -> None:
        """Durable before it returns. A file that is not there is none. Raises OSError."""
        try:
            self.path_of(reason_id).unlink()
        except FileNotFoundError:
            return
        sync_folder(self.folder)

    def set_aside(self, reason_id: str) -> None:
        """Put the file away that an `unreadable:` reason stands for; it is kept under another name. Raises OSError."""
        path = self.folder / reason_id.removeprefix(UNREADABLE)
        if path.parent != self.folder:
            raise FileNotFoundError(f"{path} is no file of {self.folder}")
        path.replace(path.with_name(f"{path.name}{SET_ASIDE}"))
        sync_folder(self.folder)

    def names(self) -> tuple[str, ...]:
        """Of the files that stop something, sorted. Raises OSError, FileNotFoundError where there is no folder."""
        with os.scandir(self.folder) as found:
            return tuple(sorted(entry.name for entry in found if entry.name.endswith(SUFFIX)))

    def load(self, now_ns: int) -> tuple[StopReason, ...]:
        """Every reason on disk; what cannot be understood is a reason itself."""
        try:
            names = self.names()
        except FileNotFoundError:
            return ()
        except OSError as error:
            return (self.unreadable("", f"the folder {self.folder} cannot be read ({error.strerror})", now_ns),)
        found = (self.read(name, now_ns) for name in names)
        return tuple(reason for reason in found if reason is not None)

    def read(self, name: str, now_ns: int) -> StopReason | None:
        """The reason in one file; None when it has gone meanwhile. Raises nothing."""
        path = self.folder / name
        try:
            return reason_of(_content_of(path))
        except FileNotFoundError:
            if not path.is_symlink():
                return None
        except NewerFormat as error:
            return self.unreadable(name, f"the stop latch {name} is of a newer version ({error})", now_ns)
        except (OSError, ValueError, RecursionError):
            pass  # all of them are one to whoever must look at it
        return self.unreadable(name, f"the stop latch {name} cannot be read", now_ns)

    @staticmethod
    def unreadable(name: str, what: str, now_ns: int) -> StopReason:
        return StopReason(
            reason_id=f"{UNREADABLE}{name}",
            level=StopLevel.HARD,
            plan=StopPlan.NONE,
            cause=f"{what}: cancels only, until an operator has looked at it",
            since_ns=now_ns,
            needs_operator=True,
        )


def _content_of(path: Path) -> bytes:
    """Raises OSError, ValueError. A pipe of that name must not hold up whoever looks right before a write."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("no file")
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"longer than {MAX_BYTES} bytes")
    return content


def text_of(reason: StopReason) -> str:
    return json.dumps({"format_version": FORMAT_VERSION, "reason": reason.model_dump(mode="json")}, indent=2)


def reason_of(content: bytes) -> StopReason:
    """Raises ValueError, NewerFormat among them."""
    read: Any = json.loads(content)
    if not isinstance(read, dict):
        raise ValueError(f"not an object but {type(read).__name__}")
    if "format_version" not in read:
        return StopReason.model_validate(read)
    version = read["format_version"]
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"no version: {version!r}")
    if version > FORMAT_VERSION:
        raise NewerFormat(f"{version}, this one reads {FORMAT_VERSION}")
    return StopReason.model_validate(read.get("reason"))


def sync_folder(folder: Path) -> None:
    """A rename is on disk once its folder is. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
