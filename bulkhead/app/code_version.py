"""Which code this is: the installed version and, where it runs from a checkout, the commit that is checked out.

Read from git's own files, so nothing is called. Whether files were changed since that commit is not known.
"""

import importlib.metadata
import re
from functools import cache
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHOWN = 12


@cache
def code_version() -> str:
    """As `0.1.0`, or `0.1.0+0123456789ab` in a checkout."""
    version = importlib.metadata.version("bulkhead")
    commit = commit_of(Path(__file__).parents[2])
    return version if commit is None else f"{version}+{commit[:_SHOWN]}"


def commit_of(root: Path) -> str | None:
    """What is checked out in `root`; None where that is no checkout, or of a kind that is not read here."""
    git = root / ".git"
    try:
        if git.is_file():  # a worktree, or a submodule
            git = (root / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()).resolve()
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head if _COMMIT.fullmatch(head) else None
        common = git / "commondir"
        shared = (git / common.read_text(encoding="utf-8").strip()).resolve() if common.is_file() else git
        return _resolved(head.removeprefix("ref: "), (git, shared))
    except (OSError, UnicodeDecodeError):
        return None


def _resolved(ref: str, folders: tuple[Path, ...]) -> str | None:
    for folder in folders:
        loose = folder / ref
        if loose.is_file():
            found = loose.read_text(encoding="utf-8").strip()
            return found if _COMMIT.fullmatch(found) else None
    packed = folders[-1] / "packed-refs"
    lines = packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else []
    return next((line[:40] for line in lines if line[41:] == ref and _COMMIT.fullmatch(line[:40])), None)
