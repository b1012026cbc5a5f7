"""Readers of Binance Spot's WebSocket messages: text in, messages out, or Ignored, or a ProtocolError. Never raises.

Market streams come bare (`/ws`) or wrapped (`/stream`: `{"stream": name, "data": event}`); user events come wrapped as
`{"subscriptionId": 0, "event": event}`; answers to our own requests have an `id`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from bulkhead.venues.wire import fields
from bulkhead.venues.wire.binance_replies import book, check_coherent, side_of, status_of
from bulkhead.venues.wire.facts import Ignored, ProtocolError, Received, clipped
from bulkhead.venues.wire.fields import JsonObject, Malformed
from messages.market import MarketData, Quote, Trade
from messages.orders import (
    ExecutionReported,
    OrderAccepted,
    OrderCancelled,
    OrderEvidence,
    OrderExpired,
    OrderRejected,
)
from messages.values import OrderStatus, Side

_OUR_IDS = re.compile(r"[A-Za-z0-9_-]{1,36}")
_PARTIAL_DEPTH = re.compile(r"([a-z0-9._-]{1,32})@depth(?:5|10|20)(?:@100ms|@1000ms)?")


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request of ours on the same connection."""

    id: str
    status: int
    code: str
    reason: str

    @property
    def is_ok(self) -> bool:
        return self.status == 200


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """The venue says that it will send nothing more on this connection."""

    reason: str


# -- market data ------------------------------------------------------------------------------------------------------

MarketEvent = MarketData | Reply | StreamEnded | Ignored | ProtocolError


def market_event(text: str, venue: str, received: Received) -> MarketEvent:
    """One text frame of a market stream."""
    return fields.guarded(text, lambda: _market_event(text, venue, received))


def _market_event(text: str, venue: str, received: Received) -> MarketEvent:
    outer = fields.as_object(fields.parse(text), "message")
    stream = ""
    event = outer
    if "data" in outer:
        stream = fields.text(outer, "stream")
        event = fields.as_object(outer["data"], "data")
    elif "id" in outer or "error" in outer:
        return _reply(outer)
    kind = event.get("e")
    if kind == "trade":
        return _trade(event, venue, received)
    if kind is None and "b" in event and "u" in event:
        return _quote(event, venue, received)
    if kind is None and "lastUpdateId" in event:
        named = _PARTIAL_DEPTH.fullmatch(stream)
        if named is None:
            raise Malformed("a book without its symbol: subscribe to depth through /stream")
        return book(event, venue, named.group(1).upper(), received)
    if kind == "serverShutdown":
        return StreamEnded("the server announced its shutdown")
    if not isinstance(kind, str):
        raise Malformed("no known event")
    return Ignored(clipped(kind))


def _trade(event: JsonObject, venue: str, received: Received) -> Trade:
    return Trade(
        venue=venue,
        symbol=fields.text(event, "s"),
        event_time_ns=fields.time_ns(event, "T"),
        received_at_ns=received.at_ns,
        received_monotonic_ns=received.monotonic_ns,
        price=fields.decimal(event, "p"),
        quantity=fields.decimal(event, "q"),
        trade_id=fields.integer(event, "t"),
        # m: the buyer is the maker, so the seller came to the market.
        aggressor=Side.SELL if fields.flag(event, "m") else Side.BUY,
    )


def _quote(event: JsonObject, venue: str, received: Received) -> Quote:
    bid, ask = fields.decimal(event, "b"), fields.decimal(event, "a")
    bid_quantity, ask_quantity = fields.decimal(event, "B"), fields.decimal(event, "A")
    return Quote(
        venue=venue,
        symbol=fields.text(event, "s"),
        event_time_ns=received.at_ns,
        received_at_ns=received.at_ns,
        received_monotonic_ns=received.monotonic_ns,
        event_time_is_receipt=True,
        # An empty side of the book comes as a price of zero.
        bid=bid or None,
        bid_quantity=bid_quantity if bid else None,
        ask=ask or None,
        ask_quantity=ask_quantity if ask else None,
        update_id=fields.integer(event, "u"),
    )


# -- our own orders ---------------------------------------------------------------------------------------------------

UserEvent = OrderEvidence | Reply | StreamEnded | Ignored | ProtocolError


