"""What the model venue lists, and how its prices walk: two symbols, one random step at a time."""

from decimal import Decimal
from random import Random

from bulkhead.venues.port import ClientIdScheme, VenueCapabilities
from messages.instruments import Instrument

VENUE, ACCOUNT = "sim", "paper"
TICK, LOT = Decimal("0.01"), Decimal("0.001")
FEE_RATE = Decimal("0.0001")
"""Taken from what is received, so that positions are net of fees and the books must follow."""
OPENING = {"USDT": Decimal(1_000_000), "BTC": Decimal(3), "ETH": Decimal(0)}

CAPABILITIES = VenueCapabilities(
    venue=VENUE,
    client_id=ClientIdScheme.UNIQUE_AMONG_OPEN,
    has_execution_ids=True,
    has_market_orders=True,
    can_amend=False,
    can_cancel_all=False,
    has_server_time=True,
    request_validity_s=5.0,
    submits_in_parallel=True,
)


def instrument(symbol: str, base: str) -> Instrument:
    return Instrument(
        symbol=symbol,
        base_asset=base,
        quote_asset="USDT",
        tick_size=TICK,
        lot_size=LOT,
        min_quantity=LOT,
        max_quantity=Decimal(100),
        min_notional=Decimal(5),
        is_trading=True,
        version="model-1",
    )


INSTRUMENTS = {"BTCUSDT": instrument("BTCUSDT", "BTC"), "ETHUSDT": instrument("ETHUSDT", "ETH")}


class Walk:
    """The price of one symbol; bid and ask lie one tick around it."""

    def __init__(self, start: str, rng: Random) -> None:
        self.price = Decimal(start)
        self._rng = rng

    def step(self) -> None:
        self.price = max(Decimal(50), self.price + TICK * self._rng.randint(-8, 8))

    @property
    def bid(self) -> Decimal:
        return self.price - TICK

    @property
    def ask(self) -> Decimal:
        return self.price + TICK
