"""Trading rules of each market, and the markets of the synthetic venue.

Rules: a price is a multiple of the tick, a quantity of the step, and the two together have at most eight decimals, so
that price x quantity is exact in eight decimals and within the 28 digits of Python's default decimal context.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from messages.instruments import TickBand, tick_in

DECIMALS = 8
"""Precision of every asset: what Binance calls baseAssetPrecision and quoteAssetPrecision."""
UNIT = Decimal(1).scaleb(-DECIMALS)
_DIGITS = 28


@dataclass(frozen=True, slots=True)
class MarketRules:
    """Filters of one market. `reference_price` is where a synthetic market opens; a tape ignores it."""

    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    tick_bands: tuple[TickBand, ...] = field(default=(), kw_only=True)
    """As Instrument.tick_bands; `tick_size` is then the finest."""
    min_price: Decimal
    max_price: Decimal
    step_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    max_market_quantity: Decimal
    min_notional: Decimal
    max_open_orders: int
    reference_price: Decimal
    size_scale: int = 1
    """How many times larger, in units of the quote asset, the orders of a synthetic market are than in dollars."""

    def __post_init__(self) -> None:
        decimals = decimals_of(self.tick_size) + decimals_of(self.step_size)
        digits = (self.max_price * self.max_quantity).adjusted() + 1 + DECIMALS
        if decimals > DECIMALS or digits > _DIGITS:
            raise ValueError(
                f"{self.symbol}: price x quantity would not be exact in {DECIMALS} decimals, {_DIGITS} digits"
            )

    def tick_at(self, price: Decimal) -> Decimal:
        return tick_in(self.tick_bands, price) if self.tick_bands else self.tick_size


def decimals_of(value: Decimal) -> int:
    """Decimals that `value` needs, trailing zeros not counted."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else DECIMALS + 1


_CRYPTO = (
    # base, opening price, tick, step
    ("BTC", "60000", "0.01", "0.00001"),
    ("ETH", "3000", "0.01", "0.0001"),
    ("BNB", "600", "0.01", "0.001"),
    ("SOL", "150", "0.01", "0.001"),
    ("XRP", "2.4", "0.0001", "0.1"),
    ("ADA", "0.65", "0.0001", "0.1"),
    ("DOGE", "0.18", "0.00001", "1"),
    ("TRX", "0.31", "0.0001", "0.1"),
    ("LINK", "17.5", "0.01", "0.01"),
    ("AVAX", "28", "0.01", "0.01"),
    ("DOT", "7.2", "0.001", "0.01"),
    ("LTC", "95", "0.01", "0.001"),
    ("BCH", "480", "0.1", "0.001"),
    ("NEAR", "5.1", "0.001", "0.1"),
    ("UNI", "8.4", "0.001", "0.01"),
    ("ATOM", "6.8", "0.001", "0.01"),
    ("XLM", "0.29", "0.0001", "1"),
    ("ETC", "24", "0.01", "0.01"),
    ("FIL", "5.6", "0.001", "0.01"),
    ("APT", "9.3", "0.001", "0.01"),
    ("ARB", "0.82", "0.0001", "0.1"),
    ("AAVE", "180", "0.01", "0.001"),
)
SYNTHETIC_SYMBOLS = tuple(f"{base}USDT" for base, *_ in _CRYPTO)


def synthetic_rules(max_open_orders: int) -> dict[str, MarketRules]:
    """All markets of the synthetic venue, by symbol, in the order of their activity."""
    return {
        f"{base}USDT": MarketRules(
            symbol=f"{base}USDT",
            base=base,
            quote="USDT",
            tick_size=Decimal(tick),
            min_price=Decimal(tick),
            max_price=Decimal(1_000_000),
            step_size=Decimal(step),
            min_quantity=Decimal(step),
            max_quantity=Decimal(9_000_000),
            max_market_quantity=Decimal(1_000_000),
            min_notional=Decimal(5),
            max_open_orders=max_open_orders,
            reference_price=Decimal(price),
        )
        for base, price, tick, step in _CRYPTO
    }


def equity_rules(base: str, max_open_orders: int) -> MarketRules:
    """A US equity of a tape: whole shares, cents, quoted in USD."""
    return MarketRules(
        symbol=f"{base}USD",
        base=base,
        quote="USD",
        tick_size=Decimal("0.01"),
        min_price=Decimal("0.01"),
        max_price=Decimal(1_000_000),
        step_size=Decimal(1),
        min_quantity=Decimal(1),
        max_quantity=Decimal(10_000_000),
        max_market_quantity=Decimal(10_000_000),
        min_notional=Decimal(1),
        max_open_orders=max_open_orders,
        reference_price=Decimal(1),
    )
