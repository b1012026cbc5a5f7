"""Orders on their way to a venue and what the venue says of them.

Commands (imperative) go OMS -> Broker -> venue; evidence (past tense) comes back and is never refused.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator

from messages.base import Body, Command, Evidence, Lane
from messages.intents import IntentWaits
from messages.values import (
    ClientOrderId,
    Fee,
    Holding,
    IntentType,
    Name,
    Nanoseconds,
    Number,
    OrderStatus,
    OrderType,
    Price,
    Quantity,
    Side,
    Size,
    Symbol,
    TimeInForce,
    Value,
)


class OrderTicket(Value):
    """Everything a venue needs to know of one order. The same ticket is sent again on a resend, never a new one."""

    client_order_id: ClientOrderId
    venue: Name
    account: Name
    symbol: Symbol
    side: Side
    order_type: OrderType
    quantity: Quantity
    limit_price: Price | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    intent_type: IntentType
    is_stop_plan: bool = False
    """An exit with which a stop plan gets out: it leaves at every stop level."""

    @model_validator(mode="after")
    def _is_possible(self) -> "OrderTicket":
        if (self.order_type is OrderType.LMT) != (self.limit_price is not None):
            raise ValueError("a limit order needs limit_price and a market order must not have one")
        if self.is_stop_plan and self.intent_type.is_entry:
            raise ValueError("a stop plan opens nothing")
        return self


class OrderRow(Value):
    """One order as the ledger keeps it (the OMS is its only writer)."""

    ticket: OrderTicket
    intent_id: str
    correlation_id: str
    """Of the tick or timer that began it, so that evidence years later still leads there."""
    strategy_id: Name
    child: Annotated[int, Field(ge=0)] = 0
    attempt: Annotated[int, Field(ge=0)] = 0
    status: OrderStatus
    filled: Size
    filled_notional: Number
    venue_order_id: str | None = None
    reason: str | None = None
    created_ns: Nanoseconds
    submitted_ns: Nanoseconds | None = None
    updated_ns: Nanoseconds
    raw: str | None = None
    """The venue's last words about it, verbatim."""
    instruments_version: str | None = None
    """The venue's list of trading rules that it was checked against; None in rows of older versions."""

    @property
    def leaves(self) -> Decimal:
        """What may still fill: zero once terminal."""
        return Decimal(0) if self.status.is_terminal else self.ticket.quantity - self.filled

    @property
    def average_price(self) -> Decimal | None:
        return self.filled_notional / self.filled if self.filled else None


class Fill(Value):
    """One execution, keyed by the venue's execution id."""

    fill_id: str
    """`<venue>:<symbol>:<execution id>`: the same execution from two sources has one id and is booked once."""
    client_order_id: ClientOrderId
    strategy_id: Name
    venue: Name
    account: Name
    symbol: Symbol
    side: Side
    quantity: Quantity
    price: Price
    fee: Fee
    fee_asset: str
    tax: Fee = Decimal(0)
    executed_ns: Nanoseconds
    is_maker: bool = False


# -- commands ---------------------------------------------------------------------------------------------------------


class SubmitOrder(Command):
    ticket: OrderTicket
    tick_received_monotonic_ns: Nanoseconds | None = None


class CancelOrder(Command):
    client_order_id: ClientOrderId
    symbol: Symbol
    reason: str
    venue_order_id: str | None = None
    """The venue's number of it, once known: all that a venue without client ids can be asked by."""


class QueryOrder(Command):
    client_order_id: ClientOrderId
    symbol: Symbol
    venue_order_id: str | None = None
    """As in CancelOrder."""


class TakeVenueSnapshot(Command):
    """Ask the venue for everything needed to reconcile."""

    symbols: tuple[Symbol, ...]
    since_ns: Nanoseconds
    """Orders and executions from this time on."""


class TellChannel(Command):
    """Ask the broker how the venue's stream of order updates is; it answers with OrderChannelUp or OrderChannelDown."""


class Reconcile(Command):
    """Compare the books with the venue now. Unless it is only a look, the gate is shut until that has ended clean.

    With a `reply_to`, a ReconcileAnswered goes there once a comparison that began after this is on disk.
    """

    reason: str
    is_look: bool = False
    """Nobody doubts the books; the gate stays as it is."""
    request_id: str = ""
    reply_to: str | None = None


# -- evidence ---------------------------------------------------------------------------------------------------------


class OrderEvidence(Evidence):
    """Common to all that a venue says about one order of ours."""

    client_order_id: ClientOrderId
    symbol: Symbol
    venue_order_id: str | None = None
    venue_time_ns: Nanoseconds | None = None
    raw: str = ""


class OrderAccepted(OrderEvidence):
    """The venue has it on its book (or took it and will match it)."""


class OrderRejected(OrderEvidence):
    """The venue said no. Final; never retried."""

    code: str
    reason: str


class OrderNotSent(OrderEvidence):
    """Proven not to have reached the matching engine; the same ticket may be sent again."""

    code: str
    reason: str
    retry_after_s: float | None = None


