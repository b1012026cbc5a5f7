"""The way out: for each target a thread of its own with a bounded queue, so that one that hangs holds up no other.

`post` never waits. A target may take minutes, refuse or raise; meanwhile its notices wait, for so long and so many as
the settings allow, and it is tried again with growing pauses. What is given up is logged with its text.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from loguru import logger

from bulkhead.monitor.alerting.alarms import Notice, Severity, TargetStatus

MAX_TOGETHER = 10
"""Notices that have waited go out in one message, so many at most: a target that comes back is not flooded."""
MAX_SIGNS = 3_500
"""Of one message: Telegram refuses more than 4,096."""
BACKOFF_MIN_S = 1.0


class Target(Protocol):
    name: str
    """May be shown to anybody."""

    def send(self, notice: Notice) -> str | None:
        """None: it was taken. Else why not, without a word of an address. May block, and may raise anything."""


class OutboxSettings(NamedTuple):
    queue_size: int = 200
    hangs_after_s: float = 30.0
    """A target that has not answered for so long counts as failing, though nobody can end its call."""
    backoff_max_s: float = 300.0
    give_up_after_s: float = 3_600.0


@dataclass(eq=False)
class _Item:
    notice: Notice
    posted_s: float
    on_verdict: Callable[[str | None], None] | None = None
    """Told of the first attempt: None for taken, else why not."""


class Outbox:
    """Starts its threads at once. They are daemons: a target that hangs for good keeps no process alive."""

    def __init__(self, targets: Iterable[Target], settings: OutboxSettings | None = None) -> None:
        self._ways = [_Way(target, settings or OutboxSettings()) for target in targets]

    def post(self, notice: Notice) -> None:
        for way in self._ways:
            way.put(_Item(notice, time.monotonic()))

    def post_test(self, notice: Notice) -> "Verdicts":
        """As `post`, and what each target says of it at the first attempt."""
        verdicts = Verdicts(way.target.name for way in self._ways)
        for way in self._ways:
            way.put(_Item(notice, time.monotonic(), verdicts.listener(way.target.name)))
        return verdicts

    def status(self) -> tuple[TargetStatus, ...]:
        return tuple(way.status() for way in self._ways)

    def close(self, patience_s: float) -> None:
        """Each target gets one more attempt at what waits; what is not out after `patience_s` is logged as lost."""
        deadline_s = time.monotonic() + patience_s
        for way in self._ways:
            way.end()
        for way in self._ways:
            way.join(max(0.0, deadline_s - time.monotonic()))


class Verdicts:
    """What each target said of one notice; filled in by their threads."""

    def __init__(self, names: Iterable[str]) -> None:
        self._changed = threading.Condition()
        self._said: dict[str, str | None] = {}
        self._names = tuple(names)

    def listener(self, name: str) -> Callable[[str | None], None]:
        def listen(why: str | None) -> None:
            with self._changed:
                self._said[name] = why
                self._changed.notify_all()

        return listen

    @property
    def are_all_in(self) -> bool:
        return len(self._said) == len(self._names)

    def items(self) -> tuple[tuple[str, str | None], ...]:
        """Of those that have said something: the name, and None for taken, else why not."""
        with self._changed:
            return tuple((name, self._said[name]) for name in self._names if name in self._said)

    def wait(self, timeout_s: float) -> dict[str, str | None]:
        """By target: None for taken, else why not."""
        with self._changed:
            self._changed.wait_for(lambda: self.are_all_in, timeout_s)
            return {name: self._said.get(name, f"no answer within {timeout_s:g} s") for name in self._names}


class _Way:
    """To one target."""

    def __init__(self, target: Target, settings: OutboxSettings) -> None:
        self.target, self._settings = target, settings
        self._changed = threading.Condition()
        self._waiting: deque[_Item] = deque()
        self._in_hand: list[_Item] = []
        self._is_ending = False
        self._attempts = 0
        self._busy_since_s: float | None = None
        self._status = TargetStatus(name=target.name)
        self._thread = threading.Thread(target=self._work, name=f"alerts:{target.name}", daemon=True)
        self._thread.start()

    def put(self, item: _Item) -> None:
        with self._changed:
            if self._is_ending:
                return
            self._waiting.append(item)
            lost = self._make_room() if len(self._waiting) > self._settings.queue_size else None
            self._changed.notify()
        if lost is not None:
            self._lose(lost, "too many wait")

    def status(self) -> TargetStatus:
        with self._changed:
            status = self._status.model_copy(update={"waiting": len(self._waiting) + len(self._in_hand)})
            busy_s = 0.0 if self._busy_since_s is None else time.monotonic() - self._busy_since_s
        if busy_s < self._settings.hangs_after_s:
            return status
        since_ns = status.failing_since_ns or time.time_ns() - int(busy_s * 1e9)
        return status.model_copy(update={"failing_since_ns": since_ns, "why": f"no answer for {busy_s:.0f} s"})

    def end(self) -> None:
        with self._changed:
            self._is_ending = True
            self._changed.notify()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            return
        with self._changed:
            left = [*self._in_hand, *self._waiting]
            self._waiting.clear()
        for item in left:
            self._lose(item, "the run has ended and it did not answer")

    # -- in the thread ------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while self._take():
            why = self._attempt()
            for item in self._in_hand:
                if item.on_verdict is not None:
                    item.on_verdict(why)
                    item.on_verdict = None
            self._note(why)
            if why is not None:
                self._give_up_old(why)

    def _take(self) -> bool:
        """Wait until something can be tried; False at the end."""
        with self._changed:
            if self._in_hand:
                pause_s = min(self._settings.backoff_max_s, BACKOFF_MIN_S * 2.0 ** min(30, self._attempts - 1))
                self._changed.wait_for(lambda: self._is_ending, pause_s)
            else:
                self._changed.wait_for(lambda: self._waiting or self._is_ending)
            urgent_first = sorted(self._waiting, key=lambda item: -item.notice.severity)
            taken = urgent_first[: MAX_TOGETHER - len(self._in_hand)]
            self._in_hand += taken
            self._waiting = deque(item for item in self._waiting if item not in taken)
            return bool(self._in_hand)

    def _attempt(self) -> str | None:
        with self._changed:
            self._busy_since_s = time.monotonic()
        try:
            return self.target.send(_together(self._in_hand))
        except Exception as error:  # noqa: BLE001 - whatever a target does, the others and the house go on
            return type(error).__name__  # its words may name the address
        finally:
            with self._changed:
                self._busy_since_s = None

    def _note(self, why: str | None) -> None:
        now_ns = time.time_ns()
        with self._changed:
            before = self._status
            if why is None:
                self._attempts = 0
                self._in_hand.clear()
                changed: dict[str, object] = {"last_sent_ns": now_ns, "failing_since_ns": None, "why": None}
            else:
                self._attempts += 1
                changed = {"failing_since_ns": before.failing_since_ns or now_ns, "why": why}
            self._status = before.model_copy(update=changed)
        if why is not None and before.failing_since_ns is None:
            logger.warning("alerts: {} takes nothing: {}", self.target.name, why)
        elif why is None and before.failing_since_ns is not None:
            logger.warning("alerts: {} takes alerts again", self.target.name)

    def _give_up_old(self, why: str) -> None:
        """What has waited too long; at the end, everything."""
        oldest_s = time.monotonic() - self._settings.give_up_after_s
        lost = [item for item in self._in_hand if self._is_ending or item.posted_s <= oldest_s]
        self._in_hand = [item for item in self._in_hand if item not in lost]
        for item in lost:
            self._lose(item, why)

    def _make_room(self) -> _Item:
        """The oldest of the least urgent goes."""
        victim = min(self._waiting, key=lambda item: item.notice.severity)
        self._waiting.remove(victim)
        return victim

    def _lose(self, item: _Item, why: str) -> None:
        with self._changed:
            self._status = self._status.model_copy(update={"lost": self._status.lost + 1})
        if item.on_verdict is not None:
            item.on_verdict(why)
        logger.error("alerts: {} was never told ({}): {}", self.target.name, why, item.notice.text)


def _together(items: list[_Item]) -> Notice:
    """The most urgent first, else as they came up; the end of what is too long is in alerts.jsonl."""
    ordered = sorted(items, key=lambda item: -item.notice.severity)
    text = "\n".join(item.notice.text for item in ordered)
    if len(text) > MAX_SIGNS:
        text = f"{text[:MAX_SIGNS]} … (cut; all of it is in alerts.jsonl)"
    return Notice(Severity(ordered[0].notice.severity), text)
