"""Every setting of the simulated venue, with its unit in its name. Nothing here is read from the environment."""

from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bulkhead.venues.simulator.instruments import SYNTHETIC_SYMBOLS

# Well-known words, not secrets: the simulator listens on loopback only and no real venue knows them.
DEMO_API_KEY = "BulkheadDemoKeyForTheSimulatedVenueOnLoopbackOnlyNotASecret00001"
DEMO_API_SECRET = "BulkheadDemoSecretForTheSimulatedVenueOnLoopbackOnlyNotReal00001"  # noqa: S105

_OPENING = {"synthetic": {"USDT": Decimal(100_000)}, "tape": {"USD": Decimal(1_000_000)}}

Amount = Annotated[Decimal, Field(ge=0, lt=Decimal(10) ** 15, decimal_places=8, allow_inf_nan=False)]


class Limits(BaseModel):
    """What the venue allows a client, and what it allows itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request_weight_per_minute: int = Field(6_000, ge=1)
    orders_per_10s: int = Field(1_000, ge=1)
    """The real venue allows 50; a bench wants more."""
    orders_per_day: int = Field(10_000_000, ge=1)
    requests_over_limit_before_ban: int = Field(20, ge=1)
    ban_s: int = Field(120, ge=1)
    max_open_orders_per_symbol: int = Field(1_000, ge=1)
    """Filter MAX_NUM_ORDERS; the real venue allows 200."""
    stream_messages_per_s: int = Field(5, ge=1)
    streams_per_connection: int = Field(1_024, ge=1)
    connections: int = Field(300, ge=1)
    connection_queue_messages: int = Field(20_000, ge=1)
    """Messages that may wait for one slow reader; one more closes the connection."""
    recent_trades_per_symbol: int = Field(1_000, ge=1)
    history_orders: int = Field(500_000, ge=1_000)
    """Ended orders kept in the books; older ones are forgotten with their fills."""
    bad_row_share: Decimal = Field(Decimal("0.01"), ge=0, le=1)
    bad_row_grace_rows: int = Field(100, ge=1)
    """No share is judged before a tape file has this many rows."""


class SimulatorSettings(BaseModel):
    """Settings of one simulator process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(0, ge=0, le=65_535)
    """0 takes any free port; the ready line names it."""
    market: Literal["synthetic", "tape"] = "synthetic"
    seed: int = Field(1, ge=0)
    symbols: tuple[str, ...] = ()
    """Synthetic markets to open; empty opens all."""
    events_per_s: int = Field(200, ge=0, le=20_000)
    """Trades and top-of-book changes per second over all synthetic markets; 0 leaves the books standing still."""
    tape_files: tuple[Path, ...] = ()
    speed: Decimal = Field(Decimal(1), gt=0, le=1_000_000)
    """How many times faster than recorded a tape plays; unused in lockstep."""
    lockstep: bool = False
    books_file: Path | None = None
    """SQLite file of accounts, orders and fills; none keeps them in memory."""
    commission_bps: Decimal = Field(Decimal(10), ge=0, le=1_000, decimal_places=2)
    commission_in: Literal["received", "quote"] | None = None
    """None: in the asset received for synthetic markets (as Binance does), in the quote asset for a tape."""
    balances: dict[str, Amount] | None = None
    """Opening balances by asset, used once for new books; none: 100,000 USDT, or 1,000,000 USD for a tape."""
    api_key: str = Field(DEMO_API_KEY, pattern=r"^[A-Za-z0-9_-]{1,128}$")
    api_secret: str = Field(DEMO_API_SECRET, min_length=1)
    check_timestamps: bool | None = None
    """None: checked unless in lockstep, where a clock that stands still cannot tell an old request from a new one."""
    limits: Limits = Limits()
    exit_with_parent: bool = False
    """End when stdin closes, so that a simulator started by another process never outlives it."""

    @field_validator("host")
    @classmethod
    def _loopback_only(cls, host: str) -> str:
        if host == "localhost":
            return "127.0.0.1"
        try:
            is_loopback = ip_address(host).is_loopback
        except ValueError:
            is_loopback = False
        if not is_loopback:
            raise ValueError(f"the simulator listens on loopback only, not on {host!r}")
        return host

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.market == "tape" and not self.tape_files:
            raise ValueError("market = tape needs at least one of tape_files")
        if self.market == "synthetic" and (self.tape_files or self.lockstep):
            raise ValueError("tape_files and lockstep need market = tape")
        unknown = [symbol for symbol in self.symbols if symbol not in SYNTHETIC_SYMBOLS]
        if unknown:
            raise ValueError(f"no synthetic market {', '.join(unknown)}; there are {', '.join(SYNTHETIC_SYMBOLS)}")
        return self

    @property
    def opening_balances(self) -> dict[str, Decimal]:
        return dict(_OPENING[self.market] if self.balances is None else self.balances)

    @property
    def commission_in_quote(self) -> bool:
        if self.commission_in is None:
            return self.market == "tape"
        return self.commission_in == "quote"

    @property
    def checks_timestamps(self) -> bool:
        return not self.lockstep if self.check_timestamps is None else self.check_timestamps
