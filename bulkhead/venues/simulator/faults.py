"""Switches that make the venue misbehave on purpose. They are ours, not Binance's, and off until a test sets them.

What each does is beside its field. Counted switches count down; the others stay until set back. `spoil` and `hold` name
the kind of request they strike, so that any request can fail at any instant of an order's life.
"""

import asyncio
from collections import Counter
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bulkhead.venues.simulator.orders import NEW, Report


class Kind(StrEnum):
    """A signed request, by what it is for."""

    ORDER = "order"
    CANCEL = "cancel"
    QUERY = "query"
    """About one order."""
    LIST = "list"
    """Open orders, all orders, trades, account."""


class Place(StrEnum):
    """Where a held request waits."""

    ARRIVAL = "arrival"
    """It has come in whole and nothing of it is carried out; its timestamp is looked at when it goes on."""
    ANSWER = "answer"
    """It is carried out and not answered."""


class Spoil(BaseModel):
    """The next `count` requests of a kind go wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: Kind
    count: int = Field(1, ge=0)
    is_carried_out: bool = True
    """Has no effect on one that was carried out already and waits for its answer."""
    answer: Literal["none", "contradiction"] | int = "none"
    """none: the connection is cut instead. contradiction: the true answer, but with a status that its own quantities
    exclude. A number: this HTTP status, execution status unknown (-1007)."""


class FaultRequest(BaseModel):
    """Body of POST /sim/faults; a switch that is not named stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lose_order_replies: int | None = Field(None, ge=0)
    """The next n orders are accepted and then the connection is closed without an answer."""
    order_status: int | None = Field(None, ge=400, le=599)
    """The next `count` orders are answered with this HTTP status; `accept` says whether they are placed first."""
    accept: bool = False
    count: int = Field(1, ge=0)
    spoil: Spoil | None = None
    """Replaces what is left of an earlier one for the same kind."""
    hold: dict[Kind, Place | None] | None = None
    """Requests of these kinds wait there until this is set to null again."""
    hide_orders_ms: int | None = Field(None, ge=0)
    """An order cannot be queried (-2013) until it is this old: the lag between matching engine and database."""
    reply_latency_ms: int | None = Field(None, ge=0, le=60_000)
    """Signed requests are carried out at once and answered this much later."""
    rate_limit_next: int | None = Field(None, ge=0)
    """The next n REST requests are refused with 429."""
    lose_reports: int | None = Field(None, ge=0)
    """The next n reports of the order stream are never sent, and nothing says so."""
    repeat_reports: bool | None = None
    """Each report of the order stream is sent twice."""
    acks_after_fills: bool | None = None
    """The stream tells an order's acceptance after the fills that came with it."""
    halt_market: bool | None = None
    """The synthetic market stands still: nobody but the account itself trades, so books can be compared."""
    drop_connections: bool = False
    """Cut every WebSocket now."""
    refuse_connections_s: float | None = Field(None, ge=0, le=3_600)
    """Cut every connection now and accept none for so long; that includes requests to these switches."""


_PLAIN = (
    "lose_order_replies",
    "hide_orders_ms",
    "reply_latency_ms",
    "rate_limit_next",
    "lose_reports",
    "repeat_reports",
    "acks_after_fills",
    "halt_market",
)


class Faults:
    """The present state of the switches."""

    def __init__(self) -> None:
        self.lose_order_replies = 0
        self.order_status = 0
        self.accept = False
        self.order_status_count = 0
        self.hide_orders_ms = 0
        self.reply_latency_ms = 0
        self.rate_limit_next = 0
        self.lose_reports = 0
        self.repeat_reports = False
        self.acks_after_fills = False
        self.halt_market = False
        self._spoils: dict[Kind, Spoil] = {}
        self._holds: dict[Kind, Place] = {}
        self._held: Counter[Kind] = Counter()
        self._let_go = asyncio.Event()

    def apply(self, request: FaultRequest) -> None:
        for name in _PLAIN:
            value = getattr(request, name)
            if value is not None:
                setattr(self, name, value)
        if request.order_status is not None:
            self.order_status = request.order_status
            self.accept = request.accept
            self.order_status_count = request.count
        if request.spoil is not None:
            self._spoils[request.spoil.requests] = request.spoil
        for kind, place in (request.hold or {}).items():
            if place is None:
                self._holds.pop(kind, None)
            else:
                self._holds[kind] = place
        # Whoever waits looks again, and waits for the next change where nothing has changed for it.
        self._let_go.set()
        self._let_go = asyncio.Event()

    def as_json(self) -> dict[str, object]:
        shown = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        spoils = {kind: spoil.count for kind, spoil in self._spoils.items()}
        return shown | {"spoil": spoils, "hold": dict(self._holds), "held": {k: n for k, n in self._held.items() if n}}

    def take(self, name: str) -> bool:
        """Use up one of a counted switch; False when there is none left."""
        left: int = getattr(self, name)
        if left:
            setattr(self, name, left - 1)
        return left > 0

    def take_spoil(self, kind: Kind | None) -> Spoil | None:
        """How a request of this kind is to go wrong, if it is; uses one up."""
        spoil = None if kind is None else self._spoils.get(kind)
        if kind is None or spoil is None or not spoil.count:
            return None
        self._spoils[kind] = spoil.model_copy(update={"count": spoil.count - 1})
        return spoil

    def told(self, reports: list[Report]) -> list[Report]:
        """What the order stream tells of these reports, in this order."""
        told = [report for report in reports if not self.take("lose_reports")]
        if self.acks_after_fills:
            told.sort(key=lambda report: report.execution_type == NEW)
        return [report for report in told for _ in range(2 if self.repeat_reports else 1)]

    async def wait(self, kind: Kind | None, place: Place) -> None:
        """While requests of this kind are held there."""
        if kind is None or self._holds.get(kind) is not place:
            return
        self._held[kind] += 1
        try:
            while self._holds.get(kind) is place:
                await self._let_go.wait()
        finally:
            self._held[kind] -= 1
