"""Stop plans on their way to the order path, and on record."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from messages.base import Command, Lane
from messages.failure import StopPlanState
from messages.records import Record, Stream
from messages.values import Name, Nanoseconds, Symbol, Value


class Reduction(Value):
    """What is held in a scope is sold off bit by bit. Neither strategy nor symbol named is everything."""

    reduction_id: str
    """Unique; the same again goes on with what it has begun."""
    reason: str
    strategy_id: Name | None = None
    symbol: Symbol | None = None


class SetReductions(Command):
    """All reductions that are in force from now on: one that is not among them ends. Sent again without harm."""

    lane = Lane.SYSTEM

    reductions: tuple[Reduction, ...]
    share_per_min: Annotated[Decimal, Field(gt=0, le=1)]
    """Of what was held when the reduction began."""


class ReductionRecorded(Record):
    """What a reduction has come to: told with each step that sells, and at its end."""

    stream = Stream.RISK
    reduction_id: str
    scope: str
    reason: str
    step: int
    """Counts the minutes from its beginning on, from 1."""
    closes: tuple[str, ...]
    """`<side> <quantity> <symbol> for <strategy>`, sent at the market in this step."""
    left_over: tuple[str, ...]
    """Holdings too small to be sold, with code and numbers."""
    positions: tuple[str, ...]
    """In scope and not flat before this step, and what each was when it began."""
    is_over: bool
    """Flat but for what is left over, or nobody wants it any more."""
    at_ns: Nanoseconds


class StopPlansRecorded(Record):
    """Which stop plans run, and which wait for what, from now on."""

    stream = Stream.RISK
    plans: tuple[StopPlanState, ...]
