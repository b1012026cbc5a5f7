"""The venue's lists, put in order: whose each order and execution is, and which of them are news.

Pure. By our id where the venue keeps it, else by the venue's number; what has neither is looked for among the orders
of nobody (claiming.py). Where there are no execution ids the growth of an order's totals is its fills (growth.py).
"""

from collections.abc import Container, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from bulkhead.execution.claiming import Claim, Known, claims, could_be_any, is_in_doubt
from bulkhead.execution.fills import fill_id_of
from bulkhead.execution.growth import NOTHING, Totals, grown_stranger
from bulkhead.execution.ids import looks_like_ours
from messages.costs import TradingCosts
from messages.orders import OrderRow, VenueExecution, VenueOrder, VenueSnapshotTaken
from messages.strangers import StrangerKind, key_of

_CLOCKS_DIFFER_NS = 60 * 1_000_000_000
"""The venue's stamps may lie this much before ours."""


class TotalsOnly(NamedTuple):
    """For a venue without execution ids."""

    costs: TradingCosts | None = None
    foreign: Mapping[str, Totals] = MappingProxyType({})
    """What is noted already of orders that are not ours, by key."""


class LocalView(NamedTuple):
    """What our books say, and what is known of requests under way."""

    orders: tuple[OrderRow, ...]
    """Every order that has not ended, and the recently ended ones."""
    fill_ids: Container[str]
    since_ns: int
    """The snapshot lists orders and executions from this time on."""
    request_validity_s: float
    margin_s: float = 1.0
    """For the difference of the clocks, and for listings that lag."""
    in_flight: frozenset[str] = frozenset()
    """Client order ids for which our transport still holds a request."""
    claiming: Known | None = None
    """Set for a venue without client ids."""
    totals: TotalsOnly | None = None
    """Set for a venue without execution ids."""
    foreign: Container[str] = frozenset()
    """Keys (`messages.strangers.key_of`) of orders known not to be ours, listed this time or not."""
    ignored: Container[str] = frozenset()
    """Keys of orders and executions that an operator has decided to leave alone."""


class Listing(NamedTuple):
    """The venue's lists, put in order."""

    orders: dict[str, list[VenueOrder]]
    """By client order id; more than one means that the venue took the same id twice."""
    executions: dict[str, list[VenueExecution]]
    """Those that are not booked yet, by our client order id."""
    foreign: tuple[VenueOrder, ...]
    unrecorded: tuple[VenueOrder, ...]
    orphans: tuple[VenueExecution, ...] = ()
    strangers: tuple[VenueExecution, ...] = ()
    skipped_executions: int = 0
    skipped_foreign_executions: int = 0
    skipped_ended_orders: int = 0
    skipped_ignored: int = 0
    claims: Mapping[str, Claim] = MappingProxyType({})
    """Of orders in doubt, by client order id."""
    own_channels: frozenset[str] = frozenset()


def read(rows: list[OrderRow], local: LocalView, venue: VenueSnapshotTaken) -> Listing:
    owners = _Owners(rows, venue)
    matched: dict[str, list[VenueOrder]] = {}
    strangers: list[VenueOrder] = []
    for client_order_id, order in _merged(venue, owners):
        if client_order_id is None:
            strangers.append(order)
        else:
            matched.setdefault(client_order_id, []).append(order)
    by_word = frozenset[str]() if local.claiming is None else local.claiming.by_word
    own = frozenset(
        order.channel
        for key, orders in matched.items()
        for order in orders
        if order.channel and looks_like_ours(key) and _order_key(order.symbol, order.venue_order_id) not in by_word
    )
    claimed: dict[str, Claim] = {}
    if local.claiming is not None:
        claimed, strangers = _claimed(rows, strangers, local.claiming, own, local.in_flight, venue.as_of_ns)
        matched |= {key: [claim.order] for key, claim in claimed.items() if claim.order is not None}
    left = [order for order in strangers if _order_key(order.symbol, order.venue_order_id) not in local.ignored]
    marked = [order for order in left if looks_like_ours(order.client_order_id)]
    foreign = tuple(order for order in left if not looks_like_ours(order.client_order_id))
    foreign_keys = {_order_key(order.symbol, order.venue_order_id) for order in foreign}
    fresh, skipped = _unbooked(venue.venue, venue.executions, local.fill_ids)
    executions: dict[str, list[VenueExecution]] = {}
    told: list[VenueExecution] = []
    for execution in fresh:
        owner = owners.of_number(execution.symbol, execution.venue_order_id, execution.executed_ns)
        if owner is not None:
            executions.setdefault(owner, []).append(execution)
        else:
            told.append(execution)
    if local.totals is not None:
        # Ended and with our mark, it is older than the books given: its fills are ours, and booked.
        others = [order for order in strangers if not (order in marked and order.status.is_terminal)]
        told += _grown_strangers(others, local.totals, venue.as_of_ns)
    orphans, skipped_foreign, skipped_ignored = _orphans(told, foreign_keys, local)
    return Listing(
        matched,
        executions,
        foreign,
        tuple(order for order in marked if not order.status.is_terminal),
        orphans,
        tuple(told),
        skipped,
        skipped_foreign,
        sum(order.status.is_terminal for order in marked),
        skipped_ignored + len(strangers) - len(left),
        claimed,
        own,
    )


