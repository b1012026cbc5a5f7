"""The web application of the simulator and the uvicorn server around it, on one port and one event loop.

The engine is called inline: a request is carried out between two awaits, so there are no locks. The protocol classes
add what ASGI has no word for, cutting a TCP connection; faults and slow readers need it.
"""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from bulkhead.venues.simulator import wire
from bulkhead.venues.simulator.binance import BinanceDialect
from bulkhead.venues.simulator.clock import VenueClock
from bulkhead.venues.simulator.connections import ABORT_EXTENSION, PONGS_EXTENSION, SEND_NOW_EXTENSION, Connections
from bulkhead.venues.simulator.control import books_json, serve_faults
from bulkhead.venues.simulator.dialect import Dialect
from bulkhead.venues.simulator.errors import SimulatorError
from bulkhead.venues.simulator.faults import FaultRequest, Faults
from bulkhead.venues.simulator.kis.dialect import KisDialect
from bulkhead.venues.simulator.outsiders import Outsiders
from bulkhead.venues.simulator.settings import SimulatorSettings
from bulkhead.venues.simulator.synthetic import STEP_MS
from bulkhead.venues.simulator.venue import Venue

_TICK_S = STEP_MS / 1000
_MOST_STEPS_BEHIND = 100
_TAPE_ROWS_PER_TURN = 2_000
_PING_INTERVAL_S = 20.0
_PONG_WITHIN_S = 60.0
_SHUTDOWN_S = 2
KEEP_ALIVE_S = 75
"""Longer than a client of ours keeps an idle connection: else a request may meet our closing of it, and then nobody can
say whether it arrived. nginx's default."""
_PONGS_KEPT = 16
_WS_MESSAGE_BYTES = 65_536


