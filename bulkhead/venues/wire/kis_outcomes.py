"""What an answer of KIS proves about an order: the one place where that is decided.

`judge` is total: every transport fact, status and body ends in exactly one family. The HTTP status is no guide (a
refused order and an exceeded rate both come as 500), so the venue's own words decide: `rt_cd`, then `msg_cd` by the
tables below, unless its message says that it does not know itself. What is in no row is UNKNOWN, because calling a live
order dead buys twice, and at this venue nothing but its lists can tell.

Certainty of a row: V the venue's own document, S told by independent clients, M from memory.
"""

import re
from dataclasses import dataclass

from bulkhead.venues.wire import fields
from bulkhead.venues.wire.facts import Family, HttpFact, NothingLeft, NoVerdict, Verdict, clipped
from bulkhead.venues.wire.fields import JsonObject
from bulkhead.venues.wire.kis_fields import without_long_runs

RATE_LIMITED_STATUS = 429
TOKEN_TOO_SOON = "EGW00133"  # noqa: S105 - a code of the venue
TOKEN_REFUSED = frozenset({"EGW00121", "EGW00122", "EGW00123"})
"""The token is invalid, missing or expired: get a new one, once, then send again."""

TOO_MANY = frozenset({"EGW00201", "EGW00215"})
"""One request too many: of ours, or of everybody's."""


@dataclass(frozen=True, slots=True)
class Rule:
    code: str
    family: Family
    certainty: str
    why: str
    retry_after_s: float | None = None


_N, _R, _U = Family.NOT_SENT, Family.REJECTED, Family.UNKNOWN

RULES: tuple[Rule, ...] = (
    # The venue itself does not know what became of it.
    Rule("EGW00002", _U, "S", "an error inside the server: the order may have gone any way"),
    Rule("EGW00202", _U, "S", "an error while the gateway routed it: nobody says which side of the order's way"),
    Rule("EGW00203", _U, "S", "an error while the gateway routed it: nobody says which side of the order's way"),
    Rule("EGW00300", _U, "S", "an error while the gateway routed it: nobody says which side of the order's way"),
    Rule("EGW00301", _U, "S", "connection timed out behind the gateway: be sure to check the last transaction"),
    Rule("EGW00302", _U, "S", "transaction timed out behind the gateway: be sure to check the last transaction"),
    Rule("APBK0013", _U, "V", "means that the order was sent; with a failure beside it it contradicts itself"),
    # Refused at the gateway for a cause that passes, or that we can cure without changing the order.
    Rule("EGW00103", _N, "S", "app key refused: the order was not read"),
    Rule("EGW00105", _N, "S", "app secret refused: the order was not read"),
    Rule("EGW00121", _N, "S", "token invalid: refused at the gateway, a new one cures it"),
    Rule("EGW00122", _N, "S", "token missing: refused at the gateway"),
    Rule("EGW00123", _N, "S", "token expired: refused at the gateway, a new one cures it"),
    Rule("EGW00131", _N, "S", "hashkey refused: the order was not read"),
    Rule(TOKEN_TOO_SOON, _N, "V", "a token is given once a minute; nothing else was asked", 60.0),
    Rule("EGW00201", _N, "S", "requests of this second used up: refused at the gateway", 1.0),
    Rule("EGW00215", _N, "V", "limit of the whole ledger reached, documented as to be tried again", 1.0),
    # The venue read the request and said no; the same one would be refused again.
    Rule("EGW00213", _R, "S", "this TR is not for paper trading"),
    Rule("EGW2004", _R, "S", "this TR is not for paper trading"),
    Rule("OPSQ0002", _R, "S", "no such service"),
    Rule("OPSQ2000", _R, "S", "the account number was refused when it was checked"),
)


@dataclass(frozen=True, slots=True)
class Range:
    codes: re.Pattern[str]
    family: Family
    certainty: str
    why: str


