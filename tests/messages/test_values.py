"""Values: frozen, closed, exact; what is not a number is refused, and a price belongs to its order type."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bulkhead.execution.exact import exact
from messages.orders import Balance, OrderTicket
from messages.trading import Decision, OrderIntent
from messages.values import Action, Fee, Level, Number, OrderStatus, OrderType, Price, Side, Value
from tests.execution.orders import intent, market, order

finite = st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e30"), max_value=Decimal("1e30"))
_any_exponent = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(digits), exponent)),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=60),
    st.integers(-200, 200) | st.integers(-(10**9), 10**9),
)


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


HOSTILE = ["1e999999", "-1e999999", "1e-999999", "0e-999999", "1e201", "1e-201", "9" * 100_000, "0." + "0" * 250 + "1"]


@pytest.mark.parametrize("bad", HOSTILE)
@pytest.mark.parametrize(
    ("value", "fields"),
    [
        (Decision, {"symbol": "BTCUSDT", "action": "HOLD", "reason": "x", "scores": {"n": "$"}}),
        (Level, {"price": "$", "quantity": "1"}),
        (Level, {"price": "1", "quantity": "$"}),
        (Balance, {"asset": "BTC", "free": "$", "locked": "0"}),
    ],
)
def test_an_exponent_cannot_make_an_amount_that_nobody_can_write_out(
    value: type[Value], fields: dict[str, Any], bad: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        value.model_validate_json(json.dumps(fields).replace("$", bad))
    assert len(str(refused.value)) < 2_000, "the refusal does not write it out either"
    with suppress(ValidationError):  # without quotes it is a float: too large is refused, too small is 0
        assert len(value.model_validate_json(json.dumps(fields).replace('"$"', bad)).model_dump_json()) < 1_000


def test_the_refusal_says_what_is_wrong() -> None:
    with pytest.raises(ValidationError, match="more than 30 digits before or behind the point"):
        Level(price=Decimal("1e30"), quantity=Decimal(1))
    with pytest.raises(ValidationError, match="more than 200 digits before or behind the point"):
        Decision.hold("BTCUSDT", "x", scores={"n": Decimal("1e200")})


@pytest.mark.parametrize(
    "real", ["0.00000001", "1E+2", "123456789.12345678", "0E-18", "99999999999999999999.999999999999999999", "1e-18"]
)
def test_real_amounts_are_kept_exactly(real: str) -> None:
    number = Decimal(real)
    assert Balance(asset="X", free=number, locked=number).free.as_tuple() == number.as_tuple()
    if number:
        level = Level(price=number, quantity=number)
        assert level.price.as_tuple() == number.as_tuple()
        assert Level.model_validate_json(level.model_dump_json()) == level


@pytest.mark.parametrize("text", ["0E+30", "0E-31", "0E+999999", "0E-999999"])
def test_a_zero_is_no_way_around_the_bound(text: str) -> None:
    with pytest.raises(ValidationError, match="more than 30 digits"):
        Level(price=Decimal(1), quantity=Decimal(text))


@given(number=st.decimals(allow_nan=False, allow_infinity=False) | _any_exponent, step=_any_exponent)
def test_what_is_accepted_is_short_to_write_and_comes_back_the_same(number: Decimal, step: Decimal) -> None:
    for kind, places, given_value in ((Number, 200, number), (Fee, 30, number), (Price, 30, step.copy_abs())):
        adapter: TypeAdapter[Decimal] = TypeAdapter(kind)
        try:
            kept = adapter.validate_python(given_value)
        except ValidationError:
            continue
        text = json.loads(adapter.dump_json(kept))
        assert kept.as_tuple() == given_value.as_tuple()
        assert len(text) <= 2 * places + len("-.")
        assert adapter.validate_json(json.dumps(text)) == kept


def test_products_and_quotients_of_the_widest_amounts_are_numbers() -> None:
    """What a venue may state never makes a figure of ours that we would then refuse."""
    widest, finest = Decimal("9" * 30 + "." + "9" * 30), Decimal("1e-30")
    number: TypeAdapter[Decimal] = TypeAdapter(Number)
    with exact():
        for figure in (widest * widest, -widest * widest * 1_000_000, finest * finest, finest / 3, finest / widest):
            assert number.validate_python(figure) == figure


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
