"""`bulkhead run --guard`: a small parent that starts the run again when it dies or hangs.

It decides nothing: guard_rules.py does. Here are the child process, the socket on which it speaks (sd_notify, as to
systemd), our own signals, guard.jsonl and the words on stderr. One thread, which waits for whichever comes first of a
message, the child's end, a signal and the next deadline.

Ctrl-C: the child has a session of its own, so a Ctrl-C in the terminal reaches the guard alone, which passes it on as
one SIGINT: one ordered stop. A second one ends the child at once. The child keeps stdout and stderr, and with them its
live panel and colours; it has no standard input. Ctrl-Z stops the guard alone: the run trades on, unguarded meanwhile.

A guard that is killed takes the child along in order: the child has asked the kernel for a SIGTERM then
(`end_with_parent`). What a child leaves behind in its process group is killed before it is started again.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Self

import typer

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.guard_rules import Action, Event, Guard, Leave, Note, Rules, Send, Start, Tell, Word
from bulkhead.app.notify import GUARD_ENV, GUARD_PID_ENV, Notifier, without_notify
from bulkhead.app.settings import Settings
from bulkhead.monitor.guard_log import FILE_NAME, GAVE_UP

CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MAX_MESSAGE = 4096
MAX_MESSAGES_A_TURN = 256
"""So that a child which never stops talking cannot keep us from our deadlines."""
_OWN_OPTIONS = ("guard", "watchdog_s")
_CREDENTIALS = struct.Struct("3i")
"""pid, uid and gid of the sender, filled in by the kernel."""
_SHOW_CURSOR = "\x1b[?25h\n"


def guard_run(context: typer.Context, settings: Settings, watchdog_s: float | None) -> int:
    """Guard the run that `context` asks for; its exit code. Raises Stopped when a restart could do harm."""
    if context.params.get("replay_ticks"):
        raise Stopped(ExitCode.CONFIG, "a tape begins anew with each start: leave out --guard, or --replay-ticks")
    if settings.session.fresh_ledger:
        sentence = "session.fresh_ledger = true would forget open orders at each restart: leave out --guard, or set it"
        raise Stopped(ExitCode.CONFIG, f"{sentence} to false")
    # -P: `-m` alone would look for our packages in the current directory first, which is the user's.
    command = (sys.executable, "-P", "-m", "bulkhead", *arguments_of(context))
    rules = Rules() if watchdog_s is None else Rules(watchdog_s=watchdog_s)
    left = guard(command, settings.session.logs_dir, rules)
    if left.sentence:
        _say(f"bulkhead: {left.sentence}\n")
        from bulkhead.app.alerting import last_word  # the guard itself stays small

        last_word(settings, f"{left.sentence}; nothing trades, and nothing is watched over")
    return left.code


def arguments_of(context: typer.Context) -> list[str]:
    """The same command line without the guard's own options, from what was understood of it."""
    arguments = [context.info_name or "run"]
    for option in context.command.params:
        value = context.params.get(option.name or "")
        if option.name in _OWN_OPTIONS or value is None or value is False:
            continue
        for each in value if isinstance(value, list | tuple) else [value]:
            arguments += [option.opts[0]] if each is True else [option.opts[0], str(each)]
    return arguments


def guard(
    command: Sequence[str], logs_dir: Path, rules: Rules | None = None, env: Mapping[str, str] = os.environ
) -> Leave:
    """Keep `command` running until it ends for good or we are told to stop. In the main thread only.

    Raises Stopped when no socket can be made for it.
    """
    with ExitStack() as stack:
        address, inbox = stack.enter_context(_inbox())
        signals = stack.enter_context(_caught_signals())
        rules = rules or Rules()
        child_env = {
            **without_notify(env),
            "NOTIFY_SOCKET": address,
            "WATCHDOG_USEC": str(int(rules.watchdog_s * 1e6)),
            GUARD_ENV: "1",
            GUARD_PID_ENV: str(os.getpid()),
            "PYTHONFAULTHANDLER": "1",  # a crash in C leaves its stacks on stderr
        }
        rng = Random(time.time_ns())  # noqa: S311 - backoff jitter, not a secret
        child = stack.enter_context(_Child(command, child_env))
        shell = _Shell(Guard(rules, rng), child, inbox, signals, Journal(logs_dir), Notifier.from_environment(env))
        return shell.run()


