"""What the venue takes of a fill, and what it holds back for that while an order rests. Exact decimals, no I/O."""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Protocol

from bulkhead.venues.simulator.accounts import ZERO
from bulkhead.venues.simulator.instruments import UNIT
from bulkhead.venues.simulator.orders import Order


class Fees(Protocol):
    """How a venue charges."""

    is_in_quote: bool
    """Always in the quote asset; otherwise in the asset received."""

    def of_fill(self, order: Order, charged_on: Decimal) -> Decimal:
        """Of a fill of `charged_on` in the asset of the fee; the order's totals have it in them already."""

    def held_back(self, order: Order, amount: Decimal) -> Decimal:
        """The most that buying for `amount` more can cost, in the quote asset."""


class ShareOfFill:
    """A share of each fill, rounded down to the smallest unit: Binance's way."""

    def __init__(self, rate: Decimal, is_in_quote: bool) -> None:
        self.is_in_quote = is_in_quote
        self._rate = rate

    def of_fill(self, order: Order, charged_on: Decimal) -> Decimal:
        return (charged_on * self._rate).quantize(UNIT, ROUND_DOWN)

    def held_back(self, order: Order, amount: Decimal) -> Decimal:
        return (amount * self._rate).quantize(UNIT, ROUND_CEILING) if self.is_in_quote else ZERO


class ShareOfOrder:
    """Commission, and for sales a tax, on the running amount of the order, each rounded down to whole units of the
    quote currency. So what an order costs does not depend on the number of its fills."""

    is_in_quote = True

    def __init__(self, commission_rate: Decimal, sell_tax_rate: Decimal) -> None:
        self._commission_rate = commission_rate
        self._sell_tax_rate = sell_tax_rate

    def of_order(self, amount: Decimal, is_buy: bool) -> Decimal:
        """Of an order that has traded for `amount` in all."""
        tax = ZERO if is_buy else (amount * self._sell_tax_rate).to_integral_value(ROUND_FLOOR)
        return (amount * self._commission_rate).to_integral_value(ROUND_FLOOR) + tax

    def of_fill(self, order: Order, charged_on: Decimal) -> Decimal:
        before = order.quote_filled - charged_on
        return self.of_order(order.quote_filled, order.is_buy) - self.of_order(before, order.is_buy)

    def held_back(self, order: Order, amount: Decimal) -> Decimal:
        paid = self.of_order(order.quote_filled, is_buy=True)
        return self.of_order(order.quote_filled + amount, is_buy=True) - paid
