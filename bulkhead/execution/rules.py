"""Trading rules of one symbol, as the order path reads them. The venues' Instrument has this shape."""

from decimal import Decimal
from typing import NamedTuple, Protocol


class InstrumentRules(Protocol):
    @property
    def symbol(self) -> str: ...
    @property
    def base_asset(self) -> str: ...
    @property
    def quote_asset(self) -> str: ...
    @property
    def tick_size(self) -> Decimal: ...
    @property
    def lot_size(self) -> Decimal: ...
    @property
    def min_quantity(self) -> Decimal: ...
    @property
    def max_quantity(self) -> Decimal: ...
    @property
    def min_notional(self) -> Decimal: ...
    @property
    def is_trading(self) -> bool: ...
    @property
    def version(self) -> str: ...
    @property
    def as_of_ns(self) -> int | None:
        """When the venue last said so; None: they do not grow old."""


class Passed(NamedTuple):
    """Every check of a stage held."""

    checks: tuple[str, ...]
    """Each as `name value<=limit`, so that the way of an order can be explained."""


class Refused(NamedTuple):
    """The first check that failed, with the numbers that were compared."""

    code: str
    check: str
    value: str
    limit: str
    detail: str
