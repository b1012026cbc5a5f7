"""Settings of the budget of requests at a venue, which is one for everything in the process."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class RateSettings(BaseModel):
    """How the budget of requests is kept. Its limits are the venue's own (exchangeInfo), not settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    is_enforced: bool = True
    """Off: nothing is held back but by Retry-After and bans, as if the venue had no limits. For tests of the venue."""
    order_wait_s: float = Field(1.0, ge=0, le=60)
    """From its hand-in, the time an order waited behind others included; then it is answered as not sent."""
    cancel_wait_s: float = Field(10.0, ge=0, le=120)
    """Once cancels have used up even their reserve; then the cancel is refused."""
    question_wait_s: float = Field(10.0, ge=0, le=120)
    """For each request of a query or snapshot; then it fails as a whole, and may be asked again."""
    cancel_reserve_share: float = Field(0.10, ge=0, le=0.5)
    """Of each limit that cancels draw on, 0 to 1: nothing else can use it."""
    exit_reserve_share: float = Field(0.10, ge=0, le=0.5)
    """Orders that reduce a position, and cancels, can use it; entries and questions cannot."""
    query_reserve_share: float = Field(0.05, ge=0, le=0.5)
    """Questions about one order, exits and cancels can use it; entries and snapshots cannot."""
    exhausted_wait_s: float = Field(300.0, ge=0, le=86_400)
    """Once "too many requests" has outlasted all retries and the venue does not say for how long: nothing but cancels
    is sent for this long."""
    margin_s: float = Field(0.25, ge=0, le=10)
    """A request counts this much longer than the venue's window."""

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if self.cancel_reserve_share + self.exit_reserve_share + self.query_reserve_share > 0.9:
            raise ValueError("the three reserve shares together leave less than a tenth to everything else")
        return self
