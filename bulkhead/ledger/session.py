"""The folder that one run leaves behind, and the pointer to the current one.

    <logs_dir>/sessions/CURRENT            the id of the newest session, as text
    <logs_dir>/sessions/<session_id>/ops_metadata.json

A folder appears whole, with its metadata, or not at all.
"""

import os
import re
import shutil
from pathlib import Path

from pydantic import Field, ValidationError

from bulkhead.ledger.files import replace_text, sync_folder
from messages.values import Mode, Name, Nanoseconds, Value

METADATA_NAME = "ops_metadata.json"
POINTER_NAME = "CURRENT"
_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class SessionFolderError(OSError):
    """The folder cannot be made, found, read or written; the sentence says which and why."""


class SessionMetadata(Value):
    """What ops_metadata.json holds (OBS-530). The last fields are filled when the session ends."""

    schema_version: int = 1
    session_id: str
    mode: Mode
    venue: Name
    account_masked: str
    strategies: tuple[str, ...]
    policy_version: str = ""
    config_snapshot_id: str
    code_version: str
    seed: int
    started_ns: Nanoseconds
    is_replay: bool = False
    """A recorded tape drove it."""
    fingerprints: dict[str, str] = Field(default_factory=dict)
    """By strategy: a hash of its code, symbols and parameters. A paper record is found by it."""
    stopped_ns: Nanoseconds | None = None
    stop_reason: str | None = None
    ended_in_order: bool | None = None
    """It ran until it was told to stop, until its time or its tape was over. None: not known, or before."""
    last_seq: int | None = None
    """Of the session's last event in the ledger; with the next two, a cut-off end is noticed."""
    decision_lines: int | None = None
    decision_hash: str | None = None


class SessionFolder:
    """One session's folder. Made by `create`, found again by `open` or `latest`."""

    def __init__(self, path: Path, metadata: SessionMetadata) -> None:
        self.path = path
        self.metadata = metadata

    @classmethod
    def create(cls, logs_dir: Path, session_id: str, metadata: SessionMetadata) -> "SessionFolder":
        """Make the folder and point CURRENT at it. `logs_dir` must exist. Raises SessionFolderError."""
        if not _SESSION_ID.fullmatch(session_id) or session_id == POINTER_NAME:
            raise SessionFolderError(f"{session_id!r} cannot be a session id: it must be usable as a folder's name")
        if metadata.session_id != session_id:
            raise SessionFolderError(f"the metadata are of session {metadata.session_id!r}, not {session_id!r}")
        sessions = logs_dir / "sessions"
        path, draft = sessions / session_id, sessions / f".{session_id}.draft"
        try:
            if not logs_dir.is_dir():
                raise SessionFolderError(f"the log folder {logs_dir} does not exist; make it, or set logs_dir")
            sessions.mkdir(exist_ok=True)
            if path.exists():
                raise SessionFolderError(f"{path} exists already: a session id is used once")
            shutil.rmtree(draft, ignore_errors=True)  # what a crash in here left behind
            draft.mkdir()
            replace_text(draft / METADATA_NAME, _text(metadata))
            draft.rename(path)
            sync_folder(sessions)
            replace_text(sessions / POINTER_NAME, f"{session_id}\n")
        except SessionFolderError:
            raise
        except OSError as error:
            raise SessionFolderError(f"cannot make the session folder {path}: {error.strerror or error}") from error
        return cls(path, metadata)

    @classmethod
    def open(cls, path: Path) -> "SessionFolder":
        """Raises SessionFolderError when it is no session folder."""
        try:
            return cls(path, SessionMetadata.model_validate_json((path / METADATA_NAME).read_bytes()))
        except OSError as error:
            raise SessionFolderError(f"{path} is not a readable session folder: {error.strerror}") from error
        except ValidationError as error:
            raise SessionFolderError(f"{path / METADATA_NAME} is damaged: {error.error_count()} errors") from error

    @classmethod
    def latest(cls, logs_dir: Path) -> "SessionFolder":
        """The one that CURRENT names. Raises SessionFolderError when there is none."""
        pointer = logs_dir / "sessions" / POINTER_NAME
        try:
            session_id = pointer.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SessionFolderError(f"there is no session under {logs_dir} yet: {error.strerror}") from error
        if not _SESSION_ID.fullmatch(session_id):
            raise SessionFolderError(f"{pointer} is damaged: it does not name a session")
        return cls.open(pointer.parent / session_id)

    def finish(
        self,
        stopped_ns: int,
        reason: str,
        *,
        last_seq: int | None = None,
        decision_lines: int | None = None,
        decision_hash: str | None = None,
        ended_in_order: bool | None = None,
    ) -> None:
        """Fill in when and why the session ended, and where its files end. Raises SessionFolderError."""
        ends = {"last_seq": last_seq, "decision_lines": decision_lines, "decision_hash": decision_hash}
        ends |= {"ended_in_order": ended_in_order}
        metadata = self.metadata.model_copy(update={"stopped_ns": stopped_ns, "stop_reason": reason, **ends})
        try:
            replace_text(self.path / METADATA_NAME, _text(metadata))
        except OSError as error:
            raise SessionFolderError(f"cannot write {self.path / METADATA_NAME}: {error.strerror}") from error
        self.metadata = metadata


def session_paths(logs_dir: Path) -> tuple[Path, ...]:
    """Every session folder, by name."""
    sessions = logs_dir / "sessions"
    names = os.listdir(sessions) if sessions.is_dir() else []
    return tuple(sessions / name for name in sorted(names) if (sessions / name / METADATA_NAME).is_file())


def _text(metadata: SessionMetadata) -> str:
    return metadata.model_dump_json(indent=2) + "\n"
