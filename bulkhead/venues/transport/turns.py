"""Turns: each request to a venue asks the budget first, waits until it may go, and tells what came back.

It knows no venue: what an answer says of our use of the limits, a judge of that venue reads. One of these serves every
lane of an adapter, and may be shared by several adapters at one address and account.

Of those that wait, the most urgent goes first, and of equals the one that came first: a place that comes free is kept
for it, as far as it needs of that limit. What has waited for long goes before entries, or a busy venue's books would
never be compared; exits and cancels it never delays. Shares held back for the urgent do the same only where a limit is
large; of one request per second nothing can be held back.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bulkhead.venues.transport.auth_alarm import AuthAlarm
from bulkhead.venues.transport.http import HttpChannel
from bulkhead.venues.transport.rate_alarm import RateAlarm
from bulkhead.venues.transport.rate_budget import (
    RANK,
    RATE_LIMITED,
    Grant,
    Never,
    Purpose,
    RateBudget,
    RateState,
    Wait,
    WindowKey,
)
from bulkhead.venues.wire.facts import Answered, HttpFact, NothingLeft, WireRequest

_LOOK_AGAIN_S = 0.1
"""A turn may come earlier than was known when it was asked for: an exchange ends, a header says less."""
_SHORTEST_PAUSE_S = 0.001
OLD_AFTER_S = 10.0
"""What has waited for so long is as urgent as a question about an order."""

Pause = Callable[[float], None]
"""Sleeps so many seconds of the clock that the budget counts by: a session may run faster than the wall."""


def sleep(seconds: float) -> None:
    """The pause of the wall's clock."""
    threading.Event().wait(seconds)


@dataclass(frozen=True, slots=True)
class Held:
    """The request did not get its turn in time; nothing was sent."""

    code: str
    reason: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """For what, and how long a request may wait from now on; `is_void` is asked meanwhile: does nobody want it now?"""

    purpose: Purpose
    wait_s: float
    is_void: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer says of our use of the venue's limits."""

    counts: Mapping[WindowKey, int] = field(default_factory=dict)
    """By the venue, in the answer's headers."""
    block_s: float | None = None
    """For so long it wants to be left alone; `is_ban`: altogether, by cancels, too."""
    is_ban: bool = False
    refusal: str = ""
    """Why this request was one too many; empty when it was not."""
    auth_refusal: str = ""
    """Why the venue does not take the key or token; empty where it does, or does not look at it."""


Judge = Callable[[Answered], Usage]


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """In the line of those that wait."""

    rank: int
    costs: Mapping[str, int]


