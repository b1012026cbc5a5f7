"""Whole files, replaced at once: a reader sees the old text or the new one, never half of either."""

import os
from pathlib import Path

COMPANIONS = ("", "-wal", "-shm", "-journal")
"""What SQLite keeps beside a file: left there, they would be played into whatever takes its name."""


class NameTaken(OSError):
    """There is a file of that name, or a companion of one: nothing is overwritten."""


def check_name_free(path: Path) -> None:
    """Raises NameTaken, or FileNotFoundError where there is no folder to put it in."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}")
    for suffix in COMPANIONS:
        found = path.with_name(path.name + suffix)
        if found.exists() or found.is_symlink():
            raise NameTaken(f"{found} exists already, and nothing is overwritten: name another file")


def give_name(draft: Path, path: Path) -> None:
    """Put a whole, synced draft of the same file system under its name; raises NameTaken if somebody took it."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        raise NameTaken(f"{path} exists already, and nothing is overwritten: name another file") from None
    except OSError:  # a file system without links
        check_name_free(path)
        draft.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a new or renamed name in the folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_text(path: Path, text: str) -> None:
    """Raises OSError and leaves the old file as it was."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_text(text, encoding="utf-8")
        sync_file(draft)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
