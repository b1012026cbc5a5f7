"""Mailbox: three lanes, first served first, shared by every incarnation of a name.

- SYSTEM before ORDER before DATA; FIFO per sender and lane; after `FAIRNESS_RUN` messages of the upper lanes in a row
  one of the DATA lane is served, so that data cannot starve for ever.
- DATA is bounded: a message with a conflation key replaces the waiting one of the same key; of the others the oldest is
  dropped and counted.
- ORDER never drops: evidence is kept whatever happens. Over `order_bound` the mailbox is flooded, which the host tells
  whoever can stop the source. Bodies that need credit (intents) are refused with BUSY over `intent_bound`.
- `put` never blocks and never raises. After `close` whatever arrives is refused, and the caller makes it a dead letter.
- Only the incarnation that `hand_to` named may take: a stale reader gets nothing, and loses nothing.
- Conservation: put = taken + conflated + dropped + busy + refused + drained + queued.

`put` takes no lock on its way into the SYSTEM and ORDER lanes: `deque.append` and `SimpleQueue.put` are atomic, and a
lock there costs four fifths of the throughput, spent in handing the interpreter to and fro (`bulkhead bench`).
"""

from collections import deque
from collections.abc import Sequence
from enum import Enum
from itertools import count
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
    FLOODED = "flooded"
    """Queued, and the order lane is over its bound now."""
    BUSY = "busy"
    """Not queued: too many that need credit wait already."""
    REFUSED = "refused"
    """The mailbox is closed."""


class Bounds(NamedTuple):
    """The most that may wait, per mailbox."""

    data: int | None = 10_000
    """Of the DATA lane; None keeps all and conflates nothing: a tape waits for its reader."""
    intents: int = 1_000
    orders: int = 10_000
    """Over this the order lane counts as flooded, until half of it is worked off; nothing is dropped."""


class MailboxCounts(NamedTuple):
    put: int
    taken: int
    conflated: int
    dropped: int
    busy: int
    refused: int
    drained: int
    queued: int


