"""One owner per ledger file: an advisory lock beside it, which the kernel releases when its holder dies.

The lock belongs to the open file, so a forked child that never execs shares it; strategies are therefore spawned.
"""

import fcntl
import os
from pathlib import Path

from bulkhead.ledger.port import LedgerInUse, LedgerUnavailable


class OwnerLock:
    """Held from construction until `release`. Raises LedgerInUse, or LedgerUnavailable where no lock can be made."""

    def __init__(self, ledger_path: Path) -> None:
        self.path = ledger_path.with_name(ledger_path.name + ".lock")
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LedgerUnavailable(f"cannot open the lock {self.path}: {error.strerror}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            in_use = _in_use(ledger_path, self._fd)
            os.close(self._fd)
            raise in_use from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def is_held(self) -> bool:
        """False once the name leads to another file, or to none: whoever locks that one owns the ledger, too."""
        if self._fd < 0:
            return False
        try:
            there = os.stat(self.path)
        except OSError:
            return False
        held = os.fstat(self._fd)
        return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)

    def release(self) -> None:
        """Idempotent. The file stays: taking it away would let two owners lock two files of one name."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def check_unowned(ledger_path: Path) -> None:
    """Look whether somebody owns the ledger, for those who only read it; makes and keeps nothing. Raises LedgerInUse.

    The look itself holds a shared lock for an instant.
    """
    try:
        fd = os.open(ledger_path.with_name(ledger_path.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        raise LedgerUnavailable(f"cannot see whether {ledger_path} is in use: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _in_use(ledger_path, fd) from None
    finally:
        os.close(fd)


def _in_use(ledger_path: Path, fd: int) -> LedgerInUse:
    text = os.pread(fd, 32, 0).strip()
    pid = int(text) if text.isdigit() else None
    who = "another process" if pid is None else f"process {pid}"
    return LedgerInUse(f"{ledger_path} is in use by {who}; stop it first", pid)
