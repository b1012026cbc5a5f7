"""Requests to Binance Spot: which call, which parameters, how signed. Pure; the time is handed in.

Everything travels in the query string, percent-encoded before it is signed; the signature is the last parameter. Each
request carries what the venue counts for it.
Source: binance-spot-api-docs rest-api.md and web-socket-api.md.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import quote, urlencode

from bulkhead.venues.wire.binance_limits import ORDER_COST, depth_weight, weighing
from bulkhead.venues.wire.facts import NotSupported, WireRequest
from messages.orders import OrderTicket
from messages.values import OrderType, TimeInForce

PAGE_LIMIT = 1_000
"""The most rows allOrders and myTrades give at once."""

_ORDER_TYPES = {OrderType.MKT: "MARKET", OrderType.LMT: "LIMIT"}
_TIMES_IN_FORCE = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}

Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Signer:
    """An API key and how its holder signs. `repr` shows neither half."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)

    def signature(self, payload: str) -> str:
        """HMAC-SHA256 in lower-case hex."""
        return hmac.new(self.api_secret.encode(), payload.encode(), hashlib.sha256).hexdigest()

    @property
    def headers(self) -> dict[str, str]:
        return {"X-MBX-APIKEY": self.api_key}


@dataclass(frozen=True, slots=True)
class Stamp:
    """Freshness of one signed request: refused by the venue when older than the window."""

    timestamp_ms: int
    recv_window_ms: int


def signed(
    signer: Signer, method: str, path: str, params: Params, stamp: Stamp, costs: Mapping[str, int]
) -> WireRequest:
    payload = urlencode(
        (*params, ("recvWindow", str(stamp.recv_window_ms)), ("timestamp", str(stamp.timestamp_ms))), quote_via=quote
    )
    return WireRequest(method, path, f"{payload}&signature={signer.signature(payload)}", signer.headers, costs)


def plain(value: Decimal) -> str:
    """A decimal as the venue wants it: no exponent, no trailing zeros."""
    digits = format(value, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


# -- orders -----------------------------------------------------------------------------------------------------------


def submit(signer: Signer, ticket: OrderTicket, stamp: Stamp) -> WireRequest:
    """POST /api/v3/order, asking for the FULL answer (fills included). Raises NotSupported."""
    params = [
        ("symbol", ticket.symbol),
        ("side", ticket.side.value),
        ("type", _ORDER_TYPES[ticket.order_type]),
    ]
    if ticket.limit_price is not None:
        time_in_force = _TIMES_IN_FORCE.get(ticket.time_in_force)
        if time_in_force is None:
            raise NotSupported(f"this venue has no time in force {ticket.time_in_force}; use GTC, IOC or FOK")
        params.append(("timeInForce", time_in_force))
    params.append(("quantity", plain(ticket.quantity)))
    if ticket.limit_price is not None:
        params.append(("price", plain(ticket.limit_price)))
    params += [("newClientOrderId", ticket.client_order_id), ("newOrderRespType", "FULL")]
    return signed(signer, "POST", "/api/v3/order", tuple(params), stamp, ORDER_COST)


def query(signer: Signer, symbol: str, client_order_id: str, stamp: Stamp) -> WireRequest:
    params = (("symbol", symbol), ("origClientOrderId", client_order_id))
    return signed(signer, "GET", "/api/v3/order", params, stamp, weighing(4))


def cancel(signer: Signer, symbol: str, client_order_id: str, stamp: Stamp) -> WireRequest:
    params = (("symbol", symbol), ("origClientOrderId", client_order_id))
    return signed(signer, "DELETE", "/api/v3/order", params, stamp, weighing(1))


# -- account ----------------------------------------------------------------------------------------------------------


def account(signer: Signer, stamp: Stamp) -> WireRequest:
    return signed(signer, "GET", "/api/v3/account", (), stamp, weighing(20))


def key_rights(signer: Signer, stamp: Stamp) -> WireRequest:
    """What the key may do; of the wallet's API, which test networks do not have (weight 1 of a limit of its own)."""
    return signed(signer, "GET", "/sapi/v1/account/apiRestrictions", (), stamp, weighing(1))


def open_orders(signer: Signer, stamp: Stamp) -> WireRequest:
    """Of the whole account: without a symbol nothing of ours can hide (weight 80 instead of 6 for each symbol)."""
    return signed(signer, "GET", "/api/v3/openOrders", (), stamp, weighing(80))


@dataclass(frozen=True, slots=True)
class From:
    """Where a page begins: at an id, or at a time (and then within at most 24 hours)."""

    id: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None


def all_orders(signer: Signer, symbol: str, start: From, stamp: Stamp) -> WireRequest:
    params = (("symbol", symbol), *_page(start, "orderId"))
    return signed(signer, "GET", "/api/v3/allOrders", params, stamp, weighing(20))


def my_trades(signer: Signer, symbol: str, start: From, stamp: Stamp, venue_order_id: str | None = None) -> WireRequest:
    """Of the symbol, or of one order of it."""
    of_order = () if venue_order_id is None else (("orderId", venue_order_id),)
    params = (("symbol", symbol), *of_order, *_page(start, "fromId"))
    costs = weighing(5 if of_order else 20)
    return signed(signer, "GET", "/api/v3/myTrades", params, stamp, costs)


def _page(start: From, id_name: str) -> Params:
    named = ((id_name, start.id), ("startTime", start.start_ms), ("endTime", start.end_ms), ("limit", PAGE_LIMIT))
    return tuple((name, str(value)) for name, value in named if value is not None)


# -- public -----------------------------------------------------------------------------------------------------------


def exchange_info(symbols: Iterable[str] = ()) -> WireRequest:
    """Trading rules of these symbols; of none named: of all."""
    names = list(symbols)
    asked = urlencode({"symbols": json.dumps(names, separators=(",", ":"))}, quote_via=quote) if names else ""
    return WireRequest("GET", "/api/v3/exchangeInfo", asked, costs=weighing(20))


def depth(symbol: str, limit: int) -> WireRequest:
    asked = urlencode({"symbol": symbol, "limit": limit})
    return WireRequest("GET", "/api/v3/depth", asked, costs=weighing(depth_weight(limit)))


def server_time() -> WireRequest:
    return WireRequest("GET", "/api/v3/time", costs=weighing(1))


def subscribe_user_stream(signer: Signer, request_id: str, stamp: Stamp) -> str:
    """The WebSocket API call that turns a connection into the stream of our orders.

    On the WebSocket API every parameter is signed, the key too, in the order of their names.
    """
    params: dict[str, str | int] = {
        "apiKey": signer.api_key,
        "recvWindow": stamp.recv_window_ms,
        "timestamp": stamp.timestamp_ms,
    }
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    params["signature"] = signer.signature(payload)
    return json.dumps({"id": request_id, "method": "userDataStream.subscribe.signature", "params": params})


def stream_names(symbols: Iterable[str], kinds: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{symbol.lower()}@{kind}" for symbol in symbols for kind in kinds)
