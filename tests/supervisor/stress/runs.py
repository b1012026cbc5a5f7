"""One seed, one run: grow the tree, let it live among faults, let it come to rest, stop it, and look at what is left.

To see one again: `python -m tests.supervisor.stress.runs 4711`; for many: `… runs 0 20000 --jobs 2`.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from multiprocessing import Pool
from random import Random

from messages.supervision import ChildState
from tests.supervisor.stress import settling
from tests.supervisor.stress.actors import STRANGERS, Console, Stage, WatchedSupervisor
from tests.supervisor.stress.faults import Injector
from tests.supervisor.stress.invariants import CONSOLE, Oracle, Violation
from tests.supervisor.stress.kids import Kid, View
from tests.supervisor.stress.mail import Fate
from tests.supervisor.stress.trees import bounds, drawn, grow
from tests.supervisor.stress.watched import S_NS, WatchedHost

REST_S = 60
"""Longer than any limit or delay in the trees, several times over."""


@dataclass(slots=True)
class Result:
    """What a run was like."""

    seed: int
    steps: int = 0
    nodes: int = 0
    faults: int = 0
    trace: str = ""
    events: Counter[str] = field(default_factory=Counter)
    violation: Violation | None = None


class Run:
    def __init__(self, seed: int) -> None:
        self.rng = Random(f"{seed}:plan")
        self.host = WatchedHost(seed, bounds(self.rng))
        self.oracle: Oracle = self.host.oracle
        self.stage = Stage(self.oracle)
        self.tree = grow(seed, self.stage)
        self.stage.peers = (*self.tree.workers, *self.tree.workers, *self.tree.added, *STRANGERS)
        self.stage.pause_s = max(1.0, len(self.tree.workers) / 5)
        self.oracle.static = frozenset((*self.tree.workers, *self.tree.supervisors))
        self.oracle.root = "root"
        self.injector = Injector(self.host, self.stage, self.tree, self.rng)

    def go(self) -> None:
        self._begin()
        is_cut_short = self.rng.random() < 0.3
        for _ in range(self.rng.randint(3, 14)):
            if "root" in self.oracle.living:
                self._burst()
        if is_cut_short:
            self.oracle.events["stopped in the middle"] += 1
            if self.rng.random() < 0.5:
                self.host.step(self.rng.randint(0, 30))
        else:
            self._rest()
        self._end()

    def _begin(self) -> None:
        host, spec = self.host, self.tree.spec
        host.dead_letter_to = CONSOLE
        host.start_child(CONSOLE, lambda: Console(self.oracle), parent=None)
        host.run_until_idle()
        host.start_child("root", lambda: WatchedSupervisor(spec, host, CONSOLE), parent=None, kind="supervisor")
        if self.rng.random() < 0.7:
            host.run_until(host.now_ns() + 3 * S_NS)

    def _burst(self) -> None:
        for _ in range(self.rng.choice((1, 1, 2, 3, 4))):
            self.injector.inject()
            self.oracle.raise_first()
            self.host.step(self.rng.choice((0, 0, 1, 3, 8, 20)))
        self.host.run_until(self.host.now_ns() + int(self.rng.choice((0.0, 0.0, 0.05, 0.3, 1.0, 3.0)) * S_NS))

    def _calm(self) -> None:
        self.stage.is_quiet = True
        self.stage.scripts.clear()
        self.host.calm()

    def _rest(self) -> None:
        """The faults are over: after a while, whoever ought to be up is up."""
        self._calm()
        self.host.run_until(self.host.now_ns() + REST_S * S_NS)
        oracle, states = self.oracle, self.oracle.states()
        for name, family in oracle.families.items():
            if family.is_over:
                continue
            for kid in settling.waits_at_rest(family):
                oracle.wrong("never came back", f"{kid.name} of {name}: {kid}")
            if open_ := +family.asked:
                oracle.wrong("no answer", f"{name} owes {dict(open_)}")
            for kid in family.kids.values():
                if kid.name in states and not _is_shown(kid, states[kid.name]):
                    oracle.wrong("status", f"{kid.name} is {kid.view.value}, and shown as {states[kid.name]}")
        for name in sorted(name for name, state in states.items() if state is ChildState.RESTARTING):
            oracle.wrong("status", f"{name} is shown as restarting for ever")
        for (watcher, epoch, target), count in oracle.watches.items():
            if count > 0 and oracle.living.get(watcher) == epoch and oracle.is_gone(target):
                oracle.wrong("Terminated never", f"{watcher}.{epoch} waits for {target}, which is gone")
        for name in sorted(oracle.stuck):
            if oracle.up.get(name, False) or name not in states:
                oracle.wrong("stuck for ever", f"{name} is up or gone, and its stuckness is not taken back")
        oracle.raise_first()
        oracle.events["came to rest"] += 1
        oracle.events["root alive at rest"] += "root" in oracle.living

    def _end(self) -> None:
        host, oracle = self.host, self.oracle
        if "root" in oracle.living:
            host.stop_child("root", "the run ends")
        if self.rng.random() < 0.5:
            host.step(self.rng.randint(0, 40))
        self._calm()
        host.run_until(host.now_ns() + REST_S * S_NS)
        oracle.living.pop(CONSOLE)
        if oracle.living:
            oracle.wrong("still up", f"after the stop of the tree: {oracle.living}")
        if [down.child for down in oracle.root_downs] != ["root"]:
            oracle.wrong("root report", f"{oracle.root_downs}")
        if host.next_timer_ns() is not None or len(host._timers):
            oracle.wrong("timers left", f"{len(host._timers)}")
        if host.dead_letters != oracle.post.fates[Fate.DEAD]:
            oracle.wrong("conservation", f"{host.dead_letters} dead letters, and {oracle.post.fates}")
        oracle.raise_first()


def _is_shown(kid: Kid, state: ChildState) -> bool:
    if kid.view is View.READY:
        return state is ChildState.READY
    if kid.is_parked:
        return state is ChildState.PARKED
    return state in (ChildState.STOPPED, ChildState.ABANDONED, *([ChildState.PARKED] if kid.is_held else []))


def run(seed: int) -> Result:
    """Never raises for what the run found."""
    this = Run(seed)
    result = Result(seed, nodes=len(this.tree.workers) + len(this.tree.supervisors))
    try:
        this.go()
    except Violation as violation:
        result.violation = violation
    result.steps, result.faults = this.host.scheduled, this.injector.faults
    result.trace = this.host.trace_hash()
    result.events = this.oracle.events + this.oracle.post.events
    result.events.update({f"fate: {fate}": count for fate, count in this.oracle.post.fates.items()})
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int, nargs="?")
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    if args.last is None:
        result = run(args.first)
        sys.stdout.write(f"{drawn(Run(args.first).tree.spec)}\n{result.violation or 'nothing found'}\n")
        return result.violation is not None
    with Pool(args.jobs) as pool:
        return report(pool.imap(run, range(args.first, args.last), chunksize=20))


def report(results: Iterable[Result]) -> int:
    """The sums, the table of what really happened, and each rule that was broken with its first seeds."""
    events: Counter[str] = Counter()
    broken: dict[str, list[Result]] = {}
    runs = steps = faults = nodes = 0
    for result in results:
        runs, steps, faults, nodes = (
            runs + 1,
            steps + result.steps,
            faults + result.faults,
            nodes + result.nodes,
        )
        events += result.events
        if result.violation is not None:
            broken.setdefault(result.violation.rule, []).append(result)
    sys.stdout.write(f"{runs} trees, {nodes} nodes, {steps} steps, {faults} faults\n")
    for event, count in sorted(events.items()):
        sys.stdout.write(f"  {event:45} {count}\n")
    for rule, found in sorted(broken.items(), key=lambda item: -len(item[1])):
        first = min(found, key=lambda result: result.steps)
        seeds = [result.seed for result in found[:8]]
        sys.stdout.write(f"{rule}: {len(found)}, shortest {first.seed} ({first.steps} steps), {seeds}\n")
        if first.violation is not None:
            sys.stdout.write(f"    {first.violation.text}\n")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
