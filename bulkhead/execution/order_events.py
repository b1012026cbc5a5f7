"""One step of one order: what the venue said, or what we did, applied to its row.

`apply` takes any evidence and never raises on it: what a venue says is believed, ignored as stale or flagged, but never
refused. The functions for our own acts (`request_cancel`, `give_up`, `prove_absent`, `resend`, `mark_unknown`)
raise IllegalTransition when the table forbids the act, and then nothing has changed.

Kept throughout: filled + leaves + cancelled = quantity (+ whatever was overfilled, which is booked and flagged), and
filled never falls. Executions must reach `apply` once each: the caller asks its FillBook first.

A claim that the order has ended with more filled than we have booked is held back (`missing` > 0) until the executions
themselves arrive: a status never invents a fill. Whoever sees `missing` queries the order.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from bulkhead.execution.exact import ZERO, exact, plain
from bulkhead.execution.fills import fill_of
from bulkhead.execution.order_table import Event, IllegalTransition, next_status
from messages.codes import ErrorCode
from messages.orders import (
    CancelOutcomeUnknown,
    CancelRejected,
    ExecutionReported,
    Fill,
    OrderAccepted,
    OrderCancelled,
    OrderEvidence,
    OrderExpired,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderRow,
    VenueOrder,
)
from messages.values import OrderStatus


class StatusShown(NamedTuple):
    """How a listing of the venue (a query or a snapshot) shows an order, without its executions."""

    client_order_id: str
    symbol: str
    status: OrderStatus
    cumulative: Decimal
    venue_order_id: str | None
    as_of_ns: int
    raw: str = ""


OrderEvent = OrderEvidence | StatusShown


class Applied(NamedTuple):
    """The order after one step, and what to do about it."""

    order: OrderRow
    change: str | None
    """What changed, as OrderUpdated names it; None: nothing did, and `order` is the very row that was given."""
    is_late: bool = False
    """It came after the order had ended, and still changed something."""
    fill: Fill | None = None
    """To be booked, with the order row, in one transaction."""
    notes: tuple[str, ...] = ()
    is_alarm: bool = False
    missing: Decimal = ZERO
    """Filled by the venue's count, but its executions have not been seen: query the order."""

    @property
    def is_reopened(self) -> bool:
        """An order that had ended may still trade."""
        return self.is_late and not self.order.status.is_terminal


class _Claim(NamedTuple):
    event: Event | None
    reason: str | None = None
    cumulative: Decimal | None = None
    ends: bool = False


_CHANGE: dict[Event, str] = {
    Event.ACCEPTED: "accepted",
    Event.ACCEPTED_PART_FILLED: "accepted",
    Event.PARTIAL_FILL: "partial",
    Event.FULL_FILL: "filled",
    Event.OVERFILL: "overfilled",
    Event.REJECTED: "rejected",
    Event.REJECTED_PART_FILLED: "unknown",
    Event.CANCELLED: "cancelled",
    Event.EXPIRED: "expired",
    Event.NOT_SENT: "not_sent",
    Event.OUTCOME_UNKNOWN: "unknown",
    Event.CANCEL_REJECTED: "cancel_rejected",
    Event.CANCEL_REJECTED_PART_FILLED: "cancel_rejected",
    Event.CANCEL_REJECTED_UNANSWERED: "cancel_rejected",
    Event.CANCEL_UNKNOWN: "cancel_unknown",
    Event.CANCEL_REQUESTED: "cancel_requested",
    Event.NOT_SENT_FINAL: "failed",
    Event.PROVEN_ABSENT: "failed",
    Event.RESENT: "resent",
}
# Worth telling although the status stays: the order's owner waits for an answer to this very request.
_TOLD_ANYWAY = frozenset(
    {
        Event.NOT_SENT,
        Event.CANCEL_REQUESTED,
        Event.CANCEL_REJECTED,
        Event.CANCEL_REJECTED_PART_FILLED,
        Event.CANCEL_REJECTED_UNANSWERED,
        Event.CANCEL_UNKNOWN,
        Event.RESENT,
    }
)


