"""What an operator asks of the order path by way of the desk, and what comes of it.

Each act stands in the ledger (OperatorActed) before one of these is sent. Whoever is asked answers `reply_to` once,
with the `request_id`, when what was asked for is on disk, or when it is refused.
"""

from typing import Annotated

from pydantic import Field

from messages.base import Body, Command
from messages.orders import Reconciled
from messages.records import Record, Stream
from messages.strangers import StrangerKind, Verdict
from messages.supervision import Outcome
from messages.trading import OrderIntent
from messages.values import Name, Nanoseconds, Number, Symbol


class OperatorCommand(Command):
    """Common to all of them."""

    request_id: Annotated[str, Field(min_length=1)]
    """Unique; the same again is the same act."""
    operator: str
    reason: str
    reply_to: str


class AdoptOrder(OperatorCommand):
    """A foreign order becomes a strategy's, whose name the sender has checked. `order_id` is the venue's, or its client
    order id."""

    order_id: str
    strategy_id: Name


class IgnoreStranger(OperatorCommand):
    """A foreign order or an execution of nobody's order is left alone for good. An order is named by the venue's id or
    its client order id, an execution by its own id or by `<symbol>:<id>`."""

    kind: StrangerKind
    number: str


class ResolveOrder(OperatorCommand):
    """An order in doubt, of which the venue cannot say what became of it: it is the venue's order of this number, or it
    never arrived there."""

    order_id: str
    """Client order id, or the beginning of it."""
    venue_order_id: str | None = None
    """None: it never arrived."""


class SettleDrift(OperatorCommand):
    """The venue's balance of an asset is right. What differs becomes a strategy's position, or nobody's."""

    asset: Annotated[str, Field(min_length=1)]
    strategy_id: Name | None = None
    """None: the balance alone is put right."""
    symbol: Symbol | None = None
    """Whose position it is, where the asset is the base of several that are traded."""


class LiftStops(OperatorCommand):
    """Stop reasons that an operator must lift are lifted: those named, or all of them.

    What came after they asked stays, since they have not seen it."""

    reason_ids: tuple[str, ...] = ()
    asked_ns: Nanoseconds


class ConfirmPlan(OperatorCommand):
    """The plan of a technical reason is to run: it waits no more. Not of one that came after it was asked for."""

    reason_id: Annotated[str, Field(min_length=1)]
    asked_ns: Nanoseconds


class ActAnswered(Body):
    """What came of an act. `facts` are for programs, the detail for people."""

    request_id: str
    outcome: Outcome
    detail: str = ""
    facts: dict[str, str] = Field(default_factory=dict)


class ReconcileAnswered(Body):
    """A comparison that was asked for has ended, and what it found is on disk."""

    request_id: str
    result: Reconciled


class EscapeAnswered(Body):
    """An escape that was asked for is over."""

    escape_id: str
    rounds: int
    cancelled: tuple[str, ...]
    """Client order ids, over all rounds."""
    closes: tuple[str, ...]
    """In words: what was sent at the market over all rounds, and what of it was filled."""
    left_over: tuple[str, ...]
    """Holdings that cannot be closed, with code and numbers."""
    unknown: tuple[str, ...]
    """Orders that may still execute."""
    seconds: float


class IntentAdopted(Body):
    """The OMS to the risk guard: an intent that it has not approved is open, and counts in every limit."""

    intent: OrderIntent
    reserved_notional: Number


class PositionAdjusted(Body):
    """Portfolio to the OMS: a position has changed without a fill. Counted once by its id."""

    adjustment_id: str
    strategy_id: Name
    symbol: Symbol
    change: Number


class StrangerSettled(Record):
    """An operator has said what becomes of a foreign order or an execution of nobody's order. It stands for good."""

    stream = Stream.ORDERS_FILLS
    kind: StrangerKind
    symbol: Symbol
    number: str
    verdict: Verdict
    strategy_id: Name | None = None
    operator: str
    reason: str
    at_ns: Nanoseconds
