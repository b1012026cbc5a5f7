"""The average true range: whole bars on event time, the close before them included, nothing before there are enough."""

from decimal import Decimal

import pytest

from bulkhead.strategy.true_range import NS_PER_S, AverageTrueRange

D = Decimal


def fed(*prices: tuple[int, str], bar_s: int = 10, bars: int = 2) -> Decimal | None:
    ranges = AverageTrueRange(bar_s, bars)
    for at_s, price in prices:
        ranges.update(D(price), at_s * NS_PER_S)
    return ranges.value


def test_there_is_none_before_enough_whole_bars() -> None:
    assert fed((0, "100"), (5, "104"), (10, "103"), (19, "101")) is None
    assert fed((0, "100"), (5, "104"), (10, "103"), (19, "101"), (20, "100")) == D("3.5")


def test_a_gap_from_the_close_before_belongs_to_the_range() -> None:
    assert fed((0, "100"), (10, "110"), (20, "110")) == D(5), "a jump of 10 in the second bar, which stood still"


def test_only_the_latest_bars_count() -> None:
    assert fed((0, "100"), (5, "200"), (10, "200"), (20, "200"), (30, "200")) == 0


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "0", "-5"])
def test_what_is_no_price_and_what_is_late_changes_nothing(bad: str) -> None:
    sound = fed((0, "100"), (5, "104"), (10, "103"), (19, "101"), (20, "100"))
    assert fed((0, "100"), (5, "104"), (6, bad), (10, "103"), (9, "500"), (19, "101"), (20, "100")) == sound