def cancelled_quantity(order: OrderRow) -> Decimal:
    """What will never fill: quantity - filled once the order has ended, else zero. Never negative."""
    if not order.status.is_terminal:
        return ZERO
    with exact():
        return max(ZERO, order.ticket.quantity - order.filled)


def overfilled_quantity(order: OrderRow) -> Decimal:
    """What was executed beyond the quantity asked for: a fault of the venue's or ours, never hidden."""
    with exact():
        return max(ZERO, order.filled - order.ticket.quantity)


def was_answered(order: OrderRow) -> bool:
    """Whether the venue has ever said that it knows the order."""
    return order.venue_order_id is not None or order.filled > 0


def status_shown(venue_order: VenueOrder, client_order_id: str, as_of_ns: int, raw: str = "") -> StatusShown:
    return StatusShown(
        client_order_id,
        venue_order.symbol,
        venue_order.status,
        venue_order.filled,
        venue_order.venue_order_id,
        as_of_ns,
        raw,
    )


# -- what the venue says ----------------------------------------------------------------------------------------------


def apply(order: OrderRow, evidence: OrderEvent, now_ns: int) -> Applied:
    """Apply one piece of evidence. Raises ValueError only when it is about another order (a fault of the caller's)."""
    if evidence.client_order_id != order.ticket.client_order_id:
        raise ValueError(f"evidence about {evidence.client_order_id} applied to {order.ticket.client_order_id}")
    if isinstance(evidence, ExecutionReported):
        return _apply_execution(order, evidence, now_ns)
    claim = _claim_of(order, evidence)
    with exact():
        missing = ZERO if claim.cumulative is None else max(ZERO, claim.cumulative - order.filled)
    learned: dict[str, Any] = {}
    if evidence.venue_order_id is not None and order.venue_order_id is None:
        learned["venue_order_id"] = evidence.venue_order_id
    notes: tuple[str, ...] = ()
    if missing:
        notes = (f"the venue counts {plain(missing)} more as filled than its executions we have seen",)
    if claim.event is None or (claim.ends and missing):
        return _keep(order, learned, notes, missing, now_ns)
    return _step(order, claim, evidence.raw, learned, notes, missing, now_ns)


def _claim_of(order: OrderRow, evidence: OrderEvent) -> _Claim:
    """Which event of the table the evidence is, given what is known of the order."""
    has_fills = order.filled > 0
    match evidence:
        case StatusShown():
            return _claim_of_status(order, evidence)
        case OrderAccepted():
            return _Claim(Event.ACCEPTED_PART_FILLED if has_fills else Event.ACCEPTED)
        case OrderRejected():
            event = Event.REJECTED_PART_FILLED if has_fills else Event.REJECTED
            return _Claim(event, f"{evidence.code}: {evidence.reason}")
        case OrderNotSent():
            return _Claim(Event.NOT_SENT, f"{evidence.code}: {evidence.reason}")
        case OrderOutcomeUnknown():
            return _Claim(Event.OUTCOME_UNKNOWN, f"{ErrorCode.BROKER_TIMEOUT_TRANSIENT}: {evidence.reason}")
        case OrderCancelled():
            return _Claim(Event.CANCELLED, None, evidence.cumulative, ends=True)
        case OrderExpired():
            return _Claim(Event.EXPIRED, evidence.reason or None, evidence.cumulative, ends=True)
        case CancelRejected():
            return _Claim(_cancel_refusal(order), f"{evidence.code}: {evidence.reason}")
        case CancelOutcomeUnknown():
            return _Claim(Event.CANCEL_UNKNOWN, evidence.reason)
        case _:
            raise TypeError(f"{type(evidence).__name__} is no evidence about an order")


