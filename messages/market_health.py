"""How good the market data of a symbol is, and which source is in force for it."""

from enum import StrEnum

from messages.base import Body, Lane
from messages.values import Name, Nanoseconds, Symbol, Value


class DataSource(StrEnum):
    """In the order in which they are fallen back upon; a decision names the one it was made from."""

    FEED = "feed"
    """Ticks of the market-data feed."""
    SNAPSHOT = "snapshot"
    """Quotes that the provider of the feed is asked for, every so many seconds."""
    BROKER = "broker"
    """Quotes that the broker is asked for: conservative checks and smaller sizes."""
    NONE = "none"
    """Nothing is fresh: no entry."""


class SourceChanged(Body):
    """Another source is in force for a symbol from now on; told to whoever hears its ticks.

    Said again every few seconds while it is not the feed, then `before` is the same source."""

    lane = Lane.ORDER

    venue: Name
    symbol: Symbol
    source: DataSource
    before: DataSource
    reason: str
    at_ns: Nanoseconds


class SymbolHealth(Value):
    """Over the last minute, unless said otherwise."""

    symbol: Symbol
    source: DataSource
    age_s: float | None
    """Since data of it last came; None: none ever did."""
    lag_ms: float | None
    """From its event time to its arrival here, the last one; None where the venue gives no time."""
    ticks: int
    late: int
    """Came after newer ones, and were not traded on."""
    duplicates: int
    gaps: int
    is_sound: bool
    """Entries may rest on it: the feed's is fresh, within its lag, and not across a gap, or a fallback source, which
    `source` names, is fresh."""


class DataHealth(Body):
    """The data quality of one feed, each symbol of it; published every few seconds and when the soundness changes."""

    lane = Lane.ORDER

    feed: Name
    symbols: tuple[SymbolHealth, ...]
    at_ns: Nanoseconds
