"""One run of a plan: everything is broken as it says, then nothing is any more, and all must come right.

safety    the plan is played; no invariant may ever be broken
healing   nothing is broken any more: within a bound the house must have put itself right
rest      trading is ended in order; the books must be the venue's
"""

import time
from pathlib import Path

from bulkhead.chaos.director import Director
from bulkhead.chaos.eyes import Watcher
from bulkhead.chaos.invariants import ALL
from bulkhead.chaos.invariants.kit import Invariant
from bulkhead.chaos.plan import Plan
from bulkhead.chaos.recovery import come_right, come_to_rest
from bulkhead.chaos.world import World
from messages.values import Value

MOST_VIOLATIONS = 20
"""Kept of one run: the first says what broke, and a hundred others only that it stayed so."""


class Violation(Value):
    number: int
    invariant: str
    at_s: float
    """Of the run's own time."""
    step: int
    """Messages taken until then."""
    detail: str


class Outcome(Value):
    plan: Plan
    violations: tuple[Violation, ...]
    fired: dict[str, int]
    paths: dict[str, int]
    messages: int
    simulated_s: float
    wall_s: float
    trace: str
    """Hash over every message of every process; the same plan and the same code give the same."""


def play(plan: Plan, folder: Path, *, template: Path | None = None) -> Outcome:
    """Play it in an empty folder, which is left as the run has left it."""
    began = time.perf_counter()
    world = World(folder, plan, template=template)
    director = Director(world, plan.strikes)
    violations: list[Violation] = []

    def say(invariant: Invariant, detail: str) -> None:
        if len(violations) < MOST_VIOLATIONS:
            violations.append(
                Violation(
                    number=invariant.number,
                    invariant=invariant.name,
                    at_s=round(world.elapsed_s(), 6),
                    step=director.step,
                    detail=detail,
                )
            )

    for kind in ALL:
        world.eyes.add(kind(world, say))
    world.start()
    director.go_on(plan.minutes * 60)
    director.heal_all()
    world.eyes.tell(Watcher.healing)
    come_right(world)
    come_to_rest(world)
    world.eyes.tell(Watcher.at_rest)
    world.close()
    return Outcome(
        plan=plan,
        violations=tuple(violations),
        fired=dict(sorted((+world.fired).items())),
        paths=dict(sorted(world.paths.items())),
        messages=world.messages,
        simulated_s=round(world.elapsed_s(), 3),
        wall_s=round(time.perf_counter() - began, 4),
        trace=world.trace(),
    )
