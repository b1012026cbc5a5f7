"""Trading rules of the venue's symbols: asked for daily, versioned, in the ledger, and told to whoever uses them."""

from messages.base import Body, Command, Evidence
from messages.records import Record, Stream
from messages.values import Name, Nanoseconds, Number, Price, Quantity, Symbol, Value


class Instrument(Value):
    """Trading rules of one symbol, as the venue states them; `version` names the list they came from."""

    symbol: Symbol
    base_asset: str
    quote_asset: str
    """The currency that prices are in."""
    tick_size: Price
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