class _Child:
    """One incarnation after the other. `pid` is None while there is none."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self._command, self._env = command, env
        self._process: subprocess.Popen[bytes] | None = None
        self.pidfd: int | None = None
        """Readable once it has ended."""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Raises OSError."""
        self._process = subprocess.Popen(  # noqa: S603 - the command is ours
            self._command, env=self._env, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            self.pidfd = os.pidfd_open(self._process.pid)
        except OSError:  # one that cannot be watched must not run beside the next
            self._process.kill()
            self.reap()
            raise

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.pidfd is not None:
                signal.pidfd_send_signal(self.pidfd, number)

    def reap(self) -> int:
        """Exit code of the one that has ended, or its signal with a minus. Whatever else was in its group goes too."""
        process = self._process
        if process is None:
            raise RuntimeError("nothing runs that could have ended")
        # Before it is reaped: until then nobody else can have the group's id.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        self._forget()
        return code

    def _forget(self) -> None:
        if self.pidfd is not None:
            os.close(self.pidfd)
        self._process = self.pidfd = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """If the guard itself fails: an ordered end for the child."""
        self.send(signal.SIGTERM)
        self._forget()


class _Shell:
    """Waits, hands what happens to the rules, and does what they say."""

    def __init__(
        self,
        rules: Guard,
        child: _Child,
        inbox: socket.socket,
        signals: socket.socket,
        journal: "Journal",
        notifier: Notifier,
    ) -> None:
        self._guard, self._child, self._inbox, self._signals = rules, child, inbox, signals
        self._journal, self._notifier = journal, notifier
        self._selector = selectors.DefaultSelector()
        self._left: Leave | None = None
        self._pid: int | None = None
        """Of the latest child, also after its end."""

    def run(self) -> Leave:
        with self._selector:
            self._selector.register(self._inbox, selectors.EVENT_READ)
            self._selector.register(self._signals, selectors.EVENT_READ)
            while self._left is None:
                self._turn()
        return self._left

    def _turn(self) -> None:
        due_ns = self._guard.due_ns
        timeout_s = None if due_ns is None else max(0.0, (due_ns - time.monotonic_ns()) / 1e9)
        ready = {key.fileobj for key, _ in self._selector.select(timeout_s)}
        # The clock is read before the messages: after a Ctrl-Z or a busy moment of the machine, what the child said
        # meanwhile counts before a deadline that went by while nobody listened.
        now_ns = time.monotonic_ns()
        for event in self._messages():
            self._feed(event, now_ns)
        if self._signals in ready:
            for number in self._signals.recv(64):
                event = Event.INTERRUPTED if number == signal.SIGINT else Event.ASKED
                self._feed(event, now_ns, number)
        if self._child.pidfd is not None and self._child.pidfd in ready:
            self._selector.unregister(self._child.pidfd)
            self._feed(Event.ENDED, now_ns, self._child.reap())
        if self._left is None and self._guard.due_ns is not None and self._guard.due_ns <= now_ns:
            self._feed(Event.DUE, now_ns)

    def _messages(self) -> Iterator[Event]:
        """What the child has said since the last turn; others may write to the socket and are not listened to."""
        for _ in range(MAX_MESSAGES_A_TURN):
            try:
                data, ancillary, _, _ = self._inbox.recvmsg(MAX_MESSAGE, socket.CMSG_SPACE(_CREDENTIALS.size))
            except BlockingIOError:
                return
            if self._child.pid is None or _sender(ancillary) != self._child.pid:
                continue
            for line in data.decode(errors="replace").splitlines():
                if line in _SAID:
                    yield _SAID[line]
                elif line.startswith("STATUS="):
                    self._notifier.status(line.removeprefix("STATUS="))

    def _feed(self, event: Event, now_ns: int, number: int = 0) -> None:
        for action in self._guard.handle(event, now_ns, number):
            self._do(action, now_ns)

    def _do(self, action: Action, now_ns: int) -> None:
        match action:
            case Start():
                self._start(now_ns)
            case Send():
                self._child.send(action.signal)
            case Note():
                self._note(action)
            case Tell():
                self._tell(action.word)
            case Leave():
                self._left = action

    def _start(self, now_ns: int) -> None:
        try:
            self._child.start()
        except OSError as error:
            _say(f"guard: the run cannot be started: {error.strerror or error}\n")
            self._feed(Event.ENDED, now_ns, ExitCode.ERROR)
            return
        if self._child.pidfd is not None:
            self._selector.register(self._child.pidfd, selectors.EVENT_READ)
        self._pid = self._child.pid
        self._note(Note("started", "the guard starts it", None, self._guard.restarts(now_ns)))

    def _note(self, note: Note) -> None:
        self._journal.append(note, self._pid)
        if note.sentence is not None:
            self._notifier.status(f"gave up: {note.sentence}")
        if note.event != "restarting":
            return
        sentence = (
            f"{note.cause}; restart {note.restarts_in_window} of {self._guard.rules.budget.intensity} in"
            f" {note.delay_s or 0.0:.1f} s"
        )
        # A panel that was killed has left the cursor hidden, and stands in the middle of a line.
        cursor = _SHOW_CURSOR if sys.stdout.isatty() else ""
        _say(f"{cursor}{_utc()} guard: the run (process {self._pid}) is down: {sentence}\n")
        self._notifier.status(f"the run is down: {sentence}")

    def _tell(self, word: Word) -> None:
        notifier, rules = self._notifier, self._guard.rules
        match word:
            case Word.READY:
                notifier.ready()
                notifier.expect_within(notifier.watchdog_s or 0.0)
            case Word.BEAT:
                notifier.watchdog()
            case Word.STOPPING:
                notifier.stopping()
            case Word.AWAY:
                notifier.expect_within(rules.stop_deadline_s + rules.backoff.max_s + rules.start_deadline_s)


class Journal:
    """`guard.jsonl`: what the guard has seen and done, one JSON object a line. A failed write never ends the guard."""

    def __init__(self, logs_dir: Path) -> None:
        self._path = logs_dir / FILE_NAME
        self._waiting: list[str] = []
        self._has_failed = False

    def append(self, note: Note, pid: int | None) -> None:
        self._waiting.append(json.dumps({"at": _utc(), "pid": pid, **asdict(note)}))
        # A run that is refused writes nothing, so nothing is written of it either: the folder is made by the run.
        if self._path.parent.is_dir() or note.event in ("restarting", GAVE_UP):
            self._write()

    def _write(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in self._waiting))
        except OSError as error:
            if not self._has_failed:
                _say(f"guard: {self._path} cannot be written: {error.strerror or error}\n")
            self._has_failed = True
        self._waiting.clear()


