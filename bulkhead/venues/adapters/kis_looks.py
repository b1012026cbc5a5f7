"""Looking at orders in the venue's lists: what is told of them unasked, and how a cancel comes to its end.

A notice, and a cancel that was sent on, mark an order; what is marked is looked for on the lane of queries, however
many notices there were. Nothing is remembered of what a look has shown: each tells the totals, and whoever books takes
their growth. A cancel under way is answered by the first look that shows the order's end, and after a bounded time as
unknown.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bulkhead.venues.adapters.ask_failed import AskFailed
from bulkhead.venues.adapters.kis_asking import Asking
from bulkhead.venues.adapters.kis_known import KnownOrders
from bulkhead.venues.adapters.one_answer import Request
from bulkhead.venues.transport.http import HttpChannel, HttpLane, LaneFull
from bulkhead.venues.transport.turns import Pause
from bulkhead.venues.wire.facts import clipped
from bulkhead.venues.wire.kis_fields import OrderNumber, kst_date
from bulkhead.venues.wire.kis_listed import ListedOrder
from messages.base import Body
from messages.orders import (
    CancelOrder,
    CancelOutcomeUnknown,
    CancelRejected,
    OrderCancelled,
    OrderStatusReported,
    VenueProtocolError,
)
from messages.values import OrderStatus

_NS_PER_S = 1_000_000_000
_ONE_BY_ONE = 3
"""As many orders are asked for by their numbers; of more, the list of the day is read until all were seen."""
_STEP_S = 0.1
Key = tuple[str, str]
"""Day and digits: a notice does not name the branch."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A cancel that was sent on."""

    command: CancelOrder
    request: Request
    until_ns: int


@dataclass(slots=True)
class _Mark:
    due_ns: int
    give_up_ns: int
    """A list may lag, but not for ever."""
    said: str = ""
    """By the notice, where it is worth keeping."""


@dataclass(frozen=True, slots=True)
class LookSettings:
    venue: str
    confirm_s: float
    again_s: float


