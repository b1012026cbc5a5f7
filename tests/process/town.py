"""A town: a run with a sound strategy and one that misbehaves, and what can be measured of the sound one."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

from tests.process.kit import BULKHEAD, Ledger, Run, Simulator, until
from tests.process.misbehaving import ALWAYS, BEAT, SHUT_OUT

STRATEGIES = Path(__file__).with_name("misbehaving.py")
STEADY, ROGUE = "strategy:steady", "strategy:rogue"
ROGUES_SYMBOL = "ETHUSDT"
STUCK_AFTER_S = 1.0
ENOUGH = 12
"""So many orders of the sound strategy are answered while it is watched; a quiet machine takes two seconds for them."""
ALLOWED_GAP_S, ALLOWED_LATENCY_S = 1.0, 0.25
"""On a machine that does nothing else both are a tenth of this; or three times what they are without a fault."""
WIDE_LIMITS = {
    "max_consecutive_losses": 100_000,
    "cooldown_s": 0,
    "max_consecutive_rejects": 1_000,
    "max_daily_loss": 100_000,
    "max_drawdown": 100_000,
    "max_slippage_bps_p95": 10_000,
    "max_trades_per_day": 100_000,
    "max_orders_per_day": 100_000,
    "max_orders_per_s": 100,
}
"""To buy and sell across the spread all the time costs money, and nothing here is meant to trip."""
LIFE = ("IntentRecorded", "OrderRecorded")


class Figures(NamedTuple):
    """Of the sound strategy, in seconds: the longest time without a decision; from a decision to the venue's answer."""

    decisions: int
    gap_s: float
    orders: int
    median_s: float
    p95_s: float

    def is_like(self, calm: "Figures") -> bool:
        is_steady = self.gap_s <= max(ALLOWED_GAP_S, 3 * calm.gap_s)
        return is_steady and self.median_s <= max(ALLOWED_LATENCY_S, 3 * calm.median_s)

    def or_worse(self, other: "Figures") -> "Figures":
        return other._replace(gap_s=max(self.gap_s, other.gap_s), median_s=max(self.median_s, other.median_s))

    def __str__(self) -> str:
        return (
            f"{self.decisions} decisions, largest gap {self.gap_s * 1e3:.0f} ms; {self.orders} orders, decision to"
            f" answer p50 {self.median_s * 1e3:.1f} ms, p95 {self.p95_s * 1e3:.1f} ms"
        )


class Answered(NamedTuple):
    """An order of the sound strategy: when the venue's first word about it was written, and how long it had taken."""

    at_ns: int
    took_s: float


def strategies(
    told: Path, *, host: str = "process", stuck_after_s: float = STUCK_AFTER_S, rogues: tuple[str, ...] = ("rogue",)
) -> str:
    """The sound strategy, and the others. None steps back for what else this machine has to do."""
    sound = (
        f'[[strategies]]\nid = "steady"\nuse = "{STRATEGIES}:Steady"\nsymbols = ["BTCUSDT"]\n'
        'sizing = { notional = "1000" }\nnice = 0\n'
    )
    each = (
        f'[[strategies]]\nid = "{name}"\nuse = "{STRATEGIES}:Misbehaving"\nsymbols = ["{ROGUES_SYMBOL}"]\n'
        f'sizing = {{ notional = "1000" }}\nhost = "{host}"\nnice = 0\nstuck_after_s = {stuck_after_s}\n'
        "memory_mb = 160\n"
        f"[strategies.parameters]\ntold = {json.dumps(str(told))}\n"
        for name in rogues
    )
    return sound + "".join(each)


def misbehave(told: Path, deed: str) -> None:
    """The file is there whole at once, since it is looked for at each tick."""
    draft = told.with_name("draft")
    draft.write_text(deed)
    draft.rename(told)


