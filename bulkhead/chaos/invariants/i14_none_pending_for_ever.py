"""No order is pending for ever."""

from collections.abc import Sequence
from types import MappingProxyType

from bulkhead.chaos.invariants.kit import Invariant
from bulkhead.ledger.port import Entry
from messages.failure import FailureMode
from messages.records import LedgerEvent, OrderRecorded
from messages.values import OrderStatus

CALM_S = MappingProxyType(
    {OrderStatus.PENDING_SUBMIT: 150.0, OrderStatus.PENDING_CANCEL: 150.0, OrderStatus.UNKNOWN: 200.0}
)
"""By state: how long an order may be without a certain one once nothing is broken. A look at the venue that was lost is
given up after 120 s, and the next may come 30 s later."""
FAULTY_S = 900.0
"""While something is."""


class NonePendingForEver(Invariant):
    """By the records of orders on disk: from the first that leaves it without a certain state to the first that gives
    it one, over all restarts. Going from one such state to another is no way out.

    Not looked at: orders that rest at the venue, and those that an operator has been asked about (`order_in_doubt`),
    which wait for a person; and whether the verdict is right."""

    number = 14
    name = "none-pending-for-ever"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._since_s: dict[str, float] = {}
        """Pending orders, the oldest first."""
        self._states: dict[str, tuple[OrderStatus, str]] = {}
        """Of each of them: its state, and its symbol."""
        self._calm_s: float | None = None

    def healing(self) -> None:
        self._calm_s = self.world.elapsed_s()

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        for entry in entries:
            if isinstance(entry.record, OrderRecorded):
                row = entry.record.order
                key = row.ticket.client_order_id
                if row.status in CALM_S:
                    self._since_s.setdefault(key, self.world.elapsed_s())
                    self._states[key] = row.status, row.ticket.symbol
                else:
                    self._forget(key)
        for key in self._since_s:
            self._judge(key)
            break

    def at_rest(self) -> None:
        for key in tuple(self._since_s):
            self._judge(key)

    def _judge(self, key: str) -> None:
        status, symbol = self._states[key]
        waited_s = self.world.elapsed_s() - self._since_s[key]
        calm_s = 0.0 if self._calm_s is None else self.world.elapsed_s() - self._calm_s
        if waited_s <= FAULTY_S and min(waited_s, calm_s) <= CALM_S[status]:
            return
        self._forget(key)
        if not self.world.house.gate.is_in_force(f"{FailureMode.ORDER_IN_DOUBT.value}:symbol:{symbol}"):
            self.violated(f"{key} has been pending for {waited_s:.0f} s, of which {calm_s:.0f} s calm, and is {status}")

    def _forget(self, key: str) -> None:
        self._since_s.pop(key, None)
        self._states.pop(key, None)
