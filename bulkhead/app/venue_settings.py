"""`[venue]` of a configuration: which venue, by which adapter, and the names under which its secrets are found."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from bulkhead.app.execution_settings import PositiveSeconds, Section, Share
from bulkhead.venues.rate_settings import RateSettings
from messages.values import Name


def _env_name(name: str) -> str:
    """Whoever writes the secret itself here would see it in every message about it: so it is refused without a word
    of it. Capitals only: keys and ids are hardly ever written so."""
    if re.fullmatch(r"[A-Z][A-Z0-9_]*", name) is None:
        raise ValueError(
            "not the name of an environment variable (capital letters, digits and _): put the secret itself into the"
            " environment, and its variable's name here"
        )
    return name


_URLS = {"binance": ("rest_url", "ws_api_url", "stream_url"), "kis": ("rest_url", "stream_url")}
"""What each adapter must be told of a venue that is there already."""
EnvName = Annotated[str, AfterValidator(_env_name)]
"""Of an environment variable."""
_NOT_FOR = {"binance": ("kis",), "kis": ("ws_api_url", "api_key_env", "api_secret_env", "recv_window_ms")}
"""Keys that each adapter has no use for: who sets one expects something that will not happen."""


class KisSection(Section):
    """`[venue.kis]`: an account at KIS (Korea Investment & Securities), with `adapter = "kis"`; see docs/venues/kis.md.
    Secrets, and the numbers of a person, by the name of an environment variable (or, with `_FILE`, of a file)."""

    host: Literal["real", "paper"] = "paper"
    """Which of its two hosts the keys are for. `mode = "paper"` wants `paper`, `mode = "live"` wants `real`."""
    account_number_env: EnvName | None = None
    """Names the variable with the account's first eight digits."""
    product: Annotated[str, Field(pattern=r"^[0-9]{2}$")] = "01"
    """The account's last two digits."""
    app_key_env: EnvName | None = None
    app_secret_env: EnvName | None = None
    hts_id_env: EnvName | None = None
    """Names the variable with the HTS id, under which notices of orders come."""
    token_file: Path | None = None
    """Where the access token is kept over a restart, for its owner only; unset: beside the ledger."""
    is_new_customer: bool = False
    """In the first three days after the app key was given: 3 requests a second, at the real host."""
    commission_rate: Share = Decimal("0.00015")
    """Of each fill's worth. KIS does not say what a fill costs, so it is estimated; yours stands in your contract."""
    sell_tax_rate: Share = Decimal("0.0020")
    """Of each sale's worth: 0.20 % for KOSPI and KOSDAQ since 2026-01-01. ETFs have none: then 0."""
    cost_off_by: Annotated[Decimal, Field(ge=0)] = Decimal(10)
    """Won by which the estimate of one fill may be wrong; a difference of cash within that is booked as costs."""
    exchange: Literal["KRX", "NXT", "SOR"] = "KRX"
    """Where orders go; SOR lets KIS choose. The paper host has KRX only."""
    hours: Literal["krx", "any"] = "krx"
    """`krx`: entries wait for KRX's regular session. `any`: it is left to KIS, which refuses them. Exits always are."""
    own_channels: tuple[str, ...] = ()
    """Marks of orders that came in by the API, where they are known; else the run learns them from its first orders."""

    @property
    def env_names(self) -> tuple[str, ...]:
        named = (self.account_number_env, self.app_key_env, self.app_secret_env, self.hts_id_env)
        return tuple(name for name in named if name is not None)

    @model_validator(mode="after")
    def _names_belong_together(self) -> Self:
        if len(self.env_names) not in (0, 4):
            raise ValueError("account_number_env, app_key_env, app_secret_env and hts_id_env belong together")
        return self


class VenueSettings(Section):
    name: Name = "sim"
    account: Name = "paper"
    adapter: Literal["binance", "kis"] = "binance"
    start_simulator: bool = True
    """False: a venue at the URLs, which was there before and lives on after."""
    rest_url: str | None = None
    ws_api_url: str | None = None
    stream_url: str | None = None
    api_key_env: EnvName | None = None
    api_secret_env: EnvName | None = None
    recv_window_ms: Annotated[int, Field(ge=100, le=60_000)] = 5000
    request_timeout_s: PositiveSeconds = 10.0
    max_silence_s: PositiveSeconds = 30.0
    """No tick for this long is a data delay (operational policies, section 5)."""
    rates: RateSettings = Field(default_factory=RateSettings)
    """The budget of requests: one for everything that this process asks the venue."""
    kis: KisSection = Field(default_factory=KisSection)

    @model_validator(mode="after")
    def _urls_or_simulator(self) -> Self:
        needed = _URLS[self.adapter]
        given = [key for key in _URLS["binance"] if getattr(self, key)]
        if self.start_simulator and given:
            raise ValueError("start_simulator = true contradicts the URLs: take one of them out")
        if not self.start_simulator and not set(needed) <= set(given):
            raise ValueError(f"start_simulator = false needs {', '.join(needed[:-1])} and {needed[-1]}")
        if (self.api_key_env is None) != (self.api_secret_env is None):
            raise ValueError("api_key_env and api_secret_env belong together")
        return self

    @model_validator(mode="after")
    def _keys_are_the_adapters(self) -> Self:
        for key in _NOT_FOR[self.adapter]:
            if getattr(self, key) != VenueSettings.model_fields[key].get_default(call_default_factory=True):
                raise ValueError(f"{key} means nothing with adapter = {self.adapter!r}: take one of them out")
        return self

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Environment variables that hold a secret, or name a file that does: no strategy's business."""
        named = (self.api_key_env, self.api_secret_env, *self.kis.env_names)
        return tuple(f"{name}{suffix}" for name in named if name is not None for suffix in ("", "_FILE"))
