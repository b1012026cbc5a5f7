"""Our own side of the venue, which no real one has: tape lockstep, fault switches, and the books laid open.

- WebSocket /sim/tape: {"op": "step" | "status" | "clock" | "report"}, one answer each. In lockstep the tape stands
  still until it is stepped; "step" plays instants until something was published, at most MOST_ROWS_PER_STEP rows and
  whatever instant they end in.
- POST and GET /sim/faults, GET /sim/books.
This path runs hundreds of thousands of times in a replay: no timer, no sleep, no task per step.
"""

import json
from collections.abc import Callable

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from bulkhead.venues.simulator import wire
from bulkhead.venues.simulator.connections import Connections
from bulkhead.venues.simulator.errors import SimulatorError
from bulkhead.venues.simulator.faults import FaultRequest, Faults
from bulkhead.venues.simulator.streams import MarketStreams
from bulkhead.venues.simulator.tape_market import TapeMarket
from bulkhead.venues.simulator.user_stream import UserStreams
from bulkhead.venues.simulator.venue import Venue

MOST_ROWS_PER_STEP = 5_000
_MOST_WINDOW_MS = 86_400_000


class TapeControl:
    """Answers the lockstep controller."""

    def __init__(self, tape: TapeMarket, market: MarketStreams, users: UserStreams, is_lockstep: bool) -> None:
        self._tape = tape
        self._market = market
        self._users = users
        self._is_lockstep = is_lockstep

    def answer(self, text: str) -> str:
        """Carry out one command. Raises SimulatorError when the tape proves unusable."""
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            return _error("expected a JSON object")
        operation = message.get("op")
        if operation == "status":
            return self._position()
        if operation == "report":
            return wire.dumps({"op": "report", "files": self._tape.report()})
        if operation not in ("step", "clock"):
            return _error(f"unknown op {operation!r}")
        if not self._is_lockstep:
            return _error(f"{operation} needs a simulator started with lockstep")
        number = message.get("window_ms", 0) if operation == "step" else message.get("time_ms")
        if not isinstance(number, int) or number < 0 or (operation == "step" and number > _MOST_WINDOW_MS):
            return _error(f"{operation} needs a whole number of ms, not {number!r}")
        if operation == "step":
            self._step(number)
        else:
            self._tape.move_clock(number)
        return self._position()

    def _step(self, window_ms: int) -> None:
        tape, market, users = self._tape, self._market, self._users
        published = market.sent + users.sent
        played = 0
        while played < MOST_ROWS_PER_STEP and not tape.has_ended:
            played += tape.play_instant(window_ms)
            if market.sent + users.sent != published:
                break

    def _position(self) -> str:
        tape = self._tape
        next_ms = tape.next_time_ms
        return (
            f'{{"op":"stepped","time_ms":{tape.time_ms},"next_time_ms":{"null" if next_ms is None else next_ms},'
            f'"rows":{tape.rows},"market_events":{self._market.sent},"user_events":{self._users.sent},'
            f'"ended":{"true" if tape.has_ended else "false"}}}'
        )


def _error(reason: str) -> str:
    return wire.dumps({"op": "error", "msg": reason})


async def serve_tape(
    websocket: WebSocket,
    control: TapeControl | None,
    connections: Connections,
    on_failure: Callable[[SimulatorError], None],
) -> None:
    """One controller's connection. An unusable tape is answered with {"op": "error"} and ends the simulator."""
    connection = await connections.accept(websocket)
    if connection is None:
        return
    try:
        while (text := await connection.receive()) is not None:
            if control is None:
                answer = _error("this simulator plays no tape")
            else:
                try:
                    answer = control.answer(text)
                except SimulatorError as error:
                    answer = _error(str(error))
                    on_failure(error)
            await websocket.send_text(answer)
    finally:
        connections.forget(connection)


async def serve_faults(request: Request, faults: Faults, apply: Callable[[FaultRequest], None]) -> Response:
    """GET shows the switches, POST sets some of them first."""
    if request.method == "POST":
        try:
            apply(FaultRequest.model_validate_json(await request.body()))
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
            return Response(wire.dumps({"error": "; ".join(problems)}), 422, media_type="application/json")
    return Response(wire.dumps(faults.as_json()), media_type="application/json")


def books_json(venue: Venue) -> wire.Json:
    """What the venue holds, read from the books: an oracle for tests that shares nothing with any client."""
    client = venue.client
    return {
        "balances": {
            asset: {"free": wire.text(balance.free), "locked": wire.text(balance.locked)}
            for asset, balance in sorted(client.balances.items())
        },
        "fees": {asset: wire.text(fee) for asset, fee in sorted(venue.store.fees(client).items())},
        "open_orders": [wire.order_query(order) for order in client.open_orders.values()],
        "by_client_order_id": venue.store.counts_by_client_id(client),
        "last_order_id": venue.engine.counters.order_id,
        "last_execution_id": venue.engine.counters.execution_id,
    }
