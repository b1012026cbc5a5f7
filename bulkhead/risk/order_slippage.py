"""How much worse than at the decision one order was filled, over all its fills so far. Bounded memory, no judgement."""

from decimal import Decimal

from bulkhead.risk.numbers import BPS, WIDE, ZERO
from messages.orders import FillBooked

KEPT = 1_000
"""Orders remembered: fills of one rarely lie further apart."""


class OrderSlippage:
    def __init__(self) -> None:
        self._sums: dict[str, tuple[Decimal, Decimal]] = {}
        """By client order id: what its fills cost, and what they would have at the price of the decision."""

    def on_fill(self, booked: FillBooked) -> Decimal | None:
        """Of its order so far, in basis points, above zero is worse; None where the decision's price is not known."""
        if booked.decision_price is None:
            return None
        fill = booked.fill
        paid, decided = self._sums.pop(fill.client_order_id, (ZERO, ZERO))
        paid = WIDE.add(paid, WIDE.multiply(fill.quantity, fill.price))
        decided = WIDE.add(decided, WIDE.multiply(fill.quantity, booked.decision_price))
        self._sums[fill.client_order_id] = paid, decided
        if len(self._sums) > KEPT:
            del self._sums[next(iter(self._sums))]
        worse = WIDE.multiply(WIDE.subtract(paid, decided), Decimal(fill.side.sign))
        return WIDE.multiply(WIDE.divide(worse, decided), BPS)
