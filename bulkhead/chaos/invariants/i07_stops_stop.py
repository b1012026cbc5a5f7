"""A stop stops: no new order after it, and within a bound what works is cancelled, or somebody is told of it."""

from collections.abc import Sequence
from typing import NamedTuple

from bulkhead.chaos.eyes import Question
from bulkhead.chaos.invariants.kit import ENDED, Invariant, Say, scopes_of
from bulkhead.chaos.model.order import Order
from bulkhead.chaos.world import World
from bulkhead.ledger.port import Entry
from messages.failure import StopReason
from messages.orders import CancelOrder, OrderRow, OrderTicket
from messages.records import LedgerEvent, OrderRecorded, RiskTripRecorded
from messages.values import OrderStatus, StopLevel, StopPlan

CANCEL_BOUND_S = 60.0
"""Of a process that lives on: longer than an actor may be stuck, its successor takes to compare the books, and a cancel
without an answer takes to be asked for again."""
LAST_ORDER_BOUND_S = 1.0
"""After a trip is on disk. The gate is shut before."""


class Stop(NamedTuple):
    since_s: float
    reason: StopReason


class Trip(NamedTuple):
    since_s: float
    scope: str
    was_in_force: bool


class StopsStop(Invariant):
    """Looks at every stop whose plan takes orders back, whoever has made it: a limit of risk, a failure, an operator,
    the end of a session. Of what it is about, each entry on the venue's book must have ended within the bound, or its
    cancel be asked for since; of a stop that closes, each exit, too. An order that the books call UNKNOWN has been
    reported as such. And where a trip stands on record no entry leaves, whatever the gate says.

    A process that dies takes its bound with it: a new one begins with the next. Not looked at: whether a limit should
    have tripped, and how positions are reduced.
    """

    number = 7
    name = "stops-stop"

    def __init__(self, world: World, say: Say) -> None:
        super().__init__(world, say)
        self._stops: dict[str, Stop] = {}
        self._trips: dict[str, Trip] = {}
        """By the reason that belongs to it, until that was in force and is not any more."""
        self._rows: dict[str, OrderRow] = {}
        """Of orders that have not ended by our books, with whose they are."""
        self._live: dict[str, Order] = {}
        self._asked_s: dict[str, float] = {}
        """When each cancel was asked for last."""
        self._due_s = float("inf")

    def born(self) -> None:
        self._stops = {}
        self._due_s = float("inf")

    def gate_moved(self) -> None:
        now_s = self.world.elapsed_s()
        reasons = {reason.reason_id: reason for reason in self.world.house.gate.reasons()}
        for key in [key for key in self._stops if key not in reasons]:
            del self._stops[key]
        for key, reason in reasons.items():
            known = self._stops.get(key)
            if reason.level < StopLevel.SOFT or reason.effective_plan < StopPlan.CANCEL_ENTRIES:
                self._stops.pop(key, None)
            elif known is None or _reach(known.reason) != _reach(reason):
                self._stops[key] = Stop(now_s, reason)
                self._due_s = min(self._due_s, now_s + CANCEL_BOUND_S)
        for key, trip in tuple(self._trips.items()):
            if key in reasons:
                self._trips[key] = trip._replace(was_in_force=True)
            elif trip.was_in_force:
                del self._trips[key]

    # -- the last order -----------------------------------------------------------------------------------------------

    def left(self, ticket: OrderTicket, issuer: str, epoch: int) -> None:
        if not self._trips or not ticket.intent_type.is_entry:
            return
        row = self._rows.get(ticket.client_order_id)
        scopes = scopes_of(ticket.symbol, None if row is None else row.strategy_id)
        for key, trip in self._trips.items():
            late_s = self.world.elapsed_s() - trip.since_s
            if trip.scope in scopes and late_s > LAST_ORDER_BOUND_S:
                self.violated(f"the entry {ticket.client_order_id} left {late_s:.3f} s after {key} was on record")

    # -- what works ---------------------------------------------------------------------------------------------------

    def accepted(self, order: Order) -> None:
        self._live[order.ticket.client_order_id] = order

    def asked(self, question: Question) -> None:
        if isinstance(question, CancelOrder):
            self._asked_s[question.client_order_id] = self.world.elapsed_s()

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        for entry in entries:
            record = entry.record
            if isinstance(record, OrderRecorded):
                self._note(record.order)
            elif isinstance(record, RiskTripRecorded) and record.trip.level >= StopLevel.SOFT:
                trip = record.trip
                key = f"risk:{trip.limit_name}:{trip.about}" if trip.about else f"risk:{trip.limit_name}"
                is_in_force = self.world.house.gate.is_in_force(key)
                self._trips[key] = Trip(self.world.elapsed_s(), trip.scope, is_in_force)
        if self._due_s <= self.world.elapsed_s():
            self._look()

    def _note(self, row: OrderRow) -> None:
        key = row.ticket.client_order_id
        if row.status in ENDED:
            self._rows.pop(key, None)
        else:
            self._rows[key] = row

    def at_rest(self) -> None:
        self._look()

    def _look(self) -> None:
        """At what is on the venue's book, once for each stop whose bound is over."""
        now_s = self.world.elapsed_s()
        self._live = {key: order for key, order in self._live.items() if order.status not in ENDED}
        coming_s = [stop.since_s + CANCEL_BOUND_S for stop in self._stops.values()]
        for stop in self._stops.values():
            if self._due_s <= stop.since_s + CANCEL_BOUND_S <= now_s:
                self._must_be_cancelled(stop)
        self._due_s = min((due_s for due_s in coming_s if due_s > now_s), default=float("inf"))

    def _must_be_cancelled(self, stop: Stop) -> None:
        for key, order in self._live.items():
            row, ticket = self._rows.get(key), order.ticket
            if row is not None and row.status is OrderStatus.UNKNOWN:
                continue
            scopes = scopes_of(ticket.symbol, None if row is None else row.strategy_id)
            if stop.reason.scope not in scopes or ticket.is_stop_plan or not _is_meant(ticket, stop.reason):
                continue
            if order.created_ns <= stop.reason.since_ns and self._asked_s.get(key, -1.0) < 0:
                self.violated(
                    f"{key} works on {CANCEL_BOUND_S:g} s after {stop.reason.reason_id}: no cancel was asked for"
                )


def _reach(reason: StopReason) -> tuple[object, ...]:
    return reason.scope, reason.effective_plan, reason.is_technical


def _is_meant(ticket: OrderTicket, reason: StopReason) -> bool:
    """A failure of the machinery takes entries back, and closes nothing before somebody has confirmed it."""
    is_closing = reason.effective_plan >= StopPlan.FLATTEN and not reason.is_technical
    return ticket.intent_type.is_entry or is_closing
