"""How times, amounts and names are shown to people, the same everywhere."""

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

_NS_PER_S = 1_000_000_000
_SHORT_ID = 10
_OF_SESSION = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]+/")


def clock(at_ns: int) -> str:
    """UTC time of day, `12:00:01.234`."""
    seconds, rest_ns = divmod(at_ns, _NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}.{rest_ns // 1_000_000:03d}"


def date_and_clock(at_ns: int) -> str:
    """UTC, `2025-01-31 12:00:01.234`."""
    return f"{datetime.fromtimestamp(at_ns // _NS_PER_S, UTC):%Y-%m-%d} {clock(at_ns)}"


def span(span_ns: int) -> str:
    """A length of time with the unit that suits it: `450 µs`, `12.3 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`."""
    sign, ns = ("-", -span_ns) if span_ns < 0 else ("", span_ns)
    if ns == 0:
        return "0"
    if ns < 1_000_000:
        return f"{sign}{ns / 1e3:.3g} µs"
    if ns < _NS_PER_S:
        return f"{sign}{ns / 1e6:.3g} ms"
    if ns < 60 * _NS_PER_S:
        return f"{sign}{ns / 1e9:.3g} s"
    minutes, seconds = divmod(ns // _NS_PER_S, 60)
    if minutes < 60:
        return f"{sign}{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours} h {minutes} min" if hours < 48 else f"{sign}{hours // 24} d {hours % 24} h"


def amount(value: object, *, signed: bool = False) -> str:
    """An exact number with thousands set apart and no idle zeros: `64010.20` -> `64,010.2`. Anything else as it is."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    if not number.is_finite():
        return str(value)
    text = f"{number:+,f}" if signed else f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(value: object, places: int, *, signed: bool = False) -> str:
    """As `amount`, rounded: for figures whose last digits are noise, like an average."""
    try:
        number = Decimal(str(value)).quantize(Decimal(1).scaleb(-places))
    except InvalidOperation:
        return str(value)
    return amount(number, signed=signed)


def short(name: object) -> str:
    """As much of a long id as tells it from its neighbours: its beginning, or what stands behind the session's id."""
    text = str(name)
    of_session = _OF_SESSION.match(text)
    if of_session is not None:
        return f"…{text[of_session.end() :]}"
    return text if len(text) <= _SHORT_ID + 2 else f"{text[:_SHORT_ID]}…"


def one_line(text: object, limit: int = 160) -> str:
    """Text of any origin on one line, cut at `limit`, with control characters made visible: it may go to a terminal."""
    safe = "".join(" " if char in "\r\n\t" else char if char.isprintable() else "�" for char in str(text).strip())
    return safe if len(safe) <= limit else f"{safe[: limit - 1]}…"
