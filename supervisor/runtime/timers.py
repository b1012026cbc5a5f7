"""Timers as data: a heap of (due, order, owner). Hosts decide when to look at it."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from messages.base import Envelope

TIDY_FROM = 1_024
"""Cancelled timers stay in the heap until they are due, or until this many are and they are the most of it."""


@dataclass(order=True, slots=True)
class Timer:
    due_ns: int
    order: int
    owner: str = field(compare=False)
    epoch: int = field(compare=False)
    key: str = field(compare=False)
    envelope: Envelope = field(compare=False)
    cancelled: bool = field(default=False, compare=False)


class TimerHeap:
    """Not thread-safe: the host locks. Equal due times fire in the order they were set."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._of: dict[str, dict[str, Timer]] = {}
        self._set = 0
        self._cancelled = 0

    def set(self, owner: str, epoch: int, key: str, due_ns: int, envelope: Envelope) -> None:
        """Set or replace the timer (owner, key)."""
        self.cancel(owner, key)
        timer = Timer(due_ns, self._set, owner, epoch, key, envelope)
        self._set += 1
        self._of.setdefault(owner, {})[key] = timer
        heapq.heappush(self._heap, timer)

    def cancel(self, owner: str, key: str) -> None:
        timers = self._of.get(owner)
        timer = timers.pop(key, None) if timers else None
        if timer is not None:
            self._cancel(timer)
            if not timers:
                del self._of[owner]

    def cancel_all(self, owner: str) -> None:
        """Timers end with their incarnation."""
        for timer in self._of.pop(owner, {}).values():
            self._cancel(timer)

    def _cancel(self, timer: Timer) -> None:
        timer.cancelled = True
        self._cancelled += 1
        if self._cancelled > TIDY_FROM and self._cancelled * 2 > len(self._heap):
            self._heap = [kept for kept in self._heap if not kept.cancelled]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def __len__(self) -> int:
        """Timers that will fire."""
        return sum(len(timers) for timers in self._of.values())

    def next_due_ns(self) -> int | None:
        while self._heap and self._heap[0].cancelled:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0].due_ns if self._heap else None

    def pop_due(self, now_ns: int) -> Iterator[Timer]:
        """Each timer due at `now_ns` or before, earliest first."""
        while (due := self.next_due_ns()) is not None and due <= now_ns:
            timer = heapq.heappop(self._heap)
            timers = self._of[timer.owner]
            del timers[timer.key]
            if not timers:
                del self._of[timer.owner]
            yield timer
