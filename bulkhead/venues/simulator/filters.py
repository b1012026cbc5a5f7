"""Binance's symbol filters, in the order in which the venue names the first one that fails.

Not here: balances and duplicates (engine), the shape of parameters (requests). An order that a filter refuses never
reaches the matching engine: no order id is used and nothing is sent on the user stream.
"""

from decimal import Decimal

from bulkhead.venues.simulator.errors import filter_failure, not_positive, too_precise
from bulkhead.venues.simulator.instruments import DECIMALS, MarketRules, decimals_of
from bulkhead.venues.simulator.orders import MARKET, OrderRequest


def check_filters(rules: MarketRules, request: OrderRequest, last_price: Decimal | None) -> None:
    """Raise `Refused` when the order breaks a filter. `last_price` values a market order; None skips that check."""
    quantity, price = request.quantity, request.price
    if quantity <= 0:
        raise not_positive("quantity", quantity)
    if decimals_of(quantity) > DECIMALS:
        raise too_precise("quantity")
    if price is not None:
        _check_price(rules, price)
    if not rules.min_quantity <= quantity <= rules.max_quantity or quantity % rules.step_size:
        raise filter_failure("LOT_SIZE")
    if request.type == MARKET and quantity > rules.max_market_quantity:
        raise filter_failure("MARKET_LOT_SIZE")
    value_at = last_price if price is None else price
    if value_at is not None and value_at * quantity < rules.min_notional:
        raise filter_failure("NOTIONAL")


def _check_price(rules: MarketRules, price: Decimal) -> None:
    if price <= 0:
        raise not_positive("price", price)
    if decimals_of(price) > DECIMALS:
        raise too_precise("price")
    if not rules.min_price <= price <= rules.max_price or price % rules.tick_at(price):
        raise filter_failure("PRICE_FILTER")
