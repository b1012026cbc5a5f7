"""Reconciliation: our books beside the venue's own view -> what to book, what is proven, what stays open.

Pure: nothing is changed here. The caller applies `events` in order (each through its FillBook and
`order_events.apply`), fails or resends what is `absent`, and opens the gate only when `is_clean`. Every execution is
told exactly once, however many of the venue's lists show it; a listed status never stands in for executions that were
not listed.

Absent means all of: the venue's clock is past the request's validity and a margin, the listing covers the time of the
order, neither the order nor a trade that could be its own is listed, and our transport holds no request for it. For a
venue without client ids absence is never automatic.

What it does not do: it compares no balances or positions (Portfolio does), and cancels nothing.
"""

from collections.abc import Container, Iterable
from decimal import Decimal
from typing import NamedTuple

from bulkhead.execution.exact import plain
from bulkhead.execution.fills import execution_of, fill_id_of
from bulkhead.execution.ids import looks_like_ours
from bulkhead.execution.order_events import OrderEvent, apply, overfilled_quantity, status_shown, was_answered
from messages.orders import OrderRow, VenueExecution, VenueOrder, VenueSnapshotTaken
from messages.strangers import StrangerKind, key_of
from messages.values import OrderStatus

NS_PER_S = 1_000_000_000
_CLOCKS_DIFFER_NS = 60 * NS_PER_S
"""The venue's stamps may lie this much before ours."""
_UNPROVEN = frozenset({OrderStatus.PENDING_SUBMIT, OrderStatus.UNKNOWN})


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
    has_client_ids: bool = True
    foreign: Container[str] = frozenset()
    """Keys (`messages.strangers.key_of`) of orders known not to be ours, listed this time or not."""
    ignored: Container[str] = frozenset()
    """Keys of orders and executions that an operator has decided to leave alone."""


class Unresolved(NamedTuple):
    client_order_id: str
    symbol: str
    reason: str


class Reconciliation(NamedTuple):
    events: tuple[OrderEvent, ...] = ()
    """Evidence to apply, in this order; executions first, then statuses, order by order."""
    absent: tuple[str, ...] = ()
    """Client order ids proven never to have reached the venue."""
    unresolved: tuple[Unresolved, ...] = ()
    """Still unknown, or waiting for executions: query again; each keeps its symbol frozen or its exposure counted."""
    cancels_to_repeat: tuple[str, ...] = ()
    """We asked for their end, and the venue still has them open."""
    foreign: tuple[VenueOrder, ...] = ()
    """Orders that are not ours: never touched."""
    unrecorded: tuple[VenueOrder, ...] = ()
    """Open orders that bear our mark but stand in no book of ours: an operator decides."""
    orphans: tuple[VenueExecution, ...] = ()
    """Executions whose order nobody knows: kept, and looked at again next time."""
    strangers: tuple[VenueExecution, ...] = ()
    """Every listed execution that is no order's of ours, orphans among them: it changes balances all the same."""
    contradictions: tuple[str, ...] = ()
    """Where the venue's view and evidence that we hold exclude each other."""
    skipped_executions: int = 0
    """Listed executions that were booked before, or listed twice."""
    skipped_foreign_executions: int = 0
    skipped_ended_orders: int = 0
    """Ended orders with our mark that are older than the books given."""
    skipped_ignored: int = 0
    """Orders and executions that an operator has decided to leave alone."""

    @property
    def skipped(self) -> int:
        of_orders = self.skipped_ended_orders + self.skipped_ignored
        return self.skipped_executions + self.skipped_foreign_executions + of_orders

    @property
    def is_explained(self) -> bool:
        """Nothing here needs an operator; orders may still be waiting for their verdict, each freezing its symbol."""
        return not (self.unrecorded or self.orphans or self.contradictions)

    @property
    def is_clean(self) -> bool:
        """Explained, and no order is waiting."""
        return self.is_explained and not self.unresolved


class _Listing(NamedTuple):
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


class Verdict(NamedTuple):
    """What one order of ours comes to."""

    events: tuple[OrderEvent, ...] = ()
    is_absent: bool = False
    unresolved: str | None = None
    """Why it is still open to question, or None."""
    is_cancel_to_repeat: bool = False
    contradictions: tuple[str, ...] = ()


def reconcile(local: LocalView, venue: VenueSnapshotTaken) -> Reconciliation:
    """Compare; orders of other venues or accounts in `local` are left out."""
    rows = [row for row in local.orders if (row.ticket.venue, row.ticket.account) == (venue.venue, venue.account)]
    listing = _read(rows, local, venue)
    verdicts = [(row, _judge(row, local, venue.as_of_ns, listing)) for row in rows]
    return Reconciliation(
        events=tuple(event for _, verdict in verdicts for event in verdict.events),
        absent=tuple(row.ticket.client_order_id for row, verdict in verdicts if verdict.is_absent),
        unresolved=tuple(
            Unresolved(row.ticket.client_order_id, row.ticket.symbol, verdict.unresolved)
            for row, verdict in verdicts
            if verdict.unresolved is not None
        ),
        cancels_to_repeat=tuple(row.ticket.client_order_id for row, verdict in verdicts if verdict.is_cancel_to_repeat),
        foreign=listing.foreign,
        unrecorded=listing.unrecorded,
        orphans=listing.orphans,
        strangers=listing.strangers,
        contradictions=tuple(text for _, verdict in verdicts for text in verdict.contradictions),
        skipped_executions=listing.skipped_executions,
        skipped_foreign_executions=listing.skipped_foreign_executions,
        skipped_ended_orders=listing.skipped_ended_orders,
        skipped_ignored=listing.skipped_ignored,
    )


