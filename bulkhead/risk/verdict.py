"""What a pre-trade check is given and what it answers. No check is in here; pretrade.py puts them in order."""

from collections.abc import Callable, Container, Mapping
from decimal import Decimal
from typing import NamedTuple

from bulkhead.risk.exposure import EMPTY, Exposure
from bulkhead.risk.health import NOTHING_TOLD, HealthBoard
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.numbers import is_within, text
from bulkhead.risk.rate import OrderRate
from messages.codes import ErrorCode
from messages.portfolio import PortfolioSnapshot
from messages.trading import OrderIntent
from messages.trading_day import TradingDay, utc_day

NS_PER_S = 1_000_000_000
FALLBACK_AGE_S = 45.0
"""For whoever is not told how often they are asked for."""


class Situation(NamedTuple):
    """Everything that an intent is held against, at one moment."""

    now_ns: int
    portfolio: PortfolioSnapshot | None
    """None: none has been told yet."""
    exposure: Exposure = EMPTY
    rate: OrderRate = OrderRate()
    marks: Mapping[str, Decimal] = {}
    """Last prices by symbol; of the intent's own symbol its market counts where that is higher, and cost stands in."""
    seen_actions: Container[str] = frozenset()
    today: TradingDay | None = None
    """None: the day of UTC."""
    health: HealthBoard = NOTHING_TOLD
    wants_health: bool = False
    """No entry before some feed has told of its data."""
    resting_until_ns: Mapping[str, int] = {}
    """By strategy, when the pause after its losses ends."""
    max_fallback_age_s: float = FALLBACK_AGE_S
    """Until when a quote that was asked for, while the feed is silent, is fresh."""
    is_restored: bool = True
    """Whether the figures of the day have been read from the ledger, and what is in flight is known."""

    @property
    def day(self) -> TradingDay:
        return utc_day(self.now_ns) if self.today is None else self.today


class Passed(NamedTuple):
    checks: tuple[str, ...]
    """Each as `name value<=limit`."""
    reserved_notional: Decimal
    """To be reserved until terminal evidence; zero for exits."""


class Refused(NamedTuple):
    code: ErrorCode
    limit_name: str
    value: str
    limit: str
    detail: str


class Question(NamedTuple):
    """Of one entry."""

    intent: OrderIntent
    limits: RiskLimits
    now: Situation
    portfolio: PortfolioSnapshot
    rate: OrderRate
    """As it stands now."""
    marks: Mapping[str, Decimal]
    """With the intent's own market."""
    notional: Decimal
    """Worst case."""


Check = Callable[[Question], str | Refused]
"""`name value<=limit` when it holds."""


def impossible(name: str, value: object, limit: str = "finite") -> Refused:
    return Refused(ErrorCode.NUMBER_IMPOSSIBLE, name, str(value), limit, f"{name} is not a number that can be")


def upper(code: ErrorCode, name: str, value: Decimal | int, limit: Decimal | int, detail: str) -> str | Refused:
    """Refused with `code` above the limit, and where the value is no number at all."""
    shown, bound = text(Decimal(value)), text(Decimal(limit))
    if not Decimal(value).is_finite():
        return impossible(name, shown, bound)
    if not is_within(Decimal(value), Decimal(limit)):
        return Refused(code, name, shown, bound, detail)
    return f"{name} {shown}<={bound}"
