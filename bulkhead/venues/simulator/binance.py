"""The venue in the words of Binance Spot: /api/v3, market streams, the WebSocket API, and the tape's lockstep."""

import contextlib
from collections.abc import Callable

from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bulkhead.venues.simulator.accounts import Account
from bulkhead.venues.simulator.connections import Connections
from bulkhead.venues.simulator.control import TapeControl, serve_tape
from bulkhead.venues.simulator.errors import SimulatorError
from bulkhead.venues.simulator.faults import FaultRequest, Faults
from bulkhead.venues.simulator.limits import RateLimiter
from bulkhead.venues.simulator.orders import Order, Report
from bulkhead.venues.simulator.outsiders import FillRequest
from bulkhead.venues.simulator.rest import RestApi
from bulkhead.venues.simulator.settings import SimulatorSettings
from bulkhead.venues.simulator.streams import MarketStreams, serve_stream
from bulkhead.venues.simulator.user_stream import UserStreams, WsApi, serve_ws_api
from bulkhead.venues.simulator.venue import House, Venue

STREAMS = {"market": ("/stream", "/ws/"), "orders": ("/ws-api",)}
"""Paths of the WebSockets by what they tell."""


class Hub(MarketStreams):
    """The venue's listener: market events to market streams, account events to user streams."""

    def __init__(self, settings: SimulatorSettings, faults: Faults) -> None:
        super().__init__(settings.limits)
        self.users = UserStreams()
        self._faults = faults

    def _send(self, name: str, data: str) -> None:
        if name.partition("@")[0].upper() not in self._faults.silent_streams:
            super()._send(name, data)

    def on_account(self, account: Account, reports: list[Report], assets: set[str], time_ms: int) -> None:
        self.users.on_account(account, self._faults.told(reports), assets, time_ms)


class BinanceDialect:
    """Implements Dialect. `fail` ends the simulator when a tape proves unusable."""

    house: House | None = None

    def __init__(
        self,
        settings: SimulatorSettings,
        faults: Faults,
        connections: Connections,
        fail: Callable[[SimulatorError], None],
    ) -> None:
        self._settings = settings
        self._faults = faults
        self._connections = connections
        self._fail = fail
        self.listener = Hub(settings, faults)

    def open(self, venue: Venue) -> None:
        settings, hub = self._settings, self.listener
        self._venue = venue
        hub.books = venue.books
        self._limiter = RateLimiter(settings.limits)
        self._rest = RestApi(venue, self._limiter, self._faults)
        self._ws_api = WsApi(settings, hub.users, self._limiter, venue.now_ms)
        self._control: TapeControl | None = None
        if venue.tape is not None:
            self._control = TapeControl(venue.tape, hub, hub.users, settings.lockstep)

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/api/v3/{name:path}", self._rest.respond, methods=["GET", "POST", "PUT", "DELETE"]),
            Route("/sapi/v1/{name:path}", self._rest.respond, methods=["GET"]),
            WebSocketRoute("/ws", self._raw_stream),
            WebSocketRoute("/ws/{names:path}", self._raw_stream),
            WebSocketRoute("/stream", self._combined_stream),
            WebSocketRoute("/ws-api/v3", self._user_api),
            WebSocketRoute("/sim/tape", self._tape),
        ]

    def books(self) -> dict[str, object]:
        return {"rate_limit_refusals": self._limiter.refused}

    def find(self, asked: FillRequest) -> Order | None:
        return self._venue.client.open_by_client_id.get(asked.client_order_id)

    def lets_market_move(self) -> bool:
        return True

    def on_faults(self, request: FaultRequest) -> None:
        if request.refuse_streams in STREAMS:
            self._connections.cut_all(STREAMS[request.refuse_streams])

    async def _is_refused(self, websocket: WebSocket, kind: str) -> bool:
        if self._faults.refuse_streams != kind:
            return False
        await websocket.close(1013)
        return True

    async def _raw_stream(self, websocket: WebSocket) -> None:
        await self._stream(websocket, websocket.path_params.get("names", ""), is_combined=False)

    async def _combined_stream(self, websocket: WebSocket) -> None:
        await self._stream(websocket, websocket.query_params.get("streams", ""), is_combined=True)

    async def _stream(self, websocket: WebSocket, names: str, is_combined: bool) -> None:
        if await self._is_refused(websocket, "market"):
            return
        wanted = [name for name in names.split("/") if name]
        with contextlib.suppress(WebSocketDisconnect):
            await serve_stream(websocket, wanted, is_combined, self.listener, self._connections, self._settings.limits)

    async def _user_api(self, websocket: WebSocket) -> None:
        if await self._is_refused(websocket, "orders"):
            return
        with contextlib.suppress(WebSocketDisconnect):
            await serve_ws_api(websocket, self._ws_api, self.listener.users, self._connections)

    async def _tape(self, websocket: WebSocket) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            await serve_tape(websocket, self._control, self._connections, self._fail)
