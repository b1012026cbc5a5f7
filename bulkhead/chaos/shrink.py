"""Making a red plan small: fewest strikes, then shorter, simpler and sooner, as long as it stays red for its reason.

Delta debugging over the strikes, then one change after another of what is left. A plan is played in each try, so what
comes out is red, whatever chance does; that it is the smallest there is, nobody promises. Bounded in runs.
"""

from collections.abc import Callable, Iterator, Sequence

from bulkhead.chaos.plan import Moment, Plan, Strike
from bulkhead.chaos.worker import Played
from messages.values import Value

MOST_RUNS = 120
AFTER_LAST_S = 30.0
"""Of the plan's time, left behind the last strike when it is cut."""
SHORT_S = 1.0

Play = Callable[[Plan], Played]
Tell = Callable[[int, int, int], None]
"""Told of each try: runs so far, the most there will be, strikes left."""


class Shrunk(Value):
    plan: Plan
    runs: int
    sign: str
    """What every red run of it has in common with the first."""
    is_done: bool
    """False: the bound on the runs came first."""


class _OutOfRuns(Exception):
    """The bound is reached."""


def shrink(red: Played, play: Play, *, most_runs: int = MOST_RUNS, tell: Tell = lambda *_: None) -> Shrunk:
    """`red` is what came of the plan that is to be made small."""
    work = _Shrinking(red, play, most_runs, tell)
    try:
        work.fewer()
        work.smaller()
    except _OutOfRuns:
        return Shrunk(plan=work.plan, runs=work.runs, sign=work.sign, is_done=False)
    return Shrunk(plan=work.plan, runs=work.runs, sign=work.sign, is_done=True)


class _Shrinking:
    def __init__(self, red: Played, play: Play, most_runs: int, tell: Tell) -> None:
        first = red.violations[0] if red.violations else None
        self.sign = min(red.signs) if first is None else f"invariant {first.number}"
        """The first violation says what broke; what comes after it may follow from it."""
        self.plan = red.plan
        self.runs = 0
        self._play, self._most_runs, self._tell = play, most_runs, tell

    def takes(self, plan: Plan) -> bool:
        """Play it, and go on from it if it is red for the same reason."""
        if plan == self.plan:
            return False
        if self.runs >= self._most_runs:
            raise _OutOfRuns
        self.runs += 1
        is_red = self.sign in self._play(plan).signs
        if is_red:
            self.plan = plan
        self._tell(self.runs, self._most_runs, len(self.plan.strikes))
        return is_red

    def fewer(self) -> None:
        """ddmin: leave out ever smaller parts of the strikes, as long as that can be done."""
        if self.plan.strikes and self.takes(self.plan.model_copy(update={"strikes": ()})):
            return
        size = (len(self.plan.strikes) + 1) // 2
        while size:
            at = 0
            while at < len(self.plan.strikes):
                left = (*self.plan.strikes[:at], *self.plan.strikes[at + size :])
                if not self.takes(self.plan.model_copy(update={"strikes": left})):
                    at += size
            size = 0 if size == 1 else (size + 1) // 2

    def smaller(self) -> None:
        if self.plan.has_tight_limits:
            self.takes(self.plan.model_copy(update={"has_tight_limits": False}))
        self._cut()
        for at in range(len(self.plan.strikes)):
            for simpler in ways_to_simplify(self.plan.strikes[at]):
                before = self.plan.strikes
                self.takes(self.plan.model_copy(update={"strikes": _with(before, at, simpler(before[at]))}))
        self._cut()

    def _cut(self) -> None:
        """End it soon after its last strike; else halve it, as often as that can be done."""
        last_s = max((strike.at_s for strike in self.plan.strikes), default=0.0)
        for seconds in (last_s + AFTER_LAST_S / 10, last_s + AFTER_LAST_S):
            minutes = round(seconds / 60, 4)
            if minutes < self.plan.minutes and self.takes(self.plan.model_copy(update={"minutes": minutes})):
                break
        while (half := round(self.plan.minutes / 2, 4)) * 60 > max(last_s, SHORT_S):
            if not self.takes(self.plan.model_copy(update={"minutes": half})):
                return


def _with(strikes: Sequence[Strike], at: int, strike: Strike) -> tuple[Strike, ...]:
    return (*strikes[:at], strike, *strikes[at + 1 :])


def ways_to_simplify(strike: Strike) -> Iterator[Callable[[Strike], Strike]]:
    """Ways of making it simpler, each tried on what the one before has left."""
    if strike.moment not in (Moment.ANY, Moment.STEP):
        yield lambda given: given.model_copy(update={"moment": Moment.ANY})
    if strike.lasts_s > SHORT_S:
        yield lambda given: given.model_copy(update={"lasts_s": SHORT_S})
        yield lambda given: given.model_copy(update={"lasts_s": round(given.lasts_s / 2, 1)})
    if strike.at_s != round(strike.at_s):
        yield lambda given: given.model_copy(update={"at_s": float(round(given.at_s))})
    if strike.amount is not None and strike.amount != round(strike.amount, 1):
        yield lambda given: given.model_copy(update={"amount": round(strike.amount or 0.0, 1)})
