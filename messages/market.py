"""What the feeds say. Prices of one symbol at one venue; event time is the venue's, receive time is ours."""

from messages.base import Body, Command, Lane
from messages.market_health import DataSource
from messages.values import Level, MarketSnapshot, Name, Nanoseconds, Price, Quantity, Side, Size, Symbol


class MarketData(Body):
    """Common to everything a feed says.

    `event_time_is_receipt` marks data for which the venue gave no time of its own, so that ours stands in.
    `received_monotonic_ns` is only for measuring spans; it is never compared across processes.
    """

    lane = Lane.DATA

    venue: Name
    symbol: Symbol
    event_time_ns: Nanoseconds
    received_at_ns: Nanoseconds
    received_monotonic_ns: Nanoseconds
    event_time_is_receipt: bool = False


class Trade(MarketData):
    """One public print. `trade_id` is the venue's, rising by one per symbol where the venue promises it."""

    price: Price
    quantity: Quantity
    trade_id: int | None = None
    aggressor: Side | None = None


class Quote(MarketData):
    """Best bid and ask. A side is None when the book has none there."""

    bid: Price | None
    bid_quantity: Size | None
    ask: Price | None
    ask_quantity: Size | None
    update_id: int | None = None
    source: DataSource = DataSource.FEED
    """Any other: the answer of a fallback source to a question of ours, and no tick of the feed."""
    is_conflated = True

    def conflation_key(self) -> str:
        return f"{self.venue}:{self.symbol}:quote:{self.source.value}"


class Book(MarketData):
    """Several levels of the book, best first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    update_id: int | None = None
    is_conflated = True

    def conflation_key(self) -> str:
        return f"{self.venue}:{self.symbol}:book"


class Bar(MarketData):
    """Open, high, low, close of `[open_time_ns, close_time_ns)`; closed by event time, never by our clock.

    `is_complete` is False when data of the interval is known to be missing.
    """

    open_time_ns: Nanoseconds
    close_time_ns: Nanoseconds
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Size
    trade_count: int
    is_complete: bool = True


class QuotesFailed(Body):
    """A fallback source was asked for quotes of these symbols and has none."""

    lane = Lane.ORDER

    source: DataSource
    symbols: tuple[Symbol, ...]
    reason: str


class FeedConnected(Body):
    """The socket is up. The subscription counts as up only when data flows."""

    lane = Lane.ORDER
    feed: Name


class FeedDisconnected(Body):
    """A disconnect is an event like a tick, not an exception."""

    lane = Lane.ORDER
    feed: Name
    reason: str
    attempt: int


class FeedProtocolError(Body):
    """Bytes from the venue that its codec could not read; the raw text is kept."""

    lane = Lane.ORDER
    feed: Name
    reason: str
    raw: str


class FeedGap(Body):
    """Something between two sequence numbers never came; no decision is made across it until it is declared over.

    A feed whose trades have no numbers tells it by the volume of the day: what it should have grown to, and what it
    has. Where a connection was lost and nothing tells how much was missed, both are 0, and `reason` says why."""

    lane = Lane.ORDER
    venue: Name
    symbol: Symbol
    expected_id: int
    received_id: int
    event_time_ns: Nanoseconds
    reason: str = ""


class TellMarket(Command):
    """Asks MarketData for what it saw last of a symbol: for who needs it too seldom to listen to every tick."""

    symbol: Symbol


class MarketTold(Body):
    """The answer to TellMarket; None while nothing has been seen of the symbol."""

    symbol: Symbol
    market: MarketSnapshot | None
