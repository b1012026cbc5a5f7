"""Our clock against the venue's: half way between question and answer, and never more sure than the answer was fast."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from bulkhead.app.clock_check import check_clock
from bulkhead.app.commands.checks import Level
from bulkhead.app.commands.checks_venue import ask
from bulkhead.app.preflight import ask_venue
from bulkhead.app.settings import Settings
from bulkhead.chaos.model.market import CAPABILITIES, INSTRUMENTS
from bulkhead.venues.port import VenueRefused, VenueUnavailable
from messages.instruments import Instrument

NS_PER_MS = 1_000_000


class At:
    """A venue that says one time, if it says any."""

    def __init__(self, venue_ms: int, *, has_server_time: bool = True) -> None:
        self._venue_ms = venue_ms
        self.capabilities = SimpleNamespace(has_server_time=has_server_time)

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
    assert found is not None
    assert (found.skew_ms, found.took_ms, found.is_beyond) == (skew_ms, took_ms, is_beyond)
    assert f"differ by {skew_ms} ms (at most 1000)" in found.words


def test_a_venue_that_tells_no_time_is_not_asked() -> None:
    venue: Any = At(0, has_server_time=False)
    assert check_clock(venue, lambda: 10**15) is None


class Clockless:
    """A venue that tells no time: to ask it for the time would be a mistake."""

    capabilities = CAPABILITIES.model_copy(update={"has_server_time": False})

    def __init__(self, answer: Exception | None = None) -> None:
        self._answer = answer

    def server_time_ms(self) -> int:
        raise AssertionError("it has no clock")

    def load_instruments(self) -> tuple[Instrument, ...]:
        return tuple(INSTRUMENTS.values())

    def check_key(self) -> None:
        if self._answer is not None:
            raise self._answer


def test_a_venue_without_a_clock_is_not_asked_for_the_time() -> None:
    venue: Any = Clockless()
    assert ask_venue(venue, Settings(), lambda: 7, has_our_clock=True).keys() == INSTRUMENTS.keys()


@pytest.mark.parametrize(
    ("answer", "key"),
    [(None, Level.OK), (VenueRefused("EGW00103", "no such key"), Level.FAIL), (VenueUnavailable("gone"), Level.FAIL)],
)
def test_the_doctor_says_that_there_is_no_clock_and_goes_on_to_the_key(answer: Exception | None, key: Level) -> None:
    venue: Any = Clockless(answer)
    clock, found = ask(venue)
    assert (clock.name, clock.level, found.name, found.level) == ("clock", Level.OK, "key", key)
    assert "NTP" in clock.said
    assert found.advice or found.level is Level.OK