def _claim_of_status(order: OrderRow, shown: StatusShown) -> _Claim:
    has_fills = order.filled > 0
    match shown.status:
        case OrderStatus.SUBMITTED | OrderStatus.PARTIAL | OrderStatus.PENDING_CANCEL:
            return _Claim(Event.ACCEPTED_PART_FILLED if has_fills else Event.ACCEPTED, None, shown.cumulative)
        case OrderStatus.CANCELLED:
            return _Claim(Event.CANCELLED, None, shown.cumulative, ends=True)
        case OrderStatus.EXPIRED:
            return _Claim(Event.EXPIRED, None, shown.cumulative, ends=True)
        case OrderStatus.REJECTED if has_fills or shown.cumulative > 0:
            # A venue cannot reject what it filled: the listing means that the rest has ended.
            return _Claim(Event.CANCELLED, "the venue lists it as rejected", shown.cumulative, ends=True)
        case OrderStatus.REJECTED:
            return _Claim(Event.REJECTED, "the venue lists it as rejected", shown.cumulative, ends=True)
        case _:
            # FILLED: only its executions make it so here. The rest is not a venue's word about an order.
            return _Claim(None, None, shown.cumulative)


def _cancel_refusal(order: OrderRow) -> Event:
    if order.filled > 0:
        return Event.CANCEL_REJECTED_PART_FILLED
    return Event.CANCEL_REJECTED if was_answered(order) else Event.CANCEL_REJECTED_UNANSWERED


def _keep(order: OrderRow, learned: dict[str, Any], notes: tuple[str, ...], missing: Decimal, now_ns: int) -> Applied:
    """The status stays; the venue's id of the order, once known, is worth a record of its own."""
    if not learned:
        return Applied(order, None, notes=notes, missing=missing)
    updated = order.model_copy(update={**learned, "updated_ns": max(now_ns, order.updated_ns)})
    return Applied(updated, "acknowledged", notes=notes, missing=missing)


def _step(
    order: OrderRow,
    claim: _Claim,
    raw: str,
    learned: dict[str, Any],
    notes: tuple[str, ...],
    missing: Decimal,
    now_ns: int,
) -> Applied:
    event = claim.event
    assert event is not None  # noqa: S101 - the caller has turned the None away
    before, after = order.status, next_status(order.status, event)
    is_changed = after is not before
    if not is_changed and (before.is_terminal or event not in _TOLD_ANYWAY):
        if before in {OrderStatus.FILLED, OrderStatus.REJECTED} and event in _CONTRADICTIONS[before]:
            notes += (f"'{event}' came for an order that is {before}; the venue's earlier word stands",)
        return _keep(order, learned, notes, missing, now_ns)
    is_late = is_changed and before.is_terminal
    if is_late:
        notes += (f"'{event}' came after the order was {before}",)
    if event is Event.REJECTED_PART_FILLED:
        notes += (f"rejected after {plain(order.filled)} was filled: only the venue can say what became of the rest",)
    updates: dict[str, Any] = {**learned, "status": after, "updated_ns": _heard_ns(order, after, now_ns)}
    if claim.reason is not None:
        updates["reason"] = claim.reason
    if raw:
        updates["raw"] = raw
    if event in _ACCEPTANCES and order.submitted_ns is None:
        updates["submitted_ns"] = now_ns
    change = "resolved" if before is OrderStatus.UNKNOWN and is_changed else _CHANGE[event]
    is_alarm = is_late or event is Event.REJECTED_PART_FILLED
    return Applied(order.model_copy(update=updates), change, is_late, None, notes, is_alarm, missing)


_ACCEPTANCES = frozenset({Event.ACCEPTED, Event.ACCEPTED_PART_FILLED})
_CONTRADICTIONS = {
    OrderStatus.FILLED: frozenset({Event.REJECTED_PART_FILLED}),
    OrderStatus.REJECTED: frozenset({Event.CANCELLED, Event.EXPIRED}),
}


