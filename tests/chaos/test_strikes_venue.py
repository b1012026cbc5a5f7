"""Each fault of the venue alone: it really strikes, and once it is over our books are the venue's."""

from pathlib import Path

import pytest

from bulkhead.chaos.fault import STATES
from bulkhead.chaos.plan import Moment, Plan, VenueKind
from bulkhead.chaos.run import play
from tests.chaos.alone import MINUTES, SEED, TICK_S, of_group, play_alone, strikes


@pytest.mark.parametrize("name", of_group("venue"))
def test_it_strikes_and_the_house_comes_right(
    name: str, tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play_alone(name, tmp_path, template, monkeypatch)


@pytest.mark.parametrize("moment", STATES)
def test_the_session_drops_in_every_state(
    moment: Moment, tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play_alone("venue.session_drop", tmp_path, template, monkeypatch, moment)


@pytest.mark.parametrize("name", ["venue.slow_ack", "venue.accepted_then_rejected", "venue.partial"])
def test_it_strikes_where_the_venue_keeps_no_ids(name: str, tmp_path: Path, template: Path) -> None:
    plan = Plan(seed=SEED, venue=VenueKind.NUMBERED, minutes=MINUTES, tick_s=TICK_S, strikes=strikes(name))
    outcome = play(plan, tmp_path, template=template)
    assert outcome.fired.get(name, 0) > 0
    assert outcome.violations == ()
