"""An exit never takes a position through zero."""

from decimal import Decimal

from bulkhead.chaos.invariants.kit import Invariant
from bulkhead.chaos.model.market import INSTRUMENTS
from bulkhead.chaos.model.order import Order
from messages.orders import VenueExecution
from messages.reversals import ExecutionReversed

ZERO = Decimal(0)


class ExitsNeverFlip(Invariant):
    """By the venue's own executions, added up by symbol net of fees that were paid in what was bought. One strategy
    trades each symbol here, so that the position of the account is its position.

    Not looked at: exits that were at the venue when an execution was taken back: what they sell was held when they were
    sent."""

    number = 22
    name = "exits-never-flip"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._held: dict[str, Decimal] = dict.fromkeys(INSTRUMENTS, ZERO)
        self._reversals: dict[str, int] = dict.fromkeys(INSTRUMENTS, 0)
        self._accepted: dict[str, int] = {}
        """Exits -> the reversals in their symbol until they came."""

    def accepted(self, order: Order) -> None:
        if not order.ticket.intent_type.is_entry:
            self._accepted[order.ticket.client_order_id] = self._reversals[order.ticket.symbol]

    def executed(self, order: Order, execution: VenueExecution) -> None:
        symbol, key = execution.symbol, order.ticket.client_order_id
        before = self._held[symbol]
        change = execution.quantity * execution.side.sign
        if execution.fee_asset == INSTRUMENTS[symbol].base_asset:
            change -= execution.fee
        after = self._held[symbol] = before + change
        if self._accepted.get(key) == self._reversals[symbol] and (before * after < 0 or before == 0):
            self.violated(f"the exit {key} takes the position in {symbol} from {before} to {after}")

    def reversed_(self, order: Order, said: ExecutionReversed) -> None:
        self._reversals[said.symbol] += 1
        change = said.quantity * said.side.sign
        if said.fee_asset == INSTRUMENTS[said.symbol].base_asset:
            change -= said.fee
        self._held[said.symbol] -= change