# -- reading the venue's lists ----------------------------------------------------------------------------------------


def _read(rows: list[OrderRow], local: LocalView, venue: VenueSnapshotTaken) -> _Listing:
    owners = _Owners(rows, venue)
    matched: dict[str, list[VenueOrder]] = {}
    strangers: list[VenueOrder] = []
    for client_order_id, order in _merged(venue, owners):
        if client_order_id is None:
            strangers.append(order)
        else:
            matched.setdefault(client_order_id, []).append(order)
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
    orphans, skipped_foreign, skipped_ignored = _orphans(told, foreign_keys, local)
    return _Listing(
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
    )


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


# -- judging one order ------------------------------------------------------------------------------------------------


def _judge(row: OrderRow, local: LocalView, as_of_ns: int, listing: _Listing) -> Verdict:
    client_order_id = row.ticket.client_order_id
    listed = listing.orders.get(client_order_id, [])
    executions = listing.executions.get(client_order_id, [])
    if not listed and not executions:
        return _judge_unlisted(row, local, as_of_ns, listing)
    # The steps are tried out on a copy, so that only what changes something is told.
    events: list[OrderEvent] = []
    after = row
    missing = Decimal(0)
    for execution in executions:
        reported = execution_of(execution, client_order_id)
        after = apply(after, reported, as_of_ns).order
        events.append(reported)
    contradictions: list[str] = []
    is_listed_open = any(not order.status.is_terminal for order in listed)
    if len(listed) > 1 and (executions or is_listed_open):
        ids = ", ".join(order.venue_order_id for order in listed)
        contradictions.append(f"{client_order_id}: the venue took this id more than once ({ids})")
    elif len(listed) == 1:
        shown = status_shown(listed[0], client_order_id, as_of_ns)
        applied = apply(after, shown, as_of_ns)
        after, missing = applied.order, applied.missing
        if applied.change is not None:
            events.append(shown)
        contradictions += _contradictions(row, listed[0], as_of_ns, local)
    excess = overfilled_quantity(after)
    if excess > overfilled_quantity(row):
        contradictions.append(f"{client_order_id}: {plain(excess)} was executed beyond its quantity")
    unresolved = None
    if missing:
        unresolved = f"the venue counts {plain(missing)} more as filled than its executions show"
    elif after.status in _UNPROVEN:
        unresolved = "listed by the venue without a verdict"
    return Verdict(
        tuple(events),
        unresolved=unresolved,
        is_cancel_to_repeat=after.status is OrderStatus.PENDING_CANCEL and is_listed_open,
        contradictions=tuple(contradictions),
    )


def _contradictions(row: OrderRow, listed: VenueOrder, as_of_ns: int, local: LocalView) -> list[str]:
    # The row as it was before: the lists of one snapshot are not taken in the same instant, and its executions may be
    # younger than its orders. And an older listing than our last evidence contradicts nothing.
    if as_of_ns <= row.updated_ns + _ns(local.margin_s):
        return []
    found = []
    client_order_id = row.ticket.client_order_id
    if row.status.is_terminal and not listed.status.is_terminal:
        found.append(f"{client_order_id}: {row.status} here, open at the venue")
    if listed.filled < row.filled:
        found.append(f"{client_order_id}: {plain(row.filled)} filled here, {plain(listed.filled)} at the venue")
    return found


def _judge_unlisted(row: OrderRow, local: LocalView, as_of_ns: int, listing: _Listing) -> Verdict:
    if row.status.is_terminal:
        return Verdict()
    is_younger = as_of_ns > row.updated_ns + _ns(local.margin_s)
    if was_answered(row) or row.status is OrderStatus.SUBMITTED:
        # It may have been answered after the listing was taken; else it has vanished, which is no proof of its end.
        if not is_younger:
            return Verdict()
        return Verdict(unresolved="the venue has answered for it before, and does not list it now")
    doubt = _doubt(row, local, as_of_ns, listing)
    return Verdict(is_absent=True) if doubt is None else Verdict(unresolved=doubt)


def _doubt(row: OrderRow, local: LocalView, as_of_ns: int, listing: _Listing) -> str | None:
    """Why the order is not proven absent, or None when it is."""
    ticket = row.ticket
    if not local.has_client_ids:
        return "the venue knows no client ids, so absence cannot be proven"
    if ticket.client_order_id in local.in_flight:
        return "our transport still holds a request for it"
    # `updated_ns` is when it was last sent, or later: a resend starts the validity anew.
    valid_until_ns = row.updated_ns + _ns(local.request_validity_s) + _ns(local.margin_s)
    if as_of_ns <= valid_until_ns:
        return "its request may still be accepted"
    if row.created_ns < local.since_ns:
        return "the listing begins after the order was made"
    if any((orphan.symbol, orphan.side) == (ticket.symbol, ticket.side) for orphan in listing.orphans):
        return "an execution of unknown origin may be its own"
    return None


def _ns(seconds: float) -> int:
    return int(seconds * NS_PER_S)
