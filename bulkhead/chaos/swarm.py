"""Many plans, played by worker processes, one per core.

Rules: no run is lost. One that raises is a verdict; a worker that dies, or takes too long, is a verdict on the plan
that it had in hand, and another worker takes its place. One plan in ten is played twice, the second time by another
process, whose hashes of strings differ, and the traces are compared. The parent keeps nothing of what it hands on.
Whoever stops reading ends the workers at once.
"""

import os
import shutil
import signal
import tempfile
import time
from collections import deque
from collections.abc import Generator, Iterator
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Self

from bulkhead.chaos.plan import Plan
from bulkhead.chaos.run import Outcome, Violation
from bulkhead.chaos.worker import TRACE_NUMBER, Job, Played, play_job, work
from bulkhead.chaos.world import make_template

ONE_IN = 10
"""Plans that are played once, for each that is played twice."""
MOST_WALL_S = 900.0
"""Of one run, after which its worker is ended: ten simulated minutes take seconds."""
MOST_WAITING = 8
"""Second runs, before a worker is replaced for their sake."""
RAM = Path("/dev/shm")  # noqa: S108 - a folder with a name of its own is made in it


def scratch() -> Path:
    """A new folder, in memory where that is possible: a run writes thousands of commits."""
    in_memory = RAM.is_dir() and os.access(RAM, os.W_OK)
    return Path(tempfile.mkdtemp(prefix="bulkhead-chaos-", dir=RAM if in_memory else None))


class Worker:
    """A process at work, seen by its parent."""

    def __init__(self, number: int, folder: Path) -> None:
        self.number = number
        self.folder = folder / f"worker-{number}"
        self.job: Job | None = None
        self.is_again = False
        self.due_s = float("inf")
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=work, args=(theirs, self.folder), daemon=True)
        # Held back while it starts, and for good in the worker, which inherits that: a Ctrl-C is for the parent alone.
        held_back = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held_back)
        theirs.close()

    @property
    def sees(self) -> Connection:
        return self.connection

    def give(self, job: Job, is_again: bool) -> None:
        self.job, self.is_again, self.due_s = job, is_again, time.monotonic() + MOST_WALL_S
        try:
            self.connection.send_bytes(job.model_dump_json().encode())
        except OSError:  # it has died; `take` says how
            return

    def take(self) -> Played:
        """What came of the job in hand. Raises EOFError where the worker has died over it."""
        assert self.job is not None
        played = Played.model_validate_json(self.connection.recv_bytes())
        self.job, self.due_s = None, float("inf")
        return played

    def end(self) -> int | None:
        """At once. Returns how it had ended, if it had."""
        self._process.join(0.2 if self.job is None or self.connection.closed else 1.0)
        how = self._process.exitcode
        self._process.kill()
        self._process.join()
        self._process.close()
        self.connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        return how

    def kill(self) -> None:
        self._process.kill()


class Crew:
    """Plays plans; `jobs` 0: in this process, which is what a debugger wants. Used with `with`."""

    def __init__(self, jobs: int | None = None, *, keep: Path | None = None) -> None:
        """`keep`: where the folders of red runs are left."""
        self._jobs = len(os.sched_getaffinity(0)) if jobs is None else jobs
        self._keep = keep
        self._numbers = count(1)
        self._workers: list[Worker] = []
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        self._folder = scratch()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def play(self, plan: Plan) -> Played:
        (played,) = self.play_all(iter((plan,)), one_in=0)
        return played

    def play_all(
        self, plans: Iterator[Plan], *, one_in: int = ONE_IN, planted: str | None = None
    ) -> Generator[Played, None, None]:
        """Each as it is done, in no order. `one_in` 0: none is played twice. One round after the other: whoever breaks
        one off ends the workers that were in it."""
        if not self._jobs:
            yield from self._here(plans, one_in, planted)
            return
        try:
            yield from _Round(self, plans, one_in, planted).results()
        finally:
            for worker in self.at_work():
                worker.kill()
                self.replace(worker)

    def _here(self, plans: Iterator[Plan], one_in: int, planted: str | None) -> Iterator[Played]:
        template = self._folder / "template.db"
        if not template.exists():
            make_template(self._folder)
        for number, plan in enumerate(plans):
            first = play_job(self.job(plan, planted), self._folder / "run", template)
            yield first
            if one_in and number % one_in == 0 and first.outcome is not None:
                second = play_job(self.job(plan, planted), self._folder / "run", template)
                yield compared(first.outcome.trace, second)

    # -- for a round --------------------------------------------------------------------------------------------------

    def job(self, plan: Plan, planted: str | None) -> Job:
        return Job(plan=plan, planted=planted, keep=self._keep if planted is None else None)

    def idle(self) -> list[Worker]:
        while len(self._workers) < self._jobs:
            self._workers.append(Worker(next(self._numbers), self._folder))
        return [worker for worker in self._workers if worker.job is None]

    def at_work(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.job is not None]

    def replace(self, worker: Worker) -> int | None:
        self._workers.remove(worker)
        return worker.end()


