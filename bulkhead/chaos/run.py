"""One run of a plan: everything is broken as it says, then nothing is any more, and all must come right.

safety    the plan is played; no invariant may ever be broken
healing   nothing is broken any more: within a bound the house must have put itself right
rest      trading is ended in order; the books must be the venue's
"""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from bulkhead.chaos.canary import in_environment
from bulkhead.chaos.director import Director
from bulkhead.chaos.eyes import Watcher
from bulkhead.chaos.invariants import ALL
from bulkhead.chaos.invariants.kit import Invariant
from bulkhead.chaos.path_counter import PathCounter
from bulkhead.chaos.plan import Plan
from bulkhead.chaos.planted import planted_bug
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


def play(
    plan: Plan,
    folder: Path,
    *,
    template: Path | None = None,
    planted: str | None = None,
    watchers: Sequence[Callable[[World], Watcher]] = (),
) -> Outcome:
    """Play it in an empty folder, which is left as the run has left it. `planted`: with this deliberate defect.

    Raises UnknownPlanted.
    """
    with in_environment(), planted_bug(planted).plant() if planted is not None else nullcontext():
        return _play(World(folder, plan, template=template), plan, watchers)


def _play(world: World, plan: Plan, watchers: Sequence[Callable[[World], Watcher]]) -> Outcome:
    began = time.perf_counter()
    violations: list[Violation] = []

    def note(number: int, name: str, detail: str) -> None:
        if len(violations) < MOST_VIOLATIONS:
            at_s = round(world.elapsed_s(), 6)
            found = Violation(number=number, invariant=name, at_s=at_s, step=director.step, detail=detail)
            violations.append(found)

    def say(invariant: Invariant, detail: str) -> None:
        note(invariant.number, invariant.name, detail)

    world.eyes.add(PathCounter(world))
    for watches in watchers:
        world.eyes.add(watches(world))
    for kind in ALL:
        world.eyes.add(kind(world, say))
    director = Director(world, plan.strikes)  # behind them: what it cuts off is on disk, and has been seen
    world.start()
    director.go_on(plan.minutes * 60)
    director.heal_all()
    world.calm()
    world.eyes.tell(Watcher.healing)
    come_right(world)
    come_to_rest(world)
    world.eyes.tell(Watcher.at_rest)
    for detail in world.undetected:
        note(11, "seen-or-refused", detail)
    world.close()
    return Outcome(
        plan=plan,
        violations=tuple(violations),
        fired=dict(sorted((+world.fired).items())),
        paths=dict(sorted((+world.paths).items())),
        messages=world.messages,
        simulated_s=round(world.elapsed_s(), 3),
        wall_s=round(time.perf_counter() - began, 4),
        trace=world.trace(),
    )
