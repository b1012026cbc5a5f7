"""Schedule: which children's turn has come. Pure: the orders that exist already say what has been done.

A child has had its turn once an order row of it exists, so that a restart, which reads the rows back, never gives a
turn twice. Children that wait for a predecessor (ICEBERG) follow when it is filled, over all its attempts.
"""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from bulkhead.execution.exact import ZERO, exact
from bulkhead.execution.stages.split import Child
from messages.orders import OrderRow


class Due(NamedTuple):
    now: tuple[Child, ...]
    """To be prechecked and recorded now, in this order."""
    later: tuple[Child, ...]
    """Their time has not come, or their predecessor still works."""
    next_ns: int | None
    """When to ask again at the latest; None when only evidence can bring the next turn, or nothing is left."""
    stalled: tuple[Child, ...]
    """Will never be due by themselves: their predecessor has ended unfilled. Replace its rest (adjust), pass it over,
    or give them up."""


def due(
    children: Iterable[Child],
    orders: Iterable[OrderRow],
    decision_time_ns: int,
    now_ns: int,
    passed_over: Collection[int] = (),
) -> Due:
    """Sort the children of one intent by their turn. `orders` are all rows of the intent, ended ones included;
    `passed_over` are numbers of children whose rest has been given up and whose followers are to go on."""
    rows: dict[int, list[OrderRow]] = {}
    for order in orders:
        rows.setdefault(order.child, []).append(order)
    now: list[Child] = []
    later: list[Child] = []
    stalled: list[Child] = []
    times: list[int] = []
    for child in children:
        if child.number in rows or child.number in passed_over:
            continue
        due_ns = decision_time_ns + child.due_after_ns
        if child.waits_for is None or child.waits_for in passed_over:
            (now if due_ns <= now_ns else later).append(child)
            if due_ns > now_ns:
                times.append(due_ns)
        elif _is_filled(rows, child.waits_for):
            now.append(child)
        elif child.waits_for in rows and all(row.status.is_terminal for row in rows[child.waits_for]):
            stalled.append(child)
        else:
            later.append(child)
    return Due(tuple(now), tuple(later), min(times, default=None), tuple(stalled))


def quantity_of(attempts: Iterable[OrderRow]) -> Decimal:
    """What one child was to fill: the quantity of its first attempt. Zero without any."""
    first = min(attempts, key=lambda row: row.attempt, default=None)
    return ZERO if first is None else first.ticket.quantity


def _is_filled(rows: Mapping[int, list[OrderRow]], number: int) -> bool:
    attempts = rows.get(number, [])
    with exact():
        return bool(attempts) and sum((row.filled for row in attempts), ZERO) >= quantity_of(attempts)