def user_event(text: str) -> UserEvent:
    """One text frame of the WebSocket API connection that carries our order updates."""
    return fields.guarded(text, lambda: _user_event(text))


def _user_event(text: str) -> UserEvent:
    outer = fields.as_object(fields.parse(text), "message")
    if "status" in outer and "event" not in outer:
        return _reply(outer)
    event = fields.as_object(outer.get("event"), "event") if "event" in outer else outer
    kind = fields.text(event, "e")
    if kind == "executionReport":
        return _execution_report(event, text)
    if kind in ("eventStreamTerminated", "serverShutdown"):
        return StreamEnded(f"the venue sent {kind}")
    return Ignored(clipped(kind))


def _execution_report(event: JsonObject, raw: str) -> OrderEvidence | Ignored:
    what = fields.text(event, "x")
    client_order_id = fields.text(event, "c")
    if what == "CANCELED":
        # c is then the id of the cancel, C the order's own; C is empty when the venue itself cancelled.
        client_order_id = fields.text(event, "C") or client_order_id
    if _OUR_IDS.fullmatch(client_order_id) is None:
        return Ignored("executionReport of an order that cannot be ours")
    status = status_of(event, "X")
    check_coherent(event, "X", "q", "z")
    make = _REPORTS.get(what)
    if what == "TRADE_PREVENTION" and status is OrderStatus.EXPIRED:
        make = _expired  # it would have traded with ourselves, and that ended it
    if make is None:
        if what in ("REPLACED", "TRADE_PREVENTION"):
            return Ignored(f"executionReport {what}")
        raise Malformed(f"x: no such execution type {what!r}")
    common: dict[str, object] = {
        "client_order_id": client_order_id,
        "symbol": fields.text(event, "s"),
        "venue_order_id": str(fields.integer(event, "i")),
        "venue_time_ns": fields.time_ns(event, "T"),
        "raw": clipped(raw),
    }
    return make(event, common)


def _accepted(_event: JsonObject, common: dict[str, object]) -> OrderEvidence:
    return OrderAccepted.model_validate(common)


def _traded(event: JsonObject, common: dict[str, object]) -> OrderEvidence:
    fee = fields.decimal(event, "n")
    asset = event.get("N")
    if asset is None and not fee:
        asset = ""
    return ExecutionReported.model_validate(
        {
            **common,
            "execution_id": str(fields.integer(event, "t")),
            "side": side_of(event, "S"),
            "quantity": fields.decimal(event, "l"),
            "price": fields.decimal(event, "L"),
            "fee": fee,
            "fee_asset": asset,
            "cumulative": fields.decimal(event, "z"),
            "is_maker": fields.flag(event, "m"),
        }
    )


def _cancelled(event: JsonObject, common: dict[str, object]) -> OrderEvidence:
    return OrderCancelled.model_validate({**common, "cumulative": fields.decimal(event, "z")})


def _expired(event: JsonObject, common: dict[str, object]) -> OrderEvidence:
    more = {"cumulative": fields.decimal(event, "z"), "reason": fields.text(event, "X")}
    return OrderExpired.model_validate({**common, **more})


def _rejected(event: JsonObject, common: dict[str, object]) -> OrderEvidence:
    reason = clipped(fields.text(event, "r"))
    return OrderRejected.model_validate({**common, "code": reason, "reason": reason})


_REPORTS: dict[str, Callable[[JsonObject, dict[str, object]], OrderEvidence]] = {
    "NEW": _accepted,
    "TRADE": _traded,
    "CANCELED": _cancelled,
    "EXPIRED": _expired,
    "REJECTED": _rejected,
}


def _reply(outer: JsonObject) -> Reply:
    """On the WebSocket API `{"id","status","result"|"error"}`; on market streams `{"result":null,"id":1}` or
    `{"error":{"code","msg"},"id":…}` without a status."""
    request_id = outer.get("id")
    error = outer.get("error", {"code": outer["code"], "msg": outer.get("msg", "")} if "code" in outer else None)
    status = outer.get("status", 200 if error is None else 400)
    if not isinstance(status, int) or isinstance(status, bool):
        raise Malformed("status is not a whole number")
    code, reason = "", ""
    if error is not None:
        refused = fields.as_object(error, "error")
        code, reason = str(refused.get("code", "")), str(refused.get("msg", ""))
    return Reply(clipped(str(request_id)), status, clipped(code), clipped(reason))
