"""Risk limits: settings with a unit in each name, a sensible default, and no contradictions.

Amounts of money are in `currency`. Limits on entries never hold back an exit. A trip is by loss, never by profit.
What contradicts what is in contradictions.py; what a trip does is in trips.py.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator

from bulkhead.risk.contradictions import contradictions
from bulkhead.risk.trips import TRIPPABLE, Level, Rearm, Scope, Trip, TripRule
from messages.codes import ErrorCode
from messages.values import Mode, StopLevel, Symbol, Value

Money = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
MoneyOrZero = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Bps = Annotated[Decimal, Field(gt=0, le=10_000, allow_inf_nan=False)]
Share = Annotated[Decimal, Field(gt=0, lt=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
SecondsOrZero = Annotated[float, Field(ge=0, allow_inf_nan=False)]
WEEK_OF_DAYS = 3


class GuardNotEnabled(RuntimeError):
    """Live trading with the risk guard switched off (LIVE_GUARD_NOT_ENABLED)."""

    code = ErrorCode.LIVE_GUARD_NOT_ENABLED


class RiskLimits(Value):
    enabled: bool = True
    """Live refuses to start without it. In paper, off means that only duplicates and impossible exits are refused."""
    currency: str = "USDT"
    """Of every amount below; every symbol must be quoted in it, or the run does not start."""

    # -- before the trade: entries only; what is held and what is in flight
    max_positions: Count = 10
    """Positions of all strategies that are open, or being opened."""
    max_symbol_exposure: Money = Decimal(10_000)
    """Worth of all positions in one symbol, with every entry in flight at its worst case."""
    max_sector_exposure: Money | None = None
    """The same over all symbols of one sector of `[risk.sectors]`; None: no limit of its own."""
    max_gross_exposure: Money = Decimal(50_000)
    """The same over all symbols; longs and shorts do not cancel out."""
    max_net_exposure: Money | None = None
    """Longs less shorts, in either direction, with every entry in flight that goes that way; None: as gross."""

    # -- the order itself
    max_order_notional: Money = Decimal(5_000)
    max_order_quantity: Money | None = None
    """In base units; None: the notional alone limits it."""
    max_adv_share: Share | None = None
    """An entry, with the entries in flight in its symbol, as a share of the symbol's average daily volume in
    `[risk.adv_notional]`; None: no limit."""
    price_collar_bps: Bps = Decimal(200)
    """How far a limit price may lie from the market; also what a market order is assumed to slip at worst."""
    max_spread_bps: Bps = Decimal(50)
    max_order_slippage_bps: Bps = Decimal(200)
    """An entry that is worse than the market by more at its limit, or that a market order must be expected to be by the
    quotes, is refused; an order whose fills were worse by more alerts, or trips where `[risk.trips]` names it."""

    # -- how often and when
    max_orders_per_s: Count = 10
    max_orders_per_day: Count = 5_000
    """Approved intents of the trading day, over restarts; a split one counts once."""
    max_trades_per_day: Count = 1_000
    """Round trips of the trading day, over restarts: those that are finished, and each position that is open or being
    opened."""
    no_entry_first_s: SecondsOrZero = 0.0
    """No entry so long after the session opens; 0: none is held back."""
    no_entry_last_s: SecondsOrZero = 0.0
    """No entry so long before the session closes; 0: none is held back."""
    cooldown_after_losses: Count = 10
    """A strategy that lost so many round trips in a row makes no entry for `cooldown_s`; then the row begins anew."""
    cooldown_s: SecondsOrZero = 300.0
    """0: no pause."""

    # -- what an entry rests on
    min_cash: MoneyOrZero = Decimal(0)
    """Kept back: no entry may be able to spend it."""
    max_market_age_s: Seconds = 10.0
    """No entry that was decided on an older market. Quotes that are asked for while the feed is silent may be one and a
    half times `market_data.snapshot_interval_s` old."""
    max_portfolio_age_s: Seconds = 30.0
    """No entry on a portfolio that is older; it alerts, or trips where `[risk.trips]` names it."""
    max_health_age_s: Seconds = 60.0
    """No entry where the data quality of a feed was told once and has not been told for so long."""
    dust_notional: MoneyOrZero = Decimal(5)
    """A position worth less is what rounding left over, and no position."""
    settle_s: Seconds = 1.0
    """A closed intent's fills stay reserved until a portfolio this much younger has been told: it has them for sure."""

    # -- after the trade
    max_daily_loss: Money = Decimal(1_000)
    max_weekly_loss: Money | None = None
    """Since the week began (Monday), over restarts; reaching it trips. None: three times `max_daily_loss`."""
    max_drawdown: Money = Decimal(2_000)
    """Below the highest equity so far, over restarts."""
    max_consecutive_rejects: Count = 5
    max_slippage_bps_p95: Bps = Decimal(50)
    min_slippage_sample: Count = 20
    """Fills below which the slippage is not judged."""
    max_reject_rate: Share = Decimal("0.5")
    """Rejected share of the orders in the window."""
    min_reject_sample: Count = 20
    max_consecutive_losses: Count = 20
    """Round trips of all strategies."""
    max_late_share: Share = Decimal("0.2")
    """Of a symbol's ticks, those that came after newer ones: alerts, or trips where `[risk.trips]` names it."""
    min_tick_sample: Count = 100
    """Ticks below which their lateness is not judged."""

    # -- alerts and trips
    approach_share: Share = Decimal("0.8")
    """An exposure, count, loss or rate at this share of its limit alerts, once."""
    approach_clear_share: Share = Decimal("0.1")
    """It may alert again once it lies this share of its limit below that."""
    trip_level: Level = StopLevel.MEDIUM
    trip_scope: Scope = "all"
    trips: dict[str, TripRule] = Field(default_factory=dict)
    """What a trip of one limit does, by the limit's name."""

    # -- tables
    sectors: dict[Symbol, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    """Sector of each symbol; one that is missing is refused where a limit needs it."""
    adv_notional: dict[Symbol, Money] = Field(default_factory=dict)
    """Average daily volume of each symbol, in `currency`; one that is missing is refused where a limit needs it."""

    @model_validator(mode="after")
    def _do_not_contradict(self) -> "RiskLimits":
        if found := contradictions(self):
            raise ValueError("; ".join(found))
        return self

    # -- with the defaults that depend on others -----------------------------------------------------------------------

    @property
    def net_exposure_limit(self) -> Decimal:
        return self.max_gross_exposure if self.max_net_exposure is None else self.max_net_exposure

    @property
    def weekly_loss_limit(self) -> Decimal:
        return self.max_daily_loss * WEEK_OF_DAYS if self.max_weekly_loss is None else self.max_weekly_loss

    def trip_of(self, limit_name: str, subjects: dict[str, str] | None = None) -> Trip | None:
        """What a trip of this limit does; None where it only alerts. `subjects`: whom it concerns, by kind of scope."""
        rule = self.trips.get(limit_name)
        if rule is None:
            return Trip(self.trip_level, self.trip_scope, Rearm.OPERATOR) if TRIPPABLE[limit_name][0] else None
        level = self.trip_level if rule.level is None else rule.level
        scope = self.trip_scope if rule.scope is None else rule.scope
        named = (subjects or {}).get(scope)
        if named is not None:
            return Trip(level, f"{scope}:{named}", rule.rearm, named)
        return Trip(level, "all" if scope in ("strategy", "symbol") else scope, rule.rearm)


def require_guard(limits: RiskLimits, mode: Mode) -> None:
    """Raises GuardNotEnabled for live trading without a guard."""
    if mode is Mode.LIVE and not limits.enabled:
        raise GuardNotEnabled("live trading needs risk.enabled = true")
