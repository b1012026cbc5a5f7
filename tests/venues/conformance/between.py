"""What stands between a real venue and whoever uses it, to break one promise on purpose."""

from collections.abc import Callable, Iterable
from typing import Any

from bulkhead.venues.conformance.harness import Flaw, Harness, OnFault
from bulkhead.venues.port import OrderVenue, Sink, WriteGuard
from messages.base import Body
from messages.orders import (
    CancelOrder,
    CancelOutcomeUnknown,
    CancelRejected,
    OrderAccepted,
    OrderCancelled,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderTicket,
    SubmitOrder,
)

ANSWERS = (OrderAccepted, OrderRejected, OrderNotSent, OrderOutcomeUnknown)
CANCEL_ANSWERS = (OrderCancelled, CancelRejected, CancelOutcomeUnknown)
SECRET = "SecretOfTheBrokenVenue"
AGAIN = "x"
"""Ends the id of an order that a broken venue sends under a new one."""


class Between:
    """Passes everything on, both ways. Its kinds override what they break."""

    def __init__(self, venue: OrderVenue, guard: WriteGuard) -> None:
        self.venue, self.guard = venue, guard
        self.sink: Sink | None = None
        self.is_closed = False

    def tells(self, body: Body) -> Iterable[Body]:
        """What the house is told instead of `body`."""
        return (body,)

    def open(self, sink: Sink) -> None:
        self.sink = sink

        def tell(body: Body) -> None:
            for told in self.tells(body):
                sink(told)

        self.venue.open(tell)

    def close(self, deadline_s: float) -> None:
        self.is_closed = True
        self.venue.close(deadline_s)

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        self.venue.submit(command, issuer, epoch)

    def cancel(self, command: CancelOrder) -> None:
        self.venue.cancel(command)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.venue, name)


class OpenGate:
    """A gate between a venue and the real one: lets everything pass and asks nobody."""

    def __init__(self, guard: WriteGuard) -> None:
        self.guard = guard

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        return None


class EarlyGate(OpenGate):
    """Answers with what the real one said when the order was handed in."""

    def __init__(self, guard: WriteGuard) -> None:
        super().__init__(guard)
        self.early: dict[str, str | Exception | None] = {}

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        early = self.early.get(ticket.client_order_id)
        if isinstance(early, Exception):
            raise early
        return early


class BrokenHarness:
    """A harness whose venue has something between. It waits for nothing long: what is broken does not come."""

    secrets = (SECRET,)

    def __init__(
        self,
        harness: Harness,
        kind: type[Between],
        gate: Callable[[WriteGuard], WriteGuard] = lambda guard: guard,
        patience_s: float = 1.0,
    ) -> None:
        self._harness, self._kind, self._gate = harness, kind, gate
        self.patience_s = patience_s

    def make(self, guard: WriteGuard, on_fault: OnFault, flaw: Flaw | None = None) -> OrderVenue:
        inner = self._gate(guard)
        made: Any = self._kind(self._harness.make(inner, on_fault, flaw), inner)
        broken: OrderVenue = made
        return broken

    def taken(self, ticket: OrderTicket) -> int:
        again = ticket.model_copy(update={"client_order_id": ticket.client_order_id + AGAIN})
        return self._harness.taken(ticket) + self._harness.taken(again)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._harness, name)
