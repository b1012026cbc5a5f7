"""What changes a holding without an order: deposits, dividends, splits, fees beside orders."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from messages.records import Record, Stream
from messages.values import Name, Nanoseconds, Number, Symbol


class AdjustmentKind(StrEnum):
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    DIVIDEND = "DIVIDEND"
    SPLIT = "SPLIT"
    FEE = "FEE"
    OTHER = "OTHER"


class AdjustmentRecorded(Record):
    """A holding changed without an order. Once: the ledger refuses an adjustment_id that it has.

    A SPLIT changes a position too, by the same amount: it names the strategy that holds it. Any other kind changes the
    balance alone.
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
    source: str
    """venue or operator: who said so."""
    reason: str
    effective_ns: Nanoseconds

    @model_validator(mode="after")
    def _split_has_an_owner(self) -> "AdjustmentRecorded":
        if self.kind is AdjustmentKind.SPLIT and (self.symbol is None or self.strategy_id is None):
            raise ValueError("a SPLIT names the symbol and the strategy whose position it changes")
        return self
