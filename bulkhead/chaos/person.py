"""The operator: looks at `bulkhead status` and at the venue's own pages, and does what the runbook says.

He acts as the command line and the desk do. What he cannot see he does not know: at a venue that keeps no ids he tells
orders apart by what they are, when they came, and by which channel.
"""

from collections import Counter
from typing import NamedTuple

from actors import addresses
from bulkhead.app.desk_acts import confirm_plan, flatten_reason, lift_stops
from bulkhead.chaos.model.numbered import API, NumberedOrder
from bulkhead.chaos.model.order import Order
from bulkhead.chaos.world import World
from messages.escapes import Escape, EscapeTrigger
from messages.failure import FailureMode, StopReason
from messages.operator import ConfirmPlan, LiftStops, ResolveOrder
from messages.orders import OrderRow
from messages.supervision import ChildState, Outcome, RestartChild
from messages.values import OrderStatus, StopLevel

WORDS = {"operator": "mina", "reason": "the plan wants it", "reply_to": "operator"}
LOOKS_EVERY_25_MS = 0.025
"""As the run's own thread does (bulkhead/app/stops/service.py)."""
MOST_RESUMES = 3
"""Of one reason: what trips again each time is left as it is."""


class Voice(NamedTuple):
    """Of the operator, for the gate; no incarnation, so never over."""

    name: str = "operator"
    epoch: int = 0


class Person:
    def __init__(self, world: World) -> None:
        self._world = world
        self._acts = 0
        self._resumed: Counter[str] = Counter()

    def _request_id(self) -> str:
        self._acts += 1
        return f"{self._world.process}.{self._acts}.{round(self._world.elapsed_s() * 1000)}"

    def _words(self) -> dict[str, str]:
        self._world.host.register(WORDS["reply_to"], None)
        return {"request_id": self._request_id(), **WORDS}

    # -- stops --------------------------------------------------------------------------------------------------------

    def kill(self, level: StopLevel, scope: str = "all") -> str:
        """As `bulkhead kill`: the latch file is written, and asks nobody. Returns the reason's id."""
        world = self._world
        reason = StopReason(
            reason_id=f"kill:{level.name}:{scope}",
            level=level,
            scope=scope,
            cause=f"{WORDS['operator']}: {WORDS['reason']}",
            since_ns=world.host.now_ns(),
            needs_operator=True,
        )
        world.house.latch.write(reason)
        world.host.later(LOOKS_EVERY_25_MS, world.house.watch.look)
        return reason.reason_id

    def resume(self, *reason_ids: str) -> bool:
        """As `bulkhead resume`; without names all that an operator lifts. True if anything was lifted."""
        host, gate = self._world.host, self._world.house.gate
        command = LiftStops.model_validate({**self._words(), "reason_ids": reason_ids, "asked_ns": host.now_ns()})
        answer = lift_stops(command, gate, host.now_ns(), by=Voice())
        return answer.outcome is Outcome.DONE and bool(answer.facts.get("lifted"))

    def confirm(self, reason_id: str) -> bool:
        host, gate = self._world.host, self._world.house.gate
        command = ConfirmPlan.model_validate({**self._words(), "reason_id": reason_id, "asked_ns": host.now_ns()})
        return confirm_plan(command, gate, host.now_ns(), by=Voice()).outcome is Outcome.DONE

    def close(self, symbol: str | None) -> str:
        """As `bulkhead flatten`: the gate shuts first. Returns the id of the reason that keeps it shut."""
        host, gate = self._world.host, self._world.house.gate
        escape = Escape(
            escape_id=f"{EscapeTrigger.OPERATOR}/{self._request_id()}",
            trigger=EscapeTrigger.OPERATOR,
            reason=f"{WORDS['operator']}: {WORDS['reason']}",
            symbol=symbol,
        )
        reason = flatten_reason(escape, host.now_ns())
        gate.shut(reason, by=Voice())
        host.tell(addresses.OMS, escape, sender="operator")
        return reason.reason_id

    # -- putting it right ---------------------------------------------------------------------------------------------

    def put_right(self) -> None:
        """One look, and what follows from it."""
        world = self._world
        self.restart_parked()
        self.resolve_doubts()
        gate = world.house.gate
        if gate.is_recovered:
            mine = [reason.reason_id for reason in gate.reasons() if reason.needs_operator]
            mine = [each for each in mine if self._resumed[each] < MOST_RESUMES]
            self._resumed.update(mine)
            if mine:
                self.resume(*mine)

    def restart_parked(self) -> int:
        world = self._world
        down = [node for node in world.host.status() if node.state is ChildState.PARKED]
        for node in down:
            if node.parent is not None:
                world.paths["operator.restarted_parked"] += 1
                world.host.tell(node.parent, RestartChild(child=node.id), sender="operator")
        return len(down)

    def resolve_doubts(self) -> None:
        """Of each order that the status says is in doubt: which of the venue's it is, or that none is."""
        world = self._world
        shown = {reason.reason_id for reason in world.house.gate.reasons()}
        rows = world.house.file.load_recovery().orders
        taken = {row.venue_order_id for row in rows}
        for row in sorted(rows, key=lambda row: row.created_ns):
            if is_in_doubt(row) and f"{FailureMode.ORDER_IN_DOUBT.value}:symbol:{row.ticket.symbol}" in shown:
                found = self._at_the_venue(row, taken)
                taken.add(found)
                world.paths["operator.resolved_doubt"] += 1
                named = {"order_id": row.ticket.client_order_id, "venue_order_id": found}
                command = ResolveOrder.model_validate({**self._words(), **named})
                world.host.tell(addresses.OMS, command, sender="operator")

    def _at_the_venue(self, row: OrderRow, taken: set[str | None]) -> str | None:
        """Its number: of those that could be it, and that nobody here has, the one that came nearest to its time."""
        could_be = [
            order
            for order in self._world.venue.orders.values()
            if _looks_like(order, row) and order.venue_order_id not in taken
        ]
        sent_ns = row.submitted_ns or row.created_ns
        nearest = min(could_be, key=lambda order: abs(order.created_ns - sent_ns), default=None)
        return None if nearest is None else nearest.venue_order_id


def _looks_like(order: Order, row: OrderRow) -> bool:
    """By what a page of the venue shows of it: never by an id of ours."""
    shown, mine = order.ticket, row.ticket
    is_alike = (shown.symbol, shown.side, shown.order_type, shown.quantity, shown.limit_price) == (
        mine.symbol,
        mine.side,
        mine.order_type,
        mine.quantity,
        mine.limit_price,
    )
    return is_alike and isinstance(order, NumberedOrder) and order.channel == API


def is_in_doubt(row: OrderRow) -> bool:
    return row.status is OrderStatus.UNKNOWN and row.venue_order_id is None and not row.filled
