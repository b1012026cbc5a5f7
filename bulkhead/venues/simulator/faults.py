"""Switches that make the venue misbehave on purpose. They are ours, no venue's, and off until a test sets them.

What each does is beside its field. Counted switches count down; the others stay until set back. `spoil` and `hold` name
the kind of request they strike, so that any request can fail at any instant of an order's life. Those marked KIS do
nothing in another dialect.
"""

import asyncio
from collections import Counter
from enum import StrEnum
from random import Random
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


UnknownCode = Literal["EGW00301", "EGW00302"]


class UnknownOrders(BaseModel):
    """KIS: the next `count` orders are answered with a code that says nothing about what became of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: UnknownCode = "EGW00302"
    count: int = Field(1, ge=0)
    accept: bool = False


class UnknownShare(BaseModel):
    """KIS: this share of the orders ends without an answer that tells their fate (EGW00302, or the connection is cut),
    and of those one half is accepted. Which ones is drawn from the seed, one draw per order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(ge=0, le=1)
    seed: int = 1


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
    silent_streams: tuple[str, ...] | None = None
    """Of these symbols no market data is streamed, and nothing says so; REST answers as ever. Empty ends it."""
    quotes_down: Literal["none", "keyless", "all"] | None = None
    """Requests for best bid and ask are answered with HTTP 503: those without a key only (as the provider of a feed is
    asked), or all."""
    halt_market: bool | None = None
    """The synthetic market stands still: nobody but the account itself trades, so books can be compared."""
    unknown_orders: UnknownOrders | None = None
    unknown_share: UnknownShare | None = None
    """A share of 0 ends it."""
    reject_later: int | None = Field(None, ge=0)
    """KIS: the next n orders are answered as sent, and then the exchange rejects them: by notice, and in the list."""
    notices_first: bool | None = None
    """KIS: notices of an order are sent before the answer to it, not after."""
    expire_tokens: bool = False
    """KIS: every access token expires now, and the next one may be asked for at once."""
    second_session: Literal["refuse_new", "drop_old"] | None = None
    """KIS: which of two sessions of one app key has to go."""
    clock_ahead_ms: int | None = Field(None, ge=-86_400_000, le=86_400_000)
    """The venue's clock goes so far before the true time; below zero, behind it."""
    refuse_keys: bool | None = None
    """Binance: signed REST requests are refused with -2015; streams that are up stay up."""
    fail_public: bool | None = None
    """Binance: what needs no key (time, trading rules, books) is answered with 503."""
    refuse_streams: Literal["none", "market", "orders"] | None = None
    """Binance: cut the WebSockets of this kind, and refuse new ones."""
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
    "silent_streams",
    "quotes_down",
    "halt_market",
    "reject_later",
    "notices_first",
    "second_session",
    "clock_ahead_ms",
    "refuse_keys",
    "fail_public",
    "refuse_streams",
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
        self.silent_streams: tuple[str, ...] = ()
        self.quotes_down: Literal["none", "keyless", "all"] = "none"
        self.halt_market = False
        self.unknown_code: UnknownCode = "EGW00302"
        self.unknown_accept = False
        self.unknown_count = 0
        self.unknown_share = 0.0
        self.unknown_drawn = 0
        """Orders that were struck by the share."""
        self.reject_later = 0
        self.notices_first = False
        self.second_session: str | None = None
        self.clock_ahead_ms = 0
        self.refuse_keys = False
        self.fail_public = False
        self.refuse_streams = "none"
        self._unknown_rng = Random(0)  # noqa: S311 - a test's dice
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
        if request.unknown_orders is not None:
            unknown = request.unknown_orders
            self.unknown_code, self.unknown_accept, self.unknown_count = unknown.code, unknown.accept, unknown.count
        if request.unknown_share is not None:
            self.unknown_share = request.unknown_share.share
            self._unknown_rng = Random(request.unknown_share.seed)  # noqa: S311 - a test's dice
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

    def draw_unknown(self) -> tuple[bool, bool] | None:
        """Whether an order is struck by the share, and then whether it is accepted and whether it gets an answer."""
        if not self.unknown_share or self._unknown_rng.random() >= self.unknown_share:
            return None
        self.unknown_drawn += 1
        return self._unknown_rng.random() < 0.5, self._unknown_rng.random() < 0.5

    def refuses_quotes(self, has_key: bool) -> bool:
        return self.quotes_down == "all" or (self.quotes_down == "keyless" and not has_key)

    def told(self, reports: list[Report]) -> list[Report]:
        """What the order stream tells of these reports, in this order."""
        told = [report for report in reports if not self.take("lose_reports")]
        if self.acks_after_fills:
            told.sort(key=lambda report: report.execution_type == NEW)
        return [report for report in told for _ in range(2 if self.repeat_reports else 1)]

    def holds(self, kind: Kind | None, place: Place) -> bool:
        return kind is not None and self._holds.get(kind) is place

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
