"""How soon each failure mode is seen, and how soon it is over, over the real wire.

A run as a process of its own trades at a simulated venue; one after the other the real thing is done to it: a switch of
the venue, a signal to a strategy's process, a limit on the size of the files that it may write, another process that
takes its ledger. Detection is from that instant to the report on record; the end from the instant at which the cause
was taken away. The limits are some seconds here, and each stands beside what was measured: what counts is the rest.
"""

import json
import os
import resource
import signal
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from bulkhead.app.live_run import LiveRun, Table, until, write_config
from bulkhead.app.simulator_process import SimulatorProcess
from bulkhead.ledger.inbox import FILE_NAME as INBOX_FILE
from bulkhead.ledger.lock import OwnerLock
from bulkhead.ledger.sqlite import LedgerReader
from bulkhead.venues.simulator.settings import Limits, SimulatorSettings
from messages.failure import FailureMode
from messages.records import Stream
from messages.values import Value
from supervisor.failure_modes import TABLE

PATIENCE_S = 30.0
SILENCE_S, ANSWER_S, SETTLE_S, CLOCK_S, STUCK_S = 2.0, 2.0, 1.0, 1.0, 2.0
"""The limits of the run that is measured."""
CRASHES = 6
"""More than the budget of a strategy, which is three in a minute."""
NOT_MEASURED = {
    FailureMode.ORDER_IN_DOUBT: "a venue without client ids: tests/wire/test_failure_modes_kis.py",
    FailureMode.POSITION_DRIFT: "two comparisons, `execution.reconcile_interval_s` apart",
    FailureMode.INSTRUMENTS_OLD: "the rules are asked for once a day",
}
_SYMBOL, _VICTIM = "BTCUSDT", "victim"
_MANY = 1_000_000
_NS_PER_S = 1_000_000_000


class ModeFigures(Value):
    level: str
    rearm: str
    limit_s: float
    """Of which detection consists by design: so long nothing may come, or be answered."""
    seen_s: float
    over_s: float | None
    """None: the process ends over it."""


class FailureFigures(Value):
    modes: dict[str, ModeFigures]
    not_measured: dict[str, str]


class _Case(NamedTuple):
    mode: FailureMode
    limit_s: float
    begin: Callable[["_Bench"], object]
    end: Callable[["_Bench"], object] = lambda bench: None


class _Bench:
    """A run, its venue, and where both leave what they know."""

    def __init__(self, folder: Path, run: LiveRun, port: int) -> None:
        self.folder, self.run, self._port = folder, run, port
        self.ledger = folder / "logs" / "ledger.db"

    def fault(self, **switches: object) -> None:
        body = json.dumps(switches).encode()
        url = f"http://127.0.0.1:{self._port}/sim/faults"
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=5) as answer:
            answer.read()

    def victim(self) -> int | None:
        """The process of the strategy that things are done to."""
        report: dict[str, Any] = self.run.status() or {"tree": ()}
        return next((node["pid"] for node in report["tree"] if node["id"] == f"strategy:{_VICTIM}"), None)

    def signal_victim(self, number: signal.Signals) -> None:
        pid = until(self.victim, "the strategy has a process", PATIENCE_S)
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    def crash_victim(self) -> None:
        """Again and again, until it is parked."""
        killed: set[int] = set()
        end_s = time.monotonic() + PATIENCE_S
        while len(killed) < CRASHES and time.monotonic() < end_s and not self._latched("actor-crash-loop"):
            pid = self.victim()
            if pid is not None and pid not in killed:
                killed.add(pid)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def limit_files(self, size: int) -> None:
        """No file may grow beyond it: to SQLite a disk that is full."""
        _, hard = resource.prlimit(self.run.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.run.process.pid, resource.RLIMIT_FSIZE, (size, hard))

    def inbox_away(self) -> None:
        path = self.folder / "logs" / INBOX_FILE
        until(path.exists, "the inbox is there", PATIENCE_S)
        path.rename(path.with_suffix(".away"))
        path.mkdir()

    def inbox_back(self) -> None:
        path = self.folder / "logs" / INBOX_FILE
        path.rmdir()
        path.with_suffix(".away").rename(path)

    # -- what is on record --------------------------------------------------------------------------------------------

    def _latched(self, name: str) -> Path | None:
        return next(iter((self.folder / "logs" / "stop").glob(f"{name}*.json")), None)

    def seen_ns(self, mode: FailureMode, since_ns: int, *, recovered: bool) -> int | None:
        """When it was reported, or its end. What the ledger could not take is seen by its latch."""
        if mode is FailureMode.LEDGER_FAILURE and not recovered:
            path = self._latched("ledger-failure")
            return None if path is None else path.stat().st_mtime_ns
        with closing(LedgerReader(self.ledger)) as reader:
            for event in reader.events(streams=(Stream.FAILURES,)):
                if event.type != "FailureRecorded" or event.at_ns < since_ns:
                    continue
                failure = json.loads(event.payload)["failure"]
                if failure["mode"] == mode.value and failure["recovered"] is recovered:
                    return event.at_ns
        return None

    def measure(self, case: _Case) -> ModeFigures:
        row = TABLE[case.mode]
        began_ns = time.time_ns()
        case.begin(self)
        seen_ns = until(lambda: self.seen_ns(case.mode, began_ns, recovered=False), f"{case.mode.name} is seen")
        ended_ns = time.time_ns()
        case.end(self)
        over_ns: int | None = None
        if case.mode is not FailureMode.ACTOR_CRASH_LOOP:  # nothing but an operator ends that
            over_ns = until(lambda: self.seen_ns(case.mode, ended_ns, recovered=True), f"{case.mode.name} is over")
        return ModeFigures(
            level=row.level.name,
            rearm="operator" if row.needs_operator else "automatic",
            limit_s=case.limit_s,
            seen_s=round((seen_ns - began_ns) / _NS_PER_S, 3),
            over_s=None if over_ns is None else round((over_ns - ended_ns) / _NS_PER_S, 3),
        )

    def take_ledger(self) -> ModeFigures:
        """As a careless hand does that takes the lock away and starts another run."""
        began_ns = time.time_ns()
        self.ledger.with_name(f"{self.ledger.name}.lock").unlink()
        lock = OwnerLock(self.ledger)
        until(lambda: self.run.process.poll() is not None, "the run has ended", PATIENCE_S)
        lock.release()
        row, took_s = TABLE[FailureMode.SPLIT_BRAIN], (time.time_ns() - began_ns) / _NS_PER_S
        rearm = f"ends, exit code {self.run.process.returncode}"
        return ModeFigures(level=row.level.name, rearm=rearm, limit_s=1.0, seen_s=round(took_s, 3), over_s=None)