def _apply_execution(order: OrderRow, execution: ExecutionReported, now_ns: int) -> Applied:
    """Book one execution. It is always booked, whatever the order's state and however much it has filled already."""
    with exact():
        filled = order.filled + execution.quantity
        notional = order.filled_notional + execution.quantity * execution.price
        missing = ZERO if execution.cumulative is None else max(ZERO, execution.cumulative - filled)
    quantity = order.ticket.quantity
    event = Event.PARTIAL_FILL if filled < quantity else Event.FULL_FILL if filled == quantity else Event.OVERFILL
    before = order.status
    notes: tuple[str, ...] = ()
    if before.is_terminal:
        notes += (f"a fill of {plain(execution.quantity)} came after the order was {before}",)
    if event is Event.OVERFILL:
        notes += (f"{plain(filled)} is filled of {plain(quantity)}",)
    if execution.side is not order.ticket.side:
        notes += (f"the execution says {execution.side}, the order says {order.ticket.side}",)
    updates: dict[str, Any] = {
        "status": next_status(before, event),
        "filled": filled,
        "filled_notional": notional,
        "updated_ns": max(now_ns, order.updated_ns),
    }
    if order.venue_order_id is None:
        updates["venue_order_id"] = execution.venue_order_id
    if order.submitted_ns is None:
        updates["submitted_ns"] = now_ns
    if execution.raw:
        updates["raw"] = execution.raw
    is_alarm = bool(notes)
    if missing:
        notes += (f"executions of {plain(missing)} before it have not been seen",)
    return Applied(
        order.model_copy(update=updates),
        _CHANGE[event],
        before.is_terminal,
        fill_of(order, execution, now_ns),
        notes,
        is_alarm,
        missing,
    )


# -- what we do -------------------------------------------------------------------------------------------------------


def request_cancel(order: OrderRow, reason: str, now_ns: int) -> Applied:
    """A cancel is about to be sent. An UNKNOWN order stays so: only the venue ends that."""
    return _own_step(order, Event.CANCEL_REQUESTED, reason, now_ns)


def give_up(order: OrderRow, reason: str, now_ns: int) -> Applied:
    """Proven never sent, and not to be sent again (any more): FAILED."""
    if was_answered(order):
        raise IllegalTransition(order.status, Event.NOT_SENT_FINAL, "the venue knows it")
    return _own_step(order, Event.NOT_SENT_FINAL, reason, now_ns)


def prove_absent(order: OrderRow, reason: str, now_ns: int) -> Applied:
    """The venue has been shown not to have it, and it is given up: FAILED."""
    if was_answered(order):
        raise IllegalTransition(order.status, Event.PROVEN_ABSENT, "the venue knows it")
    return _own_step(order, Event.PROVEN_ABSENT, reason, now_ns)


def resend(order: OrderRow, reason: str, now_ns: int) -> Applied:
    """The same ticket goes out again: it was not sent, or is proven absent."""
    if was_answered(order):
        raise IllegalTransition(order.status, Event.RESENT, "the venue knows it")
    return _own_step(order, Event.RESENT, reason, now_ns)


def mark_unknown(order: OrderRow, reason: str) -> Applied:
    """No verdict can come any more for a send of an ended incarnation (or one found at recovery).

    `updated_ns` stays: it tells when anything of the order was last sent or heard, and the proof of absence counts
    from there. Orders that the venue has answered stay as they are.
    """
    if order.status is not OrderStatus.PENDING_SUBMIT and not (
        order.status is OrderStatus.PENDING_CANCEL and not was_answered(order)
    ):
        return Applied(order, None)
    after = next_status(order.status, Event.OUTCOME_UNKNOWN)
    return Applied(order.model_copy(update={"status": after, "reason": reason}), "unknown")


def _heard_ns(order: OrderRow, after: OrderStatus, now_ns: int) -> int:
    """When anything of the order itself was last sent or heard. What leaves it UNKNOWN is about its cancel: the proof
    of its absence counts on, however often its end is asked for."""
    is_unknown_still = order.status is OrderStatus.UNKNOWN and after is OrderStatus.UNKNOWN
    return order.updated_ns if is_unknown_still else max(now_ns, order.updated_ns)


def _own_step(order: OrderRow, event: Event, reason: str, now_ns: int) -> Applied:
    after = next_status(order.status, event)
    updates = {"status": after, "reason": reason, "updated_ns": _heard_ns(order, after, now_ns)}
    return Applied(order.model_copy(update=updates), _CHANGE[event])
