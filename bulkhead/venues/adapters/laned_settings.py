"""Settings of every adapter for orders over HTTP: whose account, where, and how its requests share lanes and budget."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bulkhead.venues.rate_settings import RateSettings
from bulkhead.venues.transport.http import HttpSettings
from messages.values import Name

HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
WsUrl = Annotated[str, Field(pattern=r"^wss?://[^\s?#]+$")]


class LanedSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)  # some of it is secret

    venue: Name
    account: Name = "main"
    """The house's name of it, which may be shown."""
    rest_url: HttpUrl
    """Scheme, host and port, without a path."""
    lanes: Literal[1, 2] = 2
    """2: orders, cancels, queries and snapshots have a thread and a connection each, and none delays another. 1: one
    for all, strictly one request after the other and no waiting for a turn, for runs whose order of events must not
    depend on the machine."""
    rates: RateSettings = RateSettings()
    http: HttpSettings = HttpSettings()

    @property
    def has_own_lanes(self) -> bool:
        return self.lanes > 1

    def longest_wait_s(self, allowed_s: float) -> float:
        """How long a thread may wait for a turn: with one lane the run's clock may stand still until it is answered."""
        return allowed_s if self.has_own_lanes else 0.0
