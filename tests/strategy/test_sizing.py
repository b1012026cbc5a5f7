"""Sizing: whole lots, never above a cap, refusals with numbers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bulkhead.strategy.sizing import LotRules, SizeRefused, SizingPolicy, size_entry

D = Decimal
RULES = LotRules(lot_size=D("0.001"), min_quantity=D("0.002"), max_quantity=D(50), min_notional=D(10))
POLICY = SizingPolicy(notional=D(100))


@pytest.mark.req("P-04")
def test_an_amount_becomes_whole_lots() -> None:
    assert size_entry(POLICY, RULES, D("640.12")) == D("0.156")


def test_the_wish_of_the_strategy_comes_first_and_is_capped() -> None:
    assert size_entry(POLICY, RULES, D(100), wanted=D("2.0007")) == D("2.000")
    capped = SizingPolicy(notional=D(100), max_notional=D(150))
    assert size_entry(capped, RULES, D(100), wanted=D(2)) == D("1.500")
    few = SizingPolicy(notional=D(100), max_quantity=D("0.5"))
    assert size_entry(few, RULES, D(100)) == D("0.500")
    assert size_entry(POLICY, RULES, D(100), wanted=D(1000)) == D(50)


@pytest.mark.parametrize(
    ("notional", "price", "code"),
    [
        (D(100), None, "NO_PRICE"),
        (D(100), D(0), "NO_PRICE"),
        (D(100), D(640_000), "SIZE_BELOW_LOT"),
        (D(100), D(60_000), "SIZE_BELOW_MIN_QUANTITY"),
        (D(9), D(1000), "SIZE_BELOW_MIN_NOTIONAL"),
    ],
)
def test_what_the_venue_would_not_take_is_refused_with_numbers(
    notional: Decimal, price: Decimal | None, code: str
) -> None:
    refusal = size_entry(SizingPolicy(notional=notional), RULES, price)
    assert isinstance(refusal, SizeRefused)
    assert refusal.code == code
    assert refusal.detail


@given(
    notional=st.decimals("0.01", "1000000", places=2),
    price=st.decimals("0.01", "100000", places=2),
    lot=st.sampled_from(["0.00001", "0.001", "0.01", "1", "5"]),
)
def test_never_more_than_was_asked_and_always_whole_lots(notional: Decimal, price: Decimal, lot: str) -> None:
    size = size_entry(SizingPolicy(notional=notional), LotRules(lot_size=D(lot)), price)
    if isinstance(size, Decimal):
        assert size > 0
        assert size % D(lot) == 0
        assert size * price <= notional * (1 + D("1e-20"))


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValidationError):
        SizingPolicy.model_validate({"notional": "1", "max_notionl": "2"})
