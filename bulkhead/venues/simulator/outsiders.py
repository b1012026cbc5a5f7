"""Everybody else at the venue, at a test's command: somebody trades, and somebody fills a resting order of the client.

Ours, like the fault switches. With events_per_s = 0 nothing else moves the market, so that a test says what happens and
when: POST /sim/trade and POST /sim/fill.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from bulkhead.venues.simulator import wire
from bulkhead.venues.simulator.accounts import Account
from bulkhead.venues.simulator.errors import Refused
from bulkhead.venues.simulator.orders import IOC, Order
from bulkhead.venues.simulator.venue import Venue


class TradeRequest(BaseModel):
    """Somebody takes `quantity` from the other side of the book, at its best price only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: str
    is_buy: bool
    quantity: Decimal = Field(gt=0)


class FillRequest(BaseModel):
    """The client's resting order trades with somebody at its own price, wherever it stands in the book."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_order_id: str = ""
    order_id: str = ""
    """At KIS, which knows no ids of clients: the order's number, its zeros or not, with or without date and branch."""
    quantity: Decimal | None = Field(None, gt=0)
    """None, or more than is left: all that is left."""
    after_s: float = Field(0.0, ge=0, le=60)
    """Later, if the order is open then: for a fill while no connection can be made."""


class Outsiders:
    def __init__(self, venue: Venue, find: Callable[[FillRequest], Order | None]) -> None:
        self._venue = venue
        self._find = find
        self._somebody = Account("somebody", is_house=True)

    async def trade(self, request: Request) -> Response:
        try:
            asked = TradeRequest.model_validate_json(await request.body())
            book = self._venue.engine.book(asked.symbol)
        except (ValidationError, Refused) as error:
            return _bad(error)
        bid, _, ask, _ = book.top()
        price = ask if asked.is_buy else bid
        if price is None:
            return Response(
                wire.dumps({"error": "nobody stands on the other side"}), 409, media_type="application/json"
            )
        self._venue.engine.now_ms = self._venue.now_ms()
        order = self._venue.engine.place_house(self._somebody, book, asked.is_buy, price, asked.quantity, IOC)
        self._venue.publish(book)
        return Response(wire.dumps({"traded": wire.text(order.filled)}), media_type="application/json")

    async def fill(self, request: Request) -> Response:
        try:
            asked = FillRequest.model_validate_json(await request.body())
        except ValidationError as error:
            return _bad(error)
        if asked.after_s:
            asyncio.get_running_loop().call_later(asked.after_s, self._fill, asked)
            return Response(wire.dumps({"filled": None}), media_type="application/json")
        filled = self._fill(asked)
        if filled is None:
            return Response(wire.dumps({"error": "no such order is open"}), 409, media_type="application/json")
        return Response(wire.dumps({"filled": wire.text(filled)}), media_type="application/json")

    def _fill(self, asked: FillRequest) -> Decimal | None:
        """What was filled; None when no such order is open."""
        order = self._find(asked)
        if order is None:
            return None
        quantity = order.leaves if asked.quantity is None else min(asked.quantity, order.leaves)
        book = self._venue.books[order.symbol]
        self._venue.engine.now_ms = self._venue.now_ms()
        self._venue.engine.fill_resting(book, order, quantity)
        self._venue.publish(book)
        return quantity


def _bad(error: ValidationError | Refused) -> Response:
    return Response(wire.dumps({"error": str(error)}), 422, media_type="application/json")
