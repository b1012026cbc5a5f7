"""The turns of requests at KIS: its limits, and what its answers say of our use of them.

It states no counts. A request too many is HTTP 500 with a code of its own, and is refused at the gateway.
"""

from collections.abc import Callable

from bulkhead.venues.adapters.kis_settings import KisSettings
from bulkhead.venues.transport.auth_alarm import AuthAlarm
from bulkhead.venues.transport.rate_alarm import RateAlarm
from bulkhead.venues.transport.rate_budget import Purpose, RateBudget
from bulkhead.venues.transport.turns import Pause, Turns, Usage
from bulkhead.venues.wire.facts import Answered, RateLimit
from bulkhead.venues.wire.kis import outcomes, terms

_PAUSE_S = 1.0
"""The venue counts by the second."""


def limits(settings: KisSettings) -> tuple[RateLimit, ...]:
    known = terms.LIMITS[settings.wire_host]
    if settings.is_new_customer and settings.wire_host is terms.Host.REAL:
        return tuple(terms.NEW_CUSTOMER_REQUESTS if each.kind == terms.REQUESTS else each for each in known)
    return known


def make_turns(
    settings: KisSettings, monotonic_ns: Callable[[], int], now_ns: Callable[[], int], pause: Pause
) -> Turns:
    rates = settings.rates
    shares = {
        terms.REQUESTS: {
            Purpose.CANCEL: rates.cancel_reserve_share,
            Purpose.EXIT: rates.exit_reserve_share,
            Purpose.QUERY: rates.query_reserve_share,
        }
    }
    budget = RateBudget(
        limits(settings), shares, monotonic_ns, now_ns, margin_s=rates.margin_s, is_enforced=rates.is_enforced
    )
    # The first refusal of a token has it renewed; what is refused after that is said.
    auth = AuthAlarm(header="authorization", allowed=1)
    return Turns(budget, RateAlarm(monotonic_ns), usage, pause, auth=auth, exhausted_wait_s=rates.exhausted_wait_s)


def usage(answer: Answered) -> Usage:
    words = outcomes.read_words(answer.text)
    if words is not None and words.code in outcomes.TOO_MANY:
        return Usage(block_s=_PAUSE_S, refusal=f"the venue answers too many requests ({words.code})")
    if words is None and answer.status == outcomes.RATE_LIMITED_STATUS:
        return Usage(block_s=_PAUSE_S, refusal="the venue answers too many requests (HTTP 429)")
    if words is not None and words.code in outcomes.TOKEN_REFUSED:
        return Usage(auth_refusal=f"the venue refuses the access token ({words.code})")
    return Usage()
