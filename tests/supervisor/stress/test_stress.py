"""Thousands of random trees among random faults, in simulation: what the specification promises holds at every step.

`BULKHEAD_STRESS_SEEDS` says how many; a failing seed is seen again by `python -m tests.supervisor.stress.runs <seed>`.
"""

import os
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest

from tests.supervisor.stress.plants import PLANTS
from tests.supervisor.stress.runs import Result, run

SEEDS = int(os.environ.get("BULKHEAD_STRESS_SEEDS", "1000"))
CHUNK = 50
MOST_SEEDS_TO_CATCH = 300
"""Within so many a planted fault must be seen."""

HAPPENS = (
    "abandoned starting",
    "abandoned stopping",
    "abandoned stuck",
    "answer: RemoveChild done",
    "answer: RestartChild done",
    "answer: RestartChild failed",
    "answer: StartChild bad_spec",
    "answer: StartChild done",
    "answer: StartChild failed",
    "answer: StopChild done",
    "busy",
    "came to rest",
    "conflated",
    "down: escalated",
    "down: fatal",
    "down: ignore",
    "down: init_error",
    "down: killed",
    "down: normal",
    "down: start_failed",
    "down: stop_error",
    "ended in the middle of a restart",
    "escalated",
    "failed restart alone",
    "failed restart in a group",
    "fate: dead letter",
    "fate: dropped",
    "fate: stale",
    "fault: bad_starts",
    "fault: crash_loop",
    "fault: death",
    "fault: flood",
    "fault: hang",
    "fault: hang_at_stop",
    "fault: hang_supervisor",
    "fault: kill_supervisor",
    "fault: operator",
    "fault: operator_adds",
    "fault: ping",
    "fault: revive",
    "fault: stop_error",
    "fault: stop_from_outside",
    "fault: unknown",
    "flooded",
    "group restart",
    "order lane killed",
    "orphan",
    "parked",
    "restarted",
    "revived",
    "revived late",
    "root alive at rest",
    "start: never ready",
    "stopped in the middle",
    "stopped while it waits for its restart",
    "temporary forgotten",
    "terminated",
)


@cache
def chunk(first: int) -> tuple[Result, ...]:
    return tuple(run(seed) for seed in range(first, min(first + CHUNK, SEEDS)))


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_what_is_promised_holds_at_every_step(first: int) -> None:
    broken = [result for result in chunk(first) if result.violation is not None]
    rules = Counter(result.violation.rule for result in broken if result.violation is not None)
    if broken:
        shortest = min(broken, key=lambda result: result.steps)
        again = f"python -m tests.supervisor.stress.runs {shortest.seed}"
        pytest.fail(f"{dict(rules)}; the shortest: {again}\n{shortest.violation}")


def test_everything_that_could_happen_did() -> None:
    """The runs above show nothing of what never occurred in them."""
    events: Counter[str] = Counter()
    for first in range(0, min(SEEDS, 500), CHUNK):
        for result in chunk(first):
            events += result.events
    assert [event for event in HAPPENS if not events[event]] == []


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant = PLANTS[name]
    plant.plant(monkeypatch)
    seen: Counter[str] = Counter()
    for seed in range(MOST_SEEDS_TO_CATCH):
        violation = run(seed).violation
        if violation is not None:
            seen[violation.rule] += 1
            if violation.rule in plant.rules:
                return
    pytest.fail(f"not seen within {MOST_SEEDS_TO_CATCH} seeds; instead {seen}")


def test_the_same_seed_gives_the_same_run() -> None:
    for seed in range(20):
        first, second = run(seed), run(seed)
        assert (first.trace, first.steps, first.events) == (second.trace, second.steps, second.events)
    assert len({run(seed).trace for seed in range(20)}) == 20


def test_a_run_does_not_hang_on_the_order_of_sets() -> None:
    """Another process, with another seed for the hashes of texts."""
    code = "from tests.supervisor.stress.runs import run\nfor seed in range(20): print(run(seed).trace)"
    traces = "".join(f"{run(seed).trace}\n" for seed in range(20))
    for hash_seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        ended = subprocess.run(
            [sys.executable, "-c", code], check=False, timeout=60, capture_output=True, text=True, env=env
        )
        assert ended.stdout == traces, ended.stderr
