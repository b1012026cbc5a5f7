"""What this process and whoever watches over it (systemd, `bulkhead run --guard`) say to each other.

The protocol is that of sd_notify(3): datagrams of NAME=value lines to the socket that NOTIFY_SOCKET names. Where nobody
asked to be told, everything here does nothing. Nothing raises, and nothing waits longer than SEND_TIMEOUT_S: a manager
that does not listen must not hold up trading.
"""

import ctypes
import os
import signal
import socket
from collections.abc import Mapping

from loguru import logger

SEND_TIMEOUT_S = 0.2
MAX_STATUS = 200
"""Characters of a status text; it is meant to be read in one line."""
GUARD_ENV = "BULKHEAD_GUARD"
"""`1` in a process that a guard has started."""
GUARD_PID_ENV = "BULKHEAD_GUARD_PID"
ASKED_BY_ENV = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", GUARD_ENV, GUARD_PID_ENV)
"""Variables that are meant for one process and never for its children."""
_PR_SET_PDEATHSIG = 1


class Notifier:
    """Tells a service manager how this process is. `address` None: there is none."""

    def __init__(self, address: str | None, watchdog_s: float | None = None) -> None:
        self._address = address
        self._watchdog_s = watchdog_s
        self._owes_ready = False
        self._has_failed = False

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> "Notifier":
        """For the service manager that started this process, if one did and wants to be told."""
        address = env.get("NOTIFY_SOCKET", "")
        if address[:1] not in ("/", "@") or len(address) < 2:
            return cls(None)
        is_meant = env.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        return cls(address, _seconds(env.get("WATCHDOG_USEC", "")) if is_meant else None)

    @property
    def watchdog_s(self) -> float | None:
        """`watchdog` must be called more often than this, in seconds; None when nobody counts. Half of it is usual."""
        return self._watchdog_s

    def ready(self) -> None:
        """The start is over: recovered and trading. Said again with the next words if it does not get through."""
        self._owes_ready = True
        self._send()

    def watchdog(self) -> None:
        """A sign of life. Only for a process that has made progress, else it says nothing."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The end has begun; no more signs of life are owed."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for people, as `systemctl status` shows it."""
        self._send(f"STATUS={' '.join(text.split())[:MAX_STATUS]}")

    def expect_within(self, watchdog_s: float) -> None:
        """Asks the manager to count with this interval from here on, in seconds. No-op where it does not count."""
        if self._watchdog_s is not None:
            self._send(f"WATCHDOG_USEC={int(watchdog_s * 1e6)}")

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        owed = ("READY=1",) if self._owes_ready else ()
        text = "\n".join((*owed, *lines)).encode(errors="replace")
        # A socket for each message: no descriptor that a child could inherit, and nothing to mend if the peer begins
        # anew. Connected, so that a full queue is waited for and not asked about again and again.
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
                peer.settimeout(SEND_TIMEOUT_S)
                peer.connect(self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address)
                peer.send(text)
        except OSError as error:
            if not self._has_failed:
                logger.warning("the service manager at {} cannot be told anything: {}", self._address, error)
            self._has_failed = True
            return
        self._owes_ready = self._has_failed = False


def _seconds(usec: str) -> float | None:
    return int(usec) / 1e6 if usec.isascii() and usec.isdigit() and int(usec) > 0 else None


def without_notify(env: Mapping[str, str]) -> dict[str, str]:
    """`env` for a child of this process: without what a service manager or a guard meant for this one alone."""
    return {name: value for name, value in env.items() if name not in ASKED_BY_ENV}


def end_with_parent(number: signal.Signals = signal.SIGTERM, env: Mapping[str, str] = os.environ) -> None:
    """Have the kernel send `number` to this process when its parent dies. Linux; elsewhere nothing happens.

    It counts from the thread of the parent that started this process; a guard has only one. If the guard named in `env`
    is gone already, the signal is sent now.
    """
    try:
        is_set = ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0) == 0
    except (AttributeError, OSError):
        is_set = False
    if not is_set:
        logger.warning("this process will not be told when its parent dies: the system does not offer it")
    if env.get(GUARD_PID_ENV, str(os.getppid())) != str(os.getppid()):
        os.kill(os.getpid(), number)
