"""Strict reading of foreign JSON, field by field.

Inside the codecs `Malformed` is raised and caught; it never leaves `bulkhead.venues.wire`. Decimals are accepted only
as strings of plain digits: no sign, exponent, NaN or Infinity can pass, and a bare JSON fraction (a float by then) is
refused wherever an amount is read.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from pydantic import ValidationError

from bulkhead.venues.wire.facts import ProtocolError, clipped

JsonObject = dict[str, object]
T = TypeVar("T")

_DECIMAL = re.compile(r"[0-9]{1,24}(?:\.[0-9]{1,24})?")
_MAX_INT = 2**63 - 1
"""The widest identifier or time any venue sends; a larger one is a broken peer."""
_NS_PER_MS = 1_000_000
_MAX_TIME_MS = _MAX_INT // _NS_PER_MS


class Malformed(ValueError):
    """The peer's input does not have the shape its documentation promises."""


def _no_constant(name: str) -> object:
    raise Malformed(f"{name} is not a number we take")


def parse(text: str) -> object:
    """JSON to Python. Raises Malformed for anything that is not JSON, or nested beyond reason."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except Malformed:
        raise
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}") from error


def as_object(value: object, what: str) -> JsonObject:
    if not isinstance(value, dict):
        raise Malformed(f"{what} is not an object")
    return value


def as_list(value: object, what: str) -> list[object]:
    if not isinstance(value, list):
        raise Malformed(f"{what} is not a list")
    return value


def objects(value: object, what: str) -> list[JsonObject]:
    return [as_object(item, f"{what}[]") for item in as_list(value, what)]


def text(record: JsonObject, key: str) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        raise Malformed(f"{key} is missing or not a string")
    return value


def integer(record: JsonObject, key: str) -> int:
    """A whole number in 0 .. 2^63-1."""
    value = record.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_INT:
        raise Malformed(f"{key} is missing or not a whole number in range")
    return value


def flag(record: JsonObject, key: str) -> bool:
    value = record.get(key)
    if not isinstance(value, bool):
        raise Malformed(f"{key} is missing or not a boolean")
    return value


def as_decimal(value: object, what: str) -> Decimal:
    if not isinstance(value, str) or _DECIMAL.fullmatch(value) is None:
        raise Malformed(f"{what} is missing or not a plain decimal string")
    return Decimal(value)


def decimal(record: JsonObject, key: str) -> Decimal:
    """A finite decimal, zero or above."""
    return as_decimal(record.get(key), key)


def time_ns(record: JsonObject, key: str) -> int:
    """Unix milliseconds on the wire, nanoseconds in the house."""
    value = integer(record, key)
    if value > _MAX_TIME_MS:
        raise Malformed(f"{key} is not a time in milliseconds")
    return value * _NS_PER_MS


def guarded(raw: str, decode: Callable[[], T]) -> T | ProtocolError:
    """Run a decoder; its complaints about the peer become a value that keeps the raw text."""
    try:
        return decode()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return ProtocolError(clipped(f"{error.title}.{where}: {first['msg']}"), clipped(raw))
    except Malformed as error:
        return ProtocolError(clipped(str(error)), clipped(raw))


def render(record: JsonObject) -> str:
    """Compact JSON of a request of ours."""
    return json.dumps(record, separators=(",", ":"))
