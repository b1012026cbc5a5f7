"""A job of a lane that answers once, whatever happens to it: the promise that every request handed in is answered."""

import threading
from collections.abc import Callable, Iterable

from bulkhead.venues.transport.http import HttpChannel
from messages.base import Body

Work = Callable[[HttpChannel], Iterable[Body] | None]
"""None: not answered yet, somebody else now sees to it that the request is run again."""


class Request:
    """A job of a lane that answers once, whatever happens to it, and whoever is first to answer it."""

    def __init__(
        self,
        work: Work,
        unsent: Callable[[str, str], Body],
        broken: Callable[[str], Body],
        answer: Callable[[Iterable[Body]], None],
    ) -> None:
        self._work = work
        self._unsent = unsent
        self._broken = broken
        self._answer = answer
        self._lock = threading.Lock()
        self._is_answered = False

    def run(self, channel: HttpChannel) -> None:
        if self._is_answered:
            return
        bodies = self._work(channel)
        if bodies is not None:
            self._once(bodies)

    def abandon(self, reason: str) -> None:
        self._once((self._unsent("CLOSED", reason),))

    def refuse(self, reason: str) -> None:
        self._once((self._unsent("LANE_FULL", reason),))

    def withdraw(self, code: str, reason: str) -> None:
        """Its owner takes it back: whatever comes of its work later is dropped."""
        self._once((self._unsent(code, reason),))

    def settle(self, bodies: Iterable[Body]) -> None:
        """Answered by somebody else than its work, which has handed it over by returning None."""
        self._once(bodies)

    def fail(self, error: Exception) -> None:
        self._once((self._broken(f"our own code failed: {type(error).__name__}: {error}"),))

    def _once(self, bodies: Iterable[Body]) -> None:
        with self._lock:
            is_first, self._is_answered = not self._is_answered, True
        if is_first:
            self._answer(bodies)
