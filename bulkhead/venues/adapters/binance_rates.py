"""Each request to Binance goes out through here: it asks the budget first, waits its turn, and tells what came back.

One of these serves every lane of an adapter, and may be shared by several adapters at one address and account.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from bulkhead.venues.rate_settings import RateSettings
from bulkhead.venues.transport.http import HttpChannel
from bulkhead.venues.transport.rate_alarm import RateAlarm
from bulkhead.venues.transport.rate_budget import RATE_LIMITED, Grant, Never, Purpose, RateBudget, RateState, Wait
from bulkhead.venues.wire.binance import limits, outcomes
from bulkhead.venues.wire.facts import Answered, HttpFact, NothingLeft, RateLimit, WireRequest

SHORTEST_BAN_S = 120.0
"""A ban lasts two minutes at least, also when the answer does not say how long."""
_LOOK_AGAIN_S = 0.1
"""A turn may come earlier than was known when it was asked for: an exchange ends, a header says less."""
_SHORTEST_PAUSE_S = 0.001


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


class BinanceRates:
    def __init__(self, settings: RateSettings, monotonic_ns: Callable[[], int], now_ns: Callable[[], int]) -> None:
        urgent = {
            Purpose.CANCEL: settings.cancel_reserve_share,
            Purpose.EXIT: settings.exit_reserve_share,
            Purpose.QUERY: settings.query_reserve_share,
        }
        shares = {
            limits.WEIGHT: urgent,
            limits.RAW_REQUESTS: urgent,
            limits.ORDERS: {Purpose.EXIT: settings.exit_reserve_share},  # cancels and questions cost none
        }
        self._budget = RateBudget(
            limits.DEFAULT_LIMITS,
            shares,
            monotonic_ns,
            now_ns,
            margin_s=settings.margin_s,
            is_enforced=settings.is_enforced,
        )
        self._never = threading.Event()
        self.alarm = RateAlarm(monotonic_ns)

    @property
    def state(self) -> RateState:
        return self._budget.state

    def learn(self, stated: tuple[RateLimit, ...]) -> None:
        """The limits that exchangeInfo states; where it states none of a kind, the documented ones stay."""
        self._budget.set_limits(limits.with_defaults(stated))

    # -- a request's way ----------------------------------------------------------------------------------------------

    def exchange(
        self,
        channel: HttpChannel,
        turn: Turn,
        make: Callable[[], WireRequest],
        before_write: Callable[[], None] | None = None,
        on_written: Callable[[int], None] | None = None,
    ) -> HttpFact | Held:
        """Ask for a turn, wait for it at most the turn's `wait_s`, send. After a wait the request is made anew: the
        venue refuses a signature that has grown old. Raises what `make` raises, before anything is sent."""
        request = make()
        grant = self._budget.take(turn.purpose, request.costs)
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
            self._settle(grant, fact, turn.purpose)
        return fact

    def _wait(self, turn: Turn, request: WireRequest, answer: Wait | Never) -> Grant | Held:
        left_s = turn.wait_s
        while isinstance(answer, Wait):
            if turn.is_void():
                return Held(answer.code, answer.reason, answer.seconds)
            if answer.seconds > left_s:
                self.alarm.refused(turn.purpose, answer.reason, is_final=not answer.is_told)
                return Held(answer.code, answer.reason, answer.seconds)
            # Counted by what was asked for and not by a clock, so that it ends although a clock may stand still.
            pause_s = min(max(answer.seconds, _SHORTEST_PAUSE_S), _LOOK_AGAIN_S)
            self._never.wait(pause_s)
            left_s -= pause_s
            again = self._budget.take(turn.purpose, request.costs)
            if isinstance(again, Grant):
                return again
            answer = again
        self.alarm.refused(turn.purpose, answer.reason, is_final=True)
        return Held(RATE_LIMITED, answer.reason)

    def _made_anew(self, make: Callable[[], WireRequest], grant: Grant) -> WireRequest:
        try:
            return make()
        except BaseException:
            self._budget.put_back(grant)
            raise

    def _settle(self, grant: Grant, fact: HttpFact | None, purpose: Purpose) -> None:
        """None: our own code failed under the exchange, and something may have left."""
        if isinstance(fact, NothingLeft):
            self._budget.put_back(grant)
            return
        answer = fact if isinstance(fact, Answered) else None
        self._budget.settle(grant, {} if answer is None else limits.counts(answer.headers))
        if answer is None:
            return
        wait_s = outcomes.retry_after_s(answer)
        if answer.status == outcomes.IP_BANNED_STATUS:
            self._budget.block(SHORTEST_BAN_S if wait_s is None else wait_s, is_ban=True)
            self.alarm.refused(purpose, "the venue has banned this address (HTTP 418)", is_final=True)
        elif answer.status == outcomes.RATE_LIMITED_STATUS:
            if wait_s is not None:
                self._budget.block(wait_s)
            self.alarm.refused(purpose, "the venue answers too many requests (HTTP 429)", is_final=False)
        else:
            self.alarm.passed(purpose)

    def charge_user_stream(self) -> None:
        """One subscription to the stream of our orders: never held back, since without it nothing may be sent."""
        self._budget.charge(limits.USER_STREAM_COST)
