"""One thread that does one thing after the other: requests in the order they were handed in, some after a delay.

It knows no venue. Market data is put in so that it can never pile up: newer data of a key takes the place of older that
still waits, and of what cannot be replaced the newest is dropped, and counted, beyond a bound.
"""

import threading
from collections import deque
from collections.abc import Callable, Hashable
from typing import NamedTuple

_NS_PER_S = 1_000_000_000
MAX_REQUESTS = 256
"""Requests that may wait; one more is refused at once."""
MAX_DATA = 10_000
"""Pieces of data that may wait, beside those that are replaced."""


class WorkerFull(RuntimeError):
    """As many requests wait as may; this one was not taken."""


class WorkerClosed(WorkerFull):
    """It takes nothing more."""


class Job(NamedTuple):
    run: Callable[[], None]
    """Must not raise but for a fault of ours, which is reported."""
    abandon: Callable[[str], None] | None = None
    """Told why instead of `run`, when the worker is closed first. None: data, which nobody waits for."""


class Worker:
    def __init__(self, name: str, monotonic_ns: Callable[[], int], on_fault: Callable[[str, Exception], None]) -> None:
        self._name = name
        self._monotonic_ns = monotonic_ns
        self._on_fault = on_fault
        self._changed = threading.Condition()
        self._waiting: deque[Job | _Key] = deque()
        self._newest: dict[Hashable, Job] = {}
        self._travelling: deque[tuple[int, Job]] = deque()
        self._requests = self._data = 0
        self._is_closed = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def request(self, job: Job) -> None:
        """Never blocks. Raises WorkerFull, or its kind WorkerClosed."""
        with self._changed:
            if self._is_closed:
                raise WorkerClosed(f"{self._name} is closed")
            if self._requests >= MAX_REQUESTS:
                raise WorkerFull(f"{self._name} has {self._requests} requests waiting, its bound")
            self._requests += 1
            self._waiting.append(job)
            self._changed.notify()

    def data(self, run: Callable[[], None], key: Hashable | None = None) -> None:
        """Never blocks, never raises. With a key it takes the place, also in the line, of older data that waits."""
        with self._changed:
            if self._is_closed:
                return
            if key is not None:
                if key not in self._newest:
                    self._waiting.append(_Key(key))
                self._newest[key] = Job(run)
            elif self._data >= MAX_DATA:
                self.dropped += 1
                return
            else:
                self._data += 1
                self._waiting.append(Job(run))
            self._changed.notify()

    def later(self, due_ns: int, job: Job) -> None:
        """Run at a monotonic time not before that of any earlier call. Called by a job."""
        with self._changed:
            if not self._is_closed:
                self._travelling.append((due_ns, job))
                return
        self._guarded(job.abandon, f"{self._name} was closed before it arrived")

    def close(self, deadline_s: float) -> bool:
        """Take nothing more, abandon what waits or travels, let the job under way end. True if it did in time."""
        with self._changed:
            self._is_closed = True
            jobs = [job for job in self._waiting if isinstance(job, Job)]
            jobs = [*(job for _, job in self._travelling), *jobs]
            self._waiting.clear()
            self._travelling.clear()
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(deadline_s)
        for job in jobs:
            self._guarded(job.abandon, f"{self._name} was closed before it arrived")
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job.run()
            except Exception as error:  # noqa: BLE001 - the worker outlives any job; the error is reported
                self._on_fault(self._name, error)

    def _next(self) -> Job | None:
        """What is due, else what waits; None when closed."""
        with self._changed:
            while not self._is_closed:
                wait_s = None
                if self._travelling:
                    wait_s = (self._travelling[0][0] - self._monotonic_ns()) / _NS_PER_S
                    if wait_s <= 0:
                        return self._travelling.popleft()[1]
                if self._waiting:
                    return self._taken(self._waiting.popleft())
                self._changed.wait(wait_s)
            return None

    def _taken(self, entry: "Job | _Key") -> Job:
        if isinstance(entry, _Key):
            return self._newest.pop(entry.of)
        if entry.abandon is None:
            self._data -= 1
        else:
            self._requests -= 1
        return entry

    def _guarded(self, abandon: Callable[[str], None] | None, reason: str) -> None:
        if abandon is None:
            return
        try:
            abandon(reason)
        except Exception as error:  # noqa: BLE001 - as above
            self._on_fault(self._name, error)


class _Key(NamedTuple):
    """Stands in the line for data that may be replaced while it waits."""

    of: Hashable
