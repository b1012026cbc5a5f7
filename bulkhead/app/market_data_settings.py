"""`[market_data]` of a configuration: the order of the data, when it counts as delayed, and what stands in for it."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from bulkhead.app.execution_settings import PositiveSeconds, Section
from bulkhead.market.freshness import Limits
from bulkhead.market.guarantee import Guarantee
from bulkhead.market.ordering import NS_PER_MS, NS_PER_S, OrderSettings
from bulkhead.market.sources import AGE_FACTOR
from messages.values import Symbol

CalendarName = Annotated[str, Field(min_length=1, max_length=32)]


class MarketDataSettings(Section):
    guarantee: Guarantee = Guarantee.PER_SYMBOL
    """`best_effort`: nothing waits. `per_symbol`: the data of a symbol is in order, and waits only while something of
    it is missing. `global`: all symbols make one sequence by event time, for which each waits for the others."""
    reorder_wait_ms: Annotated[int, Field(ge=0, le=60_000)] = 250
    """How long what follows a missing trade waits for it, at most; then the gap is declared."""
    max_lag_s: PositiveSeconds = 10.0
    """Data whose time lies further behind ours is a data delay; further ahead, it is not traded on. No tick for
    `venue.max_silence_s` is one, too."""
    settle_s: Annotated[float, Field(ge=0, le=3_600)] = 5.0
    """Ticks must flow for so long before a data delay is over."""
    snapshot_interval_s: Annotated[float, Field(ge=1, le=3_600)] = 30.0
    """While ticks are delayed, quotes are asked for this often: of the feed's provider, then of the broker."""
    rest_url: str | None = None
    """Where the feed's provider is asked for quotes; unset: at `venue.rest_url`, within the same request limits."""
    broker_spread_share: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.5")
    """Of the widest spread that an entry may meet, while quotes are the broker's: the limit is stricter by this."""
    calendar: CalendarName | None = None
    """When the symbols are traded: `always`, or an exchange as exchange_calendars names it (`XKRX`, `XNYS`): silence
    counts only then. Unset: as the adapter knows it."""
    calendars: dict[Symbol, CalendarName] = Field(default_factory=dict)
    """The same for single symbols that are traded elsewhere."""
    health_interval_s: PositiveSeconds = 5.0
    """The quality of the data is told this often, and when it changes."""

    @model_validator(mode="after")
    def _waits_are_in_order(self) -> Self:
        if self.reorder_wait_ms >= self.max_lag_s * 1_000:
            raise ValueError(
                f"reorder_wait_ms = {self.reorder_wait_ms} would let data wait until it is too old by max_lag_s ="
                f" {self.max_lag_s:g}: make one of them smaller, or larger"
            )
        return self

    @property
    def max_fallback_age_s(self) -> float:
        """Until when the last answer of a fallback source is fresh."""
        return self.snapshot_interval_s * AGE_FACTOR

    def order(self) -> OrderSettings:
        return OrderSettings(self.reorder_wait_ms * NS_PER_MS, int(self.max_lag_s * NS_PER_S))

    def limits(self, max_silence_s: float) -> Limits:
        return Limits(max_silence_s, self.max_lag_s, self.settle_s)
