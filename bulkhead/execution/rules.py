"""Trading rules of one symbol, as the order path reads them. The venues' Instrument has this shape."""

from decimal import Decimal
from typing import NamedTuple, Protocol

from bulkhead.execution.exact import exact
from messages.instruments import TickBand, tick_in


class InstrumentRules(Protocol):
    @property
    def symbol(self) -> str: ...
    @property
    def base_asset(self) -> str: ...
    @property
    def quote_asset(self) -> str: ...
    @property
    def tick_size(self) -> Decimal:
        """For a price ask `tick_at`: where there are bands, this is the finest."""

    @property
    def tick_bands(self) -> tuple[TickBand, ...]: ...
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


def tick_at(rules: InstrumentRules, price: Decimal) -> Decimal:
    """What `price`, which is not below zero, must be a multiple of."""
    return tick_in(rules.tick_bands, price) if rules.tick_bands else rules.tick_size


def on_tick(rules: InstrumentRules, price: Decimal, rounding: str) -> Decimal:
    """`price` rounded by one of decimal's modes to a price that the venue takes; also from one band to another, since
    bands meet in a price of both."""
    tick = tick_at(rules, price)
    with exact():
        return (price / tick).to_integral_value(rounding) * tick


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
