"""Where nothing is planted, invariants 1 to 12 find nothing, whatever is broken; and what only they themselves can get
wrong, each by itself."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bulkhead.chaos.draw import draw
from bulkhead.chaos.invariants import ALL
from bulkhead.chaos.invariants.i05_legal_states import BY_REVERSAL, LEGAL
from bulkhead.chaos.model.busting import BustingVenue
from bulkhead.chaos.plan import Moment, Plan, Strike, VenueKind
from bulkhead.chaos.run import Outcome, play
from bulkhead.chaos.world import make_template
from bulkhead.execution.order_table import TABLE
from messages.values import OrderStatus

ORDERS = range(1, 13)
ROUGH = (
    Strike(fault="venue.ack_lost", at_s=5, lasts_s=40, amount=0.3),
    Strike(fault="venue.reject", at_s=10, lasts_s=20, amount=0.4),
    Strike(fault="process.kill", at_s=20, moment=Moment.WRITTEN, amount=0.5),
    Strike(fault="process.kill", at_s=35, moment=Moment.SENDING, amount=3.0),
    Strike(fault="actor.crash", at_s=45, moment=Moment.EXECUTED, target="oms"),
    Strike(fault="process.kill", at_s=55, moment=Moment.EXECUTED, amount=0.1),
    Strike(fault="actor.crash", at_s=70, moment=Moment.SENDING, target="portfolio"),
    Strike(fault="transport.request_lost", at_s=75, lasts_s=20, amount=0.3),
)
"""Every fault of the order path, and the process killed where it hurts."""


def played(plan: Plan, tmp_path: Path) -> Outcome:
    folder = tmp_path / "run"
    folder.mkdir()
    return play(plan, folder, template=make_template(tmp_path))


def found(outcome: Outcome) -> list[str]:
    return [f"{each.number} at {each.at_s:g} s: {each.detail}" for each in outcome.violations if each.number in ORDERS]


@pytest.mark.parametrize("has_tight_limits", [False, True])
@pytest.mark.parametrize("venue", VenueKind)
def test_rough_weather_breaks_nothing(venue: VenueKind, has_tight_limits: bool, tmp_path: Path) -> None:
    plan = Plan(seed=11, venue=venue, minutes=2, strikes=ROUGH, has_tight_limits=has_tight_limits)
    outcome = played(plan, tmp_path)
    assert found(outcome) == []
    assert outcome.fired["process.kill"] == 3
    assert outcome.fired["actor.crash"] == 2
    assert outcome.fired["venue.ack_lost"] > 0


def test_what_the_venue_takes_back_breaks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BustingVenue, "bust_share", 0.15)
    outcome = played(Plan(seed=2, minutes=1.7, strikes=ROUGH), tmp_path)
    assert found(outcome) == []
    with closing(sqlite3.connect(tmp_path / "run" / "ledger.db")) as ledger:
        (taken_back,) = ledger.execute("select count(*) from fills where fill_id like '%:reversed'").fetchone()
    assert taken_back > 5


@pytest.mark.parametrize("seed", range(4))
def test_a_drawn_plan_breaks_nothing(seed: int, tmp_path: Path) -> None:
    assert found(played(draw(seed, minutes=1.5), tmp_path)) == []


def test_each_has_its_number_and_its_words() -> None:
    assert [kind.number for kind in ALL] == sorted({kind.number for kind in ALL})
    assert set(ORDERS) <= {kind.number for kind in ALL}
    assert all(kind.__doc__ and kind.name for kind in ALL)


def test_the_oracles_own_table_of_states_is_the_products() -> None:
    """Written from the specification by somebody else, they must come to the same."""
    products = {(before, after) for (before, _), after in TABLE.items() if before is not after}
    ours = {(before, after) for before, row in LEGAL.items() for after in row}
    assert LEGAL.keys() == set(OrderStatus)
    assert products == ours | BY_REVERSAL
