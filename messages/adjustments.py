"""What changes a holding without an order: deposits, dividends, splits, fees beside orders, what an operator adopts."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from messages.records import Record, Stream
from messages.values import Name, Nanoseconds, Number, Price, Symbol


class AdjustmentKind(StrEnum):
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    DIVIDEND = "DIVIDEND"
    SPLIT = "SPLIT"
    FEE = "FEE"
    ADOPTED = "ADOPTED"
    """What an operator has given to a strategy."""
    OTHER = "OTHER"


MOVE_POSITIONS = frozenset({AdjustmentKind.SPLIT, AdjustmentKind.ADOPTED})
"""Kinds that change a position too, by the same amount."""
BY_OPERATOR = "operator"
"""The source of an adjustment that an operator has asked for."""


class AdjustmentRecorded(Record):
    """A holding changed without an order. Once: the ledger refuses an adjustment_id that it has.

    Of MOVE_POSITIONS, it names the symbol and the strategy that holds it. Any other kind changes the balance alone.
    """

    stream = Stream.PORTFOLIO
    adjustment_id: str
    """The venue's own id of it where there is one, so that what is reported twice is booked once."""
    kind: AdjustmentKind
    venue: Name
    account: Name
    asset: Annotated[str, Field(min_length=1)]
    amount: Number
    """Added to what is held of the asset; below zero it leaves."""
    symbol: Symbol | None = None
    strategy_id: Name | None = None
    price: Price | None = None
    """Of ADOPTED: at what the position took it in, the mark of that moment."""
    source: str
    """venue or operator: who said so."""
    reason: str
    effective_ns: Nanoseconds

    @model_validator(mode="after")
    def _position_has_an_owner(self) -> "AdjustmentRecorded":
        if self.kind in MOVE_POSITIONS and (self.symbol is None or self.strategy_id is None):
            raise ValueError(f"a {self.kind} names the symbol and the strategy whose position it changes")
        if (self.kind is AdjustmentKind.ADOPTED) != (self.price is not None):
            raise ValueError("what is adopted has a price, and nothing else has")
        return self
