"""How KIS writes things: times of Korea without a zone, numbers as strings, order numbers, and what must not be shown.

Readers raise `Malformed`, which never leaves `bulkhead.venues.wire`. Korea has had no summer time since 1988.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TypeVar

from bulkhead.venues.wire import fields
from bulkhead.venues.wire.facts import ProtocolError, clipped
from bulkhead.venues.wire.fields import JsonObject, Malformed
from messages.values import Side

T = TypeVar("T")

KST = timezone(timedelta(hours=9), "KST")
_NS_PER_S = 1_000_000_000
_DAY_NS = 86_400 * _NS_PER_S
_KST_OFFSET_NS = 9 * 3_600 * _NS_PER_S
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_YEAR = 2261  # nanoseconds since 1970 end in 2262 in 63 bits

_DATE = re.compile(r"[0-9]{8}")
_TIME = re.compile(r"[0-9]{6}")
_SYMBOL = re.compile(r"[A-Z0-9]{6,12}")
_NUMBER = re.compile(r"[0-9]{1,10}")
_BRANCH = re.compile(r"[0-9A-Za-z]{0,5}")
_SIGNED = re.compile(r"-?[0-9]{1,24}(?:\.[0-9]{1,24})?")
_DIVISION = re.compile(r"[0-9]{2}")
_ORDER_KEY = re.compile(r"([0-9]{8})-([0-9A-Za-z]{0,5})-([0-9]{10})")

SIDE_CODES = {"01": Side.SELL, "02": Side.BUY}


# -- order numbers ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class OrderNumber:
    """What names an order at KIS. A number alone does not: it is unique for a branch and a day only (from memory)."""

    date: str
    """Of the order, YYYYMMDD in Korea."""
    branch: str
    """KRX_FWDG_ORD_ORGNO of the answer, ord_gno_brno of the lists."""
    number: str
    """Ten digits. Padding is not promised in notices, so every source is brought to the form of the REST answers."""

    def __str__(self) -> str:
        """The house's venue_order_id."""
        return f"{self.date}-{self.branch}-{self.number}"


def parse_order_number(venue_order_id: str) -> OrderNumber | None:
    """The opposite of str(OrderNumber), or None if it is something else."""
    match = _ORDER_KEY.fullmatch(venue_order_id)
    return OrderNumber(match[1], match[2], match[3]) if match else None


def order_digits(value: str, what: str) -> str:
    """An order number in ten digits. Raises Malformed, also for zero, which stands for none."""
    found = value.strip()
    if _NUMBER.fullmatch(found) is None or not found.strip("0"):
        raise Malformed(f"{what} is no order number")
    return found.zfill(10)


def order_digits_or_none(value: str, what: str) -> str | None:
    """The same where a field may be empty, or zeros, because there is no such order."""
    return order_digits(value, what) if value.strip().strip("0") else None


def branch(record: JsonObject, key: str) -> str:
    found = fields.text(record, key).strip()
    if _BRANCH.fullmatch(found) is None:
        raise Malformed(f"{key} is no branch")
    return found


# -- values -----------------------------------------------------------------------------------------------------------


def division(record: JsonObject, key: str) -> str:
    """ORD_DVSN."""
    found = fields.text(record, key)
    if _DIVISION.fullmatch(found) is None:
        raise Malformed(f"{key} is not two digits")
    return found


def symbol(record: JsonObject, key: str) -> str:
    found = fields.text(record, key).strip()
    if _SYMBOL.fullmatch(found) is None:
        raise Malformed(f"{key} is no symbol")
    return found


def side(record: JsonObject, key: str) -> Side:
    found = SIDE_CODES.get(fields.text(record, key))
    if found is None:
        raise Malformed(f"{key} is neither 01 (sell) nor 02 (buy)")
    return found


def signed(record: JsonObject, key: str) -> Decimal:
    """A finite decimal of either sign: amounts of an account may be below zero."""
    value = record.get(key)
    if not isinstance(value, str) or _SIGNED.fullmatch(value) is None:
        raise Malformed(f"{key} is missing or not a decimal string")
    return Decimal(value)


def optional_text(record: JsonObject, key: str) -> str:
    """Empty if it is not there: for what informs, and decides nothing."""
    return clipped(fields.text(record, key).strip()) if key in record else ""


