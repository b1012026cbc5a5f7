"""Mailbox: three lanes, first served first, shared by every incarnation of a name.

- SYSTEM before ORDER before DATA; FIFO per sender and lane; after `FAIRNESS_RUN` messages of the upper lanes in a row
  one of the DATA lane is served, so that data cannot starve for ever.
- DATA is bounded: a message with a conflation key replaces the waiting one of the same key; of the others the oldest is
  dropped and counted. SYSTEM and ORDER are not bounded here: evidence is never dropped.
- `put` never blocks and never raises. After `close` whatever arrives is refused, and the caller makes it a dead letter.
- Conservation: put = taken + conflated + dropped + refused + drained + queued.
"""

from collections import deque
from enum import Enum
from queue import Empty, SimpleQueue
from threading import Lock
from typing import NamedTuple

from messages.base import Envelope, Lane

FAIRNESS_RUN = 64
"""Messages of the upper lanes served in a row before one of data is: bounds data's wait at a few milliseconds."""


class Put(Enum):
    QUEUED = "queued"
    CONFLATED = "conflated"
    """Took the place of a waiting message of the same key."""
    OVERFLOWED = "overflowed"
    """Queued, and the oldest message of the lane was dropped for it."""
    REFUSED = "refused"
    """The mailbox is closed."""


class MailboxCounts(NamedTuple):
    put: int
    taken: int
    conflated: int
    dropped: int
    refused: int
    drained: int
    queued: int


class Mailbox:
    """Thread-safe. `data_bound`: the most that the DATA lane keeps; None keeps all (a tape waits for its reader)."""

    def __init__(self, data_bound: int | None = 10_000) -> None:
        self._lock = Lock()
        self._wakeups: SimpleQueue[None] = SimpleQueue()  # one token for each queued message; C speed, unlike Condition
        self._lanes: dict[Lane, deque[Envelope]] = {lane: deque() for lane in Lane}
        self._data_bound = data_bound
        self._newest: dict[str, Envelope] = {}
        self._closed = False
        self._upper_run = 0
        self._put = self._taken = self._conflated = self._dropped = self._refused = self._drained = 0

    def put(self, envelope: Envelope) -> Put:
        """Queue a message; says what became of it."""
        lane = envelope.body.lane
        with self._lock:
            self._put += 1
            if self._closed:
                self._refused += 1
                return Put.REFUSED
            if lane is Lane.DATA and self._data_bound is not None:
                verdict = self._put_data(envelope)
            else:
                self._lanes[lane].append(envelope)
                verdict = Put.QUEUED
        if verdict is Put.QUEUED:
            self._wakeups.put(None)
        return verdict

    def _put_data(self, envelope: Envelope) -> Put:
        key = envelope.body.conflation_key()
        if key is not None and key in self._newest:
            self._newest[key] = envelope
            self._conflated += 1
            return Put.CONFLATED
        queue = self._lanes[Lane.DATA]
        overflowed = self._data_bound is not None and len(queue) >= self._data_bound
        if overflowed:
            self._forget(queue.popleft())
            self._dropped += 1
        if key is not None:
            self._newest[key] = envelope
        queue.append(envelope)
        return Put.OVERFLOWED if overflowed else Put.QUEUED

    def _forget(self, placeholder: Envelope) -> Envelope:
        """Free the place's conflation key; returns the newest message that the place stands for."""
        if self._data_bound is None:
            return placeholder
        key = placeholder.body.conflation_key()
        return placeholder if key is None else self._newest.pop(key, placeholder)

    def take(self, timeout_s: float | None = None) -> Envelope | None:
        """Next message; waits up to `timeout_s` (None: for ever). None when time ran out or nothing is left."""
        try:
            self._wakeups.get(timeout=timeout_s)
        except Empty:
            return None
        return self._pop()

    def take_nowait(self) -> Envelope | None:
        """Next message, None when empty."""
        try:
            self._wakeups.get_nowait()
        except Empty:
            return None
        return self._pop()

    def wake(self) -> None:
        """Make one `take` return None: for telling a reader that its incarnation has ended."""
        self._wakeups.put(None)

    def _pop(self) -> Envelope | None:
        with self._lock:
            system, order, data = self._lanes[Lane.SYSTEM], self._lanes[Lane.ORDER], self._lanes[Lane.DATA]
            if system:
                self._taken += 1
                return system.popleft()
            if order and not (data and self._upper_run >= FAIRNESS_RUN):
                self._upper_run += 1
                self._taken += 1
                return order.popleft()
            self._upper_run = 0
            if data:
                self._taken += 1
                return self._forget(data.popleft())
            return None

    def close(self) -> tuple[Envelope, ...]:
        """Refuse everything from now on; returns what was still queued. Atomic against `put`."""
        with self._lock:
            self._closed = True
            left = tuple(self._forget(e) for lane in Lane for e in self._lanes[lane])
            for queue in self._lanes.values():
                queue.clear()
            self._newest.clear()
            self._drained += len(left)
        self.wake()
        return left

    def depth(self) -> int:
        return sum(len(queue) for queue in self._lanes.values())

    def oldest_ns(self) -> int | None:
        """`at_ns` of the message that has waited longest, None when empty."""
        with self._lock:
            heads = [queue[0].at_ns for queue in self._lanes.values() if queue]
        return min(heads) if heads else None

    def counts(self) -> MailboxCounts:
        with self._lock:
            queued = sum(len(queue) for queue in self._lanes.values())
            return MailboxCounts(
                self._put, self._taken, self._conflated, self._dropped, self._refused, self._drained, queued
            )
