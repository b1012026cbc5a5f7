"""Each planted bug of the order path and the house around it is caught by the invariant that is there for it."""

from pathlib import Path
from typing import NamedTuple

import pytest

from bulkhead.chaos.invariants import ALL
from bulkhead.chaos.plan import Moment, Plan, Strike, VenueKind
from bulkhead.chaos.planted import PLANTED, UnknownPlanted, house, orders
from bulkhead.chaos.run import play
from bulkhead.chaos.world import make_template

SEEDS = range(3)
"""Tried one after the other until one catches it."""


class How(NamedTuple):
    """In which weather it shows."""

    strikes: tuple[Strike, ...] = ()
    venue: VenueKind = VenueKind.IDS
    minutes: float = 1.0
    has_tight_limits: bool = False


def lost(fault: str, share: float = 0.4, lasts_s: float = 60.0) -> Strike:
    return Strike(fault=fault, at_s=0.0, lasts_s=lasts_s, amount=share)


def kills(moment: Moment, *at_s: float) -> tuple[Strike, ...]:
    return tuple(Strike(fault="process.kill", at_s=each, moment=moment, amount=0.1) for each in at_s)


def crashes(target: str, moment: Moment, *at_s: float) -> tuple[Strike, ...]:
    return tuple(Strike(fault="actor.crash", at_s=each, moment=moment, target=target) for each in at_s)


NO_REPLY = (lost("venue.ack_lost"),)
NEVER_THERE = (lost("transport.request_lost"),)
PLANS = {
    "blind-resend": How(NO_REPLY),
    "equal-fills-are-one": How(),
    "fill-named-by-time": How(minutes=0.1),
    "total-is-growth": How(venue=VenueKind.NUMBERED),
    "position-before-fees": How(),
    "money-in-floats": How(),
    "no-reply-is-no": How(NEVER_THERE),
    "soft-lets-entries-out": How((*NEVER_THERE, *kills(Moment.ANY, 20, 40))),
    "trip-shuts-nothing": How(minutes=2.5, has_tight_limits=True),
    "any-comparison-opens": How((*NEVER_THERE, *kills(Moment.SENDING, 5, 15, 25, 35, 45))),
    "cash-before-fees": How(),
    "reservation-forgotten": How(minutes=2.0, has_tight_limits=True),
    "sent-before-written": How(),
    "hash-without-payload": How(),
    "last-event-lost": How(kills(Moment.ANY, 20)),
    "queue-outlives-its-sender": How(crashes("oms", Moment.WRITTEN, 5, 25, 45)),
    "late-fills-dropped": How(),
}


def plan_for(name: str, seed: int) -> Plan:
    how = PLANS[name]
    return Plan(
        seed=seed,
        venue=how.venue,
        minutes=how.minutes,
        strikes=how.strikes,
        has_tight_limits=how.has_tight_limits,
    )


@pytest.mark.parametrize("name", PLANS)
def test_its_invariant_catches_it(name: str, tmp_path: Path) -> None:
    template, number = make_template(tmp_path), PLANTED[name].number
    for seed in SEEDS:
        folder = tmp_path / f"seed-{seed}"
        folder.mkdir()
        outcome = play(plan_for(name, seed), folder, template=template, planted=name)
        if number in {violation.number for violation in outcome.violations}:
            return
    pytest.fail(f"invariant {number} has not caught it in {len(SEEDS)} seeds")


def test_every_planted_bug_has_its_weather_and_every_invariant_its_planted_bug() -> None:
    planted = {**orders.PLANTED, **house.PLANTED}
    assert PLANS.keys() == planted.keys()
    assert {bug.number for bug in planted.values()} == {kind.number for kind in ALL if kind.number <= 12}


def test_what_was_planted_is_gone_afterwards(tmp_path: Path) -> None:
    for name in ("money-in-floats", None):
        folder = tmp_path / str(name)
        folder.mkdir()
        outcome = play(Plan(seed=1, minutes=0.2), folder, planted=name)
        assert bool(outcome.violations) == (name is not None)


def test_an_unknown_name_is_answered_with_those_that_are_near(tmp_path: Path) -> None:
    with pytest.raises(UnknownPlanted, match="blind-resend"):
        play(Plan(seed=1), tmp_path, planted="blind-resent")
