"""No entry leaves while a stop of SOFT or above is in force for it, or while the risk guard is down."""

from collections.abc import Sequence

from bulkhead.chaos.invariants.kit import GUARD, Invariant, Say, scopes_of
from bulkhead.chaos.world import World
from bulkhead.ledger.port import Entry
from messages.orders import OrderTicket
from messages.records import LedgerEvent, OrderRecorded
from messages.supervision import ChildDown
from messages.values import StopLevel


class GateHolds(Invariant):
    """Looks at each order in the instant in which it leaves, and at the reasons that are in force then: the books not
    compared, the stream down and a dead actor are such reasons. Under HARD no exit leaves either, but for a stop plan's
    own. That the guard is up is seen by itself, not by what the gate says of it.

    Not looked at: whether a reason should be in force (7, 8), and what an operator has asked for.
    """

    number = 6
    name = "gate-holds"

    def __init__(self, world: World, say: Say) -> None:
        super().__init__(world, say)
        self._owners: dict[str, str] = {}
        self._is_guard_up = False

    def born(self) -> None:
        self._is_guard_up = False

    def became_ready(self, name: str) -> None:
        if name == GUARD:
            self._is_guard_up = True

    def ended(self, down: ChildDown) -> None:
        if down.child == GUARD:
            self._is_guard_up = False

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        for entry in entries:
            if isinstance(entry.record, OrderRecorded):
                order = entry.record.order
                self._owners[order.ticket.client_order_id] = order.strategy_id

    def left(self, ticket: OrderTicket, issuer: str, epoch: int) -> None:
        if ticket.is_stop_plan:
            return
        key, is_entry = ticket.client_order_id, ticket.intent_type.is_entry
        bar = StopLevel.SOFT if is_entry else StopLevel.HARD
        scopes = scopes_of(ticket.symbol, self._owners.get(key))
        for reason in self.world.house.gate.reasons():
            if reason.level >= bar and reason.scope in scopes:
                what = "entry" if is_entry else "exit"
                self.violated(f"the {what} {key} left under {reason.reason_id} ({reason.level.name}): {reason.cause}")
        if is_entry and not self._is_guard_up:
            self.violated(f"the entry {key} left while the risk guard was down")
