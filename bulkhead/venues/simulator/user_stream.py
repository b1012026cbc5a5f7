"""WebSocket API /ws-api/v3: ping, time, and the user data stream by signature.

Answers carry "id", "status", "result" or "error", and "rateLimits" unless the client asked for none. Events of the
account are wrapped with the number of their subscription. Order placement by WebSocket API is not offered.
"""

import asyncio
import json
from collections.abc import Callable

from starlette.websockets import WebSocket

from bulkhead.venues.simulator import wire
from bulkhead.venues.simulator.accounts import Account
from bulkhead.venues.simulator.connections import Connection, Connections
from bulkhead.venues.simulator.errors import Refused
from bulkhead.venues.simulator.limits import RateLimiter
from bulkhead.venues.simulator.orders import Report
from bulkhead.venues.simulator.requests import Params, check_key, check_signature, check_timestamp
from bulkhead.venues.simulator.settings import SimulatorSettings

_WEIGHT = 2
_MOST_SUBSCRIPTIONS = 16


class UserStreams:
    """Subscriptions to the account's events. `sent` counts messages handed to connections."""

    def __init__(self) -> None:
        self.sent = 0
        self._subscriptions: dict[tuple[Connection, int], None] = {}

    def on_account(self, account: Account, reports: list[Report], assets: set[str], event_ms: int) -> None:
        if not self._subscriptions:
            return
        events: list[wire.Json] = [wire.execution_report(report, event_ms) for report in reports]
        if assets:
            events.append(wire.account_position(account, assets, event_ms))
        texts = [wire.dumps(event) for event in events]
        for connection, number in list(self._subscriptions):
            for text in texts:
                if connection.push(f'{{"subscriptionId":{number},"event":{text}}}'):
                    self.sent += 1

    def subscribe(self, connection: Connection) -> int:
        taken = {number for other, number in self._subscriptions if other is connection}
        if len(taken) >= _MOST_SUBSCRIPTIONS:
            raise Refused(-2036, "User data stream subscription limit reached.")
        number = next(candidate for candidate in range(_MOST_SUBSCRIPTIONS) if candidate not in taken)
        self._subscriptions[connection, number] = None
        return number

    def unsubscribe(self, connection: Connection, number: int | None = None) -> None:
        """One subscription of a connection, or all."""
        for key in [key for key in self._subscriptions if key[0] is connection and number in (None, key[1])]:
            del self._subscriptions[key]


class WsApi:
    """Carries out requests of the WebSocket API."""

    def __init__(
        self, settings: SimulatorSettings, users: UserStreams, limiter: RateLimiter, now_ms: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._users = users
        self._limiter = limiter
        self._now_ms = now_ms

    def answer(self, connection: Connection, ip: str, text: str) -> str:
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("params", {}), dict):
            return wire.dumps({"id": None, "status": 400, "error": {"code": -1000, "msg": "Invalid request."}})
        params = message.get("params", {})
        answer: wire.Json = {"id": message.get("id")}
        try:
            self._limiter.charge(ip, _WEIGHT, self._now_ms())
            result = self._result(connection, str(message.get("method")), params)
            answer |= {"status": 200, "result": result}
        except Refused as refused:
            answer |= {"status": refused.status, "error": {"code": refused.code, "msg": refused.message}}
        if params.get("returnRateLimits", True):
            answer["rateLimits"] = [self._rate_limit(ip)]
        return wire.dumps(answer)

    def _result(self, connection: Connection, method: str, raw: dict[str, object]) -> object:
        if method == "ping":
            return {}
        if method == "time":
            return {"serverTime": self._now_ms()}
        if method == "userDataStream.subscribe.signature":
            self._check_signed(raw)
            return {"subscriptionId": self._users.subscribe(connection)}
        if method == "userDataStream.unsubscribe":
            number = raw.get("subscriptionId")
            self._users.unsubscribe(connection, number if isinstance(number, int) else None)
            return {}
        raise Refused(-1020, "This operation is not supported.")

    def _check_signed(self, raw: dict[str, object]) -> None:
        """The signature covers all parameters but itself, sorted by name."""
        texts = {name: value if isinstance(value, str) else wire.dumps(value) for name, value in raw.items()}
        params = Params(texts)
        check_key(params.text("apiKey"), self._settings.api_key)
        check_timestamp(params, self._now_ms(), self._settings.checks_timestamps)
        payload = "&".join(f"{name}={texts[name]}" for name in sorted(texts) if name != "signature")
        check_signature(params, payload, self._settings.api_secret)

    def _rate_limit(self, ip: str) -> wire.Json:
        return {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": self._settings.limits.request_weight_per_minute,
            "count": self._limiter.used_weight(ip, self._now_ms()),
        }


async def serve_ws_api(websocket: WebSocket, api: WsApi, users: UserStreams, connections: Connections) -> None:
    """One connection from handshake to end."""
    connection = await connections.accept(websocket)
    if connection is None:
        return
    ip = websocket.client.host if websocket.client is not None else ""
    writer = asyncio.create_task(connection.write())
    try:
        while (text := await connection.receive()) is not None:
            connection.push(api.answer(connection, ip, text))
    finally:
        users.unsubscribe(connection)
        connections.forget(connection)
        writer.cancel()
