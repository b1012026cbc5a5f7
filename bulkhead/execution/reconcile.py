"""Reconciliation: our books beside the venue's own view -> what to book, what is proven, what stays open.

Pure: nothing is changed here. The caller applies `events` in order (each through its FillBook and
`order_events.apply`), fails or resends what is `absent`, and opens the gate only when `is_clean`. Every execution is
told exactly once, however many of the venue's lists show it; a listed status never stands in for executions that were
not listed.

Absent means all of: the venue's clock is past the request's validity and a margin, the listing covers the time of the
order, neither the order nor a trade that could be its own is listed, and our transport holds no request for it. For a
venue without client ids absence is never automatic: there an order in doubt is looked for among the orders of nobody
(claiming.py).

What it does not do: it compares no balances or positions (Portfolio does), and cancels nothing.
"""

from decimal import Decimal
from typing import NamedTuple

from bulkhead.execution.claiming import Claim
from bulkhead.execution.exact import plain
from bulkhead.execution.fills import execution_of
from bulkhead.execution.growth import grown
from bulkhead.execution.listing import Listing, LocalView, read
from bulkhead.execution.order_events import OrderEvent, apply, overfilled_quantity, status_shown, was_answered
from messages.orders import OrderRow, VenueExecution, VenueOrder, VenueSnapshotTaken
from messages.values import OrderStatus

NS_PER_S = 1_000_000_000
_UNPROVEN = frozenset({OrderStatus.PENDING_SUBMIT, OrderStatus.UNKNOWN})


class Unresolved(NamedTuple):
    client_order_id: str
    symbol: str
    reason: str
    claim: Claim | None = None
    """Where it is looked for among the orders of nobody, what came of that."""

    @property
    def needs_operator(self) -> bool:
        return self.claim is not None and self.claim.needs_operator


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
    own_channels: frozenset[str] = frozenset()
    """Marks of the listed orders that are known to be ours by their number."""

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
        """Explained, and no order is waiting. One that is looked for among the orders of nobody may wait for a person,
        and is no reason to stop the others: it freezes its own symbol, counts in full, and has an alarm of its own."""
        return self.is_explained and all(each.claim is not None for each in self.unresolved)


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
    listing = read(rows, local, venue)
    verdicts = [(row, _judge(row, local, venue.as_of_ns, listing)) for row in rows]
    return Reconciliation(
        events=tuple(event for _, verdict in verdicts for event in verdict.events),
        absent=tuple(row.ticket.client_order_id for row, verdict in verdicts if verdict.is_absent),
        unresolved=tuple(
            Unresolved(
                row.ticket.client_order_id,
                row.ticket.symbol,
                verdict.unresolved,
                listing.claims.get(row.ticket.client_order_id),
            )
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
        own_channels=listing.own_channels,
    )


# -- judging one order ------------------------------------------------------------------------------------------------


def _judge(row: OrderRow, local: LocalView, as_of_ns: int, listing: Listing) -> Verdict:
    client_order_id = row.ticket.client_order_id
    listed = listing.orders.get(client_order_id, [])
    executions = [execution_of(each, client_order_id) for each in listing.executions.get(client_order_id, [])]
    if local.totals is not None and len(listed) == 1:
        executions += grown(row, listed[0], local.totals.costs, as_of_ns)
    if not listed and not executions:
        return _judge_unlisted(row, local, as_of_ns, listing)
    # The steps are tried out on a copy, so that only what changes something is told.
    events: list[OrderEvent] = []
    after = row
    missing = Decimal(0)
    for reported in executions:
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


def _judge_unlisted(row: OrderRow, local: LocalView, as_of_ns: int, listing: Listing) -> Verdict:
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


def _doubt(row: OrderRow, local: LocalView, as_of_ns: int, listing: Listing) -> str | None:
    """Why the order is not proven absent, or None when it is."""
    ticket = row.ticket
    if ticket.client_order_id in local.in_flight:
        return "our transport still holds a request for it"
    if local.claiming is not None:
        claim = listing.claims.get(ticket.client_order_id)
        return claim.doubt if claim is not None else "the venue knows no client ids, so absence cannot be proven"
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
