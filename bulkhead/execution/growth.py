"""Fills of a venue that has no execution ids: by how much an order's totals have grown since we last booked.

Pure, and without a memory of its own: what is booked already stands in our order row, so the same total told again, by
whatever source and after whatever restart, adds nothing, and two equal fills of one second add their sum. What cannot
be told is how many trades made the growth and at which price each: a fill here is what came between two looks, at its
average.
"""

from decimal import Decimal
from typing import NamedTuple

from bulkhead.execution.exact import ZERO, divide, exact, floor_to_step, plain
from messages.costs import TradingCosts
from messages.orders import ExecutionReported, OrderRow, VenueExecution, VenueOrder
from messages.values import Side


class Growth(NamedTuple):
    """What came on top of totals that are known. `price` is its average, to 1e-18 of the currency."""

    quantity: Decimal
    price: Decimal
    commission: Decimal
    tax: Decimal


class Totals(NamedTuple):
    filled: Decimal
    notional: Decimal


NOTHING = Totals(ZERO, ZERO)
_FINER_THAN_ANY_CHARGE = Decimal("1e-9")
"""Our own totals are sums of averages to 1e-18: a hair below a whole amount must not cost its last unit."""
_NO_AMOUNT = _FINER_THAN_ANY_CHARGE


def growth(before: Totals, order: VenueOrder, costs: TradingCosts | None) -> Growth | None:
    """None where the order shows no more than is known: an older listing, or the same once more; and where it shows
    shares without their amount, since nothing trades for nothing: the amount is on its way, and a price made up
    meanwhile would stand in the books for good."""
    with exact():
        quantity, notional = order.filled - before.filled, order.filled_notional - before.notional
    if quantity <= 0 or order.filled_notional < _NO_AMOUNT or abs(notional) < _NO_AMOUNT:
        return None
    if notional <= 0 or before.filled == 0:
        # The venue's average over all of it: nothing is known yet, or its amounts contradict what was booked.
        price = divide(order.filled_notional, order.filled)
    else:
        price = divide(notional, quantity)
    commission, tax = _costs(before.notional, order.filled_notional, order.side, costs)
    return Growth(quantity, price, commission, tax)


def _costs(before: Decimal, after: Decimal, side: Side, costs: TradingCosts | None) -> tuple[Decimal, Decimal]:
    if costs is None:
        return ZERO, ZERO
    sell_tax = costs.sell_tax_rate if side is Side.SELL else ZERO
    return _share(before, after, costs.commission_rate, costs.unit), _share(before, after, sell_tax, costs.unit)


def _share(before: Decimal, after: Decimal, rate: Decimal, unit: Decimal) -> Decimal:
    """Of running totals, so that it does not depend on the steps in which an order was seen to grow."""
    with exact():
        charged = [floor_to_step(total.quantize(_FINER_THAN_ANY_CHARGE) * rate, unit) for total in (before, after)]
        return max(ZERO, charged[1] - charged[0])


def execution_id_of(order: VenueOrder) -> str:
    """Names a growth by where it led: the same total is the same execution."""
    return f"{order.venue_order_id}@{plain(order.filled)}"


def order_of_growth(fill_id: str) -> str | None:
    """The same for every growth of one order; None for a fill that has an execution id of the venue's."""
    order, mark, _ = fill_id.rpartition("@")
    return order if mark else None


def grown(
    row: OrderRow, order: VenueOrder, costs: TradingCosts | None, at_ns: int, raw: str = ""
) -> list[ExecutionReported]:
    """What of a listed order is not in our row yet, as an execution; none or one."""
    found = growth(Totals(row.filled, row.filled_notional), order, costs)
    if found is None:
        return []
    return [
        ExecutionReported(
            client_order_id=row.ticket.client_order_id,
            symbol=order.symbol,
            venue_order_id=order.venue_order_id,
            venue_time_ns=at_ns,
            raw=raw,
            execution_id=execution_id_of(order),
            side=order.side,
            quantity=found.quantity,
            price=found.price,
            fee=found.commission,
            tax=found.tax,
            fee_asset="" if costs is None else costs.asset,
            cumulative=order.filled,
        )
    ]


def grown_stranger(order: VenueOrder, before: Totals, costs: TradingCosts | None, at_ns: int) -> list[VenueExecution]:
    """The same of an order that is not ours: it changes our balances all the same."""
    found = growth(before, order, costs)
    if found is None:
        return []
    with exact():
        charged = found.commission + found.tax
    return [
        VenueExecution(
            execution_id=execution_id_of(order),
            venue_order_id=order.venue_order_id,
            symbol=order.symbol,
            side=order.side,
            quantity=found.quantity,
            price=found.price,
            fee=charged,
            fee_asset="" if costs is None else costs.asset,
            executed_ns=at_ns,
        )
    ]
