"""Strangers: orders and executions in our account that are in no book of ours, and what an operator said of them."""

from enum import StrEnum

from pydantic import Field

from messages.orders import VenueExecution, VenueOrder
from messages.values import Name, Nanoseconds, Symbol, Value


class StrangerKind(StrEnum):
    ORDER = "order"
    FILL = "fill"


class Verdict(StrEnum):
    SEEN = "seen"
    """Nobody has decided yet."""
    ADOPTED = "adopted"
    """It is ours from then on."""
    IGNORED = "ignored"
    """Left alone for good, and no doubt any more."""


class Stranger(Value):
    """One of them, as the ledger keeps it."""

    kind: StrangerKind
    symbol: Symbol
    number: str
    """The venue's order id or execution id: unique within its symbol."""
    verdict: Verdict
    strategy_id: Name | None = None
    """Whose it has become."""
    decided_ns: Nanoseconds | None = None
    order: VenueOrder | None = None
    execution: VenueExecution | None = None
    """What was seen of it; neither for one that was never seen here."""
    seen_ns: Nanoseconds | None = None
    """When an order was first seen; None where older versions saw it, and for executions."""
    seq: int
    """Of the event that first told of it."""

    @property
    def key(self) -> str:
        return key_of(self.kind, self.symbol, self.number)


def key_of(kind: StrangerKind, symbol: str, number: str) -> str:
    return f"{kind}:{symbol}:{number}"


class Settlement(Value):
    """When an operator last settled what differed in an asset."""

    asset: str
    seq: int
    at_ns: Nanoseconds


class KnownStrangers(Value):
    """What a restart must know of them."""

    strangers: tuple[Stranger, ...] = ()
    """The latest ones, oldest first. An execution that is booked as a fill of ours is not among them."""
    settlements: tuple[Settlement, ...] = ()
    adjustment_ids: tuple[str, ...] = ()
    """The latest adjustments that changed a position, so that none is counted twice."""
    opening_seq: int = Field(default=0, ge=0)
    """Of the opening balances: whatever was executed before is in them."""
