"""The command: each bench in a folder of its own that is removed, the figures in a table or as one JSON object."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from bulkhead.app.bench import (
    failures,
    group_commit,
    latency,
    ordering,
    recovery,
    replay,
    runtime,
    slippage,
    stages,
    stop,
)
from bulkhead.app.bench.failures import FailureFigures
from bulkhead.app.bench.figures import Environment, Spread, environment, load_now
from bulkhead.app.bench.group_commit import GroupCommitFigures
from bulkhead.app.bench.latency import LatencyFigures, Neighbour
from bulkhead.app.bench.ordering import OrderingFigures
from bulkhead.app.bench.recovery import RecoveryFigures
from bulkhead.app.bench.replay import ReplayFigures
from bulkhead.app.bench.runtime import RuntimeFigures
from bulkhead.app.bench.slippage import SlippageFigures
from bulkhead.app.bench.stages import StageBenchFigures
from bulkhead.app.bench.stop import StopFigures
from bulkhead.app.bench.stop_house import TICKS
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.run import SWITCH_INTERVAL_S
from messages.values import Value

DEFAULT_SECONDS = 20.0
"""Of each latency bench, after its warm-up: about 700 orders, so that its p99 is not the worst of a handful."""
TARGET_P99_MS = {"tick-to-order": 10.0}
QUIET = "tick-to-order-quiet"
RECOVERY = "recovery"
STOP = "stop"
FAILURES = "failures"
ONLY_BY_NAME = frozenset({RECOVERY, STOP, FAILURES})
"""Take minutes, or do to a run what nobody wants to see while something else is measured."""
BESIDE_QUIET = ("tick-to-order-busy", "tick-to-order-failing")
NEIGHBOUR_SHARE = 1.5
"""The most that a neighbour in a process of its own may cost the order path, whatever it does."""

Figures = (
    LatencyFigures
    | ReplayFigures
    | RuntimeFigures
    | GroupCommitFigures
    | RecoveryFigures
    | StageBenchFigures
    | SlippageFigures
    | OrderingFigures
    | StopFigures
    | FailureFigures
)


class BenchReport(Value):
    """What `--json` prints: each bench that was run, by name."""

    environment: Environment
    latency: dict[str, LatencyFigures]
    replay: dict[str, ReplayFigures]
    runtime: RuntimeFigures | None = None
    group_commit: GroupCommitFigures | None = None
    recovery: RecoveryFigures | None = None
    stages: StageBenchFigures | None = None
    slippage: SlippageFigures | None = None
    ordering: OrderingFigures | None = None
    stop: StopFigures | None = None
    failures: FailureFigures | None = None


def benches(seconds: float, tapes: Sequence[Path] = ()) -> dict[str, tuple[str, Callable[[Path], Figures]]]:
    """Every bench by its name: what it says it is doing, and how it is done."""
    return {
        "tick-to-order": (
            f"tick-to-order for {seconds:g} s at {latency.EVENTS_PER_S:,} market events/s, then its floor",
            lambda folder: latency.measure(folder, seconds),
        ),
        "tick-to-order-quiet": (
            f"tick-to-order for {seconds:g} s beside a strategy that rests, then its floor",
            lambda folder: latency.measure(folder, seconds, Neighbour.QUIET),
        ),
        "tick-to-order-busy": (
            f"tick-to-order for {seconds:g} s beside a strategy that never rests, then its floor",
            lambda folder: latency.measure(folder, seconds, Neighbour.BUSY),
        ),
        "tick-to-order-failing": (
            f"tick-to-order for {seconds:g} s beside four that loop, leak, crash and exit, then its floor",
            lambda folder: latency.measure(folder, seconds, Neighbour.FAILING),
        ),
        "replay": (f"replay of {replay.ROWS:,} generated rows", replay.measure),
        "group-commit": (
            f"{group_commit.RATE_PER_S} durable appends/s on a disk that syncs {group_commit.SYNC_S * 1e3:g} ms late",
            group_commit.measure,
        ),
        "stages": (
            f"{stages.ROUNDS * len(stages.POLICIES):,} intents through each pure stage of the order path",
            lambda _: stages.measure(),
        ),
        "slippage": (
            f"each split policy over {', '.join(path.name for path in tapes) or 'a generated tape'}",
            lambda folder: slippage.measure(folder, tapes),
        ),
        "ordering": (
            f"trades out of order, twice and with holes, of {', '.join(path.name for path in tapes) or 'a made tape'}",
            lambda folder: ordering.measure(folder, tapes),
        ),
        "runtime": ("mailbox, hops, restart, stop and children, beside plain pykka", lambda _: runtime.measure()),
        RECOVERY: (
            f"recovery from SIGKILL with {recovery.FILLS:,} fills on record; some minutes, most for writing them",
            recovery.measure,
        ),
        STOP: (
            f"{stop.TRIALS} trips beside each actor that hangs, with {TICKS:,} ticks queued; some minutes",
            stop.measure,
        ),
        FAILURES: ("each failure mode, done to a real run; about a minute", failures.measure),
    }


def bench(
    only: Sequence[str] = (),
    seconds: float = DEFAULT_SECONDS,
    *,
    tapes: Sequence[Path] = (),
    as_json: bool = False,
) -> BenchReport:
    """Run every bench but those that must be asked for, or those named by `only`; progress on stderr. Stopped for an
    unknown name. `tapes` are recorded ticks for slippage and ordering, which else are measured on a generated tape."""
    known = benches(seconds, tapes)
    for name in only:
        if name not in known:
            raise Stopped(ExitCode.CONFIG, f"no bench is called {name!r}; there are {', '.join(known)}")
    load_before = load_now()
    progress = Console(stderr=True, highlight=False)
    latencies: dict[str, LatencyFigures] = {}
    replays: dict[str, ReplayFigures] = {}
    others: dict[str, Figures] = {}
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    for name in only or tuple(name for name in known if name not in ONLY_BY_NAME):
        title, measure = known[name]
        if not progress.is_terminal:
            progress.print(f"{name}: {title} …", soft_wrap=True)
        with progress.status(f"{name}: {title} …"), tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as folder:
            figures = measure(Path(folder))
        if isinstance(figures, LatencyFigures):
            latencies[name] = figures
        elif isinstance(figures, ReplayFigures):
            replays[name] = figures
        else:
            others[name.replace("-", "_")] = figures
    report = BenchReport.model_validate(
        {"environment": environment(load_before), "latency": latencies, "replay": replays, **others}
    )
    _show(report, as_json)
    return report


def _show(report: BenchReport, as_json: bool) -> None:
    out = Console(highlight=False)
    if as_json:
        out.print_json(report.model_dump_json())
        return
    machine = report.environment
    out.print(
        f"{machine.cpu_count} processors, Python {machine.python}, SQLite {machine.sqlite}, {machine.system}, switch"
        f" interval {machine.switch_interval_ms:g} ms, load before {machine.load_before:g}",
        soft_wrap=True,
    )
    if report.latency:
        out.print(_latency_table(report.latency))
    if report.runtime is not None:
        out.print(_runtime_table(report.runtime))
    if report.stages is not None:
        out.print(_stages_table(report.stages))
    if report.slippage is not None:
        out.print(_slippage_table(report.slippage))
    if report.ordering is not None:
        out.print(_ordering_table(report.ordering))
    if report.group_commit is not None:
        commit = report.group_commit
        out.print(
            f"group-commit: {commit.appends_per_s}/s, {commit.sync_ms:g} ms put on top of each commit: p50"
            f" {commit.commit.p50_ms:g} ms, p99 {commit.commit.p99_ms:g} ms = {commit.p99_syncs:g} commits"
            f" (≤ {group_commit.TARGET_SYNCS:g}); {commit.appends_per_commit:g} appends share one",
            soft_wrap=True,
        )
    if report.recovery is not None:
        back = report.recovery
        out.print(
            f"recovery: from the start of the process to the open gate {back.with_history_s:g} s with {back.fills:,}"
            f" fills on record, {back.without_history_s:g} s with none; the history costs {back.history_s:g} s"
            f" (≤ {recovery.TARGET_S:g}), of which {back.load_ms:g} ms for reading the ledger once",
            soft_wrap=True,
        )
    if report.stop is not None:
        out.print(_stop_table(report.stop))
    if report.failures is not None:
        out.print(_failures_table(report.failures))
    for name, figures in report.replay.items():
        out.print(
            f"{name}: {figures.rows:,} rows in {figures.wall_s:g} s, start and summary included:"
            f" {figures.rows_per_s:,} rows/s, {figures.ticks_per_s:,} published ticks/s",
            soft_wrap=True,
        )


def _failures_table(figures: FailureFigures) -> Table:
    table = Table(Column("failure mode", no_wrap=True), "level", "limit s", "seen after s", "over after s", "re-arm")
    for column in table.columns[2:5]:
        column.justify = "right"
    for name, found in figures.modes.items():
        over = "" if found.over_s is None else f"{found.over_s:.2f}"
        table.add_row(name, found.level, f"{found.limit_s:g}", f"{found.seen_s:.2f}", over, found.rearm)
    table.caption = "not measured: " + "; ".join(f"{name}: {why}" for name, why in figures.not_measured.items())
    return table


def _stages_table(figures: StageBenchFigures) -> Table:
    table = Table("stage of the order path", "p50 µs", "p99 µs", "target µs")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, spread in figures.stages.items():
        table.add_row(
            name, f"{spread.p50_ms * 1e3:.0f}", f"{spread.p99_ms * 1e3:.0f}", f"{stages.TARGET_P99_MS * 1e3:g}"
        )
    table.add_row(
        "floor: one id and one order row", *(f"{ms * 1e3:.0f}" for ms in (figures.row.p50_ms, figures.row.p99_ms)), ""
    )
    return table


def _slippage_table(figures: SlippageFigures) -> Table:
    table = Table("slippage", "orders", "fills", "mean bps", "p95 bps", "target bps")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, found in figures.policies.items():
        cells = (f"{found.orders:,}", f"{found.fills:,}", f"{found.mean_bps:.2f}", f"{found.p95_bps:.2f}")
        table.add_row(name, *cells, f"{slippage.TARGET_BPS:g}")
    table.caption = f"on {'a generated tape' if figures.is_generated else ', '.join(figures.tapes)}"
    return table


def _ordering_table(figures: OrderingFigures) -> Table:
    table = Table("order of market data", *figures.files, "must be")
    for column in table.columns[1:]:
        column.justify = "right"
    files = figures.files.values()
    table.add_row("trades", *(f"{file.trades:,}" for file in files), "")
    table.add_row("  identical to one before, all real", *(f"{file.identical:,}" for file in files), "")
    table.add_row("  of those dropped without numbers", *(f"{file.identical_dropped:,}" for file in files), "0")
    for name, what, must in (("within", ordering.WITHIN, "0"), ("beyond", ordering.BEYOND, "")):
        found = [getattr(file, name) for file in files]
        title = f"late by up to {what.late_ms} ms, twice{', with holes' if what.hole_share else ''}: arrivals"
        table.add_row(title, *(f"{each.arrivals:,}" for each in found), "")
        table.add_row("  decisions that differ", *(f"{each.decisions_differ:,}" for each in found), must)
        table.add_row("  late, and repeats", *(f"{each.late:,}, {each.duplicates:,}" for each in found), "")
        table.add_row("  gaps, and trades in them", *(f"{each.gaps:,}, {each.lost_in_gaps:,}" for each in found), "")
        table.add_row("  trades not accounted for", *(f"{each.unaccounted:,}" for each in found), "0")
    for title, spreads in (
        ("added to one tick in order, p50 / p99 µs", [file.added for file in files]),
        ("  floor: a call that does nothing", [file.floor for file in files]),
    ):
        cells = (f"{spread.p50_ms * 1e3:.0f} / {spread.p99_ms * 1e3:.0f}" for spread in spreads)
        table.add_row(title, *cells, f"< {ordering.TARGET_P99_MS * 1e3:g}" if title.startswith("added") else "")
    return table


def _stop_table(figures: StopFigures) -> Table:
    columns = (
        "trips by",
        "last entry after it p50 ms",
        "p99 ms",
        "held back",
        "begun after",
        "worked",
        "cancelled in s",
    )
    table = Table("TEST-714, while this hangs", *columns, "lost")
    for name, found in figures.hung.items():
        last = found.last_entry
        table.add_row(
            name,
            f"{found.trips} × {'kill' if found.by_kill else 'guard'}",
            f"{last.p50_ms:.2f}",
            f"{last.p99_ms:.2f}",
            f"{found.held_back:,}",
            f"{found.begun_after}",
            f"{found.worked}",
            f"{found.cancelled} in {found.all_cancelled_s:g}",
            f"{found.lost}",
        )
    table.caption = f"{figures.ticks:,} ticks queued; p99 target {stop.TARGET_P99_MS:g} ms; begun after and lost: 0"
    return table


def _runtime_table(figures: RuntimeFigures) -> Table:
    table = Table("", "here", "beside", "target")
    for column in table.columns[1:]:
        column.justify = "right"
    rate, peer_rate = f"{figures.mailbox_per_s:,}/s", f"queue.Queue {figures.mailbox_peer_per_s:,}/s"
    table.add_row("mailbox: three lanes, bounds, counts", rate, peer_rate, f"{figures.mailbox_ratio:g} × (≥ 1.2)")
    hops, plain = figures.hops, figures.hops_peer
    table.add_row("six hops, p50", f"{hops.p50_ms:g} ms", f"plain pykka {plain.p50_ms:g} ms", "")
    ratio = f"{figures.hops_ratio_p99:g} × (≤ 1)"
    table.add_row("six hops, p99", f"{hops.p99_ms:g} ms", f"plain pykka {plain.p99_ms:g} ms", ratio)
    for title, spread, target in (
        ("crash to the next message handled, p99", figures.restart, "5 ms"),
        ("crash to the gate, p99", figures.stop, "1 ms"),
        (f"system message past {runtime.BACKLOG:,} ticks, p99", figures.overtake, "10 ms"),
    ):
        table.add_row(title, f"{spread.p99_ms:g} ms", f"p50 {spread.p50_ms:g} ms", target)
    few, many = runtime.CHILDREN
    table.add_row(
        f"start and stop of one of {many:,} children",
        f"{figures.child_us[many]:g} µs",
        f"one of {few:,}: {figures.child_us[few]:g} µs",
        f"{figures.child_us[many] / figures.child_us[few]:.2f} × (linear: 1)",
    )
    return table


def _latency_table(latencies: dict[str, LatencyFigures]) -> Table:
    table = Table("", "orders", "p50 ms", "p99 ms", "max ms", "p99 target ms")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, figures in latencies.items():
        table.add_row(name, *_cells(figures.house), f"{TARGET_P99_MS[name]:g}" if name in TARGET_P99_MS else "")
        table.add_row("  of that, from the decision on", *_cells(figures.order_path), "")
        table.add_row("  floor: commit + signed POST", *_cells(figures.floor), "")
        table.add_row("  of that, the commit", *_cells(figures.commit), "")
        ratios = (f"{figures.ratio_p50:.2f} ×", f"{figures.ratio_p99:.2f} ×")
        table.add_row("  house / floor", "", *ratios, "", "", end_section=True)
    quiet = latencies.get(QUIET)
    for name, figures in latencies.items():
        if quiet is not None and name in BESIDE_QUIET:
            for what, share in (
                ("from the tick on", figures.house.p99_ms / quiet.house.p99_ms),
                ("from the decision on", figures.order_path.p99_ms / quiet.order_path.p99_ms),
            ):
                table.add_row(f"{name} / quiet, {what}", "", "", f"{share:.2f} ×", "", f"{NEIGHBOUR_SHARE:g} ×")
    return table


def _cells(spread: Spread) -> tuple[str, ...]:
    return (f"{spread.count:,}", *(f"{ms:.2f}" for ms in (spread.p50_ms, spread.p99_ms, spread.max_ms)))
