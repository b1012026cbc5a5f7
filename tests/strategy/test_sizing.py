"""Sizing: whole lots, never above a cap, refusals with numbers."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bulkhead.strategy.sizing import LotRules, SizeRefused, SizingFacts, SizingPolicy, size_entry
from messages.values import Side

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


# -- the other policies -----------------------------------------------------------------------------------------------

FINE = LotRules(lot_size=D("0.001"))
BY_QUANTITY = SizingPolicy.model_validate({"kind": "fixed_quantity", "quantity": "2"})
BY_EQUITY = SizingPolicy.model_validate({"kind": "share_of_equity", "risk_share": "0.01"})
AT_DISTANCE = SizingPolicy.model_validate({"kind": "share_of_equity", "risk_share": "0.01", "stop_distance_bps": 200})
BY_RANGE = SizingPolicy.model_validate({"kind": "volatility_target", "risk_share": "0.01", "atr_multiple": 2})


@pytest.mark.req("P-04")
@pytest.mark.parametrize(
    ("policy", "facts", "size"),
    [
        (BY_QUANTITY, SizingFacts(), "2"),
        (BY_EQUITY, SizingFacts(Side.BUY, D(10_000), D(95)), "20"),  # 100 at risk, 5 to the stop
        (BY_EQUITY, SizingFacts(Side.SELL, D(10_000), D(104)), "25"),
        (AT_DISTANCE, SizingFacts(Side.BUY, D(10_000)), "50"),  # 200 bps of 100 are 2
        (AT_DISTANCE, SizingFacts(Side.BUY, D(10_000), D(90)), "10"),  # the decision's own stop comes first
        (BY_RANGE, SizingFacts(Side.BUY, D(10_000), None, D("0.5")), "100"),
    ],
)
def test_each_policy_sizes_by_what_it_names(policy: SizingPolicy, facts: SizingFacts, size: str) -> None:
    assert size_entry(policy, FINE, D(100), None, facts) == D(size)
    assert size_entry(policy, FINE, D(100), D(1), facts) == 1, "the wish of the strategy comes first"


@pytest.mark.parametrize("bad", [None, D(0), D(-5), D("NaN"), D("Infinity")])
@pytest.mark.parametrize(
    ("policy", "code", "name"),
    [
        (AT_DISTANCE, "NO_EQUITY", "equity"),
        (BY_RANGE, "NO_EQUITY", "equity"),
        (BY_RANGE, "NO_VOLATILITY", "true_range"),
    ],
)
def test_a_figure_that_is_missing_or_cannot_be_is_refused_by_its_name(
    policy: SizingPolicy, code: str, name: str, bad: Decimal | None
) -> None:
    fine: dict[str, Any] = {"equity": D(10_000), "true_range": D(1)}
    facts = SizingFacts(**{**fine, name: bad})
    refusal = size_entry(policy, FINE, D(100), None, facts)
    assert isinstance(refusal, SizeRefused)
    assert refusal.code == code


@pytest.mark.parametrize(
    ("stop", "side", "code"),
    [
        (None, Side.BUY, "NO_STOP_DISTANCE"),
        (D(100), Side.BUY, "STOP_ON_WRONG_SIDE"),
        (D(101), Side.BUY, "STOP_ON_WRONG_SIDE"),
        (D(99), Side.SELL, "STOP_ON_WRONG_SIDE"),
    ],
)
def test_without_a_stop_on_the_losing_side_no_share_of_equity_is_risked(
    stop: Decimal | None, side: Side, code: str
) -> None:
    refusal = size_entry(BY_EQUITY, FINE, D(100), None, SizingFacts(side, D(10_000), stop))
    assert isinstance(refusal, SizeRefused)
    assert refusal.code == code


@given(
    equity=st.decimals("1", "10000000", places=2),
    share=st.decimals("0.001", "0.5", places=3),
    price=st.decimals("1", "100000", places=2),
    away=st.decimals("0.01", "0.99", places=2),
)
def test_being_stopped_out_never_costs_more_than_the_share(
    equity: Decimal, share: Decimal, price: Decimal, away: Decimal
) -> None:
    policy = SizingPolicy.model_validate({"kind": "share_of_equity", "risk_share": share})
    stop = price - away
    size = size_entry(policy, FINE, price, None, SizingFacts(Side.BUY, equity, stop))
    if isinstance(size, Decimal):
        assert size * away <= equity * share * (1 + D("1e-20"))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "fixed_notional needs notional"),
        ({"kind": "share_of_equity"}, "share_of_equity needs risk_share"),
        ({"kind": "fixed_quantity", "quantity": 1, "notional": 5}, "makes no use of notional"),
        ({"notional": 5, "risk_share": "0.1", "atr_bars": 3}, "no use of atr_bars.*no use of risk_share"),
    ],
)
def test_a_policy_takes_its_own_keys_and_all_of_them(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        SizingPolicy.model_validate(fields)