class Mailbox:
    """Thread-safe, for one reader at a time."""

    def __init__(self, bounds: Bounds = Bounds()) -> None:  # noqa: B008 - immutable
        self._data_bound, self._intent_bound, self._order_bound = bounds
        self._lock = Lock()
        self._wakeups: SimpleQueue[None] = SimpleQueue()  # one token for each queued message; C speed, unlike Condition
        self._wake = self._wakeups.put
        self._system: deque[Envelope] = deque()
        self._order: deque[Envelope] = deque()
        self._data: deque[Envelope] = deque()
        self._newest: dict[str, Envelope] = {}
        self._reader = 0
        self._closed = False
        self._upper_run = 0
        self._intents = 0
        self._flooded = False
        self._late: list[Envelope] = []  # put while it closed, until their senders have learnt of it
        self._puts = count()
        self._reads_of_puts = 0
        self._taken = self._conflated = self._dropped = self._busy = self._refused = self._drained = 0

    # -- writing ------------------------------------------------------------------------------------------------------

    def put(self, envelope: Envelope) -> Put:
        """Queue a message; says what became of it."""
        body = envelope.body
        lane = body.lane
        next(self._puts)
        verdict = Put.QUEUED
        if lane is Lane.ORDER:
            if body.is_refusable and body.needs_credit and not self._has_credit():
                return Put.BUSY
            self._order.append(envelope)
            if len(self._order) > self._order_bound and not self._flooded:
                self._flooded = True
                verdict = Put.FLOODED
        elif lane is Lane.SYSTEM:
            self._system.append(envelope)
        elif self._data_bound is None or (not body.is_conflated and len(self._data) < self._data_bound):
            self._data.append(envelope)
        else:
            verdict = self._put_bounded(envelope, self._data_bound)
            if verdict is Put.CONFLATED:
                return verdict
        if self._closed and self._takes_back(envelope):
            return Put.REFUSED
        if verdict is not Put.OVERFLOWED:
            self._wake(None)
        return verdict

    def _has_credit(self) -> bool:
        with self._lock:
            if self._intents >= self._intent_bound:
                self._busy += 1
                return False
            self._intents += 1
            return True

    def _put_bounded(self, envelope: Envelope, bound: int) -> Put:
        key = envelope.body.conflation_key() if envelope.body.is_conflated else None
        with self._lock:
            if key is not None and key in self._newest:
                self._newest[key] = envelope
                self._conflated += 1
                return Put.CONFLATED
            overflowed = len(self._data) >= bound
            if overflowed:
                self._freed(self._data.popleft())
                self._dropped += 1
            if key is not None:
                self._newest[key] = envelope
            self._data.append(envelope)
            return Put.OVERFLOWED if overflowed else Put.QUEUED

    def _takes_back(self, envelope: Envelope) -> bool:
        """A message that came as the mailbox closed: refused, unless `close` has already handed it out."""
        with self._lock:
            self._late += self._emptied()
            for at, late in enumerate(self._late):
                if late is envelope:
                    del self._late[at]
                    self._refused += 1
                    return True
        return False

    def _emptied(self) -> list[Envelope]:
        """Everything out of the lanes, by steps that are atomic, since `put` may append meanwhile."""
        out = []
        for lane in (self._system, self._order, self._data):
            while lane:
                out.append(self._freed(lane.popleft()))
        return out

    # -- reading ------------------------------------------------------------------------------------------------------

    def hand_to(self, reader: int) -> None:
        """From now on only `reader` (an epoch) may take; whoever waits for another is woken."""
        with self._lock:
            self._reader = reader
        self._wake(None)

    def take(self, timeout_s: float | None = None, reader: int = 0) -> Envelope | None:
        """Next message; waits up to `timeout_s` (None: for ever). None when time ran out, nothing is left, or `reader`
        is not the one that may take."""
        try:
            self._wakeups.get(True, timeout_s)
        except Empty:
            return None
        return self._pop(reader)

    def take_nowait(self, reader: int = 0) -> Envelope | None:
        """Next message, None when empty."""
        try:
            self._wakeups.get_nowait()
        except Empty:
            return None
        return self._pop(reader)

    def take_ahead(self, limit: int, reader: int = 0) -> list[Envelope]:
        """Up to `limit` more that wait below the system lane; stops before whatever comes there."""
        taken: list[Envelope] = []
        while len(taken) < limit and not self._system:
            try:
                self._wakeups.get_nowait()
            except Empty:
                break
            with self._lock:
                envelope = self._pop_below_system() if reader == self._reader else None
            if envelope is None:
                self._wake(None)  # the token was not for what is taken here
                break
            taken.append(envelope)
        return taken

    def put_back(self, envelopes: Sequence[Envelope]) -> tuple[Envelope, ...]:
        """Return, to the front and in their order, what was taken and not begun. What finds the mailbox closed comes
        back to the caller."""
        with self._lock:
            if self._closed:
                return tuple(envelopes)
            for envelope in reversed(envelopes):
                self._taken -= 1
                if self._puts_back(envelope):
                    self._wake(None)
        return ()

    def _puts_back(self, envelope: Envelope) -> bool:
        """Called with the lock held. False when a newer one has taken its place."""
        body = envelope.body
        if body.lane is not Lane.DATA:
            (self._system if body.lane is Lane.SYSTEM else self._order).appendleft(envelope)
            self._intents += body.is_refusable and body.needs_credit
            return True
        key = body.conflation_key() if body.is_conflated and self._data_bound is not None else None
        if key is not None:
            if key in self._newest:
                self._conflated += 1
                return False
            self._newest[key] = envelope
        self._data.appendleft(envelope)
        return True

    def wake(self) -> None:
        """Make one `take` return None: for telling a reader that something else has happened."""
        self._wake(None)

    def _pop(self, reader: int) -> Envelope | None:
        with self._lock:
            if reader != self._reader:
                self._wake(None)  # the token was another reader's
                return None
            if self._system:
                self._taken += 1
                return self._system.popleft()
            return self._pop_below_system()

    def _pop_below_system(self) -> Envelope | None:
        """Called with the lock held."""
        order, data = self._order, self._data
        if order and not (data and self._upper_run >= FAIRNESS_RUN):
            self._upper_run += 1
            self._taken += 1
            envelope = order.popleft()
            if self._intents and envelope.body.is_refusable and envelope.body.needs_credit:
                self._intents -= 1
            if self._flooded and len(order) <= self._order_bound // 2:
                self._flooded = False
            return envelope
        self._upper_run = 0
        if data:
            self._taken += 1
            return self._freed(data.popleft())
        return None

    def _freed(self, placeholder: Envelope) -> Envelope:
        """Free what the message occupied; returns the newest message that its place stands for."""
        if not placeholder.body.is_conflated or self._data_bound is None:
            return placeholder
        key = placeholder.body.conflation_key()
        return placeholder if key is None else self._newest.pop(key, placeholder)

    def close(self) -> tuple[Envelope, ...]:
        """Refuse everything from now on; returns what was still queued. Atomic against `put`."""
        with self._lock:
            self._closed = True
            left = tuple(self._emptied())
            self._intents = 0
            self._drained += len(left)
        self._wake(None)
        return left

    # -- asking -------------------------------------------------------------------------------------------------------

    @property
    def is_flooded(self) -> bool:
        """The order lane went over its bound and has not come down to half of it yet."""
        return self._flooded

    def depth(self) -> int:
        return len(self._system) + len(self._order) + len(self._data)

    def oldest_ns(self) -> int | None:
        """`at_ns` of the message that has waited longest, None when empty."""
        heads = []
        for lane in (self._system, self._order, self._data):
            try:
                heads.append(lane[0].at_ns)
            except IndexError:  # empty, or emptied in this instant
                continue
        return min(heads) if heads else None

    def counts(self) -> MailboxCounts:
        """What became of every message. Exact while nobody puts or takes."""
        with self._lock:
            put = next(self._puts) - self._reads_of_puts
            self._reads_of_puts += 1
            return MailboxCounts(
                put,
                self._taken,
                self._conflated,
                self._dropped,
                self._busy,
                self._refused,
                self._drained,
                self.depth(),
            )
