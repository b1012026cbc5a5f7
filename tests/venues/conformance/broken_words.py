"""Venues that break a promise about fills, questions, the channel, or life."""

import threading
from collections.abc import Iterable
from typing import Any

from bulkhead.venues.port import OrderVenue, VenueCapabilities, VenueRefused, WriteGuard
from messages.base import Body
from messages.instruments import InstrumentsLoaded
from messages.orders import (
    ExecutionReported,
    OrderChannelDown,
    OrderChannelUp,
    OrderExpired,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderQueryFailed,
    OrderStatusReported,
    QueryOrder,
    SubmitOrder,
    TakeVenueSnapshot,
    VenueSnapshotFailed,
    VenueSnapshotTaken,
)
from messages.values import Side
from tests.venues.conformance.between import SECRET, Between


class DropsFills(Between):
    """Every second one."""

    told = 0

    def tells(self, body: Body) -> Iterable[Body]:
        self.told += isinstance(body, ExecutionReported)
        return () if isinstance(body, ExecutionReported) and self.told % 2 == 0 else (body,)


class DropsFillsOfArrivals(Between):
    """Those of an order that fills as it arrives."""

    def tells(self, body: Body) -> Iterable[Body]:
        return () if isinstance(body, ExecutionReported) and not body.is_maker else (body,)


class RenumbersFills(Between):
    """The stream has ids of its own."""

    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, ExecutionReported):
            return (body.model_copy(update={"execution_id": f"s-{body.execution_id}"}),)
        return (body,)


class AddsNothingUp(Between):
    """Its running total is the quantity of each fill."""

    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, ExecutionReported):
            return (body.model_copy(update={"cumulative": body.quantity / 2}),)
        return (body,)


class TurnsSides(Between):
    """Of executions, wherever they are told."""

    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, ExecutionReported):
            return (body.model_copy(update={"side": Side.SELL}),)
        if isinstance(body, VenueSnapshotTaken | OrderStatusReported):
            turned = tuple(execution.model_copy(update={"side": Side.SELL}) for execution in body.executions)
            return (body.model_copy(update={"executions": turned}),)
        return (body,)


class KeepsEndsToItself(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        return () if isinstance(body, OrderExpired) else (body,)


class MiscountsInQueries(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, OrderStatusReported) and body.order is not None:
            return (body.model_copy(update={"order": body.order.model_copy(update={"filled_notional": 1})}),)
        return (body,)


class CallsFailureAbsence(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, OrderQueryFailed):
            key, symbol = body.client_order_id, body.symbol
            return (OrderStatusReported(client_order_id=key, symbol=symbol, order=None, as_of_ns=0),)
        return (body,)


class ShowsOpenOrdersOnly(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, VenueSnapshotTaken):
            return (body.model_copy(update={"orders": body.open_orders}),)
        return (body,)


class ForgetsExecutions(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        return (body.model_copy(update={"executions": ()}),) if _is_snapshot(body) else (body,)


class HidesMoney(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        return (body.model_copy(update={"balances": ()}),) if _is_snapshot(body) else (body,)


class ShowsWhatItHas(Between):
    """Where a snapshot failed."""

    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, VenueSnapshotFailed):
            nothing: dict[str, Any] = {"balances": (), "open_orders": (), "orders": (), "executions": ()}
            return (VenueSnapshotTaken(venue=body.venue, account="main", as_of_ns=0, **nothing),)
        return (body,)


class ListsNothing(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        return (body.model_copy(update={"instruments": ()}),) if isinstance(body, InstrumentsLoaded) else (body,)


class LivesInAnotherZone(Between):
    def server_time_ms(self) -> int:
        return self.venue.server_time_ms() + 3_600_000


class TakesAnyKey(Between):
    def check_key(self) -> None:
        try:
            self.venue.check_key()
        except VenueRefused:
            return


class KeepsNoWords(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        return (body.model_copy(update={"raw": ""}),) if isinstance(body, ExecutionReported) else (body,)


class HasAnotherName(Between):
    @property
    def capabilities(self) -> VenueCapabilities:
        return self.venue.capabilities.model_copy(update={"venue": "another"})


class ListensBeforeItOpens(Between):
    """And answers nothing."""

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        if self.sink is not None:
            self.venue.submit(command, issuer, epoch)


class NeverSaysDown(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        return () if isinstance(body, OrderChannelDown) else (body,)


class SpeaksOfAnOlderChannel(Between):
    last: OrderChannelUp | OrderChannelDown | None = None

    def tells(self, body: Body) -> Iterable[Body]:
        yield body
        if isinstance(body, OrderChannelUp | OrderChannelDown):
            self.last = body

    def channel(self) -> OrderChannelUp | OrderChannelDown:
        return self.last or OrderChannelDown(venue="paper", reason="not opened", attempt=0)


class DeafAfterACut(Between):
    was_cut = False

    def tells(self, body: Body) -> Iterable[Body]:
        self.was_cut = self.was_cut or isinstance(body, OrderChannelDown)
        return () if self.was_cut and isinstance(body, ExecutionReported) else (body,)


class CountsToOne(Between):
    def pending(self) -> int:
        return min(1, self.venue.pending())


class CountsOffEarly(Between):
    """Before the answer is with the sink."""

    def __init__(self, venue: OrderVenue, guard: WriteGuard) -> None:
        super().__init__(venue, guard)
        self.telling = threading.local()

    def tells(self, body: Body) -> Iterable[Body]:
        self.telling.now = True
        yield body
        self.telling.now = False

    def pending(self) -> int:
        return 0 if getattr(self.telling, "now", False) else self.venue.pending()


class Blocks(Between):
    """Waits for each snapshot."""

    def snapshot(self, command: TakeVenueSnapshot) -> None:
        self.venue.snapshot(command)
        for _ in range(600):
            if self.venue.pending() == 0:
                return
            threading.Event().wait(0.005)


class ClosesLate(Between):
    def close(self, deadline_s: float) -> None:
        if deadline_s < 1:
            threading.Event().wait(2.5)
        super().close(deadline_s)


class NamesTheEndOtherwise(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, OrderNotSent) and body.code == "CLOSED":
            return (body.model_copy(update={"code": "GONE"}),)
        return (body,)


class ForgetsWhenClosed(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        if self.is_closed and isinstance(body, OrderStatusReported):
            return (body.model_copy(update={"order": None}),)
        return (body,)


class HearsOneThread(Between):
    first: threading.Thread | None = None

    def query(self, command: QueryOrder) -> None:
        self.first = self.first or threading.current_thread()
        if threading.current_thread() is self.first:
            self.venue.query(command)


class ShowsItsKey(Between):
    def tells(self, body: Body) -> Iterable[Body]:
        if isinstance(body, OrderOutcomeUnknown):
            return (body.model_copy(update={"reason": f"POST /order?key={SECRET} failed"}),)
        return (body,)


def _is_snapshot(body: Body) -> bool:
    return isinstance(body, VenueSnapshotTaken)
