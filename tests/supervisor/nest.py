"""A nest of remote cells for the tests of child processes, and a world that takes notes."""

import os
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from messages.base import Body, Envelope, Letter
from messages.market import Trade
from messages.records import Append
from messages.supervision import TimerFired
from supervisor.runtime.process import Compartment, RemoteCell
from tests.supervisor.letters import sealed

PATIENCE_S = 10.0
TRADE = Trade(
    venue="sim",
    symbol="BTCUSDT",
    event_time_ns=1,
    received_at_ns=2,
    received_monotonic_ns=3,
    price=Decimal("100.50"),
    quantity=Decimal("0.25"),
)


def timeless(envelope: Envelope) -> Envelope:
    body = envelope.body
    if isinstance(body, Append):
        letters = [letter.model_copy(update={"envelope": timeless(letter.envelope)}) for letter in body.release]
        body = body.model_copy(update={"release": tuple(letters)})
    return envelope.model_copy(update={"at_ns": 0, "received_at_ns": 0, "body": body})


class Notes:
    """The world of a cell, written down."""

    def __init__(self, epochs: dict[str, int] | None = None) -> None:
        self.acts: list[tuple[Any, ...]] = []
        self.topics_version = 0
        self.epochs = epochs or {}
        self._told: SimpleQueue[tuple[str, Body]] = SimpleQueue()

    def now_ns(self) -> int:
        return 1

    def monotonic_ns(self) -> int:
        return 1

    def deliver(self, letter: Letter) -> None:
        self.acts.append(("deliver", letter.to, timeless(letter.envelope)))
        self._told.put((letter.to, letter.envelope.body))

    def subscribers(self, topic: str) -> tuple[str, ...]:
        return ("recorder", "strategy:b") if topic == "ticks:BTCUSDT" else ()

    def set_timer(self, owner: str, epoch: int, key: str, delay_s: float, envelope: Envelope) -> None:
        self.acts.append(("set_timer", owner, epoch, key, delay_s, timeless(envelope)))

    def cancel_timer(self, owner: str, epoch: int, key: str) -> None:
        self.acts.append(("cancel_timer", owner, epoch, key))

    def current_epoch(self, name: str) -> int:
        return self.epochs.get(name, 0)

    def child_ready(self, name: str, epoch: int) -> None:
        self.acts.append(("child_ready", name, epoch))

    def watch(self, watcher: str, epoch: int, target: str) -> None:
        self.acts.append(("watch", watcher, epoch, target))

    def unwatch(self, watcher: str, epoch: int, target: str) -> None:
        self.acts.append(("unwatch", watcher, epoch, target))

    def next_said(self) -> str:
        """The text of the next message told; waits for it."""
        return self.said_to()[1]

    def said_to(self) -> tuple[str, str]:
        to, body = self._told.get(timeout=PATIENCE_S)
        assert isinstance(body, TimerFired)
        return to, body.key

    def all_said(self) -> dict[str, str]:
        """The text last told to each address so far."""
        return dict(self.said_to() for _ in range(self._told.qsize()))


class Nest:
    """Makes remote cells and ends what is left of them."""

    def __init__(self) -> None:
        self.cells: list[RemoteCell] = []
        self.world = Notes()
        self.lines: SimpleQueue[str] = SimpleQueue()
        self.deaths: SimpleQueue[int] = SimpleQueue()

    def cell(
        self,
        factory: Callable[[], Any],
        compartment: Compartment | None = None,
        on_output: Callable[[str, str], None] | None = None,
        is_started: bool = True,
    ) -> RemoteCell:
        cell = RemoteCell(
            "strategy:a",
            3,
            factory,
            self.world,
            "seed",
            compartment or Compartment(),
            on_output or (lambda name, line: self.lines.put(line)),
            lambda: self.deaths.put(1),
        )
        self.cells.append(cell)
        if is_started:
            cell.start()
        return cell

    def next_line(self) -> str:
        """The next line that a child prints; waits for it."""
        return self.lines.get(timeout=PATIENCE_S)

    def close(self) -> None:
        for cell in self.cells:
            cell.fence()


class InThread:
    """One call in a thread of its own; what it raises is kept."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.raised: BaseException | None = None
        self._call = call
        self._thread = threading.Thread(target=self._run, name="in-thread", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.raised = error

    def join(self) -> BaseException | None:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        return self.raised


def children() -> set[str]:
    """Process ids, zombies included: a test before this one may have left what lives as long as Python does."""
    return {pid for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}


class Belongings:
    """What this process has open: descriptors, threads, children."""

    def __init__(self) -> None:
        self._fds = set(os.listdir("/proc/self/fd"))
        self._threads = set(threading.enumerate())
        self._children = children()

    def assert_nothing_is_left(self) -> None:
        left = set(threading.enumerate()) - self._threads
        for thread in left:
            thread.join(PATIENCE_S)
        assert not [thread for thread in left if thread.is_alive()]
        assert set(os.listdir("/proc/self/fd")) <= self._fds
        assert children() <= self._children  # neither a live child nor a zombie


def trade(seq: int = 0) -> Envelope:
    return sealed(TRADE, sender="market-data", seq=seq, epoch=1)
