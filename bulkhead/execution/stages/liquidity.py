"""Liquidity: what is known of an instrument's volume, as the split wants it. From the settings; nothing is measured."""

from decimal import Decimal
from typing import NamedTuple

from bulkhead.execution.stages.split import NS_PER_S, SplitFacts

HOURS = 24
NS_PER_HOUR = 3_600 * NS_PER_S
CURVE_PARTS = 20
"""A horizon is looked at in so many equal parts, each with the volume of the hour that it begins in."""


class Liquidity(NamedTuple):
    average_daily_volume: Decimal | None = None
    """In the instrument's units."""
    volume_by_hour: tuple[Decimal, ...] = ()
    """Relative volume of the hours of a day, UTC, from midnight on: none, or 24 of any unit."""


def split_facts(known: Liquidity | None, decision_time_ns: int, horizon_s: float) -> SplitFacts:
    """The facts for one decision. What the market shows is not among them: the pipeline knows it better."""
    if known is None:
        return SplitFacts()
    curve: tuple[Decimal, ...] = ()
    if len(known.volume_by_hour) == HOURS:
        horizon_ns = int(horizon_s * NS_PER_S)
        starts = (decision_time_ns + horizon_ns * part // CURVE_PARTS for part in range(CURVE_PARTS))
        curve = tuple(known.volume_by_hour[start // NS_PER_HOUR % HOURS] for start in starts)
    return SplitFacts(average_daily_volume=known.average_daily_volume, volume_curve=curve)
