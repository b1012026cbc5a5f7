"""What somebody inserted becomes an intent or a refusal in words, whatever bytes it is."""

from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.ledger.inbox_read import COLUMNS, MAX_FIELD_BYTES, RawRow, read_row
from bulkhead.ledger.inbox_schema import TABLE
from messages.codes import ErrorCode
from messages.values import IntentStatus, IntentType, OrderType, Side

NOW_NS = 1_735_689_600_000_000_000
TEXTS: dict[str, str | None] = {
    "intent_id": "i1",
    "action_key": "a1",
    "strategy_id": "model",
    "venue": None,
    "account": None,
    "group_id": "",
    "leg": "0",
    "symbol": "BTCUSDT",
    "side": "BUY",
    "intent_type": "ENTRY",
    "quantity": "0.015",
    "order_type": "LMT",
    "limit_price": "64000.10",
    "time_in_force": "IOC",
    "split": "SINGLE",
    "urgency": "5",
    "reason": "왜",
    "created_ns": "1",
    "expires_at_ns": str(NOW_NS + 1),
}
GOOD = {name: None if text is None else text.encode() for name, text in TEXTS.items()}


def raw(changes: dict[str, bytes | None] | None = None, twin: int | None = None) -> RawRow:
    return RawRow(7, {**GOOD, **(changes or {})}, twin)


def test_a_good_row_is_an_intent() -> None:
    row = read_row(raw(), NOW_NS)
    assert row.refusal is None
    assert row.intent is not None
    assert (row.intent.quantity, row.intent.limit_price) == (Decimal("0.015"), Decimal("64000.10"))
    assert (row.intent.side, row.intent.order_type, row.intent.reason) == (Side.BUY, OrderType.LMT, "왜")
    assert (row.row_id, row.action_key, row.intent_id) == (7, "a1", "i1")


def test_all_columns_are_in_the_table() -> None:
    assert GOOD.keys() == set(COLUMNS)
    assert all(f"\n    {name} " in TABLE for name in COLUMNS)


@pytest.mark.parametrize("kind", [Side, IntentType, OrderType])
def test_the_table_allows_each_word_that_there_is(kind: type[StrEnum]) -> None:
    assert f"IN ({', '.join(repr(str(word)) for word in kind)})" in TABLE
    assert {status.value for status in IntentStatus} - {"DONE", "STOPPING"} <= set(TABLE.replace("'", " ").split())


