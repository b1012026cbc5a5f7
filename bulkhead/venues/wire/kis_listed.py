"""One row of KIS's list of orders and fills: the only truth about executions that this venue gives.

It states the cumulative quantity and amount of an order, never its single executions. Amending and cancelling have rows
of their own (`original` names the order); what the figures of the order itself look like once it was amended, no source
says. Where they do not add up, the status is UNKNOWN, and the caller asks for the chain.
"""

import json
from dataclasses import dataclass, field
from decimal import Decimal

from bulkhead.venues.wire import fields
from bulkhead.venues.wire.facts import clipped
from bulkhead.venues.wire.fields import JsonObject
from bulkhead.venues.wire.kis_fields import (
    OrderNumber,
    branch,
    division,
    kst_ns,
    optional_text,
    order_digits,
    order_digits_or_none,
    side,
    symbol,
    without_long_runs,
)
from messages.orders import VenueOrder
from messages.values import OrderStatus, OrderType, Side

ORDER_TYPES = {
    "00": OrderType.LMT.value,
    "11": OrderType.LMT.value,
    "12": OrderType.LMT.value,
    "01": OrderType.MKT.value,
    "13": OrderType.MKT.value,
    "14": OrderType.MKT.value,
}
"""Others (placed by hand) keep the venue's code."""
_AT_ONCE = frozenset({"11", "12", "13", "14", "15", "16", "23", "24"})
"""Divisions IOC and FOK: what is not filled as it arrives has ended."""
_MAY_REST = frozenset({OrderStatus.SUBMITTED, OrderStatus.PARTIAL, OrderStatus.UNKNOWN})
_PERSONAL = ("inqr_ip_addr", "ctac_tlno", "prdt_name")
"""Where somebody was and can be called; and a name that the symbol says already."""


