"""Is the process that wrote a file still the one that runs under its pid? Linux, from /proc."""

from pathlib import Path

_START_FIELD = 22


def process_started(pid: int) -> int | None:
    """Start of the process in clock ticks since boot; None when no process has that pid, or it is a zombie.

    With the pid this names one process: a reused pid has another start.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return None
    fields = stat.rpartition(")")[2].split()  # the command's name may hold spaces and brackets
    try:
        state, started = fields[0], int(fields[_START_FIELD - 3])
    except (IndexError, ValueError):
        return None
    return None if state in ("Z", "X") else started
