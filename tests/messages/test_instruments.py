"""Trading rules refuse bands that prices could fall between."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from messages.instruments import TICK_BANDS, Instrument, TickBand, tick_in
from tests.execution.orders import bands
from tests.ledger.stories import instruments

(PLAIN,) = instruments().instruments


def banded(tick_bands: tuple[TickBand, ...]) -> Instrument:
    return Instrument.model_validate({**dict(PLAIN), "tick_bands": tick_bands})


def test_bands_survive_json_and_are_absent_by_default() -> None:
    assert PLAIN.tick_bands == ()
    rules = banded(bands((0, 1), (2_000, 5)))
    assert Instrument.model_validate_json(rules.model_dump_json()) == rules
    assert TICK_BANDS.validate_json(TICK_BANDS.dump_json(rules.tick_bands)) == rules.tick_bands


def test_an_event_of_before_has_no_bands() -> None:
    before = PLAIN.model_dump(mode="json")
    del before["tick_bands"]
    assert Instrument.model_validate(before) == PLAIN


@pytest.mark.parametrize(
    "rows",
    [
        [(1, 1), (2_000, 5)],  # nothing holds below 1
        [(0, 1), (2_000, 5), (2_000, 10)],
        [(0, 1), (5_000, 5), (2_000, 10)],
        [(0, 1), (2_001, 5)],  # no price of the upper band
        [(0, 3), (2_000, 5)],  # nor this of the lower
    ],
)
def test_bands_that_do_not_meet_are_refused(rows: list[tuple[int, int]]) -> None:
    with pytest.raises(ValidationError, match="band"):
        banded(bands(*rows))


def test_no_band_holds_a_price_below_them_all() -> None:
    with pytest.raises(ValueError, match="no tick band"):
        tick_in(bands((0, 1)), Decimal(-1))