REFUSED = [
    ("quantity", b"0", ErrorCode.NUMBER_IMPOSSIBLE, "above zero"),
    ("quantity", b"0.000", ErrorCode.NUMBER_IMPOSSIBLE, "above zero"),
    ("quantity", b"-1", ErrorCode.NUMBER_IMPOSSIBLE, "above zero"),
    ("quantity", b"NaN", ErrorCode.NUMBER_IMPOSSIBLE, "above zero"),
    ("quantity", b"-Infinity", ErrorCode.NUMBER_IMPOSSIBLE, "above zero"),
    ("limit_price", b"inf", ErrorCode.NUMBER_IMPOSSIBLE, "limit_price"),
    ("limit_price", b"-0.0", ErrorCode.NUMBER_IMPOSSIBLE, "limit_price"),
    ("quantity", b"1e3", ErrorCode.INTENT_MALFORMED, "plain decimal"),
    ("quantity", b"1e999999999", ErrorCode.INTENT_MALFORMED, "plain decimal"),
    ("quantity", b"1,5", ErrorCode.INTENT_MALFORMED, "plain decimal"),
    ("quantity", b" 1", ErrorCode.INTENT_MALFORMED, "plain decimal"),
    ("quantity", "١".encode(), ErrorCode.INTENT_MALFORMED, "plain decimal"),
    ("quantity", b"9" * 31, ErrorCode.INTENT_MALFORMED, "plain decimal"),
    ("quantity", None, ErrorCode.INTENT_MALFORMED, "only an EXIT_FULL"),
    ("side", b"buy", ErrorCode.INTENT_MALFORMED, "one of BUY, SELL"),
    ("intent_type", b"OPEN", ErrorCode.INTENT_MALFORMED, "one of ENTRY"),
    ("order_type", b"STOP", ErrorCode.INTENT_MALFORMED, "one of MKT, LMT"),
    ("order_type", b"MKT", ErrorCode.INTENT_MALFORMED, "must not have"),
    ("limit_price", None, ErrorCode.INTENT_MALFORMED, "limit_price is missing"),
    ("time_in_force", None, ErrorCode.INTENT_MALFORMED, "time_in_force is missing"),
    ("action_key", None, ErrorCode.INTENT_MALFORMED, "action_key is missing"),
    ("action_key", b"two words", ErrorCode.INTENT_MALFORMED, "visible ASCII"),
    ("intent_id", b"x" * 129, ErrorCode.INTENT_MALFORMED, "visible ASCII"),
    ("strategy_id", b"", ErrorCode.INTENT_MALFORMED, "strategy_id is missing"),
    ("strategy_id", b"My Model", ErrorCode.INTENT_MALFORMED, "strategy_id is 'My Model'"),
    ("symbol", b"btcusdt", ErrorCode.INTENT_MALFORMED, "symbol is 'btcusdt'"),
    ("symbol", b"BTC\xff", ErrorCode.INTENT_MALFORMED, "symbol is not UTF-8 at byte 3"),
    ("reason", b"a\x00b", ErrorCode.INTENT_MALFORMED, "cannot be printed"),
    ("reason", b"a\x1b[31m", ErrorCode.INTENT_MALFORMED, "cannot be printed"),
    ("reason", b"x" * (MAX_FIELD_BYTES + 1), ErrorCode.INTENT_MALFORMED, "longer than 500 bytes"),
    ("split", b"SLICE", ErrorCode.INTENT_MALFORMED, "one of SINGLE"),
    ("leg", b"1.0", ErrorCode.INTENT_MALFORMED, "whole number"),
    ("leg", b"-1", ErrorCode.INTENT_MALFORMED, "whole number"),
    ("leg", b"99999999999", ErrorCode.INTENT_MALFORMED, "leg is '99999999999'"),
    ("urgency", b"10", ErrorCode.INTENT_MALFORMED, "urgency"),
    ("expires_at_ns", str(NOW_NS - 1_500_000_000).encode(), ErrorCode.INTENT_EXPIRED, "1.5 s after"),
    ("expires_at_ns", b"9" * 40, ErrorCode.INTENT_MALFORMED, "whole number"),
]


@pytest.mark.parametrize(("name", "value", "code", "words"), REFUSED)
def test_a_bad_row_is_refused_with_code_and_words(name: str, value: bytes | None, code: str, words: str) -> None:
    row = read_row(raw({name: value}), NOW_NS)
    assert row.intent is None
    assert row.refusal is not None
    assert row.refusal.code == code
    assert words in row.refusal.reason
    assert name in row.refusal.reason or name in ("order_type", "expires_at_ns")
    assert len(row.refusal.reason) < 300


def test_only_a_full_exit_may_leave_the_quantity_to_us() -> None:
    intent = read_row(raw({"intent_type": b"EXIT_FULL", "quantity": None}), NOW_NS).intent
    assert intent is not None
    assert intent.quantity is None


def test_a_row_that_repeats_an_earlier_one_is_a_duplicate_even_when_it_is_wrong() -> None:
    row = read_row(raw({"side": b"?"}, twin=3), NOW_NS)
    assert row.refusal is not None
    assert row.refusal.code == ErrorCode.INTENT_DUPLICATE
    assert "row 3" in row.refusal.reason


@given(
    st.dictionaries(
        st.sampled_from(COLUMNS), st.none() | st.binary(max_size=12) | st.text(max_size=8).map(str.encode), max_size=4
    )
)
def test_it_never_raises_and_never_passes_a_bad_number(changes: dict[str, bytes | None]) -> None:
    row = read_row(raw(changes), NOW_NS)
    assert (row.intent is None) != (row.refusal is None)
    if row.intent is not None:
        assert row.intent.quantity is None or row.intent.quantity > 0
        assert row.intent.expires_at_ns > NOW_NS
