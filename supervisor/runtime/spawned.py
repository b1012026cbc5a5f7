"""Spawned: a child process as the operating system sees it: its output, its stack, its end.

It knows nothing of what is said to the child; `process.RemoteCell` does that. One thread for each child reads what it
prints and sees it end, by a descriptor of the process itself (Linux 5.3): neither a helper that keeps the pipe open nor
a number that is used again can deceive it.
"""

import os
import select
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import monotonic

MAX_LINE_BYTES = 4_096
"""What is longer is cut."""
TAIL_LINES = 50
"""The last lines of output, kept for the report of a death."""
STACK_WAIT_S = 0.2
STACK_QUIET_S = 0.03
"""A stack that has begun to arrive is complete when nothing more comes for so long."""
KILL_WAIT_S = 2.0
"""Killed for certain, a process may still be held up in the kernel for a moment."""
_READ_BYTES = 64 * 1024
_DRAIN_READS = 32
"""Bounds what is read after the end: a pipe holds less, but a helper of the child's may go on writing."""
_WORDS = {
    signal.SIGSEGV: "segmentation fault (SIGSEGV)",
    signal.SIGBUS: "bus error (SIGBUS)",
    signal.SIGFPE: "arithmetic error (SIGFPE)",
    signal.SIGILL: "illegal instruction (SIGILL)",
    signal.SIGABRT: "aborted (SIGABRT)",
}


class LineCutter:
    """Bytes in, lines out; the part of a line beyond `MAX_LINE_BYTES` is dropped."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        *whole, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest[:MAX_LINE_BYTES]
        return [_text(line) for line in whole]

    def last(self) -> list[str]:
        """What came after the last line's end."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


def _text(line: bytes) -> str:
    return line[:MAX_LINE_BYTES].decode("utf-8", "replace")


class Spawned:
    """Starts at once. The command gets the number of the descriptor for its stack as its last argument.

    `on_line` gets each line that is printed; `on_end` is called once, when the process has been reaped, all that it
    printed has been handed on, and `ended` is set. Both are called in the child's own watching thread.
    Raises OSError if the process cannot be started.
    """

    def __init__(
        self,
        command: tuple[str, ...],
        environment: dict[str, str],
        keep_fds: tuple[int, ...],
        label: str,
        on_line: Callable[[str], None],
        on_end: Callable[[], None],
    ) -> None:
        self._on_line: Callable[[str], None] | None = on_line
        self._on_end = on_end
        self._lines = LineCutter()
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._lock = threading.Lock()  # guards the descriptors of process and stack against their closing
        self._fencing = threading.Lock()
        self._stack: str | None = None
        self.ended = threading.Event()
        self._output_fd, output_end = os.pipe()
        self._stack_fd, stack_end = os.pipe()
        # Else somebody who asks for the stack again and again, with nobody reading, would stop the child for good.
        os.set_blocking(stack_end, False)
        os.set_blocking(self._stack_fd, False)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*command, str(stack_end)],
                stdin=subprocess.DEVNULL,
                stdout=output_end,
                stderr=output_end,
                pass_fds=(*keep_fds, stack_end),
                # A group of its own, so that Ctrl-C passes it by and its helpers can be ended with it. Not a session
                # of its own: where the scheduler groups by session, `nice` would then weigh nothing against ours.
                process_group=0,
                env=environment,
            )
        except BaseException:
            os.close(self._output_fd)
            os.close(self._stack_fd)
            raise
        finally:
            os.close(output_end)
            os.close(stack_end)
        self.pid = self._process.pid
        self._watch(label)

    def _watch(self, label: str) -> None:
        try:
            self._process_fd = os.pidfd_open(self.pid)
            threading.Thread(target=self._run, name=f"{label}.process", daemon=True).start()
        except BaseException:
            self._process.kill()
            self._process.wait()
            os.close(self._output_fd)
            os.close(self._stack_fd)
            raise

    # -- for any thread ------------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """SIGKILL, unless it has ended."""
        with self._lock:
            self._signal(signal.SIGKILL)

    def end(self) -> None:
        """Kill it and wait until it has been reaped, for `KILL_WAIT_S` at most."""
        self.kill()
        self.ended.wait(KILL_WAIT_S)

    def fence(self) -> str:
        """Ask for its stack, then kill and reap it; at most about `STACK_WAIT_S`. Returns the stack, if it gave one."""
        with self._fencing:
            if self._stack is None:
                self._stack = self._ask_for_stack()
            self.end()
            return self._stack

    def words(self) -> str:
        """How it ended, for people."""
        code = self._process.returncode
        if code is None:
            return "does not end"
        if code >= 0:
            return f"exit code {code}"
        try:
            number = signal.Signals(-code)
        except ValueError:
            return f"killed by signal {-code}"
        return _WORDS.get(number, f"killed by {number.name}")

    @property
    def is_clean(self) -> bool:
        """It has ended, with exit code 0."""
        return self._process.returncode == 0

    def last_lines(self) -> str:
        """The end of what it printed; complete once `ended` is set."""
        return "\n".join(self._tail.copy())

    def _signal(self, number: signal.Signals) -> None:
        if not self.ended.is_set():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process_fd, number)

    def _ask_for_stack(self) -> str:
        with self._lock:
            if self.ended.is_set():
                return ""
            self._signal(signal.SIGUSR1)
            poll = select.poll()
            poll.register(self._stack_fd, select.POLLIN)
            found, deadline_s = b"", monotonic() + STACK_WAIT_S
            while (left_s := deadline_s - monotonic()) > 0:
                if not poll.poll(1_000 * (min(left_s, STACK_QUIET_S) if found else left_s)):
                    break
                chunk = os.read(self._stack_fd, _READ_BYTES)
                if not chunk:
                    break
                found += chunk
        return found.decode("utf-8", "replace")

    # -- its own thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._read_until_it_ends()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)  # helpers that it has left; not reaped yet, so the number is still its
        self._process.wait()
        self._drain()
        with self._lock:
            for fd in (self._output_fd, self._stack_fd, self._process_fd):
                os.close(fd)
            self.ended.set()
        self._on_end()

    def _read_until_it_ends(self) -> None:
        poll = select.poll()
        poll.register(self._process_fd, select.POLLIN)
        poll.register(self._output_fd, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll()}
            if self._output_fd in ready:
                chunk = os.read(self._output_fd, _READ_BYTES)
                self._hand_on(self._lines.feed(chunk))
                if not chunk:
                    poll.unregister(self._output_fd)
            if self._process_fd in ready:
                return

    def _drain(self) -> None:
        os.set_blocking(self._output_fd, False)
        with suppress(BlockingIOError):
            for _ in range(_DRAIN_READS):
                chunk = os.read(self._output_fd, _READ_BYTES)
                if not chunk:
                    break
                self._hand_on(self._lines.feed(chunk))
        self._hand_on(self._lines.last())

    def _hand_on(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._tail.append(line)
            if self._on_line is None:
                continue
            try:
                self._on_line(line)
            except Exception as error:  # noqa: BLE001 - with nobody reading, the child would hang on its full pipe
                self._on_line = None
                self._tail.append(f"(whoever reads this raised {type(error).__name__}: {error}; it gets no more)")
