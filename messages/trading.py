"""Decisions, intents and risk verdicts: the way from a tick to an order that may be sent."""

from typing import Annotated, Generic, TypeVar

from pydantic import Field, model_validator

from messages.base import Body, Command, Lane
from messages.market_health import DataSource
from messages.values import (
    Action,
    IntentType,
    MarketSnapshot,
    Name,
    Nanoseconds,
    Number,
    OrderType,
    Origin,
    Price,
    Quantity,
    Side,
    SplitPolicy,
    StopLevel,
    Symbol,
    TimeInForce,
    Value,
)


class Decision(Value):
    """What a strategy decided about one symbol, and why. Returned from the strategy's callbacks.

    `quantity` None on ENTER leaves the size to the sizing policy; on EXIT it means the whole position.
    `limit_price` None means a market order. `split` is the way in which it is carried out, and `valid_for_s` for how
    long it is worked on at most: docs/EXECUTION.md. Build one with `enter`, `exit`, `hold` or `skip`, which take every
    field by its name.
    """

    symbol: Symbol
    action: Action
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    reason_codes: tuple[str, ...] = ()
    side: Side | None = None
    quantity: Quantity | None = None
    limit_price: Price | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    split: SplitPolicy = SplitPolicy.SINGLE
    scores: dict[str, Number] = Field(default_factory=dict)
    stop_price: Price | None = None
    """Where the strategy will give the entry up: a policy that risks a share of the equity sizes it by that. No order
    is placed there."""
    valid_for_s: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _side_belongs_to_action(self) -> "Decision":
        if self.action is Action.ENTER and self.side is None:
            raise ValueError("an ENTER decision needs a side")
        return self

    @classmethod
    def enter(cls, symbol: str, side: Side, reason: str, **more: object) -> "Decision":
        return cls.model_validate({"symbol": symbol, "action": Action.ENTER, "side": side, "reason": reason, **more})

    @classmethod
    def exit(cls, symbol: str, reason: str, **more: object) -> "Decision":
        return cls.model_validate({"symbol": symbol, "action": Action.EXIT, "reason": reason, **more})

    @classmethod
    def hold(cls, symbol: str, reason: str, **more: object) -> "Decision":
        return cls.model_validate({"symbol": symbol, "action": Action.HOLD, "reason": reason, **more})

    @classmethod
    def skip(cls, symbol: str, reason: str, **more: object) -> "Decision":
        return cls.model_validate({"symbol": symbol, "action": Action.SKIP, "reason": reason, **more})


class DecisionMade(Body):
    """A decision with everything it was made from (stream OBS-500)."""

    lane = Lane.ORDER

    decision_id: str
    strategy_id: Name
    decision: Decision
    market: MarketSnapshot | None
    position: Number
    strategy_state: dict[str, str]
    stop_level: StopLevel
    decision_time_ns: Nanoseconds
    intent_id: str | None = None
    """Set when an intent was made of it."""
    note: str | None = None
    """Why no intent was made of an ENTER or EXIT, in words."""
    source: DataSource = DataSource.FEED
    """The source of market data that was in force for the symbol."""


class OrderIntent(Command):
    """A wish to trade, not yet approved. `action_key` is unique: the same decision can never make two intents."""

    intent_id: str
    action_key: str
    correlation_id: str
    origin: Origin
    strategy_id: Name
    venue: Name
    account: Name
    group_id: str
    leg: Annotated[int, Field(ge=0)] = 0
    symbol: Symbol
    side: Side
    intent_type: IntentType
    quantity: Quantity
    order_type: OrderType
    limit_price: Price | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    split: SplitPolicy = SplitPolicy.SINGLE
    urgency: Annotated[int, Field(ge=0, le=9)] = 5
    reason: str
    reason_codes: tuple[str, ...] = ()
    market: MarketSnapshot | None = None
    decision_id: str | None = None
    decision_time_ns: Nanoseconds
    expires_at_ns: Nanoseconds | None = None
    strategy_epoch: Annotated[int, Field(ge=0)] = 0
    tick_received_monotonic_ns: Nanoseconds | None = None
    """When the tick behind it was parsed, for measuring tick-to-order; never part of an identity."""
    is_refusable = True

    @property
    def needs_credit(self) -> bool:
        """An exit is never refused for want of room."""
        return self.intent_type.is_entry

    @property
    def subject(self) -> str:
        return self.intent_id

    @model_validator(mode="after")
    def _price_belongs_to_type(self) -> "OrderIntent":
        if (self.order_type is OrderType.LMT) != (self.limit_price is not None):
            raise ValueError("a limit order needs limit_price and a market order must not have one")
        return self


ApprovedT = TypeVar("ApprovedT", bound=Body)


class RiskApproved(Command, Generic[ApprovedT]):
    """Approval as a type: only the risk guard makes one, and the OMS takes nothing else."""

    approved: ApprovedT
    reserved_notional: Number
    checks: tuple[str, ...]
    """Each check that passed, as `name value<=limit`, so that the approval can be explained."""
    is_refusable = True

    @property
    def needs_credit(self) -> bool:
        return self.approved.needs_credit

    @property
    def subject(self) -> str:
        return self.approved.subject


class RiskRefused(Body):
    """The intent goes no further. `code` is an error code; `value` and `limit` are the numbers compared."""

    intent_id: str
    strategy_id: Name
    symbol: Symbol
    code: str
    limit_name: str
    value: str
    limit: str
    detail: str
