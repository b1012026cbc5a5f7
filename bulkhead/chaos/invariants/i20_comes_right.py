"""Once nothing is broken, the house puts itself right within the bound: reconciled, nothing unknown, the gate open, or
shut by what says why and waits for an operator."""

from collections.abc import Sequence

from bulkhead.chaos.invariants.kit import Invariant
from bulkhead.chaos.recovery import BOUND_S
from bulkhead.ledger.port import Entry
from messages.failure import FailureMode
from messages.records import LedgerEvent, OrderRecorded
from messages.values import OrderStatus, StopLevel

STOPPING = "session:stopping"
"""With which the run itself ends trading."""
RECOVERY = "recovery:books"


class ComesRight(Invariant):
    """Looked at when the bound is over or nothing is unknown and the books are compared (`Watcher.rearming`), and again
    at rest, a minute and more after an operator has lifted what only he may. Then every reason that still shuts the
    gate for anything must be one that an operator has to lift, and say why.

    Not looked at: whether trading goes on as lively as before; and orders of which only a person can tell
    (`order_in_doubt`), which keep their own symbol shut and have said so."""

    number = 20
    name = "comes-right"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._unknown: dict[str, str] = {}
        """Orders -> their symbols."""

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        for entry in entries:
            if isinstance(entry.record, OrderRecorded):
                ticket = entry.record.order.ticket
                if entry.record.order.status is OrderStatus.UNKNOWN:
                    self._unknown[ticket.client_order_id] = ticket.symbol
                else:
                    self._unknown.pop(ticket.client_order_id, None)

    def rearming(self) -> None:
        if not self.world.house.gate.is_recovered:
            cause = next(r.cause for r in self.world.house.gate.reasons() if r.reason_id == RECOVERY)
            self.violated(f"after {BOUND_S:g} s without a fault the books are not compared: {cause}")
        self._hold_to_certainty(f"after {BOUND_S:g} s without a fault")

    def at_rest(self) -> None:
        self._hold_to_certainty("at rest")
        for reason in self.world.house.gate.reasons():
            is_said = reason.reason_id == STOPPING or reason.reason_id.startswith(
                f"{FailureMode.ORDER_IN_DOUBT.value}:"
            )
            if is_said or reason.level < StopLevel.SOFT:
                continue
            if not (reason.needs_operator and reason.cause):
                self.violated(f"at rest {reason.reason_id} shuts the gate, and no operator is asked: {reason.cause}")

    def _hold_to_certainty(self, when: str) -> None:
        gate = self.world.house.gate
        for key, symbol in self._unknown.items():
            if not gate.is_in_force(f"{FailureMode.ORDER_IN_DOUBT.value}:symbol:{symbol}"):
                self.violated(f"{when} the order {key} is unknown")
