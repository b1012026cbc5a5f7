"""A job of a lane that answers once, whatever happens to it: the promise that every request handed in is answered."""

from collections.abc import Callable, Iterable

from bulkhead.venues.transport.http import HttpChannel
from messages.base import Body

Work = Callable[[HttpChannel], Iterable[Body]]


class Request:
    """A job of a lane that answers once, whatever happens to it."""

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
        self._is_answered = False

    def run(self, channel: HttpChannel) -> None:
        self._once(self._work(channel))

    def abandon(self, reason: str) -> None:
        self._once((self._unsent("CLOSED", reason),))

    def refuse(self, reason: str) -> None:
        self._once((self._unsent("LANE_FULL", reason),))

    def fail(self, error: Exception) -> None:
        self._once((self._broken(f"our own code failed: {type(error).__name__}: {error}"),))

    def _once(self, bodies: Iterable[Body]) -> None:
        if not self._is_answered:
            self._is_answered = True
            self._answer(bodies)
