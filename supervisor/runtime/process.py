"""RemoteCell: a cell whose behaviour lives in a child process, which can be killed for real.

The mailbox, the timers and the names stay here; the child gets a message, says what its behaviour does, and says that
it is done. So the message that killed a child is exactly known, and what waits is not lost with it. What a child says
is believed only as far as it speaks for itself: each message that it sends must be sealed with its own name and epoch.

    BehaviourFailed      the behaviour raised; the child has been ended
    ProcessDied          the child has ended without having been asked to
    └── ProtocolBroken   it said what is not understood, and has been ended for it
"""

import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import NamedTuple, Protocol

from pydantic_core import to_json

from messages.base import Envelope
from supervisor.runtime.behaviour import Behaviour
from supervisor.runtime.cell import Ending, World, is_stale
from supervisor.runtime.channel import (
    MAX_TEXT_CHARS,
    BadFrame,
    Begin,
    Channel,
    ChannelClosed,
    Done,
    Failed,
    Kind,
    pack,
    plain,
    read,
)
from supervisor.runtime.compartment import Compartment, environment, importable_from, pickle_problem, pickled
from supervisor.runtime.spawned import Spawned
from supervisor.runtime.words import Words

__all__ = ["BehaviourFailed", "Compartment", "ProcessDied", "ProtocolBroken", "RemoteCell", "pickle_problem"]

MAX_FRAMES_PER_MESSAGE = 100_000
"""A behaviour that says more over one message is running away, and would fill the house's memory."""
AHEAD_NS = 5_000_000
"""How long a child goes on with what was sent ahead: a stop need not wait longer than this and one handler."""
AHEAD_BYTES = 32 * 1024
"""Sent ahead at most: a socket holds more, so neither end ever waits for the other to read."""
LAST_WORDS_S = 1.0
"""How long a child that has closed its channel may take to end: what it died of is known only then."""


