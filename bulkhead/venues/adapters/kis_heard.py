"""What a notice of an order leads to: a look at the order that it names, and never a booking.

A notice can come before the answer to its order. While an order is under way, one with an unknown number is kept: if
the answer names the number it was ours, and if it does not, the order is a stranger's, placed by hand or by another
program.
"""

import threading

from bulkhead.venues.adapters.kis_known import KnownOrders
from bulkhead.venues.adapters.kis_looks import Key, Looks
from bulkhead.venues.wire.kis_fields import kst_date
from bulkhead.venues.wire.kis_notices import Kind, OrderNotice, Request

_NOTHING_NEW = (Kind.RECEIVED, Kind.CONFIRMED)
"""Of an order of ours: its answer has said so, or will."""


class Heard:
    """Thread-safe. `account`: ten digits, of which notices are ours."""

    def __init__(self, account: str, known: KnownOrders, looks: Looks) -> None:
        self._account = account
        self._known = known
        self._looks = looks
        self._lock = threading.Lock()
        self._under_way = 0
        self._unnamed: list[tuple[Key, OrderNotice]] = []
        self.notices = 0
        """Of our account."""
        self.others = 0
        """Of other accounts of the same person; nothing else is known of them here."""

    def heard(self, notice: OrderNotice) -> None:
        if notice.account != self._account:
            self.others += 1
            return
        self.notices += 1
        today = kst_date(notice.at_ns)  # of the venue: near midnight our clock may be in another day
        numbers = [notice.original or notice.number]
        if notice.request is Request.AMEND and notice.original is not None:
            numbers.append(notice.number)  # what was amended goes on under the new one
        for number in numbers:
            with self._lock:
                if self._under_way and not self._known.is_ours(today, number):
                    self._unnamed.append(((today, number), notice))
                    continue
            self._look((today, number), notice)

    def order_begins(self) -> None:
        with self._lock:
            self._under_way += 1

    def order_ended(self) -> None:
        """Its number is known by now if there is one."""
        with self._lock:
            self._under_way -= 1
            if self._under_way:
                return
            kept, self._unnamed = self._unnamed, []
        for key, notice in kept:
            self._look(key, notice)

    def _look(self, key: Key, notice: OrderNotice) -> None:
        is_new = notice.request is Request.NEW and notice.kind in _NOTHING_NEW
        if not (is_new and self._known.is_ours(*key)):
            self._looks.mark(key, notice.raw if notice.kind is Kind.REFUSED else "")
