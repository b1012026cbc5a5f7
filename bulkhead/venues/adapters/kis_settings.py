"""Settings of one account at KIS, or at anything that speaks its wire (the paper host, our simulated venue).

Hosts as of 2026-09, each with keys of its own:
    real   rest https://openapi.koreainvestment.com:9443      ws ws://ops.koreainvestment.com:21000/tryitout
    paper  rest https://openapivts.koreainvestment.com:29443  ws ws://ops.koreainvestment.com:31000/tryitout
"""

from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from bulkhead.venues.adapters.laned_settings import LanedSettings, WsUrl
from bulkhead.venues.rate_settings import RateSettings
from bulkhead.venues.transport.ws import BackoffSettings
from bulkhead.venues.transport.ws_connection import WsSettings
from bulkhead.venues.wire.kis_terms import Account, Exchange, Host, Keys
from messages.values import Name, Number, Symbol

MarketStream = Literal["trade", "book"]


class KisSettings(LanedSettings):
    venue: Name = "kis"
    host: Literal["real", "paper"]
    ws_url: WsUrl
    """Whole, with its path."""
    app_key: SecretStr
    app_secret: SecretStr
    account_number: SecretStr
    """Eight digits (CANO)."""
    product: str = Field("01", pattern=r"^[0-9]{2}$")
    """ACNT_PRDT_CD."""
    hts_id: SecretStr
    """Of the person: notices come for every account of it."""
    customer: Literal["P", "B"] = "P"
    """P a person, B a company."""
    symbols: tuple[Symbol, ...] = ()
    """Traded and watched. Each takes a registration for every stream; the venue gives 41, and the notices take one."""
    streams: tuple[MarketStream, ...] = ("trade", "book")
    exchange: Exchange = Exchange.KRX
    """Where our orders go; the paper host has KRX only."""
    token_file: Path | None = None
    """Where the access token is kept over a restart (mode 0600). The venue gives one a minute, and tells the customer
    by KakaoTalk each time."""
    is_new_customer: bool = False
    """In the first three days at the real host: 3 requests a second."""
    commission_rate: Number = Field(ge=0, le=1)
    """Of an order's notional; the venue does not say it with a fill."""
    sell_tax_rate: Number = Field(ge=0, le=1)
    """Of a sale's notional."""
    cost_off_by: Number = Field(Decimal(0), ge=0)
    """Won by which the estimate of one fill's costs may be wrong."""
    own_channels: tuple[str, ...] = ()
    """Marks (`VenueOrder.channel`) of orders that came in by our way, as seen on an order known to be ours."""
    subscribe_timeout_s: float = Field(10.0, gt=0, le=60)
    """For the acknowledgement of the notices."""
    cancel_confirm_s: float = Field(30.0, gt=0, le=600)
    """A cancel was sent on; for so long its effect is looked for in the lists. Then its outcome is unknown."""
    look_again_s: float = Field(1.0, gt=0, le=60)
    """Between two looks at an order of which the lists do not say yet what is waited for."""
    request_validity_s: float = Field(60.0, gt=0, le=3_600)
    """How long an order may stay lost on its way; the venue states nothing, so this is an assumption."""
    max_pages: int = Field(300, ge=1, le=10_000)
    """Pages (15 rows, at the real host 100) that one snapshot may read; one that needs more fails."""
    rates: RateSettings = RateSettings(order_wait_s=10.0, cancel_wait_s=30.0, question_wait_s=60.0)
    ws: WsSettings = WsSettings(ping_after_s=60.0, dead_after_s=60.0)
    """The venue pings by itself, in texts; that it answers our pings is not certain, so we ask late."""
    backoff: BackoffSettings = BackoffSettings()

    @field_validator("account_number")
    @classmethod
    def _is_an_account(cls, number: SecretStr) -> SecretStr:
        Account(number.get_secret_value())
        return number

    @property
    def wire_host(self) -> Host:
        return Host(self.host)

    @property
    def keys(self) -> Keys:
        """Raises ValueError for what no header may carry."""
        return Keys(self.app_key.get_secret_value(), self.app_secret.get_secret_value())

    @property
    def wire_account(self) -> Account:
        return Account(self.account_number.get_secret_value(), self.product)
