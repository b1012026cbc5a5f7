"""Every fault at every step of a canonical day: one plan without faults for each kind of venue, at most 1,000 steps.

A step is one message that somebody takes. At each of them, one by one: the actor that takes it crashes over it, or
hangs; the process is killed before it; the next order's reply is lost; reports are told twice. Then pairs of these,
drawn by a seed. Which faults those are is data (`KINDS`); one that is not in the catalogue is left out, and named.
"""

import shutil
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from bulkhead.chaos.eyes import Watcher
from bulkhead.chaos.faults import CATALOGUE
from bulkhead.chaos.model.venue import ADDRESS
from bulkhead.chaos.plan import Moment, Plan, Strike, VenueKind
from bulkhead.chaos.run import play
from bulkhead.chaos.swarm import scratch
from bulkhead.chaos.world import World
from messages.base import Envelope

MOST_STEPS = 1_000
DAY_MIN = 2.0
"""Longer than a thousand messages take: the day ends with the last of them."""
TICK_S = 4.0
AFTER_S = 0.5
"""The day goes on behind its last step, so that what strikes there strikes."""
SEED = 1


class Kind(NamedTuple):
    sentence: str
    faults: tuple[str, ...]
    """The first of these that the catalogue has."""
    lasts_s: float = 0.0
    amount: float | None = None
    is_on_taker: bool = False
    """Of the actor that takes the message; it is armed one step before, so that it is over this very message."""

    @property
    def fault(self) -> str | None:
        return next((name for name in self.faults if name in CATALOGUE), None)


KINDS: dict[str, Kind] = {
    "crash": Kind("the actor that takes it crashes over it", ("actor.crash",), is_on_taker=True),
    "hang": Kind("the actor that takes it does not come back from it", ("actor.hang_for_ever",), is_on_taker=True),
    "kill": Kind("the process is killed before it", ("process.kill",), amount=1.0),
    "lost reply": Kind("the venue's next answer to an order is lost", ("venue.ack_lost",), lasts_s=5, amount=1.0),
    "duplicate": Kind("reports are told twice", ("venue.duplicate",), lasts_s=5, amount=1.0),
}


def missing() -> tuple[str, ...]:
    """Kinds whose fault the catalogue does not have."""
    return tuple(name for name, kind in KINDS.items() if kind.fault is None)


class _Takers(Watcher):
    """Who takes the message of each step, as long as the day is not over."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.at_s: list[float] = []
        self._is_over = False
        self._world: World | None = None

    def over(self, world: World) -> Watcher:
        self._world = world
        return self

    def handling(self, name: str, epoch: int, envelope: Envelope) -> None:
        if not self._is_over and len(self.names) < MOST_STEPS:
            assert self._world is not None
            self.names.append(name)
            self.at_s.append(self._world.elapsed_s())

    def healing(self) -> None:
        self._is_over = True


class Day(NamedTuple):
    plan: Plan
    takers: tuple[str, ...]
    """By step, the first is 1."""


def canonical(venue: VenueKind, *, most_steps: int = MOST_STEPS) -> Day:
    """Plays it once, to learn who takes what, and cuts it behind its last step."""
    plan = Plan(seed=SEED, venue=venue, minutes=DAY_MIN, tick_s=TICK_S)
    seen = _Takers()
    folder = scratch()
    try:
        play(plan, folder, watchers=(seen.over,))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    names, at_s = seen.names[:most_steps], seen.at_s[:most_steps]
    minutes = plan.minutes if len(seen.names) < most_steps else (at_s[-1] + AFTER_S) / 60
    return Day(plan.model_copy(update={"minutes": minutes}), tuple(names))


def singles(day: Day) -> Iterator[Plan]:
    """Each kind of fault at each step."""
    for step in range(1, len(day.takers) + 1):
        for kind in KINDS.values():
            strike = strike_at(day, kind, step)
            if strike is not None:
                yield day.plan.model_copy(update={"strikes": (strike,)})


def count_of(day: Day) -> int:
    return sum(1 for _ in singles(day))


def pairs(day: Day, budget: int, seed: int) -> Iterator[Plan]:
    """So many pairs of two faults at two steps, each pair once, drawn by the seed."""
    rng = Random(f"{seed}:pairs:{day.plan.venue}")
    names = [name for name, kind in KINDS.items() if kind.fault is not None]
    seen: set[tuple[int, str, int, str]] = set()
    steps = len(day.takers)
    most = min(budget, steps * (steps - 1) // 2 * len(names) ** 2 // 2)
    while len(seen) < most:
        first, second = sorted(rng.sample(range(1, steps + 1), 2))
        drawn = (first, rng.choice(names), second, rng.choice(names))
        strikes = (strike_at(day, KINDS[drawn[1]], first), strike_at(day, KINDS[drawn[3]], second))
        if drawn in seen or strikes[0] is None or strikes[1] is None or strikes[0].at_step == strikes[1].at_step:
            continue
        seen.add(drawn)
        yield day.plan.model_copy(update={"strikes": strikes})


def strike_at(day: Day, kind: Kind, step: int) -> Strike | None:
    """None where there is nothing to strike: the model of the venue is no part of the house."""
    taker = day.takers[step - 1]
    if kind.fault is None or (kind.is_on_taker and (taker == ADDRESS or step == 1)):
        return None
    return Strike(
        fault=kind.fault,
        at_s=0,
        moment=Moment.STEP,
        at_step=step - kind.is_on_taker,
        lasts_s=kind.lasts_s,
        amount=kind.amount,
        target=taker if kind.is_on_taker else None,
    )
