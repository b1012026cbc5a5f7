"""What the KIS dialect of the simulated venue can be told, with units in the names."""

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# Well-known words, not secrets: the simulator listens on loopback only and no real venue knows them.
DEMO_KIS_APP_KEY = "PSBulkheadDemoAppKeyOnLoopbackOnly01"
DEMO_KIS_APP_SECRET = "BulkheadDemoAppSecretNotReal" * 6 + "OnLoopback12"
DEMO_KIS_ACCOUNT = "50012345"
DEMO_KIS_PRODUCT = "01"
DEMO_KIS_HTS_ID = "bulkhead"


class KisSection(BaseModel):
    """One customer with one app key, an account for it, and a second account that only the HTS id shares with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Literal["real", "paper"] = "paper"
    """Which TR ids it takes, how often it may be asked, how long its pages are."""
    app_key: str = Field(DEMO_KIS_APP_KEY, min_length=36, max_length=36)
    app_secret: str = Field(DEMO_KIS_APP_SECRET, min_length=180, max_length=180)
    account_number: str = Field(DEMO_KIS_ACCOUNT, pattern=r"^[0-9]{8}$")
    product: str = Field(DEMO_KIS_PRODUCT, pattern=r"^[0-9]{2}$")
    other_account_number: str = Field("50067890", pattern=r"^[0-9]{8}$")
    """Of the same person: its orders are placed by hand only, and its notices come to the same HTS id."""
    hts_id: str = Field(DEMO_KIS_HTS_ID, min_length=1)
    branch: str = Field("06010", pattern=r"^[0-9]{5}$")
    always_open: bool = False
    """No hours and no holidays: a day of trading is a day of the calendar in Korea."""
    commission_rate: Decimal = Field(Decimal("0.00015"), ge=0, lt=1)
    """Of an order's running amount, rounded down to whole won."""
    sell_tax_rate: Decimal = Field(Decimal("0.0020"), ge=0, lt=1)
    """Likewise, of sales. ETFs are free of it in Korea; here they are not."""
    requests_per_s: int | None = Field(None, ge=1)
    """None: 18 on the real host, 1 on the paper host. Counted over any second of the venue's time."""
    page_rows: int | None = Field(None, ge=1)
    """Pages of every list are at most so long, so that a test needs no hundred orders; None: as at the venue."""
    business_error_status: Literal[200, 500] = 500
    trade_fields: Literal[46, 47] = 47
    book_fields: Literal[59, 60] = 60
    notice_fields: Literal[23, 26] = 26
    records_per_frame: int = Field(4, ge=1, le=999)
    """Trades that happen at once share a frame, up to so many."""
    registrations: int = Field(41, ge=1)
    """Of one session, trades, books and notices together."""
    ping_interval_s: float = Field(10.0, gt=0)
    """How often PINGPONG is sent, by the wall's clock."""
    unanswered_pings: int | None = Field(None, ge=1)
    """After so many that were answered neither by the same text nor by a pong, the connection is cut; None: never."""
    second_session: Literal["refuse_new", "drop_old"] = "refuse_new"
    """Which of two sessions of one app key has to go."""
    other_opening_cash: int = Field(10_000_000, ge=0)

    @property
    def is_paper(self) -> bool:
        return self.host == "paper"

    def page_size(self, on_real_host: int, on_paper_host: int) -> int:
        size = on_paper_host if self.is_paper else on_real_host
        return min(size, self.page_rows or size)

    @property
    def most_requests_per_s(self) -> int:
        return self.requests_per_s or (18 if self.host == "real" else 1)
