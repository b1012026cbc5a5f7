"""Switches that make the venue misbehave on purpose. They are ours, not Binance's, and off until a test sets them.

What each does is beside its field. Counted switches count down; the others stay until set back.
"""

from pydantic import BaseModel, ConfigDict, Field


class FaultRequest(BaseModel):
    """Body of POST /sim/faults; a switch that is not named stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lose_order_replies: int | None = Field(None, ge=0)
    """The next n orders are accepted and then the connection is closed without an answer."""
    order_status: int | None = Field(None, ge=400, le=599)
    """The next `count` orders are answered with this HTTP status; `accept` says whether they are placed first."""
    accept: bool = False
    count: int = Field(1, ge=0)
    hide_orders_ms: int | None = Field(None, ge=0)
    """An order cannot be queried (-2013) until it is this old: the lag between matching engine and database."""
    reply_latency_ms: int | None = Field(None, ge=0, le=60_000)
    """Signed requests are carried out at once and answered this much later."""
    rate_limit_next: int | None = Field(None, ge=0)
    """The next n REST requests are refused with 429."""
    drop_connections: bool = False
    """Cut every WebSocket now."""
    refuse_connections_s: float | None = Field(None, ge=0, le=3_600)
    """Cut every connection now and accept none for so long; that includes requests to these switches."""


class Faults:
    """The present state of the switches."""

    def __init__(self) -> None:
        self.lose_order_replies = 0
        self.order_status = 0
        self.accept = False
        self.order_status_count = 0
        self.hide_orders_ms = 0
        self.reply_latency_ms = 0
        self.rate_limit_next = 0

    def apply(self, request: FaultRequest) -> None:
        for name in ("lose_order_replies", "hide_orders_ms", "reply_latency_ms", "rate_limit_next"):
            value = getattr(request, name)
            if value is not None:
                setattr(self, name, value)
        if request.order_status is not None:
            self.order_status = request.order_status
            self.accept = request.accept
            self.order_status_count = request.count

    def as_json(self) -> dict[str, object]:
        return dict(vars(self))

    def take(self, name: str) -> bool:
        """Use up one of a counted switch; False when there is none left."""
        left: int = getattr(self, name)
        if left:
            setattr(self, name, left - 1)
        return left > 0
