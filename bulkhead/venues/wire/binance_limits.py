"""Rate limits of Binance Spot on the wire: the limits it states, the counts in its headers, the cost of each call.

Source: binance-spot-api-docs, rest-api.md ("LIMITS", the weight of each endpoint), enums.md ("Rate limiters") and
faqs/order_count_decrement.md. Weight is counted per address, orders per account; orders that fill are taken off the
venue's count again, which we do not rely on.
"""

import re
from collections.abc import Mapping

from bulkhead.venues.wire import fields
from bulkhead.venues.wire.facts import ProtocolError, RateLimit
from bulkhead.venues.wire.fields import JsonObject, Malformed

WEIGHT, ORDERS, RAW_REQUESTS = "REQUEST_WEIGHT", "ORDERS", "RAW_REQUESTS"
KINDS = (WEIGHT, ORDERS, RAW_REQUESTS)

DEFAULT_LIMITS = (
    # As documented for GET exchangeInfo and rateLimit/order; they hold until the venue has stated its own.
    RateLimit(WEIGHT, 60, 6_000),
    RateLimit(ORDERS, 10, 50),
    RateLimit(ORDERS, 86_400, 160_000),
)

_LENGTHS_S = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}
_LETTERS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_COUNT_HEADER = re.compile(r"x-mbx-(used-weight|order-count)-([1-9][0-9]{0,3})([smhd])")
_HEADER_KINDS = {"used-weight": WEIGHT, "order-count": ORDERS}
_MAX_DIGITS = 12
_MAX_INTERVALS = 10_000


def weighing(weight: int) -> dict[str, int]:
    """The cost of a call that places no order."""
    return {WEIGHT: weight, RAW_REQUESTS: 1}


ORDER_COST = {**weighing(1), ORDERS: 1}
USER_STREAM_COST = weighing(2)
"""userDataStream.subscribe.signature on the WebSocket API, which counts against the same address."""


def depth_weight(rows: int) -> int:
    return next((weight for most, weight in ((100, 5), (500, 25), (1_000, 50)) if rows <= most), 250)


def counts(headers: Mapping[str, str]) -> dict[tuple[str, int], int]:
    """What an answer's headers say is used: by kind and length in seconds. What makes no sense is left out."""
    found = {}
    for name, value in headers.items():
        match = _COUNT_HEADER.fullmatch(name)
        if match is None or not (value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS):
            continue
        found[_HEADER_KINDS[match[1]], int(match[2]) * _LETTERS_S[match[3]]] = int(value)
    return found


def stated(text: str) -> tuple[RateLimit, ...] | ProtocolError:
    """Of GET exchangeInfo: the limits of the kinds we count; none if it states none of a kind, or in unknown words."""

    def read() -> tuple[RateLimit, ...]:
        info = fields.as_object(fields.parse(text), "exchangeInfo")
        rows = fields.objects(info.get("rateLimits", []), "rateLimits")
        return tuple(limit for row in rows if (limit := _limit(row)) is not None)

    return fields.guarded(text, read)


def _limit(row: JsonObject) -> RateLimit | None:
    kind, unit_s = row.get("rateLimitType"), _LENGTHS_S.get(str(row.get("interval")))
    if kind not in KINDS or unit_s is None:
        return None  # a kind that the venue has added since: its headers and answers still rule
    number, limit = fields.integer(row, "intervalNum"), fields.integer(row, "limit")
    if not 0 < number <= _MAX_INTERVALS or not limit:
        raise Malformed("a rate limit without a length or a limit")
    return RateLimit(str(kind), number * unit_s, limit)


def with_defaults(limits: tuple[RateLimit, ...]) -> tuple[RateLimit, ...]:
    """The stated limits, and the documented ones of each kind of which none is stated."""
    kinds = {limit.kind for limit in limits}
    return limits + tuple(limit for limit in DEFAULT_LIMITS if limit.kind not in kinds)
