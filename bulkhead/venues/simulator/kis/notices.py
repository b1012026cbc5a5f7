"""Notices of orders (H0STCNI0, on the paper host H0STCNI9): when they are told, and their text.

Every account of the HTS id is told of. A notice has no execution id and no date. While a request is carried out its
notices wait for the answer to be sent, unless a switch lets them go first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from bulkhead.venues.simulator.accounts import ZERO
from bulkhead.venues.simulator.faults import Faults
from bulkhead.venues.simulator.kis.hours import time_text
from bulkhead.venues.simulator.kis.records import Record
from bulkhead.venues.simulator.kis.stocks import STOCKS

RECEIVED, CONFIRMED, ENDED = "1", "2", "3"
"""ACPT_YN. ENDED: the rest of an IOC or FOK order."""
_REQUESTS = {"new": "0", "amend": "1", "cancel": "2"}
_CONDITIONS = {"11": "1", "13": "1", "12": "2", "14": "2"}
_NAME = "홍길동"


@dataclass(frozen=True, slots=True)
class Notice:
    """`filled` is set for a fill only. Quantities in shares, prices in won."""

    record: Record
    at_ms: int
    acceptance: str = RECEIVED
    is_refused: bool = False
    filled: Decimal = ZERO
    price: Decimal = ZERO

    @property
    def is_fill(self) -> bool:
        return bool(self.filled)


def notice_fields(notice: Notice, account_number: str, hts_id: str, width: int) -> list[str]:
    """In the layout of 26 fields, or in the older one of 23; the first 18 are the same in both."""
    record = notice.record
    quantity = notice.filled if notice.is_fill else record.quantity
    price = notice.price if notice.is_fill else record.price
    original = "" if record.original is None else f"{record.original:010d}"
    common = [
        hts_id,
        account_number,
        record.odno,
        original,
        "02" if record.is_buy else "01",
        _REQUESTS[record.request],
        record.division,
        _CONDITIONS.get(record.division, "0"),
        record.symbol,
        f"{quantity:f}".zfill(10),
        f"{price:f}".zfill(9),
        time_text(notice.at_ms),
        "1" if notice.is_refused else "0",
        "2" if notice.is_fill else "1",
        notice.acceptance,
        record.branch,
        f"{record.quantity:f}".zfill(9),
        _NAME,
    ]
    name, order_price = STOCKS[record.symbol].name, f"{record.price:f}".zfill(9)
    if width == 23:
        return [*common, name, "10", "", name, order_price]
    return [*common, "000000000", "1", "Y", "", "10", "", name, order_price]


class Notices:
    """Holds notices back while a request is under way; `send` gets those that are told."""

    def __init__(self, faults: Faults, send: Callable[[Notice], None]) -> None:
        self._faults = faults
        self._send = send
        self._waiting: list[Notice] = []
        self._is_held_back = False

    def tell(self, notice: Notice) -> None:
        self._waiting.append(notice)
        if not self._is_held_back or self._faults.notices_first:
            self.let_go()

    def hold_back(self) -> None:
        """From now on until `let_go`."""
        self._is_held_back = True

    def let_go(self) -> None:
        """Send what waits: for an answer that has been sent, that will be late, or that will never come."""
        self._is_held_back = False
        waiting, self._waiting = self._waiting, []
        if self._faults.acks_after_fills:
            waiting.sort(key=lambda notice: not notice.is_fill)
        for notice in waiting:
            if self._faults.take("lose_reports"):
                continue
            for _ in range(2 if self._faults.repeat_reports else 1):
                self._send(notice)
