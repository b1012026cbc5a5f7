"""Kill the run with SIGKILL at random instants of a busy session, over and over, while the venue lives on.

    python -m bulkhead.chaos.kill_rounds --rounds 200 --seed 1

Each round starts `bulkhead run` on the ledger that the last one left, lets it work for a random time (so that starting
and recovering are hit as well), perhaps makes the venue misbehave, kills it, and leaves the venue alone for a while.
The last run ends in order. Then the venue's own books and the ledger file must say the same: duplicates 0, lost fills
0, cash and positions equal, and no entry before the books were compared. Everything is on loopback and in one folder.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from random import Random

from rich.console import Console
from rich.progress import Progress

from bulkhead.app.live_run import LiveRun, NeverCame, until, write_config
from bulkhead.app.simulator_process import SimulatorProcess
from bulkhead.chaos.oracle import LedgerFile, VenueBooks, differences, entries_before_recovery, left_behind, overworked
from bulkhead.ledger.verify import verify_session
from bulkhead.venues.simulator.settings import Limits, SimulatorSettings
from messages.values import Value

RESTING = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "LINKUSDT")
CROSSING = ("AVAXUSDT", "LTCUSDT", "ETCUSDT", "AAVEUSDT")
EVENTS_PER_S = 600
LONGEST_LIFE_S = 7.0
"""About half of it is the start, so that starting, recovering and trading are all hit."""
LONGEST_GAP_S = 1.5
FAULTS: tuple[dict[str, object], ...] = (
    {"lose_order_replies": 2},
    {"order_status": 503, "accept": True, "count": 2},
    {"order_status": 503, "accept": False, "count": 2},
    {"reply_latency_ms": 400},
    {"hide_orders_ms": 800},
    {"drop_connections": True},
    {"rate_limit_next": 3},
)
CALM: dict[str, object] = {
    **dict.fromkeys(("lose_order_replies", "reply_latency_ms", "hide_orders_ms", "rate_limit_next"), 0),
    "order_status": 503,
    "count": 0,
}
_MANY = 1_000_000


class Verdict(Value):
    """What the rounds came to. All is well when `violations` is empty and nothing that had to happen is missing."""

    seed: int
    rounds: int
    killed_while: dict[str, int]
    """By the state that the run had reported last."""
    faults: dict[str, int]
    orders: int
    executions: int
    children: int
    """Orders that were not the first of their intent: parts of splits, and replacements."""
    fills_while_down: int
    """Executed between a kill and the next start, and booked afterwards."""
    gate_open_s: tuple[float, ...]
    """From each start to the gate's opening, where it opened."""
    violations: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """What must have happened for the verdict to mean anything."""
        wanted = {"a fill while the run was down": self.fills_while_down, "an order": self.orders}
        wanted["a child or a replacement"] = self.children
        if self.rounds >= len(FAULTS) * 4:
            wanted |= {f"a kill while {state}": self.killed_while.get(state, 0) for state in ("starting", "trading")}
            wanted |= {f"the fault {name}": self.faults.get(name, 0) for name in map(_name, FAULTS)}
        return tuple(what for what, count in wanted.items() if not count)