RANGES: tuple[Range, ...] = (
    # What single codes mean, projects disagree about; that they are refusals of the order system, none does.
    Range(re.compile(r"APBK[0-9]{4}"), _R, "S", "the order system read it and said no"),
    Range(re.compile(r"[0-9]{8}"), _R, "S", "the paper host's order system read it and said no"),
)

CHECK_THE_LAST = re.compile(r"직전\s*거래를\s*반드시\s*확인")
"""'Be sure to check the last transaction': whatever the code, the venue says that it does not know."""

DOUBTFUL_WORDS = re.compile(r"시간이?\s*초과|타임\s*아웃|time\s*-?\s*out|통신\s*(?:장애|오류)", re.IGNORECASE)
"""Time ran out, or a line broke: of a code that has no row of its own, its range then says nothing. This may take a
refusal ('too late for today') for a doubt, which costs a query; the other way round it would cost an order."""

_BY_CODE = {rule.code: rule for rule in RULES}


@dataclass(frozen=True, slots=True)
class Words:
    """`{"rt_cd", "msg_cd", "msg1"}`, or the other envelope `{"error_code", "error_description"}`, a refusal always."""

    is_success: bool
    code: str
    message: str


def read_words(text: str) -> Words | None:
    """The venue's own words, or None if the body is anything else, or both envelopes at once."""
    try:
        body = fields.as_object(fields.parse(text), "body")
        if ("rt_cd" in body) == ("error_code" in body):
            return None
        if "error_code" in body:
            return Words(False, _clean(fields.text(body, "error_code")), _optional(body, "error_description"))
        result = fields.text(body, "rt_cd").strip()
        return Words(result == "0", _clean(_optional(body, "msg_cd")), _optional(body, "msg1")) if result else None
    except fields.Malformed:
        return None


def _optional(body: JsonObject, key: str) -> str:
    return _clean(fields.text(body, key)) if key in body else ""


def _clean(text: str) -> str:
    return clipped(without_long_runs(text.strip()))


def judge(fact: HttpFact) -> Verdict:
    """The family of one answer. ACCEPTED means rt_cd 0 with a 2xx: the caller must still read the body.

    Of an order it means sent on: the exchange may refuse it later, which only a notice or the lists tell.
    """
    if isinstance(fact, NothingLeft):
        return Verdict(_N, "NOT_CONNECTED", fact.reason)
    if isinstance(fact, NoVerdict):
        return Verdict(_U, "NO_ANSWER", fact.reason)
    raw, status = clipped(without_long_runs(fact.text)), f"HTTP_{fact.status}"
    words = read_words(fact.text)
    if words is None:
        if fact.status == RATE_LIMITED_STATUS:
            return Verdict(_N, status, "rate limited", raw=raw)
        return Verdict(_U, status, f"HTTP {fact.status} without the venue's words says nothing of the order", raw=raw)
    if words.is_success:
        if 200 <= fact.status < 300:
            return Verdict(Family.ACCEPTED, words.code or status, words.message, raw=raw)
        return Verdict(_U, words.code or status, f"HTTP {fact.status} with the words of a success", raw=raw)
    family, retry_after_s = family_of(words, fact.status)
    return Verdict(family, words.code or status, words.message or f"HTTP {fact.status}", retry_after_s, raw)


def family_of(words: Words, status: int) -> tuple[Family, float | None]:
    """Of a refusal in the venue's words; with it, how long to wait where the code says so."""
    if CHECK_THE_LAST.search(words.message):
        return _U, None
    rule = _BY_CODE.get(words.code)
    if rule is not None:
        return rule.family, rule.retry_after_s
    if DOUBTFUL_WORDS.search(words.message):
        return _U, None
    found = next((each.family for each in RANGES if each.codes.fullmatch(words.code)), None)
    if found is not None:
        return found, None
    return (_N if status == RATE_LIMITED_STATUS else _U), None
