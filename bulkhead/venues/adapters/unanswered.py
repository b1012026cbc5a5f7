"""Orders that were handed in and not yet answered: what a cancel must know, since it has a thread of its own.

An order that has not begun to leave is taken back: it never will. One that has is left alone, and whoever waits for its
answer is told of it. The two are told apart under one lock, right before the first byte of the order.
"""

import threading
from collections.abc import Callable

from bulkhead.venues.adapters.one_answer import Request

Told = Callable[[], None]


class Unanswered:
    """One order on its way. Made when it is handed in."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self._lock = threading.Lock()
        self._has_left = False
        self._is_taken_back = False
        self._is_answered = False
        self._told: list[Told] = []

    @property
    def is_taken_back(self) -> bool:
        with self._lock:
            return self._is_taken_back

    def take_back(self) -> bool:
        """True if not a byte of it has left or ever will."""
        with self._lock:
            self._is_taken_back = self._is_taken_back or not (self._has_left or self._is_answered)
            return self._is_taken_back

    def leave(self) -> bool:
        """Asked right before the first byte. False if it was taken back."""
        with self._lock:
            self._has_left = not self._is_taken_back
            return self._has_left

    def when_answered(self, told: Told) -> None:
        """Calls `told` once: now if it is answered, else on the thread that answers it, after the answer."""
        with self._lock:
            if not self._is_answered:
                self._told.append(told)
                return
        told()

    def answered(self) -> None:
        with self._lock:
            self._is_answered = True
            waiting, self._told = self._told, []
        for told in waiting:
            told()


class UnansweredOrders:
    """By client order id. A resend of an id may be handed in while an older one of it is still here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: dict[str, list[Unanswered]] = {}

    def add(self, client_order_id: str, order: Unanswered) -> None:
        with self._lock:
            self._orders.setdefault(client_order_id, []).append(order)

    def of(self, client_order_id: str) -> tuple[Unanswered, ...]:
        with self._lock:
            return tuple(self._orders.get(client_order_id, ()))

    def remove(self, client_order_id: str, order: Unanswered) -> None:
        with self._lock:
            left = [other for other in self._orders.get(client_order_id, ()) if other is not order]
            if left:
                self._orders[client_order_id] = left
            else:
                self._orders.pop(client_order_id, None)