class Turns:
    """Thread-safe."""

    def __init__(
        self,
        budget: RateBudget,
        alarm: RateAlarm,
        judge: Judge,
        pause: Pause = sleep,
        *,
        auth: AuthAlarm | None = None,
        exhausted_wait_s: float = 0.0,
    ) -> None:
        """`exhausted_wait_s`: how long the venue is left alone (cancels excepted) once its "too many requests" has
        outlasted all retries and it has not said for how long."""
        self._budget = budget
        self.alarm = alarm
        self.auth = auth or AuthAlarm(header="")
        self._exhausted_wait_s = exhausted_wait_s
        self._judge = judge
        self._pause = pause
        self._lock = threading.Lock()
        self._line: list[_Place] = []
        """The next one first."""

    @property
    def state(self) -> RateState:
        return self._budget.state

    def exchange(
        self,
        channel: HttpChannel,
        turn: Turn,
        make: Callable[[], WireRequest],
        before_write: Callable[[], None] | None = None,
        on_written: Callable[[int], None] | None = None,
    ) -> HttpFact | Held:
        """Ask for a turn, wait for it at most the turn's `wait_s`, send. After a wait the request is made anew: a venue
        may refuse a signature that has grown old. Raises what `make` raises, before anything is sent."""
        request = make()
        grant = self._take(turn, request, None)
        if not isinstance(grant, Grant):
            waited = self._wait(turn, request, grant)
            if isinstance(waited, Held):
                return waited
            grant = waited
            request = self._made_anew(make, grant)
        fact: HttpFact | None = None
        try:
            fact = channel.exchange(request, before_write, on_written)
        finally:
            self._settle(grant, fact, turn.purpose, request)
        return fact

    # -- the line -----------------------------------------------------------------------------------------------------

    def _take(self, turn: Turn, request: WireRequest, place: _Place | None) -> Grant | Wait | Never:
        """`place`: of one that waits already; it leaves the line with its grant."""
        with self._lock:
            answer = self._budget.take(turn.purpose, request.costs, self._ahead_of(RANK[turn.purpose], place))
            if place is not None and isinstance(answer, Grant):
                self._line.remove(place)
            return answer

    def _ahead_of(self, rank: int, place: _Place | None) -> Mapping[str, int]:
        """What those need who go before it, by kind of limit."""
        needed: dict[str, int] = {}
        for each in self._line:
            if each is place or (place is None and each.rank > rank):
                break
            for kind, amount in each.costs.items():
                needed[kind] = needed.get(kind, 0) + amount
        return needed

    def _line_up(self, place: _Place) -> _Place:
        with self._lock:
            at = next((at for at, each in enumerate(self._line) if each.rank > place.rank), len(self._line))
            self._line.insert(at, place)
        return place

    def _aged(self, place: _Place) -> _Place:
        if place.rank <= RANK[Purpose.QUERY]:
            return place
        self._leave(place)
        return self._line_up(_Place(RANK[Purpose.QUERY], place.costs))

    def _leave(self, place: _Place) -> None:
        with self._lock:
            self._line = [each for each in self._line if each is not place]

    def _wait(self, turn: Turn, request: WireRequest, answer: Wait | Never) -> Grant | Held:
        place = self._line_up(_Place(RANK[turn.purpose], request.costs))
        left_s = turn.wait_s
        try:
            while isinstance(answer, Wait):
                if turn.is_void():
                    return Held(answer.code, answer.reason, answer.seconds)
                if answer.seconds > left_s:
                    self.alarm.refused(turn.purpose, answer.reason, is_final=not answer.is_told)
                    return Held(answer.code, answer.reason, answer.seconds)
                # Counted by what was asked for and not by a clock, so that it ends although a clock may stand still.
                pause_s = min(max(answer.seconds, _SHORTEST_PAUSE_S), _LOOK_AGAIN_S)
                self._pause(pause_s)
                left_s -= pause_s
                if turn.wait_s - left_s >= OLD_AFTER_S:
                    place = self._aged(place)
                again = self._take(turn, request, place)
                if isinstance(again, Grant):
                    return again
                answer = again
        finally:
            self._leave(place)
        self.alarm.refused(turn.purpose, answer.reason, is_final=True)
        return Held(RATE_LIMITED, answer.reason)

    # -- its end ------------------------------------------------------------------------------------------------------

    def _made_anew(self, make: Callable[[], WireRequest], grant: Grant) -> WireRequest:
        try:
            return make()
        except BaseException:
            self._budget.put_back(grant)
            raise

    def _settle(self, grant: Grant, fact: HttpFact | None, purpose: Purpose, request: WireRequest) -> None:
        """None: our own code failed under the exchange, and something may have left."""
        if isinstance(fact, NothingLeft):
            self._budget.put_back(grant)
            return
        usage = self._judge(fact) if isinstance(fact, Answered) else Usage()
        self._budget.settle(grant, usage.counts)
        if usage.block_s is not None:
            self._budget.block(usage.block_s, is_ban=usage.is_ban)
        if usage.refusal:
            self.alarm.refused(purpose, usage.refusal, is_final=usage.is_ban)
            if self.alarm.is_on and usage.block_s is None:
                self._budget.block(self._exhausted_wait_s)
        elif isinstance(fact, Answered):
            self.alarm.passed(purpose)
            self.auth.answered(request, usage.auth_refusal)