class Simulator:
    """A venue and its server. `run` serves until `stop`; `failure` says why it stopped by itself, if it did."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.failure: SimulatorError | None = None
        self.faults = Faults()
        self.clock = VenueClock(settings.clock_starts_at_ms, settings.clock_speed)
        self._connections = Connections(settings.limits.connections, settings.limits.connection_queue_messages)
        self.dialect = self._make_dialect()
        self.venue = Venue(settings, self.dialect.listener, self.clock.now_ms, self.dialect.house)
        self.dialect.open(self.venue)
        self._outsiders = Outsiders(self.venue, self.dialect.find)
        self._gate = Gate()
        self._server = _Server(self._uvicorn_config())

    def _make_dialect(self) -> Dialect:
        if self.settings.dialect == "kis":
            return KisDialect(self.settings, self.faults, self._connections, self.clock)
        return BinanceDialect(self.settings, self.faults, self._connections, self._fail)

    async def run(self, listener: socket.socket, on_ready: Callable[[], None]) -> None:
        """Serve on a bound and listening socket until stopped; then close everything."""
        market = asyncio.create_task(self._run_market())
        market.add_done_callback(lambda task: None if task.cancelled() or task.exception() is None else self.stop())
        self._server.on_started = on_ready
        try:
            await self._server.serve(sockets=[listener])
        finally:
            market.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await market
            self.venue.close()

    def stop(self) -> None:
        self._server.should_exit = True

    def _fail(self, failure: SimulatorError) -> None:
        self.failure = failure
        self.stop()

    async def _run_market(self) -> None:
        """Move the market on with the wall clock, in steps that do not depend on it."""
        try:
            if self.venue.synthetic is not None:
                await self._run_synthetic()
            elif not self.settings.lockstep:
                await self._run_tape()
        except SimulatorError as failure:
            self._fail(failure)

    async def _run_synthetic(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += _TICK_S
            behind_s = loop.time() - due
            if behind_s > _TICK_S * _MOST_STEPS_BEHIND:
                due = loop.time()  # after a long stall the market goes on from where it stood
            await asyncio.sleep(max(0.0, -behind_s))
            if self.dialect.lets_market_move() and not self.faults.halt_market:
                self.venue.step_synthetic()

    async def _run_tape(self) -> None:
        tape, loop = self.venue.tape, asyncio.get_running_loop()
        if tape is None:
            return
        first_ms, started, speed = tape.time_ms, loop.time(), float(self.settings.speed)
        while not tape.has_ended:
            tape_ms = first_ms + int((loop.time() - started) * 1000 * speed)
            played = tape.play_until(tape_ms, _TAPE_ROWS_PER_TURN)
            await asyncio.sleep(0 if played == _TAPE_ROWS_PER_TURN else _TICK_S)

    # -- routes ---------------------------------------------------------------------------------------------------

    def _uvicorn_config(self) -> uvicorn.Config:
        app = Starlette(
            routes=[
                *self.dialect.routes(),
                Route("/sim/faults", self._faults, methods=["GET", "POST"]),
                Route("/sim/books", self._books, methods=["GET"]),
                Route("/sim/trade", self._outsiders.trade, methods=["POST"]),
                Route("/sim/fill", self._outsiders.fill, methods=["POST"]),
            ]
        )
        return uvicorn.Config(
            app,
            loop="asyncio",
            http=_protocol(HttpProtocol, self._gate),
            ws=WsProtocol,
            ws_ping_interval=_PING_INTERVAL_S,
            ws_ping_timeout=_PONG_WITHIN_S,
            ws_per_message_deflate=False,
            ws_max_size=_WS_MESSAGE_BYTES,
            timeout_keep_alive=KEEP_ALIVE_S,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_S,
        )

    async def _faults(self, request: Request) -> Response:
        return await serve_faults(request, self.faults, self._apply_faults)

    def _apply_faults(self, request: FaultRequest) -> None:
        self.faults.apply(request)
        self.clock.ahead_ms = self.faults.clock_ahead_ms
        self.dialect.on_faults(request)
        if request.refuse_connections_s:
            self._gate.shut(request.refuse_connections_s)
            # Not at once: the request that asks for it is answered first.
            asyncio.get_running_loop().call_soon(self._server.cut_all)
        if request.drop_connections:
            self._connections.cut_all()

    async def _books(self, _: Request) -> Response:
        books = {**books_json(self.venue), **self.dialect.books()}
        return Response(wire.dumps(books), media_type="application/json")


class _Server(uvicorn.Server):
    """Signals belong to process.py, which ends with a clean exit code."""

    on_started: Callable[[], None]

    def cut_all(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class Gate:
    """Lets TCP connections in, or for some time cuts them all."""

    def __init__(self) -> None:
        self._shut_until = 0.0

    def shut(self, seconds: float) -> None:
        self._shut_until = asyncio.get_running_loop().time() + seconds

    def is_shut(self) -> bool:
        return asyncio.get_running_loop().time() < self._shut_until


class HttpProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP protocol, with a gate at the door and a way to cut the connection."""

    gate: Gate

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn types it
        super().connection_made(transport)
        if self.gate.is_shut():
            transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {ABORT_EXTENSION: self.transport.abort}  # type: ignore[dict-item]  # an extension of ours


class WsProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket protocol, with a way to cut the connection."""

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            # The application's task was only scheduled, so it sees this.
            self.pongs: deque[bytes] = deque(maxlen=_PONGS_KEPT)
            extensions = {
                ABORT_EXTENSION: self.transport.abort,
                SEND_NOW_EXTENSION: self.send_now,
                PONGS_EXTENSION: self.pongs,
            }
            self.scope["extensions"] = extensions  # type: ignore[typeddict-item]

    def handle_pong(self, event: Any) -> None:
        self.pongs.append(bytes(event.data))
        super().handle_pong(event)

    def send_now(self, text: str) -> bool:
        """Write without a task of its own, which a tick would otherwise wait for; the same steps as uvicorn's send."""
        if not self.writable.is_set() or self.conn.state.name != "OPEN" or self.transport.is_closing():
            return False
        self.conn.send_text(text.encode())
        self.transport.write(b"".join(self.conn.data_to_send()))
        return True


def _protocol(base: type[HttpProtocol], gate: Gate) -> type[HttpProtocol]:
    """Uvicorn wants a class: this one is bound to one simulator's gate."""
    return type("BoundHttpProtocol", (base,), {"gate": gate})
