"""Records of the matching engine: an order request, an order, a fill, a public trade, a report of one change.

Enumerations are Binance's own words, because that is what the books keep and the wire sends. No behaviour beyond
reading; the engine alone changes an `Order`.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from bulkhead.venues.simulator.accounts import ZERO, Account

NEW, PARTIALLY_FILLED, FILLED = "NEW", "PARTIALLY_FILLED", "FILLED"
CANCELED, EXPIRED = "CANCELED", "EXPIRED"
TRADE = "TRADE"
REDUCED = "REDUCED"
"""A part was cancelled and the rest goes on; no word of Binance's, where that cannot be."""
LIMIT, MARKET = "LIMIT", "MARKET"
GTC, IOC, FOK = "GTC", "IOC", "FOK"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A new order as the client asked for it. `price` is None for MARKET."""

    symbol: str
    is_buy: bool
    type: str
    time_in_force: str
    quantity: Decimal
    price: Decimal | None
    client_order_id: str


@dataclass(slots=True, eq=False)
class Order:
    """One order; `leaves` is what is still to be filled, `locked` what of the balance it still holds."""

    order_id: int
    account: Account
    symbol: str
    client_order_id: str
    is_buy: bool
    type: str
    time_in_force: str
    price: Decimal
    """Limit price; zero for MARKET, as the wire shows it."""
    quantity: Decimal
    leaves: Decimal
    created_ms: int
    updated_ms: int
    sequence: int
    """Time priority: smaller came first."""
    status: str = NEW
    locked: Decimal = ZERO
    quote_filled: Decimal = ZERO
    queue_ahead: Decimal = ZERO
    """Tape only: displayed size that stands before this order at its price."""

    @property
    def filled(self) -> Decimal:
        return self.quantity - self.leaves

    @property
    def side(self) -> str:
        return "BUY" if self.is_buy else "SELL"

    @property
    def is_open(self) -> bool:
        return self.status in (NEW, PARTIALLY_FILLED)

    def accepts(self, price: Decimal) -> bool:
        """Whether this order may trade at `price`."""
        if self.type == MARKET:
            return True
        return price <= self.price if self.is_buy else price >= self.price


@dataclass(frozen=True, slots=True)
class Fill:
    """One account order's part in one trade; a trade of an account with itself makes two."""

    symbol: str
    trade_id: int
    order_id: int
    client_order_id: str
    account: str
    price: Decimal
    quantity: Decimal
    amount: Decimal
    commission: Decimal
    commission_asset: str
    time_ms: int
    is_buyer: bool
    is_maker: bool


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """A trade as everybody sees it."""

    symbol: str
    trade_id: int
    price: Decimal
    quantity: Decimal
    time_ms: int
    is_buyer_maker: bool


@dataclass(frozen=True, slots=True)
class Report:
    """One change of one account order, with the order's changing fields as they were right after it."""

    order: Order
    execution_type: str
    execution_id: int
    status: str
    leaves: Decimal
    quote_filled: Decimal
    time_ms: int
    is_on_book: bool
    fill: Fill | None = None
    cancel_id: str | None = None


@dataclass(slots=True)
class Outbox:
    """What the engine did since it was last drained; order within each list is order of events."""

    trades: list[PublicTrade] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    symbols: set[str] = field(default_factory=set)
    """Books that an account's order changed."""

    def clear(self) -> None:
        self.trades.clear()
        self.reports.clear()
        self.symbols.clear()
