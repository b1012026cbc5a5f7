"""Trading rules of the venue's symbols: asked for daily, versioned, in the ledger, and told to whoever uses them."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from pydantic import TypeAdapter, model_validator

from messages.base import Body, Command, Evidence
from messages.records import Record, Stream
from messages.values import Name, Nanoseconds, Number, Price, Quantity, Symbol, Value


class TickBand(Value):
    """The tick of prices from `from_price` up to the next band."""

    from_price: Number
    tick_size: Price


TICK_BANDS = TypeAdapter(tuple[TickBand, ...])
"""To and from JSON, for a column of a table."""


def tick_in(bands: Sequence[TickBand], price: Decimal) -> Decimal:
    """The tick of the band that `price` lies in. `bands` rise by from_price; ValueError for a price below them all."""
    below = [band.tick_size for band in bands if band.from_price <= price]
    if not below:
        raise ValueError(f"no tick band holds {price}")
    return below[-1]


class Instrument(Value):
    """Trading rules of one symbol, as the venue states them; `version` names the list they came from."""

    symbol: Symbol
    base_asset: str
    quote_asset: str
    """The currency that prices are in."""
    tick_size: Price
    """Of every price; with bands the finest of them, and a price has the tick of its band."""
    lot_size: Quantity
    min_quantity: Quantity
    max_quantity: Quantity
    min_notional: Number
    is_trading: bool
    status: str = ""
    """The venue's own word for it."""
    sector: str = ""
    """Where the venue has sectors."""
    version: str
    as_of_ns: Nanoseconds | None = None
    """When the venue said so last, by the trading clock; None where that clock is a tape's: they never grow old."""
    tick_bands: tuple[TickBand, ...] = ()
    """Where the tick grows with the price (KRX), from the lowest band up; empty: `tick_size` holds everywhere."""

    @model_validator(mode="after")
    def _bands_meet(self) -> "Instrument":
        """Every edge is a price of both its bands, so that rounding to a tick of one never lands off one of another."""
        if not self.tick_bands:
            return self
        if self.tick_bands[0].from_price != 0:
            raise ValueError("the lowest tick band begins at 0")
        for lower, upper in pairwise(self.tick_bands):
            edge = upper.from_price
            if edge <= lower.from_price or edge % lower.tick_size or edge % upper.tick_size:
                raise ValueError(f"tick bands rise, and {edge:f} is a price of both that meet there")
        return self


class LoadInstruments(Command):
    """Ask the venue for its list of today."""


class InstrumentsLoaded(Evidence):
    """Answer to LoadInstruments."""

    venue: Name
    instruments: tuple[Instrument, ...]
    as_of_ns: Nanoseconds


class InstrumentsFailed(Evidence):
    venue: Name
    reason: str


class InstrumentsTold(Body):
    """The rules in force from now on. Said again now and then, for those who began later."""

    instruments: tuple[Instrument, ...]


class InstrumentsRecorded(Record):
    """A version of the list; the same one again changes nothing. Orders name the version they were checked against."""

    stream = Stream.OPS
    venue: Name
    version: str
    instruments: tuple[Instrument, ...]
    at_ns: Nanoseconds