def _name(fault: dict[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in fault.items())


class Rounds:
    """One town: a venue that lives on, and the runs that come and go."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._seed = folder, seed
        self._rng = Random(seed)
        self._ledger = LedgerFile(folder / "logs" / "ledger.db")
        self._killed_while: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._gaps_ns: list[tuple[int, int]] = []
        self._gate_open_s: list[float] = []
        self._violations: list[str] = []

    def go(self, rounds: int, progress: Progress) -> Verdict:
        task = progress.add_task(f"killing (seed {self._seed})", total=rounds)
        with SimulatorProcess(_venue_settings(self._folder, self._seed)) as process:
            venue = VenueBooks(process.port)
            config = _config(self._folder, process.port)
            killed_ns: int | None = None
            try:
                for _ in range(rounds):
                    killed_ns = self._round(config, venue, killed_ns)
                    progress.advance(task)
                self._end(config, venue, killed_ns)
            except NeverCame as error:
                self._violations.append(str(error))
            self._compare(venue)
            return self._verdict(rounds, venue)

    def _round(self, config: Path, venue: VenueBooks, killed_ns: int | None) -> int:
        """One life; returns when it was taken."""
        rng = self._rng
        life_s, fault = rng.uniform(0.0, LONGEST_LIFE_S), rng.choice((None, *FAULTS))
        with closing(LiveRun(config)) as run:
            self._born(run, killed_ns)
            fault_at_s = rng.uniform(0.0, life_s)
            is_open_s: float | None = None
            began = time.monotonic()
            while (lived_s := time.monotonic() - began) < life_s:
                if is_open_s is None and run.is_trading():
                    is_open_s = lived_s
                if fault is not None and lived_s >= fault_at_s:
                    venue.fault(**fault)
                    self._faults[_name(fault)] += 1
                    fault = None
                time.sleep(0.01)
            report = run.status()
            run.kill()
            at_ns = time.time_ns()
        self._killed_while[report["state"] if report else "starting"] += 1
        if is_open_s is not None:
            self._gate_open_s.append(round(is_open_s, 2))
        venue.fault(**CALM)
        time.sleep(rng.uniform(0.0, LONGEST_GAP_S))
        return at_ns

    def _born(self, run: LiveRun, killed_ns: int | None) -> None:
        if killed_ns is not None:
            self._gaps_ns.append((killed_ns, run.started_ns))

    def _end(self, config: Path, venue: VenueBooks, killed_ns: int | None) -> None:
        """The last life ends in order, after all doubts."""
        with closing(LiveRun(config)) as run:
            self._born(run, killed_ns)
            run.until_trading()
            before = venue.executions()
            until(lambda: venue.executions() > before, "it trades on")
            until(lambda: not self._ledger.rows("select 1 from orders where status = 'ERROR'"), "no order is unknown")
            venue.fault(halt_market=True)  # exits rest at the venue when it has ended, and must not fill unheard
            run.end()
        if any(order["side"] == "BUY" for order in venue.books()["open_orders"]):
            self._violations.append("entries rest at the venue after an ordered end")

    def _compare(self, venue: VenueBooks) -> None:
        self._violations += differences(venue, self._ledger)
        for question in (entries_before_recovery, overworked, left_behind):
            self._violations += question(self._ledger)
        logs = self._folder / "logs"
        last = logs / "sessions" / (logs / "sessions" / "CURRENT").read_text().strip()
        self._violations += [finding.what for finding in verify_session(last, logs / "ledger.db").findings]

    def _verdict(self, rounds: int, venue: VenueBooks) -> Verdict:
        executed = [row[0] for row in self._ledger.rows("select executed_ns from fills")]
        return Verdict(
            seed=self._seed,
            rounds=rounds,
            killed_while=dict(self._killed_while),
            faults=dict(self._faults),
            orders=len(venue.orders_by_id()),
            executions=venue.executions(),
            children=len(self._ledger.rows("select 1 from orders where child > 0 or attempt > 0")),
            fills_while_down=sum(any(begin < ns < end for begin, end in self._gaps_ns) for ns in executed),
            gate_open_s=tuple(self._gate_open_s),
            violations=tuple(self._violations),
        )


def _venue_settings(folder: Path, seed: int) -> SimulatorSettings:
    return SimulatorSettings(
        seed=seed,
        symbols=(*RESTING, *CROSSING),
        events_per_s=EVENTS_PER_S,
        books_file=folder / "venue.db",
        commission_bps=Decimal(10),
        limits=Limits(request_weight_per_minute=_MANY, orders_per_10s=_MANY),
    )


def _config(folder: Path, port: int) -> Path:
    no_limit = ("max_daily_loss", "max_drawdown", "max_consecutive_losses", "max_orders_per_s", "max_orders_per_day")
    risk: dict[str, object] = {
        **dict.fromkeys((*no_limit, "max_trades_per_day"), _MANY),
        "max_slippage_bps_p95": 10_000,
        "cooldown_s": 0,
    }
    execution: dict[str, object] = {"fill_timeout_s": 1.5, "split": {"horizon_s": 3.0, "max_children": 4}}
    strategies = (("resting", RESTING, "0.2"), ("crossing", CROSSING, "-5"))
    splits = ("SINGLE", "TWAP", "SINGLE", "ICEBERG")
    return write_config(
        folder, port, {"risk": risk, "execution": execution}, [ladder(*each, splits=splits) for each in strategies]
    )


def ladder(name: str, symbols: tuple[str, ...], below_bps: str, **parameters: object) -> dict[str, object]:
    return {
        "id": name,
        "use": "bulkhead.chaos.strategies:Ladder",
        "symbols": symbols,
        "sizing": {"notional": "1000"},
        "parameters": {"below_bps": below_bps, **parameters},
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bulkhead.chaos.kill_rounds", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="kills (default 20; about 6 s each)")
    parser.add_argument("--seed", type=int, default=1, help="of market, instants and faults (default 1)")
    parser.add_argument("--keep", type=Path, help="folder for ledger, books and sessions; default: a temporary one")
    chosen = parser.parse_args(arguments)
    if chosen.rounds < 1:
        parser.error("--rounds takes 1 or more")
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="bulkhead-kills-") as scratch, Progress(console=console) as bar:
        folder: Path = chosen.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        verdict = Rounds(folder, chosen.seed).go(chosen.rounds, bar)
    out = Console(highlight=False)
    out.print_json(verdict.model_dump_json(exclude={"gate_open_s"}))
    spans = sorted(verdict.gate_open_s)
    if spans:
        out.print(f"gate open after {spans[len(spans) // 2]:g} s (median of {len(spans)}), at most {spans[-1]:g} s")
    for what in verdict.missing:
        out.print(f"never happened: {what}")
    return 0 if not verdict.violations and not verdict.missing else 1


if __name__ == "__main__":
    sys.exit(main())
