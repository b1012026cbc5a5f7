"""A supervised WebSocket reader: connects, hands over every text, reconnects for ever until it is closed.

It is a thread that reads; it does not know what the texts mean. A handler that raises is reported and costs the
connection, never the thread. The delay between attempts doubles up to a cap, with jitter, and falls back only after a
connection has stood for a while: a peer that accepts and drops at once is not hammered.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from bulkhead.venues.transport.http import OnFault
from bulkhead.venues.transport.ws_connection import ConnectionLost, WsConnection, WsSettings

_MAX_DOUBLINGS = 32


class BackoffSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    first_s: float = Field(0.5, gt=0, le=60)
    cap_s: float = Field(30.0, gt=0, le=600)
    stable_after_s: float = Field(10.0, ge=0, le=600)
    """A connection that stood this long clears the count of failed attempts."""

    def delay_s(self, attempt: int, rng: random.Random) -> float:
        """Before attempt `attempt` + 1, counted from 1: between half and the whole of the capped doubling."""
        whole = min(self.cap_s, self.first_s * 2.0 ** min(attempt - 1, _MAX_DOUBLINGS))
        return whole * rng.uniform(0.5, 1.0)


@dataclass(frozen=True, slots=True)
class WsHandler:
    """What a reader calls, always on its own thread."""

    on_text: Callable[[str], None]
    on_up: Callable[[WsConnection], None]
    """The handshake is done; may send a subscription."""
    on_down: Callable[[str, int], None]
    """Reason, and which failure in a row this is, from 1. Also told for attempts that never came up."""


class WsReader:
    """One thread for one URL."""

    def __init__(
        self,
        name: str,
        url: str,
        handler: WsHandler,
        rng: random.Random,
        on_fault: OnFault,
        settings: WsSettings | None = None,
        backoff: BackoffSettings | None = None,
    ) -> None:
        self.name = name
        self._url = url
        self._handler = handler
        self._rng = rng
        self._on_fault = on_fault
        self._settings = settings or WsSettings()
        self._backoff = backoff or BackoffSettings()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._connection: WsConnection | None = None
        self._drop_reason: str | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def drop(self, reason: str) -> None:
        """End the present connection, for `reason`; the reader connects again. From any thread."""
        with self._lock:
            if self._connection is not None:
                self._drop_reason = reason
                self._connection.abort()

    def close(self, deadline_s: float) -> bool:
        """Stop for good. True if the thread ended in time. Tells no `on_down`: who closes knows."""
        self._stop.set()
        with self._lock:
            if self._connection is not None:
                self._connection.abort()
        if self._thread.ident is None:
            return True
        self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        attempt = 0
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                reason, came_up = self._one_connection()
            except Exception as error:  # noqa: BLE001 -- a handler's bug is reported and costs one connection
                self._on_fault(self.name, error)
                reason, came_up = f"our handler failed: {type(error).__name__}: {error}", True
            if self._stop.is_set():
                return
            is_stable = came_up and time.monotonic() - began >= self._backoff.stable_after_s
            attempt = 1 if is_stable else attempt + 1
            try:
                self._handler.on_down(reason, attempt)
            except Exception as error:  # noqa: BLE001 -- as above
                self._on_fault(self.name, error)
            self._stop.wait(self._backoff.delay_s(attempt, self._rng))

    def _one_connection(self) -> tuple[str, bool]:
        """Reason of the end, and whether it ever came up."""
        try:
            connection = WsConnection(self._url, self._settings)
        except ConnectionLost as error:
            return str(error), False
        with self._lock:
            self._connection, self._drop_reason = connection, None
        try:
            if not self._stop.is_set():
                self._handler.on_up(connection)
            while not self._stop.is_set():
                for text in connection.receive():
                    self._handler.on_text(text)
                    if (dropped := self._dropped()) is not None:
                        return dropped, True
        except ConnectionLost as error:
            return self._dropped() or str(error), True
        finally:
            with self._lock:
                self._connection = None
            connection.close()
        return "closed by us", True

    def _dropped(self) -> str | None:
        return self._drop_reason
