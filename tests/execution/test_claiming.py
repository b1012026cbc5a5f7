"""Whose a listed order is that bears no id of ours: the one candidate by our own channel, or an operator's to say."""

from typing import Any

import pytest

from bulkhead.execution.claiming import CLOCKS_DIFFER_NS, Claim, Known, claims, is_in_doubt
from messages.orders import OrderRow, VenueOrder
from messages.strangers import StrangerKind, key_of
from messages.values import OrderStatus, Side
from tests.execution.orders import ID, NS_PER_S, T0, D, order, venue_order

OTHER = "b" + "c" * 32
API, BY_HAND = "||31", "||11"
KNOWN = Known(own_channels=frozenset({API}))
SOON, LATE = T0 + 5 * NS_PER_S, T0 + 61 * NS_PER_S


def listed(number: str = "7", channel: str = API, **changes: Any) -> VenueOrder:
    fields = {"order_type": "LMT", "limit_price": D(100), "channel": channel, "created_ns": T0 + NS_PER_S, **changes}
    return venue_order(OrderStatus.SUBMITTED, key=f"v-{number}", venue_order_id=number, **fields)


def claim(*orders: VenueOrder, row: OrderRow | None = None, known: Known = KNOWN, as_of_ns: int = SOON) -> Claim:
    return claims((row or order(OrderStatus.UNKNOWN),), orders, known, as_of_ns)[ID]


def test_the_one_candidate_with_our_marks_is_it() -> None:
    assert claim(listed()) == Claim(ID, listed())


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "ETHUSDT"},
        {"side": Side.SELL},
        {"quantity": D(11)},
        {"limit_price": D(101)},
        {"order_type": "MKT", "limit_price": None},
        {"created_ns": T0 - CLOCKS_DIFFER_NS - 1},
    ],
)
def test_what_differs_from_it_is_no_candidate(changes: dict[str, Any]) -> None:
    found = claim(listed(**changes))
    assert (found.order, found.needs_operator) == (None, False)
    assert "no order yet" in found.doubt


def test_a_number_that_was_known_before_it_was_made_is_no_candidate() -> None:
    key = key_of(StrangerKind.ORDER, "BTCUSDT", "7")
    before = KNOWN._replace(first_seen_ns={key: T0 - 1})
    after = KNOWN._replace(first_seen_ns={key: T0})
    assert claim(listed(), known=before).order is None
    assert claim(listed(), known=after).order is not None


@pytest.mark.parametrize(("as_of_ns", "needs_operator"), [(SOON, False), (T0 + 60 * NS_PER_S, False), (LATE, True)])
def test_while_it_is_not_listed_it_is_waited_for_and_then_an_operator_is_asked(
    as_of_ns: int, needs_operator: bool
) -> None:
    found = claim(as_of_ns=as_of_ns)
    assert (found.order, found.needs_operator) == (None, needs_operator)


@pytest.mark.parametrize(
    ("orders", "known", "why"),
    [
        ((listed("7"), listed("8")), KNOWN, "several orders could be it: 7, 8"),
        ((listed("7"), listed("8", BY_HAND)), KNOWN, "several orders could be it: 7, 8"),
        ((listed("7", BY_HAND),), KNOWN, "by another way than ours"),
        ((listed("7", ""),), KNOWN, "which is not told"),
        ((listed("7"),), Known(), "to know our channel by"),
    ],
)
def test_several_or_a_twin_placed_by_hand_are_an_operators_to_say(
    orders: tuple[VenueOrder, ...], known: Known, why: str
) -> None:
    found = claim(*orders, known=known)
    assert (found.order, found.needs_operator) == (None, True)
    assert why in found.doubt


def test_one_order_is_never_given_to_two() -> None:
    rows = (order(OrderStatus.UNKNOWN), order(OrderStatus.UNKNOWN, key=OTHER))
    found = claims(rows, (listed(),), KNOWN, SOON)
    assert {key: (each.order, each.needs_operator) for key, each in found.items()} == {
        ID: (None, True),
        OTHER: (None, True),
    }


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (order(), True),
        (order(OrderStatus.UNKNOWN), True),
        (order(OrderStatus.PENDING_CANCEL), True),
        (order(OrderStatus.UNKNOWN, venue_order_id="7"), False),
        (order(OrderStatus.UNKNOWN, "3"), False),
        (order(OrderStatus.SUBMITTED), False),
        (order(OrderStatus.FAILED), False),
    ],
)
def test_in_doubt_is_what_may_have_left_and_has_no_number(row: OrderRow, expected: bool) -> None:
    assert is_in_doubt(row) is expected
