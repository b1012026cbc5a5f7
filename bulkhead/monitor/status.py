"""The state of a run as a file: `status.json`, written by the run once a second, read by anyone at any time.

A dead process is never shown as live: the reader looks whether the process that wrote the file still exists (same pid
and same start) and how old the file is. Writing replaces the whole file, so a reader never sees half of one.
"""

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from pydantic import Field, ValidationError

from bulkhead.monitor.alerting.alarms import AlertsStatus
from bulkhead.monitor.procfs import process_started
from messages.failure import StopPlanState, StopReason
from messages.market_health import DataSource
from messages.supervision import NodeStatus
from messages.values import IntentType, Mode, Nanoseconds, Number, OrderStatus, Side, StopLevel, Symbol, Value

FILE_NAME = "status.json"
STALE_AFTER_S = 5.0
"""The run writes every second; five missed writes are not jitter."""


class RunState(StrEnum):
    STARTING = "starting"
    RECOVERING = "recovering"
    TRADING = "trading"
    STOPPING = "stopping"
    STOPPED = "stopped"


class FeedStatus(Value):
    name: str
    connected: bool
    last_tick_age_s: float | None
    """None before the first tick."""
    ticks: int
    instead: dict[Symbol, DataSource] = Field(default_factory=dict)
    """The source in force of each symbol whose ticks are delayed."""


class PositionStatus(Value):
    strategy_id: str
    symbol: str
    quantity: Number
    average_price: Number
    mark: Number | None = None
    unrealised_pnl: Number | None = None
    realised_pnl: Number


class OpenOrderStatus(Value):
    """An order that may still fill, UNKNOWN ones included."""

    client_order_id: str
    strategy_id: str
    symbol: str
    side: Side
    intent_type: IntentType
    quantity: Number
    filled: Number
    limit_price: Number | None = None
    status: OrderStatus
    age_s: float


class PnlStatus(Value):
    """In `currency`."""

    currency: str
    equity: Number
    realised: Number
    unrealised: Number
    day: Number
    drawdown: Number


class StageStatus(Value):
    """What one stage of the order path takes, in microseconds; over the latest orders."""

    count: int
    p50_us: int
    p99_us: int


class RateStatus(Value):
    """How much of one of the venue's limits is used, by our count or the venue's, whichever is higher."""

    kind: str
    length_s: int
    limit: int
    used: int


class InboxStatus(Value):
    """Rows of the intent inbox, counted since its actor came up."""

    file: str
    taken: int
    waiting: int
    """Taken, and not answered."""
    unwritten: int
    """Answers that wait for another process to leave the file."""
    submitted: int
    duplicate: int
    rejected: int
    failed: int
    trouble: str | None = None
    """Why no row can be taken at present."""


class StatusReport(Value):
    """Everything `bulkhead status` shows. Times are of the wall clock, since its readers live there."""

    schema_version: int = 1
    written_at_ns: Nanoseconds
    pid: int
    pid_started: int | None
    """From `process_started(pid)`; None where /proc is missing."""
    session_id: str
    mode: Mode
    state: RunState
    started_at_ns: Nanoseconds
    gate_open: bool
    stop_level: StopLevel
    reasons: tuple[StopReason, ...] = ()
    plans: tuple[StopPlanState, ...] = ()
    """What the reasons do to what exists: plans that run, or are done, and those that are pending."""
    is_exchange_open: bool | None = None
    """Whether the exchange trades, where entries are held to its hours; None: always, or it is left to the venue."""
    tree: tuple[NodeStatus, ...] = ()
    feeds: tuple[FeedStatus, ...] = ()
    positions: tuple[PositionStatus, ...] = ()
    open_orders: tuple[OpenOrderStatus, ...] = ()
    rates: tuple[RateStatus, ...] = ()
    pnl: PnlStatus | None = None
    inbox: InboxStatus | None = None
    """None where no rows are taken."""
    alerts: AlertsStatus | None = None
    """None where nobody is told of anything, as while a tape is played."""
    counters: dict[str, int] = Field(default_factory=dict)
    stages: dict[str, StageStatus] = Field(default_factory=dict)
    """By stage of the order path."""

    @property
    def pending_words(self) -> str:
        """Plans that wait, and for what; empty where none does."""
        waiting = (
            f"{p.plan.name} for {p.scope} is PENDING: {p.waits_for} ({', '.join(p.reason_ids)})"
            for p in self.plans
            if p.waits_for is not None
        )
        return "; ".join(waiting)

    @property
    def hours_words(self) -> str:
        """Why no entry leaves though the gate is open; empty while the exchange trades, or none is known to close."""
        return "the exchange is closed: entries wait, exits do not" if self.is_exchange_open is False else ""


class Liveness(StrEnum):
    LIVE = "live"
    STALE = "stale"
    """The process exists but has not written for too long: it hangs, or the machine or the disk does."""
    STOPPED = "stopped"
    """It ended in order and said so."""
    DEAD = "dead"
    """The process is gone without having said that it ends."""
    ABSENT = "absent"
    """No status was ever written here, or it cannot be read."""


class StatusView(Value):
    """A report and how far it may be believed."""

    liveness: Liveness
    detail: str
    age_s: float | None = None
    report: StatusReport | None = None

    @property
    def is_running(self) -> bool:
        """The process exists; it may hang."""
        return self.liveness in (Liveness.LIVE, Liveness.STALE)


def write_status(path: Path, report: StatusReport) -> None:
    """Replace the file. Not synced: a status that a power cut loses is worth nothing after it. Raises OSError."""
    draft = path.with_name(f".{path.name}.{report.pid}.draft")
    try:
        draft.write_text(report.model_dump_json() + "\n", encoding="utf-8")
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def read_status(
    path: Path,
    now_ns: int,
    *,
    stale_after_s: float = STALE_AFTER_S,
    started_of: Callable[[int], int | None] = process_started,
) -> StatusView:
    """What the file says and whether its writer lives. `now_ns` is the wall clock; `started_of` tells when the process
    of a pid started, None if there is none."""
    try:
        report = StatusReport.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return StatusView(liveness=Liveness.ABSENT, detail=f"nothing has run here yet: {path} does not exist")
    except OSError as error:
        return StatusView(liveness=Liveness.ABSENT, detail=f"{path} cannot be read: {error.strerror}")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return StatusView(liveness=Liveness.ABSENT, detail=f"{path} is not a status report: {where} {first['msg']}")
    age_s = max(0.0, (now_ns - report.written_at_ns) / 1e9)
    liveness, detail = _judge(report, age_s, stale_after_s, started_of(report.pid))
    return StatusView(liveness=liveness, detail=detail, age_s=age_s, report=report)


def _judge(report: StatusReport, age_s: float, stale_after_s: float, started: int | None) -> tuple[Liveness, str]:
    if report.state is RunState.STOPPED:
        return Liveness.STOPPED, f"stopped in order {age_s:.0f} s ago"
    if started is None:
        return Liveness.DEAD, f"process {report.pid} is gone; its last word is {age_s:.0f} s old"
    if report.pid_started is not None and started != report.pid_started:
        return Liveness.DEAD, f"process {report.pid} is another program now; the last word of ours is {age_s:.0f} s old"
    if age_s > stale_after_s:
        return Liveness.STALE, f"process {report.pid} exists but has not reported for {age_s:.0f} s"
    return Liveness.LIVE, f"process {report.pid}, reported {age_s:.1f} s ago"
