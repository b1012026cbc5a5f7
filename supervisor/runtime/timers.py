"""Timers as data: a heap of (due, order, owner). Hosts decide when to look at it."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from messages.base import Envelope


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
        self._by_key: dict[tuple[str, str], Timer] = {}
        self._set = 0

    def set(self, owner: str, epoch: int, key: str, due_ns: int, envelope: Envelope) -> None:
        """Set or replace the timer (owner, key)."""
        self.cancel(owner, key)
        timer = Timer(due_ns, self._set, owner, epoch, key, envelope)
        self._set += 1
        self._by_key[owner, key] = timer
        heapq.heappush(self._heap, timer)

    def cancel(self, owner: str, key: str) -> None:
        timer = self._by_key.pop((owner, key), None)
        if timer is not None:
            timer.cancelled = True

    def cancel_all(self, owner: str) -> None:
        """Timers end with their incarnation."""
        for other, key in [pair for pair in self._by_key if pair[0] == owner]:
            self.cancel(other, key)

    def next_due_ns(self) -> int | None:
        while self._heap and self._heap[0].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0].due_ns if self._heap else None

    def pop_due(self, now_ns: int) -> Iterator[Timer]:
        """Each timer due at `now_ns` or before, earliest first."""
        while (due := self.next_due_ns()) is not None and due <= now_ns:
            timer = heapq.heappop(self._heap)
            self._by_key.pop((timer.owner, timer.key), None)
            yield timer
