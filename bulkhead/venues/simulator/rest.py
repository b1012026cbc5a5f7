"""The REST API: which path does what, at which weight, signed or not.

Each request goes the same way: faults, rate limit, key, timestamp and signature, then its handler. Answers and errors
are Binance's; the order of checks is too, as far as its documents tell.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bulkhead.venues.simulator import errors, wire
from bulkhead.venues.simulator.connections import ABORT_EXTENSION
from bulkhead.venues.simulator.errors import Refused
from bulkhead.venues.simulator.faults import Faults, Kind, Place, Spoil
from bulkhead.venues.simulator.limits import RateLimiter
from bulkhead.venues.simulator.requests import (
    Params,
    check_key,
    check_signature,
    check_timestamp,
    order_reference,
    order_request,
    signed_part,
)
from bulkhead.venues.simulator.venue import Venue

_BODY_BOUND = 16_384
_TICKER = "ticker/bookTicker"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`weight` may depend on the parameters. `kind` is set for what is signed."""

    handle: Callable[[Params], object]
    weight: Callable[[Params], int]
    kind: Kind | None = None

    @property
    def is_signed(self) -> bool:
        return self.kind is not None

    @property
    def is_order(self) -> bool:
        """Its answers carry order counts."""
        return self.kind is Kind.ORDER


class NoAnswer(Exception):
    """The connection is to be cut instead of answered."""


