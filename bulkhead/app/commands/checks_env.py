"""Whether a `.env` beside the run could get into a repository, or be read by others. Git itself is asked."""

import shutil
import stat
import subprocess
from pathlib import Path

from bulkhead.app.commands.checks import Check, fail, ok, warn

GIT_TIMEOUT_S = 10.0


def dot_env(folder: Path) -> Check:
    """Of the folder in which the run is started."""
    path = folder / ".env"
    exposed = path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077
    if exposed:
        return fail(".env", f"{path.absolute()} may be read by others than its owner", f"chmod 600 {path.absolute()}")
    git = shutil.which("git")
    if git is None or _git(git, folder, "rev-parse", "--is-inside-work-tree") != 0:
        return ok(".env", "this folder is in no git repository")
    if _git(git, folder, "ls-files", "--error-unmatch", ".env") == 0:
        return fail(
            ".env", "git keeps it: its secrets are in the repository", "`git rm --cached .env`; renew every key"
        )
    ignored = _git(git, folder, "check-ignore", "--quiet", ".env")
    if ignored == 0:
        return ok(".env", "ignored by git")
    if ignored == 1:
        return fail(".env", "not ignored by git: one `git add` would keep it for ever", "add .env to .gitignore")
    return warn(".env", "git does not say whether it is ignored", "see that .gitignore has it")


def _git(git: str, folder: Path, *words: str) -> int:
    """Its exit code; 128, as for no repository, where it cannot be asked."""
    try:
        command = [git, "-C", str(folder), *words]
        done = subprocess.run(command, capture_output=True, check=False, timeout=GIT_TIMEOUT_S)  # noqa: S603 - git
    except (OSError, subprocess.TimeoutExpired):
        return 128
    return done.returncode