class BehaviourFailed(Exception):
    """`detail` is the traceback in the child; `is_fatal`: it was a BaseException that is no Exception."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(f"{failed.error_type}: {failed.message}")
        self.error_type = failed.error_type
        self.message = failed.message
        self.detail = failed.detail[-MAX_TEXT_CHARS:]
        self.is_fatal = failed.is_fatal


class ProcessDied(Exception):
    """Says how, for example `killed by SIGKILL`; in `detail` after the last lines that it printed."""

    def __init__(self, words: str, last_lines: str = "") -> None:
        super().__init__(words)
        self.detail = f"Its last output:\n{last_lines}\n{words}" if last_lines else words


class ProtocolBroken(ProcessDied):
    pass


class _Asked(NamedTuple):
    """Sent ahead of its turn, and not answered yet."""

    number: int
    envelope: Envelope


class Surroundings(World, Protocol):
    """What a host offers to a cell in another process."""

    @property
    def topics_version(self) -> int:
        """Changes whenever somebody listens to something else."""


class RemoteCell:
    """Driven by one thread, which must live as long as the child does: the kernel ends the child with it.

    `start`, `step` and `stop` raise BehaviourFailed or ProcessDied, and what is at fault on this side as it is (a
    message that is not in the catalogue or too large). Whatever they raise, the child has been ended by then.
    `on_output(name, line)` gets each line that the child prints, and `on_death()` is called once if it dies while
    nothing is asked of it; both in a thread of the child's own, in which they must not block.
    """

    def __init__(
        self,
        name: str,
        epoch: int,
        factory: Callable[[], Behaviour],
        world: Surroundings,
        seed: str,
        compartment: Compartment,
        on_output: Callable[[str, str], None],
        on_death: Callable[[], None],
    ) -> None:
        self.name = name
        self.epoch = epoch
        self.behaviour: Behaviour | None = None
        self.ending: Ending | None = None
        self.refused_stale = 0
        self.ends_itself = False
        self.pid: int | None = None
        self._factory, self._world, self._seed, self._compartment = factory, world, seed, compartment
        self._on_output, self._on_death = on_output, on_death
        self._number = 0
        self._words = Words(name, epoch, world)
        self._asked: deque[_Asked] = deque()
        self._topics_version = world.topics_version
        self._child: Spawned | None = None
        self._channel: Channel | None = None
        self._lock = Lock()  # guards the four below
        self._is_asking = True  # until it has started, the starting thread sees every end by itself
        self._is_expected = False
        self._is_fenced = False
        self._has_ended = False

    # -- for the thread that drives it ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Spawn the child and run `on_start` there; returns when that has returned."""
        factory = pickled(self._factory)
        self._spawn()
        self._ask(Kind.BEGIN, lambda number: self._begin(number) + b"\n" + factory)

    def step(self, envelope: Envelope) -> None:
        """Have one message handled there. Commands of an incarnation that has ended are refused, evidence never is."""
        asked = self._asked
        if asked and asked[0].envelope is envelope:
            if self._hear(asked.popleft().number):
                return
            self._forgo()
        if is_stale(envelope, self._world):
            self.refused_stale += 1
            return
        self._ask(Kind.STEP, lambda number: pack((number, 0), envelope))

    def ask_ahead(self, envelopes: Sequence[Envelope]) -> None:
        """Send these before their turn, so that the child goes on while our thread waits for its own: `step` with each,
        in this order, then takes the answer.

        What the child cannot begin within AHEAD_NS it leaves, and whatever cannot be sent is met again by `step`.
        """
        ahead: list[tuple[bytes, Envelope]] = []
        until_ns = sent_bytes = 0  # the first is not ahead of anything
        for envelope in envelopes:
            try:
                payload = pack((self._number + len(ahead) + 1, until_ns), envelope)
            except Exception:  # noqa: BLE001 - raised again by its own `step`
                break
            sent_bytes += len(payload)
            if sent_bytes > AHEAD_BYTES or is_stale(envelope, self._world):
                break
            ahead.append((payload, envelope))
            until_ns = until_ns or self._world.monotonic_ns() + AHEAD_NS
        if ahead:
            self._is_asked()
            with suppress(ChannelClosed):
                for payload, envelope in ahead:
                    self._add(Kind.STEP, payload)
                    self._asked.append(_Asked(self._number, envelope))
                self._flush()

    @property
    def is_ahead(self) -> bool:
        """Something was sent before its turn, and has not had its turn."""
        return bool(self._asked)

    def stop(self, reason: str) -> None:
        """Run `on_stop` there and let the child exit; waits for that until `fence` is called."""
        self._ask(Kind.STOP, lambda number: to_json([number, reason]), is_last=True)
        child = self._child
        if child is not None:
            child.ended.wait()
            if not child.is_clean:
                raise self._obituary()

    def death(self) -> ProcessDied | None:
        """How the child has died since it was last asked something; None if it lives, or was ended on purpose."""
        with self._lock:
            is_dead = self._has_ended and not self._is_expected
        return self._obituary() if is_dead else None

    # -- for any thread ------------------------------------------------------------------------------------------------

    def fence(self) -> str:
        """Kill the child. Returns the stacks of its threads, if it has given them within 0.2 s, else nothing.

        Whoever waits for it gets ProcessDied. A child that is still to be spawned will not be.
        """
        with self._lock:
            self._is_expected = self._is_fenced = True
            child = self._child
        return child.fence() if child is not None else ""

    def _on_end(self) -> None:
        """The process has been reaped."""
        with self._lock:
            self._has_ended = True
            is_asking, channel = self._is_asking, self._channel
            must_tell = not is_asking and not self._is_expected
            if channel is not None and not is_asking:
                channel.close()
        if channel is not None and is_asking:
            channel.hang_up()  # a helper of the child's may hold the other end, and nobody would see it close
        if must_tell:
            self._on_death()

    # -- asking --------------------------------------------------------------------------------------------------------

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        try:
            with self._lock:
                if self._is_fenced:
                    raise ProcessDied("fenced before it was spawned")
                self._child = Spawned(
                    # -P: no module of the working folder may take the place of one that we import.
                    (sys.executable, "-P", "-m", "supervisor.runtime.child", str(theirs.fileno())),
                    environment(self._compartment.hidden_env),
                    (theirs.fileno(),),
                    f"{self.name}.{self.epoch}",
                    lambda line: self._on_output(self.name, line),
                    self._on_end,
                )
                self._channel = Channel(ours)
        except OSError as error:
            ours.close()
            raise ProcessDied(f"could not be spawned: {error}") from error
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.pid = self._child.pid
        with suppress(OSError):  # it may have ended already
            # At once, and not by the child itself: its start is the hungriest second of its life.
            os.setpriority(os.PRIO_PROCESS, self.pid, os.getpriority(os.PRIO_PROCESS, 0) + self._compartment.nice)

    def _begin(self, number: int) -> bytes:
        bounds = self._compartment
        begin = Begin(
            number=number,
            name=self.name,
            epoch=self.epoch,
            seed=self._seed,
            parent_pid=os.getpid(),
            sys_path=importable_from(),
            python_path=os.environ.get("PYTHONPATH"),
            memory_mb=bounds.memory_mb,
            cpus=bounds.cpus,
        )
        return begin.model_dump_json().encode()

    def _ask(self, kind: Kind, payload: Callable[[int], bytes], is_last: bool = False) -> None:
        """One question, and all that the child says until it has dealt with it."""
        self._forgo()
        self._is_asked()
        with self._ending_what_fails():
            self._add(kind, payload(self._number + 1))
            self._flush()
        if not self._hear(self._number, is_last):
            self._end()
            raise ProtocolBroken(f"left the question {self._number}, which it may not", self._last_lines())

    def _forgo(self) -> None:
        """The child has left one that was ahead, or it is to be asked something else first: so it leaves the others."""
        while self._asked:
            number = self._asked.popleft().number
            if self._hear(number):  # and whoever waits for that message would have it handled again
                self._end()
                raise ProtocolBroken(f"did what it had left: {number}", self._last_lines())

    def _is_asked(self) -> None:
        channel = self._open_channel()
        with self._lock:
            self._is_asking = True
            if self._has_ended:
                channel.close()

    def _open_channel(self) -> Channel:
        if self._channel is None:
            raise ProcessDied("was never started")
        return self._channel

    def _add(self, kind: Kind, payload: bytes) -> None:
        channel, version = self._open_channel(), self._world.topics_version
        if self._topics_version != version:
            channel.add(Kind.FORGET)
            self._topics_version = version
        channel.add(kind, payload)
        self._number += 1

    def _flush(self) -> None:
        self._open_channel().flush()

    def _hear(self, number: int, is_last: bool = False) -> bool:
        """All that the child says until it has dealt with that question. False: it has left it."""
        channel = self._open_channel()
        with self._ending_what_fails():
            is_done = self._listen(channel, number)
        if self._asked:
            return is_done
        with self._lock:
            self._is_asking = False
            self._is_expected = self._is_expected or is_last
            if self._has_ended:
                channel.close()
            must_tell = self._has_ended and not self._is_expected
        if must_tell:
            self._on_death()
        return is_done

    @contextmanager
    def _ending_what_fails(self) -> Iterator[None]:
        try:
            yield
        except ChannelClosed:
            raise self._closed() from None
        except BadFrame as error:
            self._end()
            raise ProtocolBroken(f"said what is not understood: {error}", self._last_lines()) from error
        except BaseException:
            self._end()
            raise

    def _listen(self, channel: Channel, number: int) -> bool:
        for _ in range(MAX_FRAMES_PER_MESSAGE):
            kind, payload = channel.receive()
            if self._is_fenced:
                raise ChannelClosed("nothing that it says counts any more")
            match kind:
                case Kind.FAILED:
                    raise BehaviourFailed(read(payload, Failed))
                case Kind.DONE:
                    done = read(payload, Done)
                    self._check_number(done.number, number)
                    if self.ending is None and done.ending is not None:
                        self.ending = Ending(*done.ending)
                    return True
                case Kind.LEFT:
                    self._check_number(plain(payload, int), number)
                    return False
                case _:
                    self._words.act_on(kind, payload, channel)
        raise BadFrame(f"more than {MAX_FRAMES_PER_MESSAGE} frames over one message")

    @staticmethod
    def _check_number(said: int, asked: int) -> None:
        if said != asked:
            raise BadFrame(f"an answer to {said}, and it was asked {asked}")

    # -- ending --------------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        """Whatever it is doing: it has been given up, and whoever drives it is about to be told."""
        child, channel = self._child, self._channel
        with self._lock:
            self._is_expected = True
        if child is not None:
            child.end()
        if channel is not None:
            channel.close()

    def _closed(self) -> ProcessDied:
        """The channel is closed; has the process ended by itself?"""
        child = self._child
        has_ended = child is not None and child.ended.wait(LAST_WORDS_S)
        self._end()
        return self._obituary() if has_ended else ProtocolBroken("closed its channel, and ran on", self._last_lines())

    def _obituary(self) -> ProcessDied:
        child = self._child
        words = child.words() if child is not None else "was never started"
        return ProcessDied(f"fenced: {words}" if self._is_fenced else words, self._last_lines())

    def _last_lines(self) -> str:
        return self._child.last_lines() if self._child is not None else ""
