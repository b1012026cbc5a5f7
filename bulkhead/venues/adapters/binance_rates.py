"""The turns of requests at Binance: its limits, and what its answers say of our use of them."""

from collections.abc import Callable

from bulkhead.venues.rate_settings import RateSettings
from bulkhead.venues.transport.auth_alarm import AuthAlarm
from bulkhead.venues.transport.rate_alarm import RateAlarm
from bulkhead.venues.transport.rate_budget import Purpose, RateBudget
from bulkhead.venues.transport.turns import Turns, Usage
from bulkhead.venues.wire.binance import limits, outcomes
from bulkhead.venues.wire.facts import Answered, RateLimit

SHORTEST_BAN_S = 120.0
"""A ban lasts two minutes at least, also when the answer does not say how long."""


KEY_HEADER = "x-mbx-apikey"
KEY_REFUSED_STATUSES = range(400, 500)


class BinanceRates(Turns):
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
        budget = RateBudget(
            limits.DEFAULT_LIMITS,
            shares,
            monotonic_ns,
            now_ns,
            margin_s=settings.margin_s,
            is_enforced=settings.is_enforced,
        )
        super().__init__(
            budget,
            RateAlarm(monotonic_ns),
            usage,
            auth=AuthAlarm(header=KEY_HEADER),  # a key cannot be renewed by us: its first refusal is said
            exhausted_wait_s=settings.exhausted_wait_s,
        )

    def learn(self, stated: tuple[RateLimit, ...]) -> None:
        """The limits that exchangeInfo states; where it states none of a kind, the documented ones stay."""
        self._budget.set_limits(limits.with_defaults(stated))

    def charge_user_stream(self) -> None:
        """One subscription to the stream of our orders: never held back, since without it nothing may be sent."""
        self._budget.charge(limits.USER_STREAM_COST)


def usage(answer: Answered) -> Usage:
    counts, wait_s = limits.counts(answer.headers), outcomes.retry_after_s(answer)
    if answer.status == outcomes.IP_BANNED_STATUS:
        ban_s = SHORTEST_BAN_S if wait_s is None else wait_s
        return Usage(counts, ban_s, is_ban=True, refusal="the venue has banned this address (HTTP 418)")
    if answer.status == outcomes.RATE_LIMITED_STATUS:
        return Usage(counts, wait_s, refusal="the venue answers too many requests (HTTP 429)")
    error = outcomes.read_error(answer.text) if answer.status in KEY_REFUSED_STATUSES else None
    if error is not None and error.code in outcomes.KEY_REFUSED:
        return Usage(counts, auth_refusal=f"{error.message} ({error.code})")
    return Usage(counts)
