"""Client of the simulated venue's lockstep control (`/sim/tape`): ask, wait, get the answer. Not thread-safe.

The answer is read on the asking thread, with no hand-over between threads: a step costs one round trip on loopback.
"""

from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from bulkhead.venues.transport.ws_connection import ConnectionLost, WsConnection, WsSettings
from bulkhead.venues.wire import fields


class TapeControlError(ConnectionError):
    """The simulator did not answer, or answered what we cannot use; the message says what it said."""


class Stepped(BaseModel):
    """Answer to a step: what the tape did. Times are Unix milliseconds of the tape."""

    model_config = ConfigDict(frozen=True)

    time_ms: int = Field(ge=0)
    next_time_ms: int | None = None
    """Time of the next row; None when there is none."""
    rows: int = Field(ge=0)
    market_events: int = Field(ge=0)
    user_events: int = Field(ge=0)
    ended: bool


class TapeControl:
    """Raises TapeControlError from every call."""

    def __init__(self, url: str, answer_timeout_s: float = 30.0, settings: WsSettings | None = None) -> None:
        self._answer_timeout_s = answer_timeout_s
        try:
            self._connection = WsConnection(url, settings or WsSettings())
        except ConnectionLost as error:
            raise TapeControlError(f"cannot reach the simulator's tape control: {error}") from error

    def step(self, window_ms: int = 0) -> Stepped:
        """Play the next row, and all rows within `window_ms` after it."""
        answer = self.ask({"op": "step", "window_ms": window_ms})
        try:
            return Stepped.model_validate({name: answer[name] for name in Stepped.model_fields if name in answer})
        except ValueError as error:
            raise TapeControlError(f"the simulator's step cannot be read: {error}") from error

    def status(self) -> fields.JsonObject:
        return self.ask({"op": "status"})

    def report(self) -> fields.JsonObject:
        return self.ask({"op": "report"})

    def ask(self, request: fields.JsonObject) -> fields.JsonObject:
        try:
            self._connection.send(fields.render(request))
            answer = fields.as_object(fields.parse(self._connection.receive_one(self._answer_timeout_s)), "answer")
        except (ConnectionLost, fields.Malformed) as error:
            raise TapeControlError(f"{request['op']}: {error}") from error
        if answer.get("op") == "error" or "error" in answer:
            raise TapeControlError(f"the simulator says: {answer.get('msg') or answer}")
        return answer

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()
