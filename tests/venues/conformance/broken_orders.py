"""Venues that break a promise about sending or cancelling."""

import threading
from collections.abc import Iterable
from decimal import Decimal

from bulkhead.venues.port import OrderVenue, VenueCapabilities, WriteGuard
from messages.base import Body
from messages.orders import (
    CancelOrder,
    CancelOutcomeUnknown,
    CancelRejected,
    OrderCancelled,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    SubmitOrder,
)
from messages.values import OrderType, TimeInForce
from tests.venues.conformance.between import AGAIN, ANSWERS, CANCEL_ANSWERS, Between, EarlyGate


class DoublesAnswers(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        return (body, body) if isinstance(body, ANSWERS) else (body,)


class LosesRejections(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        return () if isinstance(body, OrderRejected) else (body,)


class AsksTheGateEarly(Between):
    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        gate = self.guard
        assert isinstance(gate, EarlyGate)
        key = command.ticket.client_order_id
        try:
            gate.early[key] = gate.guard.refusal(command.ticket, issuer, epoch)
        except ValueError as error:
            gate.early[key] = error
        self.venue.submit(command, issuer, epoch)


class CallsUnknownUnsent(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, OrderOutcomeUnknown):
            told = OrderNotSent(
                client_order_id=body.client_order_id, symbol=body.symbol, code="NETWORK", reason=body.reason
            )
            return (told,)
        return (body,)


class CallsUnsentUnknown(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, OrderNotSent) and body.code == "NOT_CONNECTED":
            return (OrderOutcomeUnknown(client_order_id=body.client_order_id, symbol=body.symbol, reason=body.reason),)
        return (body,)


class CallsAWrongKeyFinal(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, OrderNotSent) and body.code == "-1022":
            told = OrderRejected(
                client_order_id=body.client_order_id, symbol=body.symbol, code=body.code, reason=body.reason
            )
            return (told,)
        return (body,)


class ResendsByItself(Between):
    def __init__(self, venue: OrderVenue, guard: WriteGuard) -> None:
        super().__init__(venue, guard)
        self.sent: dict[str, SubmitOrder] = {}

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        self.sent[command.ticket.client_order_id] = command
        self.venue.submit(command, issuer, epoch)

    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, OrderOutcomeUnknown):
            self.venue.submit(self.sent[body.client_order_id], "oms", 7)
        return (body,)


class RoundsToTheLot(Between):
    """Makes a permitted order of one that is not."""

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        ticket = command.ticket
        whole = ticket.quantity.quantize(Decimal("0.001"))
        self.venue.submit(SubmitOrder(ticket=ticket.model_copy(update={"quantity": whole})), issuer, epoch)


class RestsForEver(Between):
    """Turns what should end at once into an order that rests."""

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        ticket = command.ticket
        if ticket.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            ticket = ticket.model_copy(update={"time_in_force": TimeInForce.GTC})
        self.venue.submit(SubmitOrder(ticket=ticket), issuer, epoch)


class NeedsALimit(Between):
    """Says that it has orders at the market, and sends none."""

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        sink = self.sink
        if sink is not None and command.ticket.order_type is OrderType.MKT:
            key, symbol = command.ticket.client_order_id, command.ticket.symbol
            sink(OrderNotSent(client_order_id=key, symbol=symbol, code="UNSUPPORTED", reason="no limit"))
            return
        self.venue.submit(command, issuer, epoch)


class HasNoMarketOrders(Between):
    """Says so, and sends them."""

    @property
    def capabilities(self) -> VenueCapabilities:
        return self.venue.capabilities.model_copy(update={"has_market_orders": False})


class SendsAgainUnderANewId(Between):
    """Whenever an id comes again."""

    only_after_the_end = False

    def __init__(self, venue: OrderVenue, guard: WriteGuard) -> None:
        super().__init__(venue, guard)
        self.seen: set[str] = set()
        self.ended: set[str] = set()

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        ticket = command.ticket
        key = ticket.client_order_id
        if key in (self.ended if self.only_after_the_end else self.seen):
            ticket = ticket.model_copy(update={"client_order_id": key + AGAIN})
        self.seen.add(key)
        self.venue.submit(SubmitOrder(ticket=ticket), issuer, epoch)

    def tells(self, body: Body) -> Iterable[Body]:
        key = str(getattr(body, "client_order_id", ""))
        if isinstance(body, OrderCancelled):
            self.ended.add(key)
        return (body.model_copy(update={"client_order_id": key.removesuffix(AGAIN)}) if key else body,)


class SendsAgainAfterTheEnd(SendsAgainUnderANewId):
    only_after_the_end = True


class DoublesCancelAnswers(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        return (body, body) if isinstance(body, CANCEL_ANSWERS) else (body,)


class AsksTheGateForCancels(Between):
    def cancel(self, command: CancelOrder) -> None:
        refuse = getattr(self.guard, "refuse", None)
        refusal = None if refuse is None else refuse(None)
        if refusal is None or self.sink is None:
            self.venue.cancel(command)
            return
        key = command.client_order_id
        self.sink(CancelRejected(client_order_id=key, symbol=command.symbol, code="GATE_SHUT", reason=refusal))


class LosesEarlyCancels(Between):
    """Says of an order on its way that it is cancelled, and does nothing."""

    def cancel(self, command: CancelOrder) -> None:
        if self.sink is None or self.venue.pending() == 0:
            self.venue.cancel(command)
        else:
            self.sink(OrderCancelled(client_order_id=command.client_order_id, symbol=command.symbol))


class CancelsFirst(Between):
    """Keeps each order back until its cancel has gone, or until anything else is asked for."""

    waiting: tuple[SubmitOrder, str, int] | None = None

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        self._send()
        if self.sink is None:
            self.venue.submit(command, issuer, epoch)
        self.waiting = (command, issuer, epoch)

    def cancel(self, command: CancelOrder) -> None:
        self.venue.cancel(command)
        self._send()

    def pending(self) -> int:
        self._send()
        return self.venue.pending()

    def _send(self) -> None:
        waiting, self.waiting = self.waiting, None
        if waiting is not None and self.sink is not None:
            self.venue.submit(*waiting)


class RefusesFirst(Between):
    """Tells an order's answer only after the refusal of its cancel, where there is one."""

    def __init__(self, venue: OrderVenue, guard: WriteGuard) -> None:
        super().__init__(venue, guard)
        self.kept: dict[str, list[Body]] = {}
        self.cancels: dict[str, int] = {}

    def cancel(self, command: CancelOrder) -> None:
        key = command.client_order_id
        self.cancels[key] = self.cancels.get(key, 0) + 1
        self.venue.cancel(command)

    def tells(self, body: Body) -> Iterable[Body]:
        key = str(getattr(body, "client_order_id", ""))
        if isinstance(body, ANSWERS) and self.cancels.get(key, 0) > 1:
            self.kept.setdefault(key, []).append(body)
            return ()
        if isinstance(body, CancelRejected):
            return (body, *self.kept.pop(key, ()))
        return (body,)


class CallsUnknownCancelled(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, CancelOutcomeUnknown):
            return (OrderCancelled(client_order_id=body.client_order_id, symbol=body.symbol),)
        return (body,)


class CancelsInTurn(Between):
    """Hands a cancel on when nothing else is under way."""

    def cancel(self, command: CancelOrder) -> None:
        if self.sink is None:
            self.venue.cancel(command)

        def wait() -> None:
            for _ in range(1_000):
                if self.venue.pending() == 0:
                    break
                threading.Event().wait(0.005)
            self.venue.cancel(command)

        threading.Thread(target=wait, daemon=True).start()