def _claimed(
    rows: list[OrderRow],
    strangers: list[VenueOrder],
    known: Known,
    own: frozenset[str],
    in_flight: Container[str],
    as_of_ns: int,
) -> tuple[dict[str, Claim], list[VenueOrder]]:
    """Orders of ours in doubt beside those of nobody; and those that are still nobody's. What may be the order of a
    request under way is nobody's to judge before its answer."""
    doubtful = [row for row in rows if is_in_doubt(row)]
    waiting = [row for row in doubtful if row.ticket.client_order_id in in_flight]
    left = [order for order in strangers if not could_be_any(order, waiting, known)]
    known = known._replace(own_channels=own | known.own_channels)
    found = claims((row for row in doubtful if row not in waiting), left, known, as_of_ns)
    taken = [claim.order for claim in found.values() if claim.order is not None]
    return found, [order for order in left if order not in taken]


def _grown_strangers(strangers: list[VenueOrder], totals: TotalsOnly, as_of_ns: int) -> list[VenueExecution]:
    grown: list[VenueExecution] = []
    for order in strangers:
        before = totals.foreign.get(_order_key(order.symbol, order.venue_order_id), NOTHING)
        grown += grown_stranger(order, before, totals.costs, as_of_ns)
    return grown


def _orphans(
    told: list[VenueExecution], foreign_keys: set[str], local: LocalView
) -> tuple[tuple[VenueExecution, ...], int, int]:
    """Executions whose order nobody knows; how many are a foreign order's, and how many are left alone."""
    orphans: list[VenueExecution] = []
    foreign = ignored = 0
    for execution in told:
        order = _order_key(execution.symbol, execution.venue_order_id)
        own = key_of(StrangerKind.FILL, execution.symbol, execution.execution_id)
        if own in local.ignored or order in local.ignored:
            ignored += 1
        elif order in foreign_keys or order in local.foreign:
            foreign += 1
        else:
            orphans.append(execution)
    return tuple(orphans), foreign, ignored


def _order_key(symbol: str, venue_order_id: str) -> str:
    return key_of(StrangerKind.ORDER, symbol, venue_order_id)


class _Owners:
    """Whose the venue's orders and executions are: by our id, else by the venue's number.

    Some venues rename an order's client id when it is cancelled: their number leads back to ours. Some begin their
    numbers anew each day: of several orders of ours that bear one, it means the newest that was there by then.
    """

    def __init__(self, rows: list[OrderRow], venue: VenueSnapshotTaken) -> None:
        self._rows = {row.ticket.client_order_id: row for row in rows}
        self._bearers: dict[tuple[str, str], dict[str, None]] = {}
        for row in rows:
            if row.venue_order_id is not None:
                self._bearers.setdefault((row.ticket.symbol, row.venue_order_id), {})[row.ticket.client_order_id] = None
        for order in (*venue.orders, *venue.open_orders):
            if order.client_order_id in self._rows:
                self._bearers.setdefault((order.symbol, order.venue_order_id), {})[order.client_order_id] = None

    def of_order(self, order: VenueOrder) -> str | None:
        if order.client_order_id in self._rows:
            return order.client_order_id
        return self.of_number(order.symbol, order.venue_order_id, order.created_ns)

    def of_number(self, symbol: str, venue_order_id: str, at_ns: int) -> str | None:
        bearers = [self._rows[key] for key in self._bearers.get((symbol, venue_order_id), ())]
        if len(bearers) > 1:
            there = [row for row in bearers if row.created_ns <= at_ns + _CLOCKS_DIFFER_NS] or bearers
            bearers = [max(there, key=lambda row: (row.created_ns, not row.status.is_terminal))]
        return bearers[0].ticket.client_order_id if bearers else None


def _merged(venue: VenueSnapshotTaken, owners: _Owners) -> list[tuple[str | None, VenueOrder]]:
    """Each order of the venue once, in its furthest state, with our id where it is ours: the two lists are not taken in
    the same instant."""
    merged: dict[tuple[str, str, str | None], VenueOrder] = {}
    for order in (*venue.orders, *venue.open_orders):
        key = (order.symbol, order.venue_order_id, owners.of_order(order))
        known = merged.get(key)
        if known is None or _progress(order) > _progress(known):
            merged[key] = order
    return [(owner, order) for (_, _, owner), order in merged.items()]


def _progress(order: VenueOrder) -> tuple[bool, Decimal, int]:
    return order.status.is_terminal, order.filled, order.updated_ns


def _unbooked(
    venue: str, executions: Iterable[VenueExecution], fill_ids: Container[str]
) -> tuple[list[VenueExecution], int]:
    """Executions that are not booked, each once, oldest first; and how many were."""
    seen: set[str] = set()
    fresh: list[VenueExecution] = []
    skipped = 0
    for execution in sorted(executions, key=lambda item: (item.executed_ns, item.execution_id)):
        fill_id = fill_id_of(venue, execution.symbol, execution.execution_id)
        if fill_id in fill_ids or fill_id in seen:
            skipped += 1
        else:
            seen.add(fill_id)
            fresh.append(execution)
    return fresh, skipped