# -- times ------------------------------------------------------------------------------------------------------------


def kst_ns(date: str, time: str) -> int:
    """YYYYMMDD and HHMMSS of Korea in Unix nanoseconds. Raises Malformed."""
    if _DATE.fullmatch(date) is None or _TIME.fullmatch(time) is None:
        raise Malformed("not a date YYYYMMDD with a time HHMMSS")
    try:
        made = datetime.strptime(date + time, "%Y%m%d%H%M%S").replace(tzinfo=KST)
    except ValueError as error:
        raise Malformed("no such date or time") from error
    if not 1971 <= made.year <= _LATEST_YEAR:
        raise Malformed("a date out of range")
    return (made - _EPOCH) // timedelta(seconds=1) * _NS_PER_S


def nearest_ns(time: str, now_ns: int) -> int:
    """HHMMSS of Korea on the day that brings it closest to now, in Unix nanoseconds: for what carries no date."""
    if _TIME.fullmatch(time) is None:
        raise Malformed("not a time HHMMSS")
    hours, minutes, seconds = int(time[:2]), int(time[2:4]), int(time[4:])
    if hours > 23 or minutes > 59 or seconds > 59:
        raise Malformed("no such time of day")
    since_midnight_ns = ((hours * 60 + minutes) * 60 + seconds) * _NS_PER_S
    local_ns = now_ns + _KST_OFFSET_NS
    today_ns = local_ns - local_ns % _DAY_NS + since_midnight_ns - _KST_OFFSET_NS
    days = [at for at in (today_ns - _DAY_NS, today_ns, today_ns + _DAY_NS) if at >= 0]
    return min(days, key=lambda at: abs(at - now_ns))


def kst_date(at_ns: int) -> str:
    """The day in Korea, YYYYMMDD."""
    return (_EPOCH + timedelta(seconds=at_ns // _NS_PER_S)).astimezone(KST).strftime("%Y%m%d")


# -- what must not be shown -------------------------------------------------------------------------------------------

_HIDDEN = "***"
_LONG_SECRET = 24
"""Nothing that answers about orders say is as long in one run of letters; tokens and keys are."""
_SHORT_SECRET = 8
"""In answers that carry secrets: a piece of one, cut or stained, is hidden from here on."""
_PLAIN_WORDS = frozenset(
    (
        *("access_token", "access_token_token_expired", "approval_key", "content-type", "encrypt", "error_code"),
        *("error_description", "expires_in", "token_type", "approval", "PINGPONG", "SUBSCRIBE", "UNSUBSCRIBE"),
        *("H0STCNT0", "H0STASP0", "H0STCNI0", "H0STCNI9"),
    )
)
_PLAIN_CODE = re.compile(r"(?:OPSP|OPSQ|APBK|KIOK)[0-9]{4}|EGW[0-9]{5}|[0-9]{4}-[0-9]{2}-[0-9]{2}")

_FIELD_NAME = re.compile(r"[a-z]+(?:_[a-z]+)+")


def _hiding(shortest: int) -> re.Pattern[str]:
    return re.compile(rf"[A-Za-z0-9+/=_.~\\-]{{{shortest},}}")


_LONG, _SHORT = _hiding(_LONG_SECRET), _hiding(_SHORT_SECRET)


def without_long_runs(text: str) -> str:
    """An answer to a call that carries no secret, in case a broken peer repeats ours."""
    return _LONG.sub(lambda match: match[0] if _FIELD_NAME.fullmatch(match[0]) else _HIDDEN, text)


def without_secrets(text: str) -> str:
    """An answer that carries a secret. What could be a piece of one is hidden, in whatever state the text is: of
    input that nobody can read, nobody can say where its secret begins."""

    def shown(match: re.Match[str]) -> str:
        word = match[0]
        return word if word in _PLAIN_WORDS or _PLAIN_CODE.fullmatch(word) else _HIDDEN

    return _SHORT.sub(shown, text)


def guarded_secret(raw: str, decode: Callable[[], T]) -> T | ProtocolError:
    """Like fields.guarded, for input with a secret in it."""
    read = fields.guarded(raw, decode)
    if isinstance(read, ProtocolError):
        return ProtocolError(read.reason, clipped(without_secrets(raw)))
    return read
