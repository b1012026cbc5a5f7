"""One plan after another in a process of its own, each in a folder of its own.

Whatever a run raises is its verdict, with the traceback: nothing that a seed does ends a worker, but what ends a
process.
"""

import contextlib
import shutil
import signal
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from bulkhead.chaos.plan import Plan, write
from bulkhead.chaos.run import Outcome, Violation, play
from bulkhead.chaos.world import make_template
from messages.values import Value

TRACE_NUMBER = 17
"""Of the invariant that a plan breaks which comes to another trace when it is played again."""


class Job(Value):
    plan: Plan
    planted: str | None = None
    keep: Path | None = None
    """Where the folder of a red run is left."""


class Played(Value):
    """What came of one plan: an outcome, or what went wrong with the run itself."""

    plan: Plan
    outcome: Outcome | None = None
    error: str | None = None
    """A traceback, or how the worker ended."""
    more: tuple[Violation, ...] = ()
    """Found by comparing two runs of the plan."""
    is_again: bool = False
    """The second run of a plan, which is in no figure."""
    kept: Path | None = None

    @property
    def violations(self) -> tuple[Violation, ...]:
        return (*(() if self.outcome is None else self.outcome.violations), *self.more)

    @property
    def is_red(self) -> bool:
        return self.error is not None or bool(self.violations)

    @property
    def signs(self) -> frozenset[str]:
        """What is wrong with it, for telling whether another run is red for the same reason."""
        last_line = () if self.error is None else (self.error.strip().rpartition("\n")[2].partition(":")[0],)
        return frozenset((*(f"invariant {violation.number}" for violation in self.violations), *last_line))


def play_job(job: Job, folder: Path, template: Path) -> Played:
    """In `folder`, which is made, and gone afterwards."""
    folder.mkdir()
    try:
        outcome = play(job.plan, folder, template=template, planted=job.planted)
        played = Played(plan=job.plan, outcome=outcome)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - it is a verdict, and a planned cut of the power that got out is one, too
        played = Played(plan=job.plan, error=traceback.format_exc())
    if job.keep is not None and played.is_red:
        played = played.model_copy(update={"kept": _keep(job.keep, job.plan, folder)})
    shutil.rmtree(folder, ignore_errors=True)
    return played


def _keep(keep: Path, plan: Plan, folder: Path) -> Path:
    kept = keep / f"seed-{plan.seed}-{plan.venue}"
    while kept.exists():
        kept = kept.with_name(f"{kept.name}-more")
    shutil.move(folder, kept)
    write(plan, kept / "plan.json")
    return kept


def jobs_of(connection: Connection) -> Iterator[Job]:
    """Until the other end is gone."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            yield Job.model_validate_json(connection.recv_bytes())


def work(connection: Connection, folder: Path) -> None:
    """The whole life of a worker. A Ctrl-C is its parent's business, which then ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder.mkdir()
    template = make_template(folder)
    for number, job in enumerate(jobs_of(connection)):
        played = play_job(job, folder / str(number), template)
        with contextlib.suppress(OSError):
            connection.send_bytes(played.model_dump_json().encode())
