"""Ids are derived, stable, distinct, and fit the strictest venue."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.execution import ids
from messages.values import Side
from tests.execution.orders import T0, D, intent

ARGUMENTS: dict[str, Any] = {
    "session_id": "s1",
    "strategy_id": "trend",
    "symbol": "BTCUSDT",
    "side": Side.BUY,
    "decision_time_ns": T0,
    "intent_hash_hex": "ab" * 32,
    "child": 0,
    "attempt": 0,
}


def test_ids_never_change_between_versions() -> None:
    """A resend after an upgrade must find the id that was sent before it."""
    assert ids.client_order_id(**ARGUMENTS) == "bjwdve5uilyyrmvwum5r77jgxcju4h4v5"
    assert ids.intent_hash(intent()) == "f1e04bb032492f4fe0c140c1dbd8f6112fb87b834fc3909c2f5c6508e0fea723"


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("session_id", "s2"),
        ("strategy_id", "trend2"),
        ("symbol", "ETHUSDT"),
        ("side", Side.SELL),
        ("decision_time_ns", T0 + 1),
        ("intent_hash_hex", "ac" * 32),
        ("child", 1),
        ("attempt", 1),
    ],
)
def test_every_part_changes_the_order_id(name: str, other: object) -> None:
    assert ids.client_order_id(**{**ARGUMENTS, name: other}) != ids.client_order_id(**ARGUMENTS)


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": D(2)},
        {"side": Side.SELL},
        {"limit_price": D(99)},
        {"leg": 1},
        {"group_id": "g2"},
        {"action_key": "k2"},
        {"expires_at_ns": T0},
        {"reason_codes": ("A",)},
        {"urgency": 6},
    ],
)
def test_what_identifies_an_intent_changes_its_hash(change: dict[str, Any]) -> None:
    assert ids.intent_hash(intent(**change)) != ids.intent_hash(intent())


@pytest.mark.parametrize(
    "change",
    [
        {"tick_received_monotonic_ns": 7},
        {"strategy_epoch": 3},
        {"correlation_id": "feed.1.1"},
        {"market": None},
        {"quantity": D("1.000")},
    ],
)
def test_what_only_describes_an_intent_does_not(change: dict[str, Any]) -> None:
    assert ids.intent_hash(intent(**change)) == ids.intent_hash(intent())


parts = st.tuples(st.text(max_size=6), st.text(max_size=6), st.integers(0, 3), st.integers(0, 3))


@given(st.sets(parts, min_size=2, max_size=20))
def test_order_ids_are_distinct_and_fit_every_venue(several: set[tuple[str, str, int, int]]) -> None:
    made = [
        ids.client_order_id(session, strategy, "BTCUSDT", Side.BUY, T0, "00", child, attempt)
        for session, strategy, child, attempt in several
    ]
    assert len(set(made)) == len(several)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,36}", one) and ids.looks_like_ours(one) for one in made)


@pytest.mark.req("P-05")
@pytest.mark.lesson("L09")
def test_lesson_l09_the_same_stored_intent_has_the_same_order_id() -> None:
    again = type(intent()).model_validate_json(intent().model_dump_json())
    assert ids.order_id_for(again, "s1") == ids.order_id_for(intent(), "s1")


def test_each_child_and_each_attempt_of_an_intent_has_its_own_id() -> None:
    made = {ids.order_id_for(intent(), "s1", child, attempt) for child in (0, 1) for attempt in (0, 1)}
    assert len(made) == 4


def test_marks_of_others_are_not_taken_for_ours() -> None:
    assert not ids.looks_like_ours("web_3f2a")
    assert not ids.looks_like_ours("b" + "A" * 32)