@dataclass(frozen=True, slots=True)
class Channel:
    """By which way an order came in: what tells ours from one placed by hand. Which values our own way has must be
    learnt from an order that is known to be ours; no document lists them."""

    employee: str
    """ordr_empno."""
    received_by: str
    """cpbc_ordp_ord_rcit_dvsn_cd."""
    medium: str
    """cpbc_ordp_mtrl_dvsn_cd."""

    def __str__(self) -> str:
        """The house's VenueOrder.channel: empty where the row has no mark at all, which tells nobody's order."""
        marks = (self.employee, self.received_by, self.medium)
        return "|".join(marks) if any(marks) else ""


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """Quantities in shares, prices and amounts in won."""

    number: OrderNumber
    original: str | None
    """The number that it amends or cancels; None for an order of its own."""
    symbol: str
    side: Side
    division: str
    exchange: str
    quantity: Decimal
    price: Decimal
    placed_ns: int
    filled: Decimal
    filled_amount: Decimal
    average_price: Decimal
    """As the venue rounds it; filled_amount is exact."""
    remaining: Decimal
    cancelled: Decimal
    refused: Decimal
    channel: Channel
    raw: str = field(default="", repr=False)
    """As it came, without what names a person or a place."""

    @property
    def contradiction(self) -> str:
        """With the numbers, why its own figures exclude each other; empty if they do not. That they add up is an
        assumption, which the one official row bears out. It is no error of the page: an odd order of somebody else must
        not keep the books from being compared."""
        if bool(self.filled) != bool(self.filled_amount):
            return f"{self.filled:f} filled for {self.filled_amount:f} won"
        if self.filled + self.remaining + self.cancelled + self.refused == self.quantity:
            return ""
        return (
            f"{self.quantity:f} ordered, but {self.filled:f} filled, {self.remaining:f} left, "
            f"{self.cancelled:f} cancelled and {self.refused:f} refused"
        )

    @property
    def status(self) -> OrderStatus:
        """UNKNOWN where its figures contradict each other: neither is believed, and it is asked again."""
        if self.contradiction or not self.quantity:
            return OrderStatus.UNKNOWN
        if self.remaining:
            return OrderStatus.PARTIAL if self.filled else OrderStatus.SUBMITTED
        if self.filled == self.quantity:
            return OrderStatus.FILLED
        if self.refused:
            # Refused after a part of it was filled: its end is not a no to the whole.
            return OrderStatus.EXPIRED if self.filled else OrderStatus.REJECTED
        return OrderStatus.CANCELLED

    @property
    def is_request_only(self) -> bool:
        """A row of amending or cancelling that is no order of its own: nothing was filled by it and nothing rests."""
        return self.original is not None and not self.filled and not self.remaining

    def status_on(self, today: str) -> OrderStatus:
        """Its status, as known on this day (YYYYMMDD in Korea). What is said of days that are over is an assumption:
        nothing rests at KRX longer than its day, whatever a row still says; also one that contradicts itself, or an
        order that was amended by hand would be asked about for ever."""
        status = self.status
        if status in _MAY_REST and self.number.date < today:
            return OrderStatus.EXPIRED
        if status is OrderStatus.CANCELLED and self.division in _AT_ONCE:
            return OrderStatus.EXPIRED  # by itself: it never rested, so nobody can have cancelled it
        return status

    def as_venue_order(self, client_order_id: str, today: str) -> VenueOrder:
        """In the house's words. Whose it is only the caller can know: of a stranger's, `client_order_id` is the number.
        `today`: YYYYMMDD in Korea. What goes on from an amended order did not come in as our orders do: none amends."""
        return VenueOrder(
            client_order_id=client_order_id,
            venue_order_id=str(self.number),
            symbol=self.symbol,
            side=self.side,
            order_type=ORDER_TYPES.get(self.division, self.division),
            status=self.status_on(today),
            quantity=self.quantity,
            filled=self.filled,
            filled_notional=self.filled_amount,
            limit_price=self.price or None,  # market orders carry a price of zero
            created_ns=self.placed_ns,
            updated_ns=self.placed_ns,
            channel=str(self.channel) if self.original is None else f"{self.channel}|amends {self.original}",
        )


def listed_order(row: JsonObject) -> ListedOrder:
    """Raises Malformed."""
    date = fields.text(row, "ord_dt")
    return ListedOrder(
        number=OrderNumber(date, branch(row, "ord_gno_brno"), order_digits(fields.text(row, "odno"), "odno")),
        original=order_digits_or_none(fields.text(row, "orgn_odno"), "orgn_odno"),
        symbol=symbol(row, "pdno"),
        side=side(row, "sll_buy_dvsn_cd"),
        division=division(row, "ord_dvsn_cd"),
        exchange=optional_text(row, "excg_id_dvsn_Cd") or optional_text(row, "excg_id_dvsn_cd"),
        quantity=fields.decimal(row, "ord_qty"),
        price=fields.decimal(row, "ord_unpr"),
        placed_ns=kst_ns(date, fields.text(row, "ord_tmd")),
        filled=fields.decimal(row, "tot_ccld_qty"),
        filled_amount=fields.decimal(row, "tot_ccld_amt"),
        average_price=fields.decimal(row, "avg_prvs"),
        remaining=fields.decimal(row, "rmn_qty"),
        cancelled=fields.decimal(row, "cncl_cfrm_qty"),
        refused=fields.decimal(row, "rjct_qty"),
        channel=Channel(
            employee=optional_text(row, "ordr_empno"),
            received_by=optional_text(row, "cpbc_ordp_ord_rcit_dvsn_cd"),
            medium=optional_text(row, "cpbc_ordp_mtrl_dvsn_cd"),
        ),
        raw=_raw(row),
    )


def _raw(row: JsonObject) -> str:
    shown = {key: value for key, value in row.items() if key not in _PERSONAL}
    return clipped(without_long_runs(json.dumps(shown, ensure_ascii=False)))
