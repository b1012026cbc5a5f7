"""What the account holds, told by Portfolio after every fill and at every mark."""

from pydantic import Field

from messages.base import Body, Command, Lane
from messages.orders import Balance, VenueExecution
from messages.values import MarketSnapshot, Name, Nanoseconds, Number, Price, Symbol, Value

PORTFOLIO_TOLD_EVERY_S = 10.0
"""At the least, whether or not a price has come."""


class Position(Value):
    """One strategy's holding of one symbol. `quantity` is signed and net of fees paid in the base asset."""

    strategy_id: Name
    venue: Name
    account: Name
    symbol: Symbol
    quantity: Number
    average_price: Number
    realised_pnl: Number
    """In the quote asset, after fees."""
    fees_quote: Number
    """Fees so far, valued in the quote asset at each fill's price."""
    last_fill_id: str | None = None
    updated_ns: Nanoseconds


class PortfolioSnapshot(Body):
    """The whole account at one moment. `equity` is cash + positions at their last mark, in `currency`.

    `unmarked` names the symbols that have no price yet: they are valued at cost, and said so.
    """

    venue: Name
    account: Name
    currency: str
    cash: Number
    equity: Number
    realised_pnl: Number
    unrealised_pnl: Number
    day_pnl: Number
    peak_equity: Number
    drawdown: Number
    """`peak_equity - equity`, never negative, in `currency`."""
    positions: tuple[Position, ...]
    balances: tuple[Balance, ...]
    unmarked: tuple[Symbol, ...] = ()
    at_ns: Nanoseconds
    week_pnl: Number | None = None
    """Since the trading week began; None in snapshots of older versions."""
    marks: dict[Symbol, Number] = Field(default_factory=dict)
    """The price that each position was valued at: a restart goes on from them until the market tells others."""


class EquityTold(Body):
    """What the account is worth, for who sizes by it; told with each valuation."""

    equity: Number
    currency: str
    at_ns: Nanoseconds


class RebasePeak(Command):
    """Measure the drawdown from the equity of now on: an operator has armed its limit again."""

    reason: str


class PositionChanged(Body):
    """Told to the strategy that owns it."""

    position: Position


class RoundTrip(Value):
    """A position from flat to flat (stream OBS-520)."""

    trade_id: str
    strategy_id: Name
    venue: Name
    symbol: Symbol
    quantity: Number
    entry_price: Number
    exit_price: Number
    entry_ns: Nanoseconds
    exit_ns: Nanoseconds
    pnl: Number
    """In `currency`, after fees."""
    currency: str
    fees: Number
    buy_slippage_bps: Number | None
    sell_slippage_bps: Number | None
    buy_fill_ratio: Number
    sell_fill_ratio: Number
    trade_result: str


class TradeClosed(Body):
    """A round trip has ended; told to the risk guard."""

    trade: RoundTrip


class Marks(Body):
    """Last prices for valuation; told by MarketData once a second at most."""

    lane = Lane.DATA

    venue: Name
    prices: dict[Symbol, Price]
    quotes: tuple[MarketSnapshot, ...] = ()
    """The latest bid and ask of each symbol that has both."""
    at_ns: Nanoseconds

    def conflation_key(self) -> str:
        return f"{self.venue}:marks"


class ReconcilePortfolio(Command):
    """Compare the books with the balances that the venue stated."""

    balances: tuple[Balance, ...]
    as_of_ns: Nanoseconds
    strangers: tuple[VenueExecution, ...] = ()
    """Executions that this comparison saw and that are no order's of ours: they change balances all the same."""
    is_clean: bool = True
    """Nothing of the orders was left in doubt."""
    decided_ns: dict[str, Nanoseconds] = Field(default_factory=dict)
    """By symbol, when an operator last decided about an order or execution in it."""


class TellState(Command):
    """Asks Portfolio for a strategy's positions and the OMS for its unfinished orders; None: for everybody's."""

    strategy_id: Name | None


class PositionsTold(Body):
    """Portfolio's answer to TellState."""

    positions: tuple[Position, ...]
