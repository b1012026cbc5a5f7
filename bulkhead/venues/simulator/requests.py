"""Reading a client's request: parameters in Binance's formats, the API key, the signature, the timestamp.

It checks form, not meaning: whether an order can be placed is for filters and engine. Raises Refused in Binance's
words. The signature covers the query string followed by the body, byte for byte as sent, without the parameter
`signature` itself.
"""

import hashlib
import hmac
import re
from decimal import Decimal
from urllib.parse import parse_qsl

from bulkhead.venues.simulator import errors
from bulkhead.venues.simulator.errors import Refused
from bulkhead.venues.simulator.orders import FOK, GTC, IOC, LIMIT, MARKET, OrderRequest

CLIENT_ID_PATTERN = r"^[a-zA-Z0-9-_]{1,36}$"
_SYMBOL_PATTERN = r"^[A-Z0-9-_.]{1,20}$"
_INTEGER_PATTERN = r"^[0-9]{1,20}$"
_CLIENT_ID = re.compile(r"[a-zA-Z0-9_-]{1,36}")
_SYMBOL = re.compile(r"[A-Z0-9_.-]{1,20}")
_INTEGER = re.compile(r"[0-9]{1,20}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MAX_WINDOW_MS = 60_000
_DEFAULT_WINDOW_MS = 5_000
_AHEAD_MS = 1_000
_MAX_INTEGER = 2**63 - 1
_NOT_OFFERED = ("quoteOrderQty", "stopPrice", "trailingDelta", "icebergQty", "pegPriceType")


class Params:
    """The parameters of one request, each read with its format. Empty counts as not sent."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    @classmethod
    def parse(cls, query: str, body: str) -> "Params":
        """Both parts are form-encoded; a parameter in both is taken from the query, as Binance does."""
        values = dict(parse_qsl(body, keep_blank_values=True))
        values.update(parse_qsl(query, keep_blank_values=True))
        return cls(values)

    def has(self, name: str) -> bool:
        return bool(self._values.get(name))

    def text(self, name: str) -> str:
        value = self._values.get(name)
        if not value:
            raise errors.mandatory(name)
        return value

    def symbol(self) -> str:
        symbol = self.text("symbol")
        if not _SYMBOL.fullmatch(symbol):
            raise errors.illegal("symbol", _SYMBOL_PATTERN)
        return symbol

    def client_id(self, name: str) -> str | None:
        value = self._values.get(name)
        if not value:
            return None
        if not _CLIENT_ID.fullmatch(value):
            raise errors.illegal(name, CLIENT_ID_PATTERN)
        return value

    def integer(self, name: str) -> int | None:
        value = self._values.get(name)
        if not value:
            return None
        if not _INTEGER.fullmatch(value) or int(value) > _MAX_INTEGER:
            raise errors.illegal(name, _INTEGER_PATTERN)
        return int(value)

    def decimal(self, name: str) -> Decimal:
        value = self.text(name)
        if not _DECIMAL.fullmatch(value):
            raise errors.illegal(name, errors.DECIMAL_PATTERN)
        return Decimal(value)

    def limit(self, default: int, most: int) -> int:
        value = self.integer("limit")
        if value is None:
            return default
        if value < 1:
            raise errors.mandatory("limit")
        return min(value, most)


def signature_of(payload: str, secret: str) -> str:
    """HMAC-SHA256 in hex, as Binance signs."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def signed_part(text: str) -> str:
    """A query string or body without its `signature` parameter."""
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))


def check_key(key: str | None, expected: str) -> None:
    if not key or not _KEY.fullmatch(key):
        raise errors.bad_key_format()
    if not hmac.compare_digest(key, expected):
        raise errors.unknown_key()


def check_signature(params: Params, payload: str, secret: str) -> None:
    given = params.text("signature")
    if not hmac.compare_digest(given.lower().encode(), signature_of(payload, secret).encode()):
        raise errors.bad_signature()


def check_timestamp(params: Params, now_ms: int, is_checked: bool) -> None:
    """The request must be at most recvWindow old and less than a second ahead of the venue's clock."""
    timestamp_ms = params.integer("timestamp")
    if timestamp_ms is None:
        raise errors.mandatory("timestamp")
    window_ms = params.integer("recvWindow")
    if window_ms is None:
        window_ms = _DEFAULT_WINDOW_MS
    if window_ms > _MAX_WINDOW_MS:
        raise errors.bad_window()
    if is_checked and timestamp_ms >= now_ms + _AHEAD_MS:
        raise errors.too_early()
    if is_checked and now_ms - timestamp_ms > window_ms:
        raise errors.too_old()


def order_request(params: Params, default_client_id: str) -> tuple[OrderRequest, str]:
    """A new order and its newOrderRespType."""
    symbol = params.symbol()
    side = params.text("side")
    if side not in ("BUY", "SELL"):
        raise errors.invalid_side()
    kind = params.text("type")
    if kind not in (LIMIT, MARKET):
        raise errors.invalid_order_type()
    if any(params.has(name) for name in _NOT_OFFERED):
        raise Refused(-1128, "Combination of optional parameters invalid.")
    time_in_force, price = GTC, None
    if kind == LIMIT:
        time_in_force = params.text("timeInForce")
        if time_in_force not in (GTC, IOC, FOK):
            raise errors.invalid_time_in_force()
    else:
        for name in ("timeInForce", "price"):
            if params.has(name):
                raise errors.not_required(name)
    quantity = params.decimal("quantity")
    if kind == LIMIT:
        price = params.decimal("price")
    answer_type = params.text("newOrderRespType") if params.has("newOrderRespType") else "FULL"
    if answer_type not in ("ACK", "RESULT", "FULL"):
        raise errors.mandatory("newOrderRespType")
    client_order_id = params.client_id("newClientOrderId") or default_client_id
    request = OrderRequest(symbol, side == "BUY", kind, time_in_force, quantity, price, client_order_id)
    return request, answer_type


def order_reference(params: Params) -> tuple[str, int | None, str | None]:
    """Symbol, order id and client order id of an order that the client names; one of the ids must be there."""
    symbol = params.symbol()
    order_id, client_order_id = params.integer("orderId"), params.client_id("origClientOrderId")
    if order_id is None and client_order_id is None:
        raise Refused(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    return symbol, order_id, client_order_id
