"""The child process of one behaviour: `python -m supervisor.runtime.child CHANNEL_FD STACK_FD`, started by `process`.

It holds an ordinary Cell, whose world is the parent. It reads one question after the other, handles it, and says DONE
or FAILED; it ends with its parent, whatever it is doing. Ctrl-C and SIGTERM pass it by: a terminal or a service manager
sends them to everybody, and the parent decides in which order its children end.
"""

import ctypes
import faulthandler
import io
import os
import pickle
import resource
import signal
import socket
import sys
import traceback
from collections import deque
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import NoReturn

from pydantic_core import from_json, to_json

from messages.base import Envelope, Letter
from supervisor.runtime.behaviour import Behaviour
from supervisor.runtime.cell import Cell
from supervisor.runtime.channel import (
    MAX_DELAY_S,
    MAX_TEXT_CHARS,
    Begin,
    Channel,
    ChannelClosed,
    Done,
    Failed,
    Kind,
    pack,
    unpack,
)
from supervisor.runtime.clock import SystemClock

ORPHANED_EXIT_CODE = 81
FAILED_EXIT_CODE = 82
OUT_OF_MEMORY_SCORE = 500
"""Added to the kernel's own: short of memory it ends a behaviour before the house."""
_RESERVE_BYTES = 4 * 1024 * 1024
_PR_SET_PDEATHSIG = 1
_MB = 1024 * 1024


class CannotBegin(Exception):
    """This process cannot become the incarnation that was asked for; says what to do about it."""


class Parent:
    """The world of the cell: everything but the clock is a word to the parent. Without a parent the process ends."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._subscribers: dict[str, tuple[str, ...]] = {}
        self._early: deque[tuple[Kind, bytes]] = deque()
        """Questions that came while an answer was waited for."""
        clock = SystemClock()
        self.now_ns = clock.now_ns
        self.monotonic_ns = clock.monotonic_ns

    def say(self, kind: Kind, payload: bytes) -> None:
        """It leaves when the parent is heard next, at the latest."""
        try:
            self._channel.add(kind, payload)
        except ChannelClosed:
            leave(ORPHANED_EXIT_CODE)

    def hear(self) -> tuple[Kind, bytes]:
        """The parent's next question; before it, all that was said leaves."""
        self.flush()
        return self._early.popleft() if self._early else self._receive()

    def _receive(self) -> tuple[Kind, bytes]:
        while True:
            try:
                kind, payload = self._channel.receive()
            except ChannelClosed:
                leave(ORPHANED_EXIT_CODE)
            if kind is not Kind.FORGET:
                return kind, payload
            self._subscribers.clear()

    def flush(self) -> None:
        try:
            self._channel.flush()
        except ChannelClosed:
            leave(ORPHANED_EXIT_CODE)

    def deliver(self, letter: Letter) -> None:
        self.say(Kind.DELIVER, pack(letter.to, letter.envelope))

    def subscribers(self, topic: str) -> tuple[str, ...]:
        known = self._subscribers.get(topic)
        if known is None:
            self.say(Kind.SUBSCRIBERS, to_json(topic))
            self.flush()
            kind, payload = self._receive()
            while kind is not Kind.SUBSCRIBED:
                self._early.append((kind, payload))
                kind, payload = self._receive()
            self._subscribers[topic] = known = tuple(from_json(payload))
        return known

    def set_timer(self, owner: str, epoch: int, key: str, delay_s: float, envelope: Envelope) -> None:
        if not abs(delay_s) <= MAX_DELAY_S:  # not a number compares as False
            raise ValueError(f"a timer's delay is a number of seconds up to {MAX_DELAY_S:g}, not {delay_s}")
        self.say(Kind.SET_TIMER, pack([key, delay_s], envelope))

    def cancel_timer(self, owner: str, epoch: int, key: str) -> None:
        self.say(Kind.CANCEL_TIMER, to_json(key))

    def current_epoch(self, name: str) -> int:
        """None is refused here: the parent has compared epochs before it sent."""
        return 0

    def child_ready(self, name: str, epoch: int) -> None:
        self.say(Kind.READY, b"")

    def watch(self, watcher: str, epoch: int, target: str) -> None:
        self.say(Kind.WATCH, to_json(target))

    def unwatch(self, watcher: str, epoch: int, target: str) -> None:
        self.say(Kind.UNWATCH, to_json(target))


