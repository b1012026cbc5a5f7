"""Whose is an order that the venue lists and nobody here knows by its number? For venues that keep no id of ours.

An order of ours whose answer was lost is looked for among the listed ones that nobody owns. It is taken for ours only
if it is the one candidate *and* came in by our own channel. Everything else is an operator's to say, because the user
may trade by hand in the same account, and to claim a stranger's order is as wrong as to send one twice.

Pure. It rests on two rules that others keep: one order at a time without an answer in each symbol and side (precheck),
and every number that was known before an order was made is on disk before it (strangers are written down when seen).
"""

from collections.abc import Container, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from bulkhead.execution.exact import plain
from messages.orders import OrderRow, VenueOrder
from messages.strangers import StrangerKind, key_of
from messages.values import OrderStatus

NS_PER_S = 1_000_000_000
CLOCKS_DIFFER_NS = 5 * NS_PER_S
"""A venue stamps to the second, by its own clock: an order may seem to be this much older than it is."""
_IN_DOUBT = frozenset({OrderStatus.PENDING_SUBMIT, OrderStatus.PENDING_CANCEL, OrderStatus.UNKNOWN})


class Known(NamedTuple):
    """What is known before the listing is looked at."""

    own_channels: frozenset[str] = frozenset()
    """Marks that orders have which are known to be ours."""
    first_seen_ns: Mapping[str, int] = MappingProxyType({})
    """By key (`messages.strangers.key_of`), of orders that were listed before."""
    by_word: Container[str] = frozenset()
    """By key, orders that are ours because somebody has said so: they teach nothing of our channel."""
    window_s: float = 60.0
    """So long an order that is not listed may still appear; then an operator is asked."""


class Claim(NamedTuple):
    """What became of one order in doubt."""

    client_order_id: str
    order: VenueOrder | None = None
    """The listed order that it is."""
    doubt: str = ""
    """Why none is it, or none yet."""
    needs_operator: bool = False


def is_in_doubt(row: OrderRow) -> bool:
    """Sent perhaps, and the venue has told no number for it."""
    return row.status in _IN_DOUBT and row.venue_order_id is None and not row.filled


def claims(rows: Iterable[OrderRow], unowned: Iterable[VenueOrder], known: Known, as_of_ns: int) -> dict[str, Claim]:
    """By client order id, for each of `rows`, which are in doubt. `unowned` are the listed orders of nobody here, and
    `as_of_ns` is our time before the venue looked."""
    waiting = tuple(rows)
    listed = tuple(unowned)
    fitting = {row.ticket.client_order_id: [o for o in listed if _could_be(o, row, known)] for row in waiting}
    wanted = [(order.symbol, order.venue_order_id) for orders in fitting.values() for order in orders]
    return {
        row.ticket.client_order_id: _claim(row, fitting[row.ticket.client_order_id], wanted, known, as_of_ns)
        for row in waiting
    }


def _claim(
    row: OrderRow, candidates: list[VenueOrder], wanted: list[tuple[str, str]], known: Known, as_of_ns: int
) -> Claim:
    key = row.ticket.client_order_id
    if not candidates:
        waited_s = (as_of_ns - row.updated_ns) / NS_PER_S
        if waited_s <= known.window_s:
            return Claim(key, doubt="the venue lists no order yet that could be it")
        doubt = f"{waited_s:.0f} s after it was sent the venue lists no order that could be it"
        return Claim(key, doubt=doubt, needs_operator=True)
    if len(candidates) > 1:
        numbers = ", ".join(order.venue_order_id for order in candidates)
        return Claim(key, doubt=f"several orders could be it: {numbers}", needs_operator=True)
    order = candidates[0]
    named = f"{order.venue_order_id} could be it"
    if wanted.count((order.symbol, order.venue_order_id)) > 1:
        return Claim(key, doubt=f"{named}, and could be another order of ours as well", needs_operator=True)
    if not known.own_channels:
        doubt = f"{named}, but no order of ours has been listed yet to know our channel by"
        return Claim(key, doubt=doubt, needs_operator=True)
    if order.channel not in known.own_channels:
        doubt = f"{named}, but it came in by another way than ours ({order.channel or 'which is not told'})"
        return Claim(key, doubt=doubt, needs_operator=True)
    return Claim(key, order)


def _could_be(order: VenueOrder, row: OrderRow, known: Known) -> bool:
    ticket = row.ticket
    asked = (ticket.symbol, ticket.side, ticket.quantity, ticket.order_type.value, ticket.limit_price)
    if (order.symbol, order.side, order.quantity, order.order_type, order.limit_price) != asked:
        return False
    return not was_there_before(order, row, known.first_seen_ns)


def was_there_before(
    order: VenueOrder, row: OrderRow, first_seen_ns: Mapping[str, int], clocks_differ_ns: int = CLOCKS_DIFFER_NS
) -> bool:
    """Before ours was made: it cannot be ours."""
    seen_ns = first_seen_ns.get(key_of(StrangerKind.ORDER, order.symbol, order.venue_order_id))
    is_seen_before = seen_ns is not None and seen_ns < row.created_ns
    return is_seen_before or order.created_ns < row.created_ns - clocks_differ_ns


def could_be_any(order: VenueOrder, rows: Iterable[OrderRow], known: Known) -> bool:
    return any(_could_be(order, row, known) for row in rows)


def words(row: OrderRow) -> str:
    """An order of ours for an operator's eyes: what to look for in the venue's own app."""
    ticket = row.ticket
    price = "at the market" if ticket.limit_price is None else f"at {plain(ticket.limit_price)}"
    return f"{ticket.side} {plain(ticket.quantity)} {ticket.symbol} {price}"
