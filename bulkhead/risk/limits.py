"""Risk limits: settings with a unit in each name, a sensible default, and no contradictions.

Amounts of money are in `currency`. Limits on entries never hold back an exit. A trip is by loss, never by profit.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from messages.codes import ErrorCode
from messages.values import Mode, StopLevel, Value

Money = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
MoneyOrZero = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Bps = Annotated[Decimal, Field(gt=0, le=10_000, allow_inf_nan=False)]
Share = Annotated[Decimal, Field(gt=0, lt=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Scope = Annotated[str, Field(pattern=r"^(all|(venue|strategy|symbol):[A-Za-z0-9._-]+)$")]


class GuardNotEnabled(RuntimeError):
    """Live trading with the risk guard switched off (LIVE_GUARD_NOT_ENABLED)."""

    code = ErrorCode.LIVE_GUARD_NOT_ENABLED


class RiskLimits(Value):
    enabled: bool = True
    """Live refuses to start without it. In paper, off means that only duplicates are refused."""
    currency: str = "USDT"
    """Of every amount below."""

    # -- before the trade: entries only
    max_positions: Count = 10
    """Positions of all strategies that are open, or being opened."""
    max_symbol_exposure: Money = Decimal(10_000)
    """Worth of all positions in one symbol, with every entry in flight at its worst case."""
    max_gross_exposure: Money = Decimal(50_000)
    """The same over all symbols; longs and shorts do not cancel out."""
    max_order_notional: Money = Decimal(5_000)
    max_order_quantity: Money | None = None
    """In base units; None: the notional alone limits it."""
    price_collar_bps: Bps = Decimal(200)
    """How far a limit price may lie from the market; also what a market order is assumed to slip at worst."""
    max_spread_bps: Bps = Decimal(50)
    max_orders_per_s: Count = 10
    max_orders_per_day: Count = 5_000
    """Days are UTC."""
    max_trades_per_day: Count = 1_000
    """Finished round trips."""
    min_cash: MoneyOrZero = Decimal(0)
    """Kept back: no entry may be able to spend it."""
    max_market_age_s: Seconds = 10.0
    dust_notional: MoneyOrZero = Decimal(5)
    """A position worth less is what rounding left over, and no position."""
    settle_s: Seconds = 1.0
    """A closed intent's fills stay reserved until a portfolio this much younger has been told: it has them for sure."""

    # -- after the trade
    max_daily_loss: Money = Decimal(1_000)
    max_drawdown: Money = Decimal(2_000)
    """Below the highest equity so far."""
    max_consecutive_rejects: Count = 5
    max_slippage_bps_p95: Bps = Decimal(50)
    min_slippage_sample: Count = 20
    """Fills below which the slippage is not judged."""
    max_reject_rate: Share = Decimal("0.5")
    """Rejected share of the orders in the window."""
    min_reject_sample: Count = 20
    max_consecutive_losses: Count = 20
    """Round trips."""

    approach_share: Share = Decimal("0.8")
    """A loss or rate at this share of its limit alerts."""
    trip_level: StopLevel = StopLevel.MEDIUM
    trip_scope: Scope = "all"

    @field_validator("trip_level", mode="before")
    @classmethod
    def _level_by_name(cls, value: object) -> object:
        return StopLevel[value] if isinstance(value, str) and value in StopLevel.__members__ else value

    @model_validator(mode="after")
    def _do_not_contradict(self) -> "RiskLimits":
        smaller_first = (
            ("dust_notional", "max_order_notional"),
            ("max_order_notional", "max_symbol_exposure"),
            ("max_symbol_exposure", "max_gross_exposure"),
            ("max_orders_per_s", "max_orders_per_day"),
        )
        for small, large in smaller_first:
            if getattr(self, small) > getattr(self, large):
                raise ValueError(
                    f"{small} = {getattr(self, small)} can never be reached, since {large} = {getattr(self, large)}: "
                    f"lower the first or raise the second"
                )
        if self.trip_level < StopLevel.SOFT:
            raise ValueError(f"trip_level = {self.trip_level.name} would let entries go on: use SOFT, MEDIUM or HARD")
        return self


def require_guard(limits: RiskLimits, mode: Mode) -> None:
    """Raises GuardNotEnabled for live trading without a guard."""
    if mode is Mode.LIVE and not limits.enabled:
        raise GuardNotEnabled("live trading needs risk.enabled = true")