class Incarnation:
    """Answers the parent's questions until it is told to stop, or fails."""

    def __init__(self, parent: Parent) -> None:
        self._parent = parent
        self._cell: Cell | None = None
        self._reserve: bytearray | None = bytearray(_RESERVE_BYTES)  # room for the report of a MemoryError

    def run(self) -> None:
        """Returns after an ordered stop."""
        is_over = False
        while not is_over:
            kind, payload = self._parent.hear()
            try:
                answer, is_over = self._answer(kind, payload), kind is Kind.STOP
            except BaseException as error:  # noqa: BLE001 - the parent makes it the one report of this death
                self._fail(error)
            self._parent.say(*answer)
        self._parent.flush()

    def _answer(self, kind: Kind, payload: bytes) -> tuple[Kind, bytes]:
        cell = self._cell
        if kind is Kind.BEGIN:
            words, _, pickled = payload.partition(b"\n")
            begin = Begin.model_validate_json(words)
            number = begin.number
            self._cell = cell = cell_of(begin, pickled, self._parent)
            cell.start()
        elif cell is None:
            raise CannotBegin(f"{kind.name} came before BEGIN")
        elif kind is Kind.STOP:
            number, reason = from_json(payload)
            cell.stop(reason)
        else:
            (number, until_ns), envelope = unpack(payload)
            if cell.ending is not None or 0 < until_ns < self._parent.monotonic_ns():
                return Kind.LEFT, to_json(number)
            cell.step(envelope)
        return Kind.DONE, Done(number=number, ending=cell.ending).model_dump_json().encode()

    def _fail(self, error: BaseException) -> NoReturn:
        self._reserve = None
        try:
            report = report_of(error, "".join(traceback.format_exception(error)))
        except BaseException:  # noqa: BLE001 - out of memory again, or an error that cannot be shown: then without
            traceback.clear_frames(error.__traceback__)
            report = report_of(error, "")
        flush()
        self._parent.say(Kind.FAILED, report)
        self._parent.flush()
        leave(FAILED_EXIT_CODE)


def report_of(error: BaseException, detail: str) -> bytes:
    """The payload of FAILED; bounded, and text that can be encoded whatever the error says."""
    try:
        message = str(error)
    except BaseException as broken:  # noqa: BLE001 - an error's own words may be at fault too
        message = f"(its text cannot be made: {type(broken).__name__})"
    limit_bytes, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if isinstance(error, MemoryError) and not message and limit_bytes != resource.RLIM_INFINITY:
        message = f"the {limit_bytes // _MB} MiB of its compartment are used up"
    return (
        Failed(
            error_type=type(error).__name__,
            message=_plain(message[:MAX_TEXT_CHARS]),
            detail=_plain(detail[-MAX_TEXT_CHARS:]),
            is_fatal=not isinstance(error, Exception),
        )
        .model_dump_json()
        .encode()
    )


def _plain(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def cell_of(begin: Begin, pickled: bytes, parent: Parent) -> Cell:
    """Raises CannotBegin, or what the factory raises."""
    if os.getppid() != begin.parent_pid:
        leave(ORPHANED_EXIT_CODE)  # it died before we could ask to die with it
    sys.path[:] = begin.sys_path
    os.environ.pop("PYTHONPATH", None)
    if begin.python_path is not None:
        os.environ["PYTHONPATH"] = begin.python_path
    confine(begin)
    try:
        factory = pickle.loads(pickled)  # noqa: S301 - the parent's own, and the only pickle there is
    except Exception as error:
        raise CannotBegin(
            f"the factory cannot be read in the child process ({type(error).__name__}: {error}); all that it names must"
            " be importable there by the same name: keep it in a module on sys.path, and install what that imports"
        ) from error
    behaviour: object = factory()
    if not isinstance(behaviour, Behaviour):
        raise CannotBegin(
            f"the factory made a {type(behaviour).__name__}; it must return a Behaviour (supervisor.runtime.behaviour)"
        )
    if behaviour.ends_itself:
        raise CannotBegin(f"{type(behaviour).__name__} ends itself, as a supervisor does; run it on a thread")
    return Cell(begin.name, begin.epoch, behaviour, parent, Random(begin.seed))  # noqa: S311 - replayable, not secret


def confine(begin: Begin) -> None:
    """Put the compartment in force, for good. Raises CannotBegin."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if begin.memory_mb is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = begin.memory_mb * _MB if hard == resource.RLIM_INFINITY else min(begin.memory_mb * _MB, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    if begin.cpus is not None:
        try:
            os.sched_setaffinity(0, begin.cpus)
        except OSError as error:
            raise CannotBegin(f"cpus {begin.cpus}: none of them may be used here ({error.strerror})") from error
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OUT_OF_MEMORY_SCORE), encoding="ascii")


def leave(code: int) -> NoReturn:
    """End at once: nothing of the behaviour's may hold the process up, or catch this."""
    flush()
    os._exit(code)


def flush() -> None:
    """So that the begin of a line is not lost."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # whatever the behaviour may have put in its place
            stream.flush()


def end_with_parent() -> None:
    """Be killed when the thread that spawned us ends, and so with its process. Linux; elsewhere the channel's end
    must do, which is seen between two messages only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: list[str]) -> None:
    channel_fd, stack_fd = map(int, arguments)
    for fd in (channel_fd, stack_fd):
        os.set_inheritable(fd, False)  # not for the behaviour's own children
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, file=stack_fd, all_threads=True)
    end_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A handler that does nothing: to ignore the signal would be passed on to the behaviour's own children.
        signal.signal(number, lambda number, frame: None)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    Incarnation(Parent(Channel(socket.socket(fileno=channel_fd)))).run()


if __name__ == "__main__":
    main(sys.argv[1:])