HELD = ("order", "cancel", "query", "list")
CASES = (
    # First what is over by itself: what waits for an operator keeps entries shut for the rest of the run.
    _Case(
        FailureMode.EXECUTION_DELAY,
        ANSWER_S,
        lambda bench: bench.fault(hold=dict.fromkeys(HELD, "arrival")),
        lambda bench: bench.fault(hold=dict.fromkeys(HELD)),
    ),
    _Case(
        FailureMode.RATE_LIMIT,
        7.0,
        lambda bench: bench.fault(rate_limit_next=_MANY),
        lambda bench: bench.fault(rate_limit_next=0),
    ),
    _Case(
        FailureMode.AUTH_EXPIRED,
        0.0,
        lambda bench: bench.fault(refuse_keys=True),
        lambda bench: bench.fault(refuse_keys=False),
    ),
    _Case(
        FailureMode.CLOCK_SKEW,
        CLOCK_S,
        lambda bench: bench.fault(clock_ahead_ms=-700),
        lambda bench: bench.fault(clock_ahead_ms=0),
    ),
    _Case(
        FailureMode.DATA_DELAY,
        SILENCE_S,
        lambda bench: bench.fault(silent_streams=[_SYMBOL]),
        lambda bench: bench.fault(silent_streams=[]),
    ),
    _Case(FailureMode.INBOX_UNAVAILABLE, 0.2, _Bench.inbox_away, _Bench.inbox_back),
    _Case(FailureMode.ACTOR_STUCK, STUCK_S, lambda bench: bench.signal_victim(signal.SIGSTOP)),
    _Case(FailureMode.ACTOR_CRASH_LOOP, 0.0, _Bench.crash_victim),
    _Case(
        FailureMode.LEDGER_FAILURE,
        0.0,
        lambda bench: bench.limit_files(4_096),
        lambda bench: bench.limit_files(resource.RLIM_INFINITY),
    ),
    _Case(
        FailureMode.EXCHANGE_DISCONNECT,
        0.0,
        lambda bench: bench.fault(refuse_streams="market"),
        lambda bench: bench.fault(refuse_streams="none"),
    ),
    _Case(
        FailureMode.BROKER_DISCONNECT,
        0.0,
        lambda bench: bench.fault(refuse_streams="orders"),
        lambda bench: bench.fault(refuse_streams="none"),
    ),
)
TABLES: dict[str, Table] = {
    "venue": {"max_silence_s": SILENCE_S},
    "market_data": {"settle_s": SETTLE_S},
    "execution": {
        "answer_timeout_s": ANSWER_S,
        "query_unknown_interval_s": 0.5,
        "reconcile_interval_s": 1.0,
        "reconcile_interval_without_stream_s": 1.0,
    },
    "detection": {"max_clock_skew_ms": 400, "clock_check_interval_s": CLOCK_S, "clock_settle_s": SETTLE_S},
    "inbox": {"enabled": True, "poll_without_positions_s": 0.2, "poll_with_positions_s": 0.2},
    "risk": {"max_consecutive_rejects": _MANY, "max_consecutive_losses": _MANY, "cooldown_s": 0},
}


def measure(folder: Path, cases: tuple[_Case, ...] = CASES) -> FailureFigures:
    """Some two minutes, and bounded: what is not seen in time ends it. Raises NeverCame."""
    settings = SimulatorSettings(
        symbols=(_SYMBOL,),
        events_per_s=200,
        commission_bps=Decimal(0),  # nothing is left over that is too small to be sold: it trades on
        commission_in="quote",
        limits=Limits(request_weight_per_minute=_MANY, orders_per_10s=_MANY),
    )
    strategies: list[Table | str] = [
        {
            "id": name,
            "use": "bulkhead.app.bench.strategies:PingPong",
            "symbols": [_SYMBOL],
            "sizing": {"notional": "100"},
            "stuck_after_s": STUCK_S,
        }
        for name in ("trader", _VICTIM)
    ]
    (folder / "logs").mkdir(exist_ok=True)
    with ExitStack() as stack:
        process = stack.enter_context(SimulatorProcess(settings))
        config = write_config(folder, process.port, TABLES, strategies)
        run = stack.enter_context(closing(LiveRun(config)))
        run.until_trading()
        bench = _Bench(folder, run, process.port)
        found = {case.mode.value: bench.measure(case) for case in cases}
        found[FailureMode.SPLIT_BRAIN.value] = bench.take_ledger()
    return FailureFigures(modes=found, not_measured={mode.value: why for mode, why in NOT_MEASURED.items()})
