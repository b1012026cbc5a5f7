"""Every setting of the simulated venue, with its unit in its name. Nothing here is read from the environment."""

from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bulkhead.venues.simulator.instruments import SYNTHETIC_SYMBOLS
from bulkhead.venues.simulator.kis.settings import DEMO_KIS_ACCOUNT as DEMO_KIS_ACCOUNT
from bulkhead.venues.simulator.kis.settings import DEMO_KIS_APP_KEY as DEMO_KIS_APP_KEY
from bulkhead.venues.simulator.kis.settings import DEMO_KIS_APP_SECRET as DEMO_KIS_APP_SECRET
from bulkhead.venues.simulator.kis.settings import DEMO_KIS_HTS_ID as DEMO_KIS_HTS_ID
from bulkhead.venues.simulator.kis.settings import DEMO_KIS_PRODUCT as DEMO_KIS_PRODUCT
from bulkhead.venues.simulator.kis.settings import KisSection
from bulkhead.venues.simulator.kis.stocks import KIS_SYMBOLS

# Well-known words, not secrets: the simulator listens on loopback only and no real venue knows them.
DEMO_API_KEY = "BulkheadDemoKeyForTheSimulatedVenueOnLoopbackOnlyNotASecret00001"
DEMO_API_SECRET = "BulkheadDemoSecretForTheSimulatedVenueOnLoopbackOnlyNotReal00001"  # noqa: S105

_KIS_OPENING = {"KRW": Decimal(100_000_000)}
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


class KeyRightsSection(BaseModel):
    """Of the one key there is; by default as a key for trading should be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trade: bool = True
    withdraw: bool = False
    transfer: bool = False
    bound_to_addresses: bool = True

    def as_json(self) -> dict[str, bool]:
        """GET /sapi/v1/account/apiRestrictions."""
        return {
            "ipRestrict": self.bound_to_addresses,
            "enableReading": True,
            "enableWithdrawals": self.withdraw,
            "enableInternalTransfer": self.transfer,
            "permitsUniversalTransfer": False,
            "enableMargin": False,
            "enableFutures": False,
            "enableVanillaOptions": False,
            "enableSpotAndMarginTrading": self.trade,
        }


class SimulatorSettings(BaseModel):
    """Settings of one simulator process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(0, ge=0, le=65_535)
    """0 takes any free port; the ready line names it."""
    dialect: Literal["binance", "kis"] = "binance"
    """Whose protocol it speaks."""
    kis: KisSection = KisSection()
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
    clock_starts_at_ms: int | None = Field(None, ge=0)
    """Where the venue's clock starts, in Unix ms; none: the wall's time. Not with a tape, which brings its own."""
    clock_speed: Decimal = Field(Decimal(1), gt=0, le=100_000, decimal_places=6)
    """How many times faster than the wall's the venue's clock runs. What the market does is the wall's."""
    books_file: Path | None = None
    """SQLite file of accounts, orders and fills; none keeps them in memory."""
    commission_bps: Decimal = Field(Decimal(10), ge=0, le=1_000, decimal_places=2)
    commission_in: Literal["received", "quote"] | None = None
    """None: in the asset received for synthetic markets (as Binance does), in the quote asset for a tape."""
    balances: dict[str, Amount] | None = None
    """Opening balances by asset, used once for new books; none: 100,000 USDT, 1,000,000 USD for a tape, at KIS
    100,000,000 KRW. At KIS shares are named by their symbol."""
    api_key: str = Field(DEMO_API_KEY, pattern=r"^[A-Za-z0-9_-]{1,128}$")
    api_secret: str = Field(DEMO_API_SECRET, min_length=1)
    key_rights: KeyRightsSection | None = KeyRightsSection()
    """What the key may do; none: the venue does not tell, as test networks do not."""
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
        if self.market == "tape" and (self.dialect == "kis" or self._has_clock_of_its_own):
            raise ValueError("market = tape goes with dialect = binance and with the tape's own clock only")
        offered = KIS_SYMBOLS if self.dialect == "kis" else SYNTHETIC_SYMBOLS
        unknown = [symbol for symbol in self.symbols if symbol not in offered]
        if unknown:
            raise ValueError(f"no synthetic market {', '.join(unknown)}; there are {', '.join(offered)}")
        return self

    @property
    def _has_clock_of_its_own(self) -> bool:
        return self.clock_starts_at_ms is not None or self.clock_speed != 1

    @property
    def opening_balances(self) -> dict[str, Decimal]:
        if self.balances is not None:
            return dict(self.balances)
        return dict(_KIS_OPENING if self.dialect == "kis" else _OPENING[self.market])

    @property
    def commission_in_quote(self) -> bool:
        if self.commission_in is None:
            return self.market == "tape"
        return self.commission_in == "quote"

    @property
    def checks_timestamps(self) -> bool:
        return not self.lockstep if self.check_timestamps is None else self.check_timestamps