class OrderOutcomeUnknown(OrderEvidence):
    """Bytes left and no verdict came back. A state, not an error."""

    reason: str


class ExecutionReported(OrderEvidence):
    """One fill. `cumulative` is the venue's own running total for the order where it gives one."""

    execution_id: str
    side: Side
    quantity: Quantity
    price: Price
    fee: Fee
    fee_asset: str
    tax: Fee = Decimal(0)
    """In the currency of the price; venues that charge one at all seldom tell it apart."""
    cumulative: Size | None = None
    is_maker: bool = False


class OrderCancelled(OrderEvidence):
    cumulative: Size | None = None


class OrderExpired(OrderEvidence):
    """Ended by the venue without a cancel of ours: IOC or FOK remainder, no liquidity, end of day."""

    cumulative: Size | None = None
    reason: str = ""


class CancelRejected(OrderEvidence):
    """The cancel was refused. That the order is no longer open is not proof of how it ended: it is queried."""

    code: str
    reason: str


class CancelOutcomeUnknown(OrderEvidence):
    reason: str


class VenueOrder(Value):
    """An order as a venue lists it. `filled` and `filled_notional` are its totals so far: where the venue has no
    execution ids, their growth is all that tells of its fills."""

    client_order_id: str
    """Where the venue keeps none: ours as far as it is known, else the venue's number."""
    venue_order_id: str
    symbol: Symbol
    side: Side
    order_type: str
    status: OrderStatus
    quantity: Size
    filled: Size
    filled_notional: Number
    limit_price: Size | None = None
    created_ns: Nanoseconds
    updated_ns: Nanoseconds
    channel: str = ""
    """By which way it came in, in the venue's words: what tells our orders from those placed by hand in the same
    account. Empty where the venue does not say."""


class VenueExecution(Value):
    """An execution as a venue lists it."""

    execution_id: str
    venue_order_id: str
    symbol: Symbol
    side: Side
    quantity: Quantity
    price: Price
    fee: Fee
    fee_asset: str
    executed_ns: Nanoseconds
    is_maker: bool = False


class Balance(Value):
    asset: str
    free: Holding
    locked: Holding

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


class OrderStatusReported(Evidence):
    """Answer to a query for one order; `order` None means the venue does not know the id (which is not yet absence).
    A venue without execution ids tells this unasked, too: the order's totals are its fills."""

    client_order_id: ClientOrderId
    symbol: Symbol
    order: VenueOrder | None
    executions: tuple[VenueExecution, ...] = ()
    as_of_ns: Nanoseconds
    raw: str = ""


class OrderQueryFailed(Evidence):
    client_order_id: ClientOrderId
    symbol: Symbol
    reason: str


class VenueSnapshotTaken(Evidence):
    """The venue's own view, taken in answer to TakeVenueSnapshot."""

    venue: Name
    account: Name
    as_of_ns: Nanoseconds
    balances: tuple[Balance, ...]
    open_orders: tuple[VenueOrder, ...]
    orders: tuple[VenueOrder, ...]
    """Every order since the watermark, open or not."""
    executions: tuple[VenueExecution, ...]


class VenueSnapshotFailed(Evidence):
    venue: Name
    reason: str


class OrderChannelUp(Evidence):
    """The venue's stream of order updates is subscribed and answering."""

    lane = Lane.ORDER
    venue: Name


class OrderChannelDown(Evidence):
    venue: Name
    reason: str
    attempt: int


class VenueProtocolError(Evidence):
    """Bytes from the order channel that the codec could not read; the raw text is kept."""

    venue: Name
    reason: str
    raw: str


# -- what the OMS tells the house -------------------------------------------------------------------------------------


class OrderUpdated(Body):
    """Every change of an order, rejects included. Reaches the strategy as `on_order_update`."""

    order: OrderRow
    change: str
    """accepted, partial, filled, rejected, cancelled, expired, unknown, resolved, failed ..."""
    is_late: bool = False
    """Evidence that came after the order had ended, or from before a restart."""


class FillBooked(Body):
    """A fill that is durable in the ledger. Exactly one per execution."""

    fill: Fill
    intent_type: IntentType
    order_quantity: Quantity
    decision_price: Price | None = None
    """Mid at the decision, for slippage."""


class Reconciled(Body):
    """A reconciliation finished. The gate may open only after one that is clean, though an order in doubt may still be
    among its `drifts` where only an operator can tell of it."""

    venue: Name
    is_clean: bool
    doubts: int
    """The gate's count of doubts when it began."""
    fills_booked: int
    orders_resolved: int
    foreign_orders: int
    drifts: tuple[str, ...]
    skipped: int
    took_s: float


class OrdersTold(Body):
    """The OMS's answer to TellState: every order asked for that is not terminal, with its intent's reservation."""

    orders: tuple[OrderRow, ...]
    reserved_notional: dict[str, Number]
    """By intent id."""
    waiting: tuple[IntentWaits, ...] = ()