class Town:
    """A run with both strategies on a simulator of its own."""

    def __init__(self, run: Run, venue: Simulator, told: Path) -> None:
        self.run, self.venue, self.told = run, venue, told
        self.ledger = Ledger(run.folder / "ledger.db")
        self.calm: Figures | None = None

    def report(self) -> dict[str, Any]:
        found = self.run.status()
        assert found is not None
        return found

    def node(self, name: str = ROGUE) -> dict[str, Any]:
        found: dict[str, Any] = next(node for node in self.report()["tree"] if node["id"] == name)
        return found

    def scopes(self) -> set[str]:
        """What the stop reasons in force are about."""
        return {reason["scope"] for reason in self.report()["reasons"]}

    def until_fresh(self) -> None:
        """Until the status is younger than this call."""
        now_ns = time.time_ns()
        until(lambda: self.report()["written_at_ns"] > now_ns, "the status is written")

    def bulkhead(self, *words: str) -> str:
        """What an operator types, and reads then."""
        command = [str(BULKHEAD), *words, "--logs-dir", str(self.run.folder)]
        env = {**os.environ, "COLUMNS": "200"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def operate(self, *words: str) -> None:
        self.bulkhead(*words, "--reason", "a test")

    def make_ready(self) -> int:
        """The misbehaving strategy is up, with its budget unspent. Returns its incarnation."""
        self.told.unlink(missing_ok=True)
        self.until_fresh()
        if self.node()["restarts_in_window"] > 0:
            if self.node()["state"] != "parked":
                self.operate("stop", ROGUE)
            self.operate("restart", ROGUE)
        until(lambda: self.node()["state"] == "ready" and self.node()["restarts_in_window"] == 0, "it is up")
        return int(self.node()["epoch"])

    def misbehave(self, deed: str) -> None:
        misbehave(self.told, deed)

    def park(self) -> None:
        """The misbehaving strategy has used up its budget."""
        if self.node()["state"] != "parked":
            self.make_ready()
            self.misbehave(f"{ALWAYS}fail")
            until(lambda: self.node()["state"] == "parked", "it is parked")
        self.told.unlink(missing_ok=True)

    def lines(self, stream: str, kind: str) -> list[dict[str, Any]]:
        """As far as they are written: the last one may be half there."""
        whole = (self.run.session_dir / f"{stream}.jsonl").read_text().rpartition("\n")[0].splitlines()
        return [line for line in map(json.loads, whole) if line["type"] == kind]

    def payloads(self, stream: str, kind: str) -> list[dict[str, Any]]:
        return [line["payload"] for line in self.lines(stream, kind)]

    def downs(self, epoch: int) -> list[dict[str, Any]]:
        """How that incarnation of the misbehaving strategy ended."""
        found = [payload["down"] for payload in self.payloads("failures", "ChildDownRecorded")]
        return [down for down in found if (down["child"], down["epoch"]) == (ROGUE, epoch)]

    def log(self) -> str:
        return (self.run.session_dir / "app.log").read_text()

    def beats(self, until_ns: int) -> list[tuple[int, str]]:
        """When the sound strategy has decided by its timer, and what; all of them up to that instant."""

        def look() -> list[tuple[int, str]] | None:
            made = (
                (line["at_ns"], line["payload"]["decision"]) for line in self.lines("obs_decisions", "DecisionMade")
            )
            found = [(at_ns, decision["reason"]) for at_ns, decision in made if decision["reason"] in (BEAT, SHUT_OUT)]
            return found if found and found[-1][0] > until_ns else None

        found: list[tuple[int, str]] = until(look, "it decides on")
        return [beat for beat in found if beat[0] <= until_ns]

    def answered(self, begin_ns: int) -> list[Answered]:
        """From there on, from its decision to the first word of the venue in the ledger."""
        query = f"select type, at_ns, payload from events where at_ns > {begin_ns} and type in {LIFE} order by seq"  # noqa: S608
        decided: dict[str, int] = {}
        taken = []
        for kind, at_ns, text in self.ledger.rows(query):
            payload = json.loads(text)
            if kind == "IntentRecorded" and payload["intent"]["strategy_id"] == "steady":
                decided[payload["intent"]["intent_id"]] = payload["intent"]["decision_time_ns"]
            elif kind == "OrderRecorded" and payload["change"] != "created":
                began_ns = decided.pop(payload["order"]["intent_id"], None)
                taken += [] if began_ns is None else [Answered(at_ns, (at_ns - began_ns) / 1e9)]
        return taken

    def hangs(self, begin_ns: int) -> list[tuple[int, int]]:
        """From when until when the misbehaving strategy hung, before it was given up."""
        ends = self.lines("failures", "ChildDownRecorded")
        at_ns = [line["at_ns"] for line in ends if line["payload"]["down"]["reason"] == "stuck"]
        return [(at - int(STUCK_AFTER_S * 1e9), at) for at in at_ns if at > begin_ns]

    def measure(self, during: Callable[[], object]) -> Figures:
        """Of the sound strategy, which must decide and trade behind an open gate; also in the midst of each hang."""
        begin_ns = time.time_ns()
        during()
        taken = until(lambda: found if len(found := self.answered(begin_ns)) >= ENOUGH else None, "it trades on")
        end_ns = time.time_ns()
        beats = [beat for beat in self.beats(end_ns) if beat[0] > begin_ns]
        hangs = self.hangs(begin_ns)
        assert {said for _, said in beats} == {BEAT}, "the gate stays open"
        for first, last in hangs:
            assert any(first < at_ns < last for at_ns, _ in beats), "it decides while the other hangs"
        is_answered = [first < order.at_ns < last for first, last in hangs for order in taken]
        assert any(is_answered) or not hangs, "its orders are answered while the other hangs"
        seen = [begin_ns, *(at_ns for at_ns, _ in beats), end_ns]
        gap_ns = max(later - earlier for earlier, later in pairwise(seen))
        took_s = [order.took_s for order in taken]
        return Figures(len(beats), gap_ns / 1e9, len(taken), median(took_s), quantiles(took_s, n=20)[-1])

    def feels_nothing(self, what: str, fault: Callable[[], object]) -> None:
        """The sound strategy decides and trades during `fault` as it does without one."""
        self.calm = self.calm or self.measure(lambda: None)
        found = self.measure(fault)
        if not found.is_like(self.calm):  # has the machine become slower meanwhile?
            self.calm = self.calm.or_worse(self.measure(lambda: None))
        figures = f"\n{what}: {found}\nwithout a fault: {self.calm}"
        print(figures)
        assert found.is_like(self.calm), figures
        assert self.report()["gate_open"]
        assert self.node(STEADY)["epoch"] == 1


def processes(report: dict[str, Any] | None) -> set[int]:
    """Of the strategies that have one of their own at present."""
    return {node["pid"] for node in (report or {"tree": []})["tree"] if node["pid"] is not None}


def children(pid: int) -> set[int]:
    """All that descend from a process."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def end_all(pids: Iterable[int]) -> None:
    """Whatever a test that has failed would leave behind."""
    for pid in filter(is_there, pids):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def nobody_outlives(pids: Iterable[int]) -> Iterator[None]:
    """What happens in this block ends all of them."""
    try:
        yield
        until(lambda: not any(map(is_there, pids)), "all of them are gone")
    finally:
        end_all(pids)
