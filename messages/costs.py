"""What trading costs, for a venue that does not say it with each fill."""

from decimal import Decimal

from messages.values import Number, Price, Value


class TradingCosts(Value):
    """Estimated, and exact to `unit` only.

    Of an order's running notional, each rounded down to `unit`: so the sum does not depend on the steps in which the
    order is seen to grow."""

    asset: str
    commission_rate: Number
    """Of the notional, 0.00014 for 1.4 bps."""
    sell_tax_rate: Number
    """Of the notional, on sells."""
    unit: Price
    """The smallest amount that is charged, and that a balance states."""
    off_by: Number = Decimal(0)
    """By how much the estimate of one fill may be wrong. Where the venue's balance differs by no more than that for
    each fill since it last agreed, the difference is booked as costs."""
