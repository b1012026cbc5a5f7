"""Which order number is whose: learned from answers, from commands that carry it, and from lists.

Nothing of it has to outlive the process: the ledger has each number, and commands bring it back.
"""

import threading
from dataclasses import dataclass

from bulkhead.venues.wire.kis_fields import OrderNumber, parse_order_number
from bulkhead.venues.wire.kis_listed import ListedOrder
from bulkhead.venues.wire.kis_orders import Placed
from bulkhead.venues.wire.kis_terms import Exchange

NO_ORDER_NUMBER = "NO_ORDER_NUMBER"
"""Code of a cancel, and beginning of the reason of a query, of an order whose number nobody knows."""
_ANY_DIVISION = "00"
"""Of an order that this process has neither placed nor seen listed: that a cancel of the whole of an order is taken
whatever division it names is an assumption."""
_KEPT_DAYS = 3


@dataclass(slots=True)
class _Known:
    client_order_id: str
    division: str
    exchange: Exchange


class KnownOrders:
    """Thread-safe. Of the last days only: an order does not outlive its day."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._lock = threading.Lock()
        self._by_number: dict[OrderNumber, _Known] = {}
        self._by_id: dict[str, OrderNumber] = {}
        self._ours: set[tuple[str, str]] = set()

    def learn(self, client_order_id: str, number: OrderNumber, division: str = "") -> None:
        with self._lock:
            known = self._by_number.get(number)
            if known is None:
                self._by_number[number] = _Known(client_order_id, division, self._exchange)
                self._forget_older(number.date)
            else:
                known.client_order_id = client_order_id
                known.division = division or known.division
            self._by_id[client_order_id] = number
            self._ours.add((number.date, number.number))

    def seen(self, row: ListedOrder) -> None:
        """What a list says of how it was placed; whose it is, a list does not say."""
        exchange = next((each for each in Exchange if each.value == row.exchange), self._exchange)
        with self._lock:
            known = self._by_number.get(row.number)
            if known is None:
                known = self._by_number[row.number] = _Known("", row.division, exchange)
                self._forget_older(row.number.date)
            known.division, known.exchange = row.division, exchange

    def number_of(self, client_order_id: str, venue_order_id: str | None) -> OrderNumber | None:
        """By the number that a command carries, by what was learned, or because the id is a number itself."""
        told = parse_order_number(venue_order_id or "")
        if told is not None:
            self.learn(client_order_id, told)
            return told
        with self._lock:
            return self._by_id.get(client_order_id) or parse_order_number(client_order_id)

    def id_of(self, number: OrderNumber) -> str:
        """Of a stranger's, the number."""
        with self._lock:
            known = self._by_number.get(number)
            return known.client_order_id if known is not None and known.client_order_id else str(number)

    def is_ours(self, date: str, digits: str) -> bool:
        """Whether an order of this day is, as far as a notice names it: without its branch."""
        with self._lock:
            return (date, digits) in self._ours

    def placed(self, number: OrderNumber) -> Placed:
        with self._lock:
            known = self._by_number.get(number)
        if known is None:
            return Placed(number, _ANY_DIVISION, self._exchange)
        return Placed(number, known.division or _ANY_DIVISION, known.exchange)

    def _forget_older(self, date: str) -> None:
        """When a new day has begun."""
        days = sorted({number.date for number in self._by_number}, reverse=True)
        if len(days) <= _KEPT_DAYS or date != days[0]:
            return
        kept = set(days[:_KEPT_DAYS])
        self._by_number = {number: known for number, known in self._by_number.items() if number.date in kept}
        self._by_id = {key: number for key, number in self._by_id.items() if number.date in kept}
        self._ours = {(day, digits) for day, digits in self._ours if day in kept}
