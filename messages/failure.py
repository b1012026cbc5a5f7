"""Failures, trips and what is done about them."""

from enum import StrEnum

from messages.base import Body, Command, Lane
from messages.portfolio import PortfolioSnapshot
from messages.values import Name, Nanoseconds, StopLevel, Symbol, Value


class FailureMode(StrEnum):
    DATA_DELAY = "data_delay"
    EXCHANGE_DISCONNECT = "exchange_disconnect"
    EXECUTION_DELAY = "execution_delay"
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


class FailureReported(Body):
    lane = Lane.SYSTEM

    mode: FailureMode
    scope: str = "all"
    detail: str
    recovered: bool = False
    by_operator: bool = False
    """It has recovered because an operator saw to it."""


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


class LimitApproached(Body):
    limit_name: str
    value: str
    limit: str
    share: str


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


class CancelEntries(Command):
    """Part of a stop plan: cancel what would open or enlarge a position; `everything` cancels exits too."""

    lane = Lane.SYSTEM

    reason: str
    everything: bool = False
    strategy_id: Name | None = None
    symbol: Symbol | None = None
