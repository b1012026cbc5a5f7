"""What an answer of Binance proves about an order: the one place where that is decided.

`judge` is total: every transport fact, status and body ends in exactly one family. Its table is data, a reason in
every row. What is in no row is UNKNOWN unless the venue documents its whole range as refusals, because calling a live
order dead buys twice, while calling a dead one unknown costs a query.

Source: binance-spot-api-docs errors.md and rest-api.md ("HTTP Return Codes", "LIMITS").
"""

from dataclasses import dataclass

from bulkhead.venues.wire import fields
from bulkhead.venues.wire.facts import Answered, Family, HttpFact, NothingLeft, NoVerdict, Verdict, clipped

NO_SUCH_ORDER = "-2013"
CANCEL_REJECTED = "-2011"
KEY_REFUSED = frozenset({-1002, -1022, -2014, -2015})
"""The key, its secret, or what it may do from this address is not accepted: no other order would be either."""
IP_BANNED_STATUS = 418
RATE_LIMITED_STATUS = 429
ASKED_TO_WAIT = frozenset({RATE_LIMITED_STATUS, IP_BANNED_STATUS})
MAX_RETRY_AFTER_S = 3 * 24 * 3_600
"""Bans last at most three days; a larger figure is a broken peer."""


@dataclass(frozen=True, slots=True)
class Rule:
    code: int
    family: Family
    why: str


_N, _R, _U = Family.NOT_SENT, Family.REJECTED, Family.UNKNOWN

RULES: tuple[Rule, ...] = (
    # The venue itself does not know what became of it.
    Rule(-1000, _U, "an unknown error while processing: processing may have gone any way"),
    Rule(-1001, _U, "internal disconnect: the request may have been passed on before it"),
    Rule(-1006, _U, "documented: execution status unknown"),
    Rule(-1007, _U, "documented: execution status unknown, the backend timed out"),
    # Refused at the gateway for a cause that passes, or that we can cure without changing the order.
    Rule(-1002, _N, "not authorised: refused before the order was read"),
    Rule(-1003, _N, "request weight used up: refused at the gateway"),
    Rule(-1008, _N, "overloaded, refused at the gateway (with a 4xx; with a 5xx the status decides first)"),
    Rule(-1015, _N, "order count used up: refused before acceptance"),
    Rule(-1016, _N, "service shutting down: takes no more requests"),
    Rule(-1021, _N, "timestamp outside the window: the next send has a fresh one"),
    Rule(-1022, _N, "signature refused: the order was not read"),
    Rule(-1034, _N, "too many connections: refused at the gateway"),
    Rule(-2014, _N, "API key has a wrong form: refused before the order was read"),
    Rule(-2015, _N, "API key, address or permission refused: refused before the order was read"),
    # The venue read the order and said no; the same order would be refused again.
    Rule(-1010, _R, "the matching engine refused it"),
    Rule(-1013, _R, "a filter refused it; it never reached the matching engine, and a resend cannot cure it"),
    Rule(-1014, _R, "unsupported combination of order fields"),
    Rule(-1020, _R, "operation not supported"),
    Rule(-2010, _R, "new order rejected (balance, closed market, would match at once)"),
    Rule(-2011, _R, "cancel rejected"),
    Rule(-2013, _R, "no such order; for a query that is an answer, and not yet absence"),
    Rule(-2016, _R, "no trading window for the symbol"),
    Rule(-2026, _R, "the order is archived"),
    Rule(-2035, _R, "user stream already subscribed on this connection"),
    Rule(-2036, _R, "user stream not subscribed on this connection"),
    Rule(-2039, _R, "the two ids given do not belong to one order"),
)

MALFORMED_REQUEST_CODES = range(-1199, -1099)
"""-11xx, "issues with the request" (bad symbol, precision, missing or malformed parameter): a resend is the same."""

DUPLICATE_ORDER_TEXT = "Duplicate order sent."
"""-2010 with this text means that an order with our id is open right now: the very opposite of a refusal."""

_BY_CODE = {rule.code: rule for rule in RULES}

# Statuses that decide before any code is read, or when there is no code to read.
_STATUS_WITHOUT_CODE: dict[int, tuple[Family, str]] = {
    401: (_N, "not authorised: refused before the order was read"),
    403: (_N, "refused by the web application firewall in front of the venue"),
    404: (_N, "no such path at this host: check rest_url"),
}


@dataclass(frozen=True, slots=True)
class VenueError:
    """Binance's `{"code": -1121, "msg": "Invalid symbol."}`."""

    code: int
    message: str


def read_error(text: str) -> VenueError | None:
    """The venue's own code and words, or None if the body is anything else."""
    try:
        body = fields.as_object(fields.parse(text), "body")
        message = fields.text(body, "msg")
    except fields.Malformed:
        return None
    code = body.get("code")
    if not isinstance(code, int) or isinstance(code, bool) or not -99_999 <= code < 0:
        return None
    return VenueError(code, clipped(message))


def retry_after_s(answer: Answered) -> float | None:
    """Whole seconds from the Retry-After header, if it is there and makes sense."""
    value = answer.headers.get("retry-after", "").strip()
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        return None
    return float(min(int(value), MAX_RETRY_AFTER_S))


def judge(fact: HttpFact) -> Verdict:
    """The family of one answer. ACCEPTED means only that the status was 2xx: the caller must still read the body."""
    if isinstance(fact, NothingLeft):
        return Verdict(_N, "NOT_CONNECTED", fact.reason)
    if isinstance(fact, NoVerdict):
        return Verdict(_U, "NO_ANSWER", fact.reason)
    raw = clipped(fact.text)
    error = read_error(fact.text)
    if fact.status in ASKED_TO_WAIT:
        code = str(error.code) if error else f"HTTP_{fact.status}"
        reason = error.message if error else "rate limited"
        return Verdict(_N, code, reason, retry_after_s(fact), raw)
    if 200 <= fact.status < 300:
        return Verdict(Family.ACCEPTED, f"HTTP_{fact.status}", "", raw=raw)
    if not 400 <= fact.status < 500:
        detail = f": {error.message} ({error.code})" if error else ""
        return Verdict(_U, f"HTTP_{fact.status}", f"HTTP {fact.status} says nothing about the order{detail}", raw=raw)
    if error is None:
        family, why = _STATUS_WITHOUT_CODE.get(fact.status, (_U, "no code of the venue in the answer"))
        return Verdict(family, f"HTTP_{fact.status}", f"HTTP {fact.status}, {why}", raw=raw)
    return Verdict(family_of(error), str(error.code), error.message, retry_after_s(fact), raw)


def family_of(error: VenueError) -> Family:
    """The family of a code that came with a 4xx status."""
    if error.code == -2010 and error.message == DUPLICATE_ORDER_TEXT:
        return _U
    rule = _BY_CODE.get(error.code)
    if rule is not None:
        return rule.family
    if error.code in MALFORMED_REQUEST_CODES or error.code <= -2000:
        return _R
    return _U  # -10xx is "server or network issues": one we do not know proves nothing
