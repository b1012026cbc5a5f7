"""Settings of paper execution by fill model: which model, what of it is switched on, and the account."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[Decimal, Field(ge=0, le=1, allow_inf_nan=False)]


class FillSettings(BaseModel):
    """With `partial_fills`, `failed_fills`, `slippage` and `queue_position` off and no latency, every order that meets
    the market fills at once and whole at the best price displayed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fill_model: Literal["simple", "book"] = "simple"
    """`simple`: the best price and what is displayed there. `book`: several levels, a queue, latency; the feed is then
    asked for level-2 books."""
    seed: Annotated[int, Field(ge=0)] = 1
    """With the number of an order it decides its luck: same seed, same orders and same market, same fills."""
    partial_fills: bool = True
    """Off: an order that meets the market fills whole, however little is displayed."""
    failed_fills: bool = True
    """Off: an order that meets the market fills one lot at least."""
    slippage: bool = True
    """Off: everything trades at the best price displayed."""
    alpha: Share = Decimal("0.0001")
    """Slippage of an order that takes all that is available, as a share of the price: 0.0001 is one basis point."""
    impact_exponent: Annotated[Decimal, Field(gt=0, le=4, allow_inf_nan=False)] = Decimal("0.5")
    """`book` only: slippage grows with this power of the share taken. 0.5 is the square-root law of market impact."""
    assumed_volume_ratio: Annotated[Decimal, Field(gt=0, le=1_000, allow_inf_nan=False)] = Decimal(2)
    """Where the feed displays no quantity, so many times the order's own is taken as available."""
    fail_rate: Share = Decimal(0)
    """Share of arriving orders that come too late for all of it, drawn by the seed; needs `failed_fills`."""
    crowding_share: Share = Decimal(0)
    """Others are before us: up to this share of what is displayed is gone, drawn for each order by the seed; needs
    `partial_fills`."""
    queue_position: bool = True
    """`book` only: a resting order waits behind what was displayed at its price when it joined."""
    latency_ms: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    """`book` only: from our sending to the order's, or cancel's, arrival at the market."""
    latency_jitter_ms: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    """`book` only: up to this much more, drawn by the seed. Nothing overtakes."""
    commission_bps: Annotated[Decimal, Field(ge=0, le=1_000, decimal_places=2, allow_inf_nan=False)] = Decimal(10)
    """Of each fill. Binance Spot asks for 10 of an account without discounts."""
    commission_in: Literal["received", "quote"] = "received"
    """The asset it is taken in: what a fill brings, as at Binance, or the quote currency."""
    balances: dict[str, Annotated[Decimal, Field(ge=0, lt=10**15, decimal_places=8, allow_inf_nan=False)]] | None = None
    """By asset, used once for new books; unset: 100,000 of `risk.currency`."""
    books_file: Path | None = None
    """Where account, orders and fills are kept, synced before anybody is told; unset: beside the ledger, since the two
    belong together."""

    @property
    def wants_books(self) -> bool:
        """Whether level-2 books are of use."""
        return self.fill_model == "book"

    @property
    def max_latency_s(self) -> float:
        return (self.latency_ms + self.latency_jitter_ms) / 1_000 if self.wants_books else 0.0
