"""A plan of one fault alone, and what must be true of it whatever the fault."""

from pathlib import Path

import pytest

from bulkhead.chaos import run
from bulkhead.chaos.faults import CATALOGUE, Targets
from bulkhead.chaos.plan import Moment, Plan, Strike, VenueKind
from bulkhead.chaos.recovery import come_to_rest
from bulkhead.chaos.run import Outcome, play
from bulkhead.chaos.world import World

SEED, MINUTES, TICK_S = 5, 0.5, 1.0
SYMBOL = "BTCUSDT"
STRIKES_AT_S = (5.0, 12.0, 19.0)
LASTS_S = 15.0
NEEDS_A_CANCEL = ("venue.fill_after_cancel", "transport.cancel_lost", "transport.cancel_reply_lost")
NEEDS_AN_OPEN_ORDER = ("venue.mass_cancel",)
OFTEN_SEED, OFTEN_MINUTES, OFTEN_TICK_S, OFTEN_S = 1, 1.5, 2.0, 6
"""For what strikes only at something that does not always happen: in this run orders rest for long."""
WITH = {"transport.query_lost": "transport.request_lost", "transport.snapshot_lost": "transport.reset"}
"""What only another fault makes happen."""


def of_group(group: str, venue: VenueKind = VenueKind.IDS) -> list[str]:
    return [name for name, fault in CATALOGUE.items() if name.startswith(f"{group}.") and venue in fault.venues]


def is_seldom_met(name: str) -> bool:
    return name in NEEDS_A_CANCEL or name in NEEDS_AN_OPEN_ORDER


def strikes(name: str, moment: Moment | None = None) -> tuple[Strike, ...]:
    """As hard as the catalogue has it, and close together: they overlap where they last."""
    fault = CATALOGUE[name]
    is_often = is_seldom_met(name)
    at_least, at_most = fault.lasts_s
    return tuple(
        Strike(
            fault=name,
            at_s=at_s,
            moment=moment or (Moment.ANY if is_often else fault.moments[0]),
            lasts_s=at_least if is_often else min(at_most, max(at_least, LASTS_S)),
            amount=None if fault.amount is None else fault.amount[1],
            target=SYMBOL if fault.targets is Targets.SYMBOLS else None,
        )
        for at_s in (range(OFTEN_S, round(OFTEN_MINUTES * 60), OFTEN_S) if is_often else STRIKES_AT_S)
    )


def play_alone(
    name: str, folder: Path, template: Path, monkeypatch: pytest.MonkeyPatch, moment: Moment | None = None
) -> Outcome:
    """At the venue that keeps ids, where our books must be the venue's to the last digit."""
    differences: list[str] = []

    def compare(world: World) -> None:
        come_to_rest(world)
        differences.extend(world.house.differences())

    monkeypatch.setattr(run, "come_to_rest", compare)
    planned = strikes(name, moment) + (strikes(WITH[name]) if name in WITH else ())
    seed, minutes, tick_s = SEED, MINUTES, TICK_S
    if is_seldom_met(name):
        seed, minutes, tick_s = OFTEN_SEED, OFTEN_MINUTES, OFTEN_TICK_S
    plan = Plan(seed=seed, minutes=minutes, tick_s=tick_s, strikes=planned)
    outcome = play(plan, folder, template=template)
    assert outcome.fired.get(name, 0) > 0, "it was armed, and never struck"
    assert outcome.violations == ()
    assert differences == []
    return outcome