class Looks:
    """Thread-safe. Between start and stop it has a thread, which sleeps while nothing is marked."""

    def __init__(
        self,
        settings: LookSettings,
        known: KnownOrders,
        asking: Callable[[HttpChannel], Asking],
        tell: Callable[[Iterable[Body]], None],
        now_ns: Callable[[], int],
        monotonic_ns: Callable[[], int],
        pause: Pause,
    ) -> None:
        self._settings = settings
        self._known = known
        self._asking = asking
        self._tell = tell
        self._now_ns, self._monotonic_ns = now_ns, monotonic_ns
        self._pause = pause
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._marks: dict[Key, _Mark] = {}
        self._cancels: dict[OrderNumber, list[_Waiting]] = {}
        self._is_looking = False
        self._lane: HttpLane | None = None
        self._thread: threading.Thread | None = None

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self, lane: HttpLane) -> None:
        with self._lock:
            self._lane, self._is_looking = lane, False
            self._marks.clear()
        self._thread = threading.Thread(target=self._work, args=(lane,), name=f"{lane.name}-looks", daemon=True)
        self._thread.start()

    def stop(self, deadline_s: float) -> bool:
        """Cancels that wait are answered: what became of them is not known."""
        with self._lock:
            self._lane = None
            left = [each for waiting in self._cancels.values() for each in waiting]
            self._cancels.clear()
        self._wake.set()
        for each in left:
            _give_up(each, "closed before the order's end was seen")
        if self._thread is None:
            return True
        self._thread.join(deadline_s)
        return not self._thread.is_alive()

    # -- marking ------------------------------------------------------------------------------------------------------

    def mark(self, key: Key, said: str = "") -> None:
        """Look at it soon. While it is closed, nothing is marked: whoever opens it again takes a snapshot."""
        with self._lock:
            if self._lane is None:
                return
            self._mark(key, self._monotonic_ns(), said)
        self._wake.set()

    def _mark(self, key: Key, due_ns: int, said: str = "") -> None:
        mark = self._marks.get(key)
        if mark is None:
            give_up_ns = self._monotonic_ns() + int(self._settings.confirm_s * _NS_PER_S)
            self._marks[key] = _Mark(due_ns, give_up_ns, said)
        else:
            mark.due_ns, mark.said = min(mark.due_ns, due_ns), said or mark.said

    def confirm(self, number: OrderNumber, command: CancelOrder, request: Request) -> None:
        """A cancel was sent on; the request is answered here once its end is seen, or is not to be seen."""
        now_ns = self._monotonic_ns()
        waiting = _Waiting(command, request, now_ns + int(self._settings.confirm_s * _NS_PER_S))
        with self._lock:
            is_closed = self._lane is None
            if not is_closed:
                self._cancels.setdefault(number, []).append(waiting)
                self._mark((number.date, number.number), now_ns)
        self._wake.set()
        if is_closed:
            _give_up(waiting, "closed before the order's end was seen")

    # -- the thread ---------------------------------------------------------------------------------------------------

    def _work(self, lane: HttpLane) -> None:
        while True:
            self._wake.clear()
            with self._lock:
                if self._lane is not lane:
                    return
                now_ns = self._monotonic_ns()
                overdue = self._overdue(now_ns)
                due = [mark.due_ns for mark in self._marks.values()]
                is_due = bool(due) and min(due) <= now_ns and not self._is_looking
                self._is_looking = self._is_looking or is_due
                is_idle = not (self._marks or self._cancels)
            for each in overdue:
                _give_up(each, f"its end was not to be seen within {self._settings.confirm_s:.0f} s")
            if is_due:
                self._hand_in(lane)
            elif is_idle:
                self._wake.wait()
            elif not self._wake.is_set():
                self._pause(_STEP_S)

    def _overdue(self, now_ns: int) -> list[_Waiting]:
        found = []
        for number, waiting in list(self._cancels.items()):
            found += [each for each in waiting if each.until_ns <= now_ns]
            left = [each for each in waiting if each.until_ns > now_ns]
            if left:
                self._cancels[number] = left
            else:
                del self._cancels[number]
        return found

    def _hand_in(self, lane: HttpLane) -> None:
        try:
            lane.submit(_Look(self._look, self._ended))
        except LaneFull:
            self._ended()
            self._pause(_STEP_S)

    def _ended(self) -> None:
        with self._lock:
            self._is_looking = False
        self._wake.set()

    # -- on the lane of queries ---------------------------------------------------------------------------------------

    def _look(self, channel: HttpChannel) -> None:
        with self._lock:
            now_ns = self._monotonic_ns()
            taken = {key: mark for key, mark in self._marks.items() if mark.due_ns <= now_ns}
            self._marks = {key: mark for key, mark in self._marks.items() if key not in taken}
        as_of_ns = self._now_ns()
        try:
            rows = self._rows(self._asking(channel), taken)
        except AskFailed as error:
            if error.raw is not None:
                reason = clipped(error.reason)
                self._tell((VenueProtocolError(venue=self._settings.venue, reason=reason, raw=clipped(error.raw)),))
            rows = ()
        for row in rows:
            self._known.seen(row)
            self._report(row, as_of_ns, taken[row.number.date, row.number.number].said)
        self._look_again(taken, rows)

    def _rows(self, asking: Asking, keys: Iterable[Key]) -> tuple[ListedOrder, ...]:
        days: dict[str, set[str]] = {}
        for date, digits in keys:
            days.setdefault(date, set()).add(digits)
        rows: list[ListedOrder] = []
        for date, numbers in days.items():
            if len(numbers) > _ONE_BY_ONE:
                rows += asking.among(date, frozenset(numbers))
            else:
                for digits in sorted(numbers):
                    rows += asking.numbered(date, digits)
        return tuple(row for row in rows if not row.is_request_only)

    def _report(self, row: ListedOrder, as_of_ns: int, said: str) -> None:
        """The totals first: whoever hears of an end has heard of the fills before it."""
        client_order_id = self._known.id_of(row.number)
        order = row.as_venue_order(client_order_id, kst_date(self._now_ns()))
        raw = clipped(f"{row.raw} {said}".strip())
        report = OrderStatusReported(
            client_order_id=client_order_id, symbol=row.symbol, order=order, as_of_ns=as_of_ns, raw=raw
        )
        self._tell((report,))
        if not order.status.is_terminal:
            return
        with self._lock:
            waiting = self._cancels.pop(row.number, [])
        for each in waiting:
            each.request.settle((_end_of(each.command, row, order.status, raw),))

    def _look_again(self, taken: Mapping[Key, _Mark], rows: Iterable[ListedOrder]) -> None:
        """At those that were not listed, or not soundly, and at those whose cancel still waits."""
        seen = {(row.number.date, row.number.number) for row in rows if not row.contradiction}
        with self._lock:
            now_ns = self._monotonic_ns()
            again_ns = now_ns + int(self._settings.again_s * _NS_PER_S)
            for key, mark in taken.items():
                if key not in seen and mark.give_up_ns > now_ns:
                    self._mark(key, again_ns, mark.said)
                    self._marks[key].give_up_ns = mark.give_up_ns
            for number in self._cancels:
                self._mark((number.date, number.number), again_ns)


@dataclass(frozen=True, slots=True)
class _Look:
    """A job of a lane that nobody waits for."""

    look: Callable[[HttpChannel], None]
    ended: Callable[[], None]

    def run(self, channel: HttpChannel) -> None:
        try:
            self.look(channel)
        finally:
            self.ended()

    def abandon(self, reason: str) -> None:
        self.ended()

    def fail(self, error: Exception) -> None:
        """It has ended; the lane has reported the error."""


def _end_of(command: CancelOrder, row: ListedOrder, status: OrderStatus, raw: str) -> Body:
    cid, symbol, number = command.client_order_id, command.symbol, str(row.number)
    if status is OrderStatus.CANCELLED:
        return OrderCancelled(client_order_id=cid, symbol=symbol, venue_order_id=number, cumulative=row.filled, raw=raw)
    return CancelRejected(
        client_order_id=cid,
        symbol=symbol,
        venue_order_id=number,
        code=f"ORDER_{status.value}",
        reason=f"the order has ended otherwise: {row.filled:f} of {row.quantity:f} filled",
        raw=raw,
    )


def _give_up(waiting: _Waiting, reason: str) -> None:
    command = waiting.command
    told = CancelOutcomeUnknown(
        client_order_id=command.client_order_id,
        symbol=command.symbol,
        venue_order_id=command.venue_order_id,
        reason=f"the cancel was sent on, and {reason}",
    )
    waiting.request.settle((told,))
