"""What an account's fills come to: cost of holdings, sums of each day, and money that is not settled yet.

Made of fills alone, so that after a restart it is made again from the books. Korean shares settle two sessions after
the trade: until then the money of a sale is no cash, though it may be spent.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from bulkhead.venues.simulator.accounts import ZERO
from bulkhead.venues.simulator.kis.hours import kst
from bulkhead.venues.simulator.orders import Fill

SETTLES_AFTER_SESSIONS = 2


@dataclass(slots=True)
class DayOfSymbol:
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    buy_amount: Decimal = ZERO
    sell_amount: Decimal = ZERO
    costs: Decimal = ZERO


@dataclass(slots=True)
class Holding:
    """`cost` is what the shares held were bought for, without fees; a sale takes its share of it along."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO


@dataclass(slots=True)
class Positions:
    """One account's. Shares that it opened with count as bought at the market's opening price."""

    holdings: dict[str, Holding] = field(default_factory=dict)
    days: dict[date, dict[str, DayOfSymbol]] = field(default_factory=dict)

    def open(self, symbol: str, quantity: Decimal, price: Decimal) -> None:
        self.holdings[symbol] = Holding(quantity, quantity * price)

    def book(self, fills: Iterable[Fill]) -> None:
        for fill in fills:
            holding = self.holdings.setdefault(fill.symbol, Holding())
            of_day = self.days.setdefault(kst(fill.time_ms).date(), {}).setdefault(fill.symbol, DayOfSymbol())
            of_day.costs += fill.commission
            if fill.is_buyer:
                holding.quantity += fill.quantity
                holding.cost += fill.amount
                of_day.bought += fill.quantity
                of_day.buy_amount += fill.amount
            else:
                if holding.quantity:
                    holding.cost -= holding.cost * fill.quantity / holding.quantity
                holding.quantity -= fill.quantity
                of_day.sold += fill.quantity
                of_day.sell_amount += fill.amount

    def total(self, day: date) -> DayOfSymbol:
        """All symbols of a day."""
        sum_of = DayOfSymbol()
        for each in self.days.get(day, {}).values():
            sum_of.bought += each.bought
            sum_of.sold += each.sold
            sum_of.buy_amount += each.buy_amount
            sum_of.sell_amount += each.sell_amount
            sum_of.costs += each.costs
        return sum_of

    def of(self, day: date, symbol: str) -> DayOfSymbol:
        return self.days.get(day, {}).get(symbol, DayOfSymbol())

    def unsettled(self, by: date, settlement_of: Callable[[date], date]) -> Decimal:
        """The money of trades that will not be settled on the day `by`: what is added to cash later, or taken off."""
        net = ZERO
        for day in self.days:
            if settlement_of(day) > by:
                total = self.total(day)
                net += total.sell_amount - total.buy_amount - total.costs
        return net
