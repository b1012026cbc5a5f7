"""Values: frozen, closed, exact; what is not a number is refused, and a price belongs to its order type."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from messages.orders import Balance, OrderTicket
from messages.trading import Decision, OrderIntent
from messages.values import Action, OrderStatus, OrderType, Side
from tests.execution.orders import intent, market, order

finite = st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e30"), max_value=Decimal("1e30"))


def test_nothing_can_be_changed_once_made() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        order().ticket.quantity = Decimal(2)  # type: ignore[misc]


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Balance.model_validate({"asset": "BTC", "free": 1, "locked": 0, "lokced": 0})


@pytest.mark.lesson("L24")
@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity", "sNaN", float("nan"), float("inf")])
def test_what_is_not_a_finite_number_is_refused(bad: Any) -> None:
    with pytest.raises(ValidationError):
        Balance.model_validate({"asset": "BTC", "free": bad, "locked": 0})


@pytest.mark.parametrize("bad", ["0", "-1"])
def test_a_quantity_of_an_order_is_above_zero(bad: str) -> None:
    with pytest.raises(ValidationError):
        intent(quantity=Decimal(bad))


@given(number=finite)
def test_decimals_travel_as_plain_strings_and_come_back_the_same(number: Decimal) -> None:
    text = json.loads(Decision.hold("BTCUSDT", "x", scores={"n": number}).model_dump_json())["scores"]["n"]
    assert isinstance(text, str)
    assert "e" not in text.lower()
    assert Decimal(text) == number
    assert Decimal(text).as_tuple() == number.as_tuple() or number.as_tuple().exponent > 0  # type: ignore[operator]


@pytest.mark.parametrize("kind", [OrderIntent, OrderTicket])
@pytest.mark.parametrize(
    ("order_type", "limit", "is_valid"),
    [
        (OrderType.LMT, Decimal(100), True),
        (OrderType.MKT, None, True),
        (OrderType.LMT, None, False),
        (OrderType.MKT, Decimal(100), False),
    ],
)
def test_a_limit_order_has_a_price_and_a_market_order_has_none(
    kind: type[OrderIntent | OrderTicket], order_type: OrderType, limit: Decimal | None, is_valid: bool
) -> None:
    whole = (intent() if kind is OrderIntent else order().ticket).model_dump()
    whole |= {"order_type": order_type, "limit_price": limit}
    if is_valid:
        kind.model_validate(whole)
    else:
        with pytest.raises(ValidationError, match="limit_price"):
            kind.model_validate(whole)


def test_an_entry_needs_a_side() -> None:
    with pytest.raises(ValidationError, match="needs a side"):
        Decision.model_validate({"symbol": "BTCUSDT", "action": Action.ENTER, "reason": "x"})
    assert Decision.enter("BTCUSDT", Side.BUY, "x").side is Side.BUY


@pytest.mark.parametrize("bad", ["", "btc", "A" * 33, "BTC/USDT", "BTC USDT"])
def test_a_symbol_has_one_spelling(bad: str) -> None:
    with pytest.raises(ValidationError):
        Decision.hold(bad, "x")


@pytest.mark.parametrize("bad", ["", "a" * 37, "with space", "ünïcode", "a/b"])
def test_a_client_order_id_fits_the_strictest_venue(bad: str) -> None:
    with pytest.raises(ValidationError):
        order(key=bad)


def test_the_spread_and_the_middle() -> None:
    assert market("99", "101").mid == 100
    assert market("99", "101").spread_bps == 200
    assert (market("101", "99").spread_bps or 0) < 0, "crossed quotes show"
    one_sided = market().model_copy(update={"bid": None})
    assert one_sided.mid == one_sided.last
    assert one_sided.spread_bps is None


def test_unknown_is_no_end_and_is_shown_as_error() -> None:
    assert not OrderStatus.UNKNOWN.is_terminal
    assert OrderStatus.UNKNOWN.public == "ERROR"
    ends = {status for status in OrderStatus if status.is_terminal}
    assert {status.value for status in ends} == {"FILLED", "REJECTED", "CANCELLED", "EXPIRED", "FAILED"}
    assert order(OrderStatus.CANCELLED, "4").leaves == 0
    assert order(OrderStatus.UNKNOWN, "4").leaves == 6
