"""What many runs come to: figures, the red ones, and what never happened. It holds nothing of the green ones.

A red run has one command that plays it again, and once it is shrunk the file of the smallest plan.
"""

import time
from pathlib import Path
from shlex import quote

from bulkhead.chaos.draw import draw
from bulkhead.chaos.plan import Plan
from bulkhead.chaos.run import Violation
from bulkhead.chaos.shrink import Shrunk
from bulkhead.chaos.vacuity import Row, Vacuity
from bulkhead.chaos.worker import Played
from messages.values import Value

MOST_RED = 50
"""Kept whole; of more only how many there are."""
TEN_MIN = 10.0


class Red(Value):
    plan: Plan
    violations: tuple[Violation, ...]
    error: str | None
    command: str
    """Plays it again."""
    kept: str | None
    """Folder of the run: its ledger, its latches, its plan."""
    shrunk: Shrunk | None = None
    plan_file: str | None = None
    """Of the shrunk plan."""

    @property
    def headline(self) -> str:
        """One line on what broke first."""
        if self.violations:
            first = self.violations[0]
            return (
                f"invariant {first.number} ({first.invariant}) at {first.at_s:g} s, step {first.step}: {first.detail}"
            )
        return (self.error or "").strip().rpartition("\n")[2]


class PlantedRow(Value):
    """What came of one deliberate defect."""

    name: str
    number: int
    sentence: str
    seeds: int | None
    """Played until its invariant was red; None: it never was."""
    tried: int


class Report(Value):
    what: str
    """Was played, in words."""
    plans: int
    again: int
    """Of them, played twice and compared."""
    simulated_s: float
    wall_s: float
    messages: int
    red_count: int
    red: tuple[Red, ...]
    vacuity: tuple[Row, ...]
    is_vacuity_judged: bool
    zeros: tuple[str, ...]
    unlisted: tuple[str, ...]
    """Counted under a name that nobody has listed."""
    is_cut_short: bool
    planted: tuple[PlantedRow, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_ok(self) -> bool:
        is_caught = all(row.seeds is not None for row in self.planted)
        return is_caught and not (self.red_count or self.zeros or self.unlisted)

    @property
    def simulated_h(self) -> float:
        return self.simulated_s / 3600

    @property
    def simulated_h_per_h(self) -> float:
        return self.simulated_s / self.wall_s if self.wall_s else 0.0

    @property
    def messages_per_s(self) -> float:
        return self.messages / self.wall_s if self.wall_s else 0.0


class Tally:
    def __init__(self) -> None:
        self.vacuity = Vacuity()
        self.red: list[Played] = []
        self.red_count = 0
        self.plans = 0
        self._again = 0
        self._simulated_s = 0.0
        self._messages = 0
        self._began_s = time.monotonic()

    def add(self, played: Played) -> None:
        if played.is_again:
            self._again += 1
        else:
            self.plans += 1
        if played.is_red:
            self.red_count += 1
            if len(self.red) < MOST_RED:
                self.red.append(played)
        if played.outcome is not None and not played.is_again:
            self._simulated_s += played.outcome.simulated_s
            self._messages += played.outcome.messages
            self.vacuity.add(played.outcome)

    def wall_s(self) -> float:
        return time.monotonic() - self._began_s

    def report(
        self,
        what: str,
        red: tuple[Red, ...],
        *,
        is_cut_short: bool = False,
        planted: tuple[PlantedRow, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> Report:
        return Report(
            what=what,
            plans=self.plans,
            again=self._again,
            simulated_s=round(self._simulated_s, 3),
            wall_s=round(self.wall_s(), 3),
            messages=self._messages,
            red_count=self.red_count,
            red=red,
            vacuity=self.vacuity.rows(),
            is_vacuity_judged=self.vacuity.is_judged,
            zeros=self.vacuity.zeros(),
            unlisted=self.vacuity.unlisted(),
            is_cut_short=is_cut_short,
            planted=planted,
            notes=notes,
        )


def is_drawn(plan: Plan) -> bool:
    """Whether its seed and its length are all that it takes."""
    return plan == draw(plan.seed, plan.minutes)


def command_for(plan: Plan, file: Path | None = None) -> str:
    """`file`: where the plan was written, for one that no seed draws."""
    if file is not None:
        return f"bulkhead chaos --plan {quote(str(file))}"
    minutes = "" if plan.minutes == TEN_MIN else f" --minutes {plan.minutes:g}"
    return f"bulkhead chaos --seed {plan.seed}{minutes}"