class RestApi:
    """Carries out REST requests against a venue."""

    def __init__(self, venue: Venue, limiter: RateLimiter, faults: Faults) -> None:
        self._venue = venue
        self._limiter = limiter
        self._faults = faults
        self._settings = venue.settings
        self._endpoints = self._table()

    def _table(self) -> dict[tuple[str, str], Endpoint]:
        """By method and path below /api/v3; whole paths for what is elsewhere."""
        return {
            ("GET", "ping"): Endpoint(lambda _: {}, _flat(1)),
            ("GET", "time"): Endpoint(lambda _: {"serverTime": self._venue.now_ms()}, _flat(1)),
            ("GET", "exchangeInfo"): Endpoint(self._exchange_info, _flat(20)),
            ("GET", "depth"): Endpoint(self._depth, _depth_weight),
            ("GET", "trades"): Endpoint(self._trades, _flat(25)),
            ("GET", _TICKER): Endpoint(self._book_tickers, lambda params: 2 if params.has("symbol") else 4),
            ("POST", "order"): Endpoint(self._place, _flat(1), Kind.ORDER),
            ("GET", "order"): Endpoint(self._query, _flat(4), Kind.QUERY),
            ("DELETE", "order"): Endpoint(self._cancel, _flat(1), Kind.CANCEL),
            ("GET", "openOrders"): Endpoint(
                self._open_orders, lambda params: 6 if params.has("symbol") else 80, Kind.LIST
            ),
            ("DELETE", "openOrders"): Endpoint(self._cancel_all, _flat(1), Kind.CANCEL),
            ("GET", "allOrders"): Endpoint(self._all_orders, _flat(20), Kind.LIST),
            ("GET", "myTrades"): Endpoint(
                self._my_trades, lambda params: 5 if params.has("orderId") else 20, Kind.LIST
            ),
            ("GET", "account"): Endpoint(self._account, _flat(20), Kind.LIST),
            ("GET", "rateLimit/order"): Endpoint(self._order_counts, _flat(40), Kind.LIST),
            **self._wallet(),
        }

    def _wallet(self) -> dict[tuple[str, str], Endpoint]:
        rights = self._settings.key_rights
        if rights is None:
            return {}
        return {("GET", "/sapi/v1/account/apiRestrictions"): Endpoint(lambda _: rights.as_json(), _flat(1), Kind.LIST)}

    async def respond(self, request: Request) -> Response:
        """Answer one request; may cut the connection instead."""
        ip = request.client.host if request.client is not None else ""
        endpoint = self._endpoints.get((request.method, request.url.path.removeprefix("/api/v3/")))
        if endpoint is None:
            return Response("<html><body><h2>404 Not found</h2></body></html>", 404, media_type="text/html")
        headers: dict[str, str] = {}
        status, answer = 200, None
        try:
            body = await request.body()
            await self._faults.wait(endpoint.kind, Place.ARRIVAL)
            answer = await self._answer(request, endpoint, body, ip)
        except Refused as refused:
            status, answer = refused.status, {"code": refused.code, "msg": refused.message}
            if refused.retry_after_s is not None:
                headers["Retry-After"] = str(refused.retry_after_s)
        except NoAnswer:
            abort = request.scope["extensions"][ABORT_EXTENSION]
            abort()
            return Response(status_code=500)  # written to a connection that is gone
        if endpoint.is_signed and self._faults.reply_latency_ms:
            await asyncio.sleep(self._faults.reply_latency_ms / 1000)
        headers |= self._limiter.headers(ip, self._venue.now_ms(), endpoint.is_order)
        return Response(wire.dumps(answer), status, headers, media_type="application/json;charset=UTF-8")

    async def _answer(self, request: Request, endpoint: Endpoint, body: bytes, ip: str) -> object:
        """Raises Refused or NoAnswer; a request that is refused does not wait for its answer to be let go."""
        answer = self._carry_out(request, endpoint, body, ip)
        await self._faults.wait(endpoint.kind, Place.ANSWER)
        spoil = self._faults.take_spoil(endpoint.kind)
        return answer if spoil is None else _spoilt(answer, spoil)

    def _carry_out(self, request: Request, endpoint: Endpoint, body: bytes, ip: str) -> object:
        if len(body) > _BODY_BOUND:
            raise Refused(-1101, "Too many parameters; request too large.", 413)
        query_text = request.scope["query_string"].decode("latin-1")
        body_text = body.decode("latin-1")
        params = Params.parse(query_text, body_text)
        now_ms = self._venue.now_ms()
        if self._faults.take("rate_limit_next"):
            raise errors.too_much_weight(self._settings.limits.request_weight_per_minute, 1)
        self._limiter.charge(ip, endpoint.weight(params), now_ms)
        if request.path_params["name"] == _TICKER and self._faults.refuses_quotes("x-mbx-apikey" in request.headers):
            raise errors.outcome_unknown(503)
        if self._faults.fail_public and not endpoint.is_signed:
            raise errors.outcome_unknown(503)
        if self._faults.refuse_keys and endpoint.is_signed:
            raise errors.unknown_key()
        if endpoint.is_signed:
            check_key(request.headers.get("x-mbx-apikey"), self._settings.api_key)
            check_timestamp(params, now_ms, self._settings.checks_timestamps)
            check_signature(params, signed_part(query_text) + signed_part(body_text), self._settings.api_secret)
            self._venue.follow_clock(params.integer("timestamp"))
        spoil = self._faults.take_spoil(endpoint.kind)
        if spoil is not None:
            return _spoilt(endpoint.handle(params) if spoil.is_carried_out else None, spoil)
        if endpoint.is_order:
            return self._with_order_faults(endpoint, params)
        return endpoint.handle(params)

    def _with_order_faults(self, endpoint: Endpoint, params: Params) -> object:
        faults = self._faults
        if faults.take("order_status_count"):
            if faults.accept:
                endpoint.handle(params)
            raise errors.outcome_unknown(faults.order_status)
        answer = endpoint.handle(params)
        if faults.take("lose_order_replies"):
            raise NoAnswer
        return answer

    # -- market ---------------------------------------------------------------------------------------------------

    def _exchange_info(self, params: Params) -> object:
        books = self._venue.books
        wanted = [self._known_symbol(params)] if params.has("symbol") else self._symbols(params)
        rules = [books[symbol].rules for symbol in wanted]
        return wire.exchange_info(self._venue.now_ms(), rules, self._settings.limits)

    def _depth(self, params: Params) -> object:
        return wire.depth(self._venue.books[self._known_symbol(params)], params.limit(100, 5_000))

    def _trades(self, params: Params) -> object:
        recent = self._venue.recent.get(self._known_symbol(params), ())
        return [wire.recent_trade(trade) for trade in list(recent)[-params.limit(500, 1_000) :]]

    def _book_tickers(self, params: Params) -> object:
        books = self._venue.books
        if params.has("symbol"):
            return wire.ticker(books[self._known_symbol(params)])
        return [wire.ticker(books[symbol]) for symbol in self._symbols(params)]

    def _symbols(self, params: Params) -> list[str]:
        """Those of `symbols`; without it, all."""
        books = self._venue.books
        if not params.has("symbols"):
            return list(books)
        wanted = params.text("symbols").strip("[]").replace('"', "").split(",")
        if any(symbol not in books for symbol in wanted):
            raise errors.invalid_symbol()
        return wanted

    def _known_symbol(self, params: Params) -> str:
        symbol = params.symbol()
        self._venue.engine.book(symbol)
        return symbol

    # -- orders ---------------------------------------------------------------------------------------------------

    def _place(self, params: Params) -> object:
        request, answer_type = order_request(params, self._venue.new_client_order_id())
        now_ms = self._venue.now_ms()
        self._limiter.check_order(now_ms)
        order, fills = self._venue.place(request)
        self._limiter.count_order(now_ms)
        if answer_type == "ACK":
            return wire.order_ack(order)
        return wire.order_full(order, fills) if answer_type == "FULL" else wire.order_result(order)

    def _query(self, params: Params) -> object:
        symbol, order_id, client_order_id = order_reference(params)
        self._known_symbol(params)
        order = self._venue.find_order(symbol, order_id, client_order_id)
        if self._venue.now_ms() < order.created_ms + self._faults.hide_orders_ms:
            raise errors.no_such_order()
        return wire.order_query(order)

    def _cancel(self, params: Params) -> object:
        symbol, order_id, client_order_id = order_reference(params)
        self._known_symbol(params)
        order = self._venue.open_order(symbol, order_id, client_order_id)
        cancel_id = params.client_id("newClientOrderId") or self._venue.new_client_order_id()
        self._venue.cancel(order, cancel_id)
        return wire.cancelled(order, cancel_id)

    def _cancel_all(self, params: Params) -> object:
        symbol = self._known_symbol(params)
        orders = [order for order in self._venue.client.open_orders.values() if order.symbol == symbol]
        if not orders:
            raise errors.unknown_order_sent()
        answers = []
        for order in orders:
            cancel_id = self._venue.new_client_order_id()
            self._venue.cancel(order, cancel_id)
            answers.append(wire.cancelled(order, cancel_id))
        return answers

    def _open_orders(self, params: Params) -> object:
        symbol = self._known_symbol(params) if params.has("symbol") else None
        orders = self._venue.client.open_orders.values()
        return [wire.order_query(order) for order in orders if symbol in (None, order.symbol)]

    # -- history and account --------------------------------------------------------------------------------------

    def _all_orders(self, params: Params) -> object:
        orders = self._venue.store.orders(
            self._venue.client,
            self._known_symbol(params),
            params.integer("orderId"),
            params.integer("startTime"),
            params.integer("endTime"),
            params.limit(500, 1_000),
        )
        return [wire.order_query(order) for order in orders]

    def _my_trades(self, params: Params) -> object:
        fills = self._venue.store.fills(
            self._venue.client,
            self._known_symbol(params),
            params.integer("fromId"),
            params.integer("orderId"),
            params.integer("startTime"),
            params.integer("endTime"),
            params.limit(500, 1_000),
        )
        return [wire.my_trade(fill) for fill in fills]

    def _account(self, params: Params) -> object:
        omit_zero = params.has("omitZeroBalances") and params.text("omitZeroBalances") == "true"
        return wire.account_information(self._venue.client, self._settings.commission_bps, omit_zero)

    def _order_counts(self, _: Params) -> object:
        return self._limiter.order_counts(self._venue.now_ms())


def _spoilt(answer: object, spoil: Spoil) -> object:
    """What is answered instead. Raises Refused or NoAnswer."""
    if isinstance(spoil.answer, int):
        raise errors.outcome_unknown(spoil.answer)
    if spoil.answer == "none" or not isinstance(answer, dict):
        raise NoAnswer
    return wire.contradicted(answer)


def _flat(weight: int) -> Callable[[Params], int]:
    return lambda _: weight


def _depth_weight(params: Params) -> int:
    limit = params.integer("limit") or 100
    return next((weight for most, weight in ((100, 5), (500, 25), (1_000, 50)) if limit <= most), 250)
