"""`[execution]` of a configuration: how orders are checked, split, repriced and watched."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bulkhead.execution.micro_pipeline import PipelineSettings
from bulkhead.execution.stages.adjust import MAX_ADJUSTMENTS, MAX_MOVE_BPS, AdjustSettings
from bulkhead.execution.stages.liquidity import HOURS, Liquidity
from bulkhead.execution.stages.split import MAX_CHILDREN, SplitSettings
from bulkhead.execution.working import OnFillTimeout, WorkSettings
from messages.values import Symbol

PositiveSeconds = Annotated[float, Field(gt=0)]
Share = Annotated[Decimal, Field(ge=0, le=1)]
Amount = Annotated[Decimal, Field(gt=0)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SplitSection(Section):
    """`[execution.split]`: for intents that name TWAP, VWAP, ICEBERG or AUTO."""

    max_children: Annotated[int, Field(ge=1, le=MAX_CHILDREN)] = MAX_CHILDREN
    """Orders of one intent; fewer where a part would be too small for the venue."""
    horizon_s: PositiveSeconds = 300.0
    """TWAP and VWAP: the last child's turn comes by then."""
    jitter_share: Share = Decimal("0.5")
    """How far into its part of the horizon a child may be put off, so that nobody can tell when the next one comes."""
    iceberg_visible_quantity: Amount | None = None
    """Of each child, in the instrument's units; unset: the share below of what the market shows."""
    iceberg_visible_share: Share = Decimal("0.2")
    """ICEBERG: each child at most this share of what the best level shows."""
    auto_min_adv_share: Share = Decimal("0.01")
    """AUTO: more than this share of a day's volume is spread over time."""
    auto_min_visible_share: Amount = Decimal(1)
    """AUTO: more than this share of what the best level shows is not taken at once."""


class LiquiditySection(Section):
    """`[execution.liquidity.<symbol>]`: what is known of a symbol's volume. VWAP needs the curve."""

    average_daily_volume: Amount | None = None
    """In the instrument's units."""
    volume_by_hour: tuple[Annotated[Decimal, Field(ge=0)], ...] = ()
    """Relative volume of the 24 hours of a day, UTC, from midnight on; any unit."""

    @model_validator(mode="after")
    def _a_whole_day(self) -> "LiquiditySection":
        if self.volume_by_hour and (len(self.volume_by_hour) != HOURS or not any(self.volume_by_hour)):
            raise ValueError(f"volume_by_hour needs {HOURS} numbers, one for each hour, and not all zero")
        return self


class ExecutionSettings(Section):
    answer_timeout_s: PositiveSeconds = 60.0
    """An order without an answer for this long is queried and its symbol skipped."""
    reconcile_interval_s: PositiveSeconds = 30.0
    """Comparison with the venue while its order stream is healthy."""
    reconcile_interval_without_stream_s: PositiveSeconds = 5.0
    query_unknown_interval_s: PositiveSeconds = 5.0
    claim_window_s: PositiveSeconds = 60.0
    """At a venue that keeps no client ids: so long an order in doubt may still appear, then an operator is asked."""
    max_spread_bps: Decimal = Decimal(50)
    price_collar_bps: Decimal = Decimal(200)
    """How far a limit price may lie from the market, entries and exits alike."""
    max_market_age_s: PositiveSeconds = 10.0
    """An entry is not sent on a market older than this."""
    fill_timeout_s: PositiveSeconds = 60.0
    """A limit order that has worked for this long without filling is repriced, cancelled first."""
    max_adjustments: Annotated[int, Field(ge=0, le=MAX_ADJUSTMENTS)] = MAX_ADJUSTMENTS
    """How often; 0: its price stays."""
    max_move_bps: Annotated[Decimal, Field(ge=0, le=MAX_MOVE_BPS)] = MAX_MOVE_BPS
    """How far from its first price in all."""
    on_fill_timeout: OnFillTimeout = OnFillTimeout.CANCEL
    """When nothing is left to adjust: `cancel` the rest, `close` at the market what was filled, too, or `keep` it."""
    split: SplitSection = Field(default_factory=SplitSection)
    liquidity: dict[Symbol, LiquiditySection] = Field(default_factory=dict)

    def precheck(self) -> PipelineSettings:
        return PipelineSettings(
            max_market_age_s=self.max_market_age_s,
            max_spread_bps=self.max_spread_bps,
            price_collar_bps=self.price_collar_bps,
        )

    def work(self) -> WorkSettings:
        return WorkSettings(
            splitting=SplitSettings(**dict(self.split)),
            adjusting=AdjustSettings(
                max_adjustments=self.max_adjustments,
                max_move_bps=self.max_move_bps,
                price_collar_bps=self.price_collar_bps,
                fill_timeout_s=self.fill_timeout_s,
                max_market_age_s=self.max_market_age_s,
            ),
            on_fill_timeout=self.on_fill_timeout,
            liquidity={symbol: Liquidity(**dict(section)) for symbol, section in self.liquidity.items()},
        )
