"""Sees stop reasons that somebody else has latched, also while every actor of this process hangs.

The last look before each write costs one `stat` of the folder: a file that comes or goes changes its time. Between
writes a thread of the run looks (`bulkhead/app/stop_thread.py`). A new file shuts the gate. One that has gone opens
nothing: only `resume` does, by the gate itself; a folder that was deleted must not be an order to trade.
"""

import os
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple, Protocol

from messages.failure import StopReason
from messages.orders import OrderTicket
from supervisor.gate import Gate, Voice
from supervisor.latch import StopLatch

RECENT_NS = 20_000_000
"""File systems stamp by the tick of the kernel's clock, 10 ms at the coarsest: a folder that has changed within the
same tick looks unchanged, so one as young as this is read again."""


class Shutter(Protocol):
    """What is moved by a reason that was found: the gate."""

    def shut(self, reason: StopReason, *, by: Voice | None, is_latched: bool = False) -> bool: ...


class Taken(NamedTuple):
    """A reason that was found on disk and is in force here."""

    file_name: str
    """Empty: the folder itself, which cannot be read."""
    reason: StopReason


class _Stamp(NamedTuple):
    """Of the folder, or of one file in it."""

    mtime_ns: int
    inode: int


class LatchWatch:
    """The gate's own latch, and its eye on what others put there. Thread-safe.

    `now_ns` is the trading clock, for a reason that does not say itself since when it stands; `wall_ns` is the clock
    that the file system stamps by."""

    def __init__(self, latch: StopLatch, now_ns: Callable[[], int], wall_ns: Callable[[], int]) -> None:
        self._latch = latch
        self._folder = str(latch.folder)
        self._now_ns = now_ns
        self._wall_ns = wall_ns
        self._lock = Lock()
        self._gate: Shutter | None = None
        self._settled: _Stamp | None = None
        """The folder's when it was last read, once that is long enough ago to be told from what comes later."""
        self._read: dict[str, _Stamp] = {}
        """Files whose reason is in force, or was when we wrote them."""
        self._trouble: str | None = None
        self.on_taken: Callable[[Taken], None] = lambda taken: None
        """Told of each, in the thread that found it, once it is in force."""

    def serve(self, gate: Shutter) -> None:
        """From now on what is found shuts this gate."""
        self._gate = gate

    # -- the gate's latch ---------------------------------------------------------------------------------------------

    def write(self, reason: StopReason) -> None:
        """Raises OSError."""
        with self._lock:
            self._latch.write(reason)
            path = self._latch.path_of(reason.reason_id)
            self._read[path.name] = _stamp_of(str(path))

    def remove(self, reason_id: str) -> None:
        """A file that somebody has put there since it was read stays: the next look takes it. Raises OSError."""
        path = self._latch.path_of(reason_id)
        with self._lock:
            try:
                if path.name in self._read and _stamp_of(str(path)) != self._read[path.name]:
                    return
            except FileNotFoundError:
                pass
            self._latch.remove(reason_id)
            self._read.pop(path.name, None)

    # -- what others latch --------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Shut the gate by whatever is new. Raises nothing: what cannot be looked at stops, too."""
        try:
            stamp = self._folder_stamp()
            if stamp != self._settled:
                self._read_folder()
            self._trouble = None
        except FileNotFoundError:
            return  # nothing was ever latched; or it was, and is in force from memory
        except OSError as error:
            trouble = f"the folder {self._folder} cannot be read ({error.strerror})"
            is_told, self._trouble = self._trouble == trouble, trouble
            self._shut(Taken("", self._latch.unreadable("", trouble, self._now_ns())), is_told=is_told)

    def _read_folder(self) -> None:
        """Raises OSError. What is new is marked as read only once it is in force, so that no other thread that looks
        meanwhile passes it by."""
        with self._lock:
            stamp, began_ns = self._folder_stamp(), self._wall_ns()
            found = self._stamps()
            new = [name for name, at in found.items() if self._read.get(name) != at]
        for name in new:
            reason = self._latch.read(name, self._now_ns())
            if reason is not None:
                self._shut(Taken(name, reason), is_told=False)
        with self._lock:
            self._read = {name: at for name, at in self._read.items() if name in found} | found
            self._settled = stamp if abs(began_ns - stamp.mtime_ns) > RECENT_NS else None

    def _folder_stamp(self) -> _Stamp:
        found = os.stat(self._folder)  # it may be a link; the files in it must not be
        return _Stamp(found.st_mtime_ns, found.st_ino)

    def _stamps(self) -> dict[str, _Stamp]:
        found = {}
        for name in self._latch.names():
            try:
                found[name] = _stamp_of(f"{self._folder}/{name}")
            except FileNotFoundError:
                continue  # lifted while we looked
        return found

    def _shut(self, taken: Taken, *, is_told: bool) -> None:
        if self._gate is None:
            raise RuntimeError("serve() comes before look()")
        self._gate.shut(taken.reason, by=None, is_latched=True)
        if not is_told:
            self.on_taken(taken)


def _stamp_of(path: str) -> _Stamp:
    found = os.lstat(path)
    return _Stamp(found.st_mtime_ns, found.st_ino)


class WatchedGate:
    """The gate, asked right before a write: first whatever was latched from outside is in force."""

    def __init__(self, gate: Gate, watch: LatchWatch) -> None:
        self._gate = gate
        self._watch = watch

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int, strategy_id: str | None) -> str | None:
        self._watch.look()
        return self._gate.refusal(ticket, issuer, epoch, strategy_id)
