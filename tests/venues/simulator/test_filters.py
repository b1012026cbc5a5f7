"""Binance's filters: which order breaks which, and in whose words."""

from decimal import Decimal

import pytest

from bulkhead.venues.simulator.errors import Refused
from bulkhead.venues.simulator.filters import check_filters
from bulkhead.venues.simulator.instruments import MarketRules, decimals_of, equity_rules, synthetic_rules
from tests.venues.simulator.kit import D, btc_rules, limit, market


@pytest.mark.parametrize(
    ("quantity", "price", "message"),
    [
        ("1", "100.001", "Filter failure: PRICE_FILTER"),
        ("1", "1000000.01", "Filter failure: PRICE_FILTER"),
        ("1", "0", "Invalid price."),
        ("0", "100", "Invalid quantity."),
        ("0.000001", "100000", "Filter failure: LOT_SIZE"),
        ("1.000001", "100", "Filter failure: LOT_SIZE"),
        ("9000001", "100", "Filter failure: LOT_SIZE"),
        ("0.04", "100", "Filter failure: NOTIONAL"),
    ],
)
def test_a_limit_order_that_breaks_a_filter(quantity: str, price: str, message: str) -> None:
    with pytest.raises(Refused) as refused:
        check_filters(btc_rules(), limit("BUY", quantity, price), None)
    assert (refused.value.code, refused.value.message) == (-1013, message)


@pytest.mark.parametrize(
    ("quantity", "last", "message"),
    [
        ("1000001", "100", "Filter failure: MARKET_LOT_SIZE"),
        ("0.00002", "60000", "Filter failure: NOTIONAL"),
        ("0.000011", "60000", "Filter failure: LOT_SIZE"),
    ],
)
def test_a_market_order_that_breaks_a_filter(quantity: str, last: str, message: str) -> None:
    with pytest.raises(Refused) as refused:
        check_filters(btc_rules(), market("BUY", quantity), D(last))
    assert (refused.value.code, refused.value.message) == (-1013, message)


@pytest.mark.parametrize(("quantity", "price"), [("1.123456789", "100"), ("1", "100.123456789")])
def test_more_than_eight_decimals_are_too_precise(quantity: str, price: str) -> None:
    with pytest.raises(Refused) as refused:
        check_filters(btc_rules(), limit("BUY", quantity, price), None)
    assert refused.value.code == -1111


def test_an_order_at_the_edges_passes() -> None:
    check_filters(btc_rules(), limit("BUY", "0.05", "100"), None)
    check_filters(btc_rules(), market("SELL", "0.00001"), None)


def test_markets_are_many_and_exact() -> None:
    rules = synthetic_rules(200)
    assert len(rules) >= 20
    for market_rules in (*rules.values(), equity_rules("BAC", 200)):
        assert decimals_of(market_rules.tick_size) + decimals_of(market_rules.step_size) <= 8


def test_rules_that_could_not_be_exact_are_refused() -> None:
    coarse = btc_rules()
    values = {name: getattr(coarse, name) for name in MarketRules.__dataclass_fields__}
    with pytest.raises(ValueError, match="would not be exact"):
        MarketRules(**{**values, "tick_size": Decimal("0.00001")})
