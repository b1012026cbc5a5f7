"""Our clock against the venue's: half way between question and answer, and never more sure than the answer was fast."""

from collections.abc import Iterator
from typing import Any

import pytest

from bulkhead.app.clock_check import check_clock

NS_PER_MS = 1_000_000


class At:
    """A venue that says one time."""

    def __init__(self, venue_ms: int) -> None:
        self._venue_ms = venue_ms

    def server_time_ms(self) -> int:
        return self._venue_ms


@pytest.mark.parametrize(
    ("venue_ms", "took_ms", "skew_ms", "is_beyond"),
    [
        (10_000, 0, 0, False),
        (9_000, 0, 1_000, False),
        (8_999, 0, 1_001, True),
        (11_001, 0, -1_001, True),
        (12_600, 2_700, -1_250, False),  # a machine so slow that the question took three seconds: nobody can tell
        (11_350, 2_700, 0, False),
        (15_000, 2_000, -4_000, True),
    ],
)
def test_what_is_surely_too_much(venue_ms: int, took_ms: int, skew_ms: int, is_beyond: bool) -> None:
    looks: Iterator[int] = iter((10_000 * NS_PER_MS, (10_000 + took_ms) * NS_PER_MS))
    venue: Any = At(venue_ms)
    found = check_clock(venue, lambda: next(looks))
    assert (found.skew_ms, found.took_ms, found.is_beyond) == (skew_ms, took_ms, is_beyond)
    assert f"differ by {skew_ms} ms (at most 1000)" in found.words
