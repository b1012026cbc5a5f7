"""The command: each bench in a folder of its own that is removed, the figures in a table or as one JSON object."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bulkhead.app.bench import latency, replay
from bulkhead.app.bench.figures import Environment, Spread, environment, load_now
from bulkhead.app.bench.latency import LatencyFigures
from bulkhead.app.bench.replay import ReplayFigures
from bulkhead.app.exit_codes import ExitCode, Stopped
from messages.values import Value

DEFAULT_SECONDS = 20.0
"""Of each latency bench, after its warm-up: about 700 orders, so that its p99 is not the worst of a handful."""
TARGET_P99_MS = {"tick-to-order": 10.0, "tick-to-order-busy": 50.0}

Figures = LatencyFigures | ReplayFigures


class BenchReport(Value):
    """What `--json` prints: each bench that was run, by name."""

    environment: Environment
    latency: dict[str, LatencyFigures]
    replay: dict[str, ReplayFigures]


def benches(seconds: float) -> dict[str, tuple[str, Callable[[Path], Figures]]]:
    """Every bench by its name: what it says it is doing, and how it is done."""
    return {
        "tick-to-order": (
            f"tick-to-order for {seconds:g} s at {latency.EVENTS_PER_S:,} market events/s, then its floor",
            lambda folder: latency.measure(folder, seconds, is_busy=False),
        ),
        "tick-to-order-busy": (
            f"tick-to-order for {seconds:g} s beside a strategy that never rests, then its floor",
            lambda folder: latency.measure(folder, seconds, is_busy=True),
        ),
        "replay": (f"replay of {replay.ROWS:,} generated rows", replay.measure),
    }


def bench(only: str | None = None, seconds: float = DEFAULT_SECONDS, *, as_json: bool = False) -> BenchReport:
    """Run every bench, or the one named `only`. Progress goes to stderr. Raises Stopped for an unknown name."""
    known = benches(seconds)
    if only is not None and only not in known:
        raise Stopped(ExitCode.CONFIG, f"no bench is called {only!r}; there are {', '.join(known)}")
    load_before = load_now()
    progress = Console(stderr=True, highlight=False)
    latencies: dict[str, LatencyFigures] = {}
    replays: dict[str, ReplayFigures] = {}
    for name in (only,) if only is not None else tuple(known):
        title, measure = known[name]
        if not progress.is_terminal:
            progress.print(f"{name}: {title} …", soft_wrap=True)
        with progress.status(f"{name}: {title} …"), tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as folder:
            figures = measure(Path(folder))
        if isinstance(figures, LatencyFigures):
            latencies[name] = figures
        else:
            replays[name] = figures
    report = BenchReport(environment=environment(load_before), latency=latencies, replay=replays)
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
    for name, figures in report.replay.items():
        out.print(
            f"{name}: {figures.rows:,} rows in {figures.wall_s:g} s, start and summary included:"
            f" {figures.rows_per_s:,} rows/s, {figures.ticks_per_s:,} published ticks/s",
            soft_wrap=True,
        )


def _latency_table(latencies: dict[str, LatencyFigures]) -> Table:
    table = Table("", "orders", "p50 ms", "p99 ms", "max ms", "p99 target ms")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, figures in latencies.items():
        table.add_row(name, *_cells(figures.house), f"{TARGET_P99_MS[name]:g}")
        table.add_row("  floor: commit + signed POST", *_cells(figures.floor), "")
        table.add_row("  of that, the commit", *_cells(figures.commit), "")
        ratios = (f"{figures.ratio_p50:.2f} ×", f"{figures.ratio_p99:.2f} ×")
        table.add_row("  house / floor", "", *ratios, "", "", end_section=True)
    return table


def _cells(spread: Spread) -> tuple[str, ...]:
    return (f"{spread.count:,}", *(f"{ms:.2f}" for ms in (spread.p50_ms, spread.p99_ms, spread.max_ms)))
