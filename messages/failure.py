"""Failures, trips and what is done about them."""

from enum import StrEnum

from pydantic import Field

from messages.base import Body, Command, Lane
from messages.portfolio import PortfolioSnapshot
from messages.values import Name, Nanoseconds, StopLevel, StopPlan, Symbol, Value


class FailureMode(StrEnum):
    DATA_DELAY = "data_delay"
    EXCHANGE_DISCONNECT = "exchange_disconnect"
    EXECUTION_DELAY = "execution_delay"
    ORDER_IN_DOUBT = "order_in_doubt"
    RATE_LIMIT = "rate_limit"
    BROKER_DISCONNECT = "broker_disconnect"
    ACTOR_CRASH_LOOP = "actor_crash_loop"
    ACTOR_STUCK = "actor_stuck"
    LEDGER_FAILURE = "ledger_failure"
    CLOCK_SKEW = "clock_skew"
    POSITION_DRIFT = "position_drift"
    SPLIT_BRAIN = "split_brain"
    AUTH_EXPIRED = "auth_expired"
    INSTRUMENTS_OLD = "instruments_old"
    INBOX_UNAVAILABLE = "inbox_unavailable"


class StopReason(Value):
    """One reason in force: why, how strict, for what, and who may lift it."""

    reason_id: str
    """Unique per cause, for example `risk:daily_loss` or `recovery:oms`."""
    level: StopLevel
    scope: str = "all"
    """`all`, `venue:<name>`, `strategy:<id>` or `symbol:<symbol>`."""
    cause: str
    since_ns: Nanoseconds
    needs_operator: bool = False
    plan: StopPlan | None = None
    """None: as belongs to the level."""
    is_technical: bool = False
    """A failure of the machinery, no judgement about the market: the gate shuts, and the plan waits until the books
    are compared and an operator confirms it, or `stops.technical_plans = "automatic"`."""

    @property
    def effective_plan(self) -> StopPlan:
        return StopPlan.of(self.level) if self.plan is None else self.plan


class StopPlanState(Value):
    """One plan, as it is recorded and shown."""

    scope: str
    plan: StopPlan
    reason_ids: tuple[str, ...]
    """Those that ask for it, the oldest first."""
    waits_for: str | None = None
    """Why it does not run yet; None: it runs, or is done."""


class FailureReported(Body):
    lane = Lane.SYSTEM

    mode: FailureMode
    scope: str = "all"
    detail: str
    recovered: bool = False
    by_operator: bool = False
    """It has recovered because an operator saw to it."""
    fallback: Name | None = None
    """The source that stands in for what failed, while it is fresh: a mode that may soften counts as REDUCED then."""


class RiskTripped(Body):
    """A limit was broken. Carries the evidence: the numbers, the portfolio and the execution quality at that moment."""

    lane = Lane.SYSTEM

    code: str
    limit_name: str
    value: str
    limit: str
    level: StopLevel
    scope: str
    detail: str
    portfolio: PortfolioSnapshot | None
    execution_quality: dict[str, str]
    about: str = ""
    """Of which strategy or symbol, where its scope is that of the one concerned."""
    rearm: str = "operator"
    """Who lifts it: an operator, or (`automatic`) the guard once the figure is well below its limit."""


class LimitApproached(Body):
    limit_name: str
    value: str
    limit: str
    share: str
    """Of the limit; 1 and more where the limit only alerts."""
    about: str = ""
    """Of which symbol, sector or order, where the limit holds for each of them."""
    detail: str = ""


class LimitRearmed(Body):
    """A trip of this limit is no longer in force."""

    limit_name: str
    by_operator: bool
    """The figures that cannot fall by themselves begin anew: somebody has looked at them."""
    at_ns: Nanoseconds


class StopLevelChanged(Body):
    lane = Lane.SYSTEM

    level: StopLevel
    reasons: tuple[StopReason, ...]


class StopLevelTold(Body):
    """The level in force for the whole house, to those who cannot read the gate themselves: a process apart."""

    lane = Lane.SYSTEM

    level: StopLevel
    change: int
    """Counts the gate's changes: of two that cross on their way the higher is the newer."""
    levels: dict[str, StopLevel] = Field(default_factory=dict)
    """By each scope that some reason names; `all` is the house."""

    def level_for(self, venue: str, strategy_id: str, symbol: str) -> StopLevel:
        """The strictest of all that concern an order of a strategy in a symbol."""
        names = ("all", f"venue:{venue}", f"strategy:{strategy_id}", f"symbol:{symbol}")
        return max((self.levels.get(name, StopLevel.RUN) for name in names), default=self.level)


class CancelEntries(Command):
    """Part of a stop plan: cancel what would open or enlarge a position; `everything` cancels exits too."""

    lane = Lane.SYSTEM

    reason: str
    everything: bool = False
    strategy_id: Name | None = None
    symbol: Symbol | None = None