_SAID = {"READY=1": Event.READY, "WATCHDOG=1": Event.BEAT, "STOPPING=1": Event.STOPPING}


def _sender(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS) and len(data) >= _CREDENTIALS.size:
            pid: int = _CREDENTIALS.unpack_from(data)[0]
            return pid
    return None


@contextmanager
def _inbox() -> Iterator[tuple[str, socket.socket]]:
    """A datagram socket in a folder that nobody else may enter, and its address. Raises Stopped."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bulkhead-guard-"))
            inbox = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
            inbox.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            inbox.bind(address := os.path.join(folder, "notify"))
        except OSError as error:
            sentence = f"the guard's socket cannot be made ({error.strerror or error}); set TMPDIR to a short folder"
            raise Stopped(ExitCode.ERROR, f"{sentence} that can be written") from None
        yield address, inbox


@contextmanager
def _caught_signals() -> Iterator[socket.socket]:
    """The numbers of signals that came, as bytes to read. A SIGHUP that is ignored (nohup) stays ignored."""
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)
        is_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        caught = [number for number in CAUGHT if not (is_nohup and number == signal.SIGHUP)]
        wakeup = signal.set_wakeup_fd(writer.fileno())
        before = {number: signal.signal(number, lambda *_: None) for number in caught}
        try:
            yield reader
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)


def _utc() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _say(text: str) -> None:
    """On stderr, if somebody still reads it."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