class _Round:
    """One call of `play_all`: what is to be played, and by whom."""

    def __init__(self, crew: Crew, plans: Iterator[Plan], one_in: int, planted: str | None) -> None:
        self._crew, self._one_in, self._planted = crew, one_in, planted
        self._plans = enumerate(plans)
        self._at_hand: dict[int, int] = {}
        """Number of the plan that each worker has, by the worker's number."""
        self._again: deque[tuple[Plan, str, int]] = deque()
        """To be played a second time: the plan, its first trace, and the worker that must not."""
        self._traces: dict[int, str] = {}
        """First traces of the plans that are played a second time now, by worker."""
        self._are_plans_out = False

    def results(self) -> Iterator[Played]:
        while True:
            for worker in self._crew.idle():
                self._give(worker)
            working = self._crew.at_work()
            if not working:
                if self._are_plans_out and not self._again:
                    return
                continue
            patience_s = max(0.0, min(worker.due_s for worker in working) - time.monotonic())
            heard = wait([worker.sees for worker in working], timeout=patience_s)
            for worker in working:
                if worker.sees in heard:
                    yield self._taken(worker)
                elif worker.due_s <= time.monotonic():
                    worker.kill()
                    yield self._lost(worker, f"it took longer than {MOST_WALL_S:g} s, and was ended")

    def _give(self, worker: Worker) -> None:
        other = next((each for each in self._again if each[2] != worker.number), None)
        if other is not None:
            self._again.remove(other)
            self._traces[worker.number] = other[1]
            worker.give(self._crew.job(other[0], self._planted), is_again=True)
            return
        numbered = None if self._are_plans_out or len(self._again) > MOST_WAITING else next(self._plans, None)
        if numbered is not None:
            number, plan = numbered
            self._at_hand[worker.number] = number
            worker.give(self._crew.job(plan, self._planted), is_again=False)
        elif self._again:
            self._crew.replace(worker)  # it has played all of them itself
        else:
            self._are_plans_out = True

    def _taken(self, worker: Worker) -> Played:
        try:
            played = worker.take()
        except (EOFError, OSError):
            return self._lost(worker, "the worker died")
        if worker.is_again:
            return compared(self._traces.pop(worker.number), played)
        if played.outcome is not None and self._one_in and self._at_hand[worker.number] % self._one_in == 0:
            self._again.append((played.plan, played.outcome.trace, worker.number))
        return played

    def _lost(self, worker: Worker, why: str) -> Played:
        assert worker.job is not None
        plan = worker.job.plan
        how = self._crew.replace(worker)
        self._traces.pop(worker.number, None)
        return Played(plan=plan, error=f"{why} (exit code {how})", is_again=worker.is_again)


def compared(first_trace: str, second: Played) -> Played:
    """The second run of a plan, with what a difference from the first means."""
    again = second.model_copy(update={"is_again": True})
    outcome: Outcome | None = second.outcome
    if outcome is None or outcome.trace == first_trace:
        return again
    differs = Violation(
        number=TRACE_NUMBER,
        invariant="same-plan-same-run",
        at_s=outcome.simulated_s,
        step=outcome.messages,
        detail=f"played twice, its traces differ: {first_trace[:16]} and {outcome.trace[:16]}",
    )
    return again.model_copy(update={"more": (differs,)})
