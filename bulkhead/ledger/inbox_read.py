"""From the bytes of an inbox row to an intent or to a refusal: pure, and never raising on what somebody inserted.

Whatever a column holds comes here as bytes, cut at MAX_FIELD_BYTES + 1, or as None: SQLite lets any process put any
bytes into a text column, and a number into one that should hold text.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from pydantic import ValidationError

from bulkhead.ledger.inbox_port import InboxIntent, InboxRefusal, InboxRow
from messages.codes import ErrorCode
from messages.values import IntentType, OrderType, Side, SplitPolicy, TimeInForce

MAX_FIELD_BYTES = 500
MAX_SHOWN = 40
"""Characters of a bad value that are repeated in its refusal."""
MAX_INTEGER = 2**63 - 1
"""A blob may hold the digits of a larger one, which the ledger could not store."""
_DECIMAL = re.compile(r"\d{1,30}(\.\d{1,30})?", re.ASCII)
_KEY = re.compile(r"[!-~]{1,128}")
_WHOLE = re.compile(r"\d{1,19}", re.ASCII)
_NO_NUMBERS = frozenset({"nan", "snan", "inf", "infinity"})
_OPTIONAL = frozenset({"venue", "account", "quantity", "limit_price", "group_id", "reason"})
"""May be NULL or empty. The words for quantity and limit_price follow the kinds of intent and order."""

COLUMNS = (
    *("intent_id", "action_key", "strategy_id", "venue", "account", "group_id", "leg", "symbol", "side"),
    *("intent_type", "quantity", "order_type", "limit_price", "time_in_force", "split", "urgency", "reason"),
    *("created_ns", "expires_at_ns"),
)
"""What a sender may set, in the order in which it is read."""
_WORDS: dict[str, type[StrEnum]] = {
    "side": Side,
    "intent_type": IntentType,
    "order_type": OrderType,
    "time_in_force": TimeInForce,
    "split": SplitPolicy,
}
_INTEGERS = ("leg", "urgency", "created_ns", "expires_at_ns")


class RawRow(NamedTuple):
    """A row as it was read. `twin` is an earlier row with the same action key or intent id."""

    row_id: int
    fields: Mapping[str, bytes | None]
    twin: int | None

    def shown(self, name: str) -> str:
        """A field for words and keys, whatever bytes it has."""
        return (self.fields[name] or b"").decode("utf-8", "backslashreplace")


class _Refused(Exception):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.refusal = InboxRefusal(code, reason)


def read_row(raw: RawRow, now_ns: int) -> InboxRow:
    """The row with its intent, or with the first thing that is wrong with it."""
    intent, refusal = None, None
    try:
        intent = _intent(raw, now_ns)
    except _Refused as refused:
        refusal = refused.refusal
    return InboxRow(raw.row_id, raw.shown("action_key"), raw.shown("intent_id"), intent, refusal)


def _intent(raw: RawRow, now_ns: int) -> InboxIntent:
    texts = {name: _text(name, raw.fields[name]) for name in COLUMNS}
    for name in ("intent_id", "action_key"):
        if not _KEY.fullmatch(texts[name] or ""):
            raise _Refused(ErrorCode.INTENT_MALFORMED, f"{name} must be 1 to 128 visible ASCII characters")
    if raw.twin is not None:
        words = f"row {raw.twin} came before it with the same action key or intent id"
        raise _Refused(ErrorCode.INTENT_DUPLICATE, words)
    words_of = {name: _word(name, texts[name] or "", kind) for name, kind in _WORDS.items()}
    integers = {name: _integer(name, texts[name] or "") for name in _INTEGERS}
    quantity = _quantity(texts["quantity"], words_of["intent_type"])
    limit_price = _limit_price(texts["limit_price"], words_of["order_type"])
    if integers["expires_at_ns"] <= now_ns:
        late_s = (now_ns - integers["expires_at_ns"]) / 1e9
        raise _Refused(ErrorCode.INTENT_EXPIRED, f"it was taken {late_s:.1f} s after its expires_at_ns")
    rest = {name: texts[name] for name in ("strategy_id", "venue", "account", "symbol")}
    said = {name: texts[name] or "" for name in ("group_id", "reason")}
    try:
        return InboxIntent.model_validate(
            {**rest, **said, **words_of, **integers, "quantity": quantity, "limit_price": limit_price}
        )
    except ValidationError as error:
        wrong = error.errors()[0]
        field = ".".join(map(str, wrong["loc"]))
        shown = _shown(texts.get(field) or "")
        raise _Refused(ErrorCode.INTENT_MALFORMED, f"{field} is {shown}: {wrong['msg']}") from None


def _text(name: str, value: bytes | None) -> str | None:
    if value is None or value == b"":
        if name in _OPTIONAL:
            return None
        raise _Refused(ErrorCode.INTENT_MALFORMED, f"{name} is missing")
    if len(value) > MAX_FIELD_BYTES:
        raise _Refused(ErrorCode.INTENT_MALFORMED, f"{name} is longer than {MAX_FIELD_BYTES} bytes")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _Refused(ErrorCode.INTENT_MALFORMED, f"{name} is not UTF-8 at byte {error.start}") from None
    if not text.isprintable():
        raise _Refused(ErrorCode.INTENT_MALFORMED, f"{name} has characters that cannot be printed")
    return text


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…")


def _word(name: str, text: str, kind: type[StrEnum]) -> str:
    if text not in set(kind):
        words = ", ".join(kind)
        raise _Refused(ErrorCode.INTENT_MALFORMED, f"{name} is {_shown(text)} and must be one of {words}")
    return text


def _integer(name: str, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _Refused(ErrorCode.INTENT_MALFORMED, f"{name} is {_shown(text)} and must be a whole number")
    if int(text) > MAX_INTEGER:
        raise _Refused(ErrorCode.NUMBER_IMPOSSIBLE, f"{name} is {text} and must be {MAX_INTEGER} at most")
    return int(text)


def _amount(name: str, text: str) -> Decimal:
    """A plain decimal above zero: no sign, no exponent, no separators."""
    is_number = _DECIMAL.fullmatch(text) is not None
    if is_number and (amount := Decimal(text)) > 0:
        return amount
    unsigned = text.lstrip("+-")
    if is_number or unsigned.lower() in _NO_NUMBERS or _DECIMAL.fullmatch(unsigned):
        raise _Refused(ErrorCode.NUMBER_IMPOSSIBLE, f"{name} is {_shown(text)} and must be a number above zero")
    words = "must be a plain decimal like 0.015, without exponent, at most 30 digits before and behind the point"
    raise _Refused(ErrorCode.INTENT_MALFORMED, f"{name} is {_shown(text)} and {words}")


def _quantity(text: str | None, intent_type: str) -> Decimal | None:
    if text is not None:
        return _amount("quantity", text)
    if intent_type == IntentType.EXIT_FULL:
        return None
    raise _Refused(ErrorCode.INTENT_MALFORMED, "quantity is missing; only an EXIT_FULL may leave it out")


def _limit_price(text: str | None, order_type: str) -> Decimal | None:
    if order_type == OrderType.MKT:
        if text is not None:
            raise _Refused(ErrorCode.INTENT_MALFORMED, "a market order must not have a limit_price")
        return None
    if text is None:
        raise _Refused(ErrorCode.INTENT_MALFORMED, "limit_price is missing; a limit order needs it")
    return _amount("limit_price", text)
