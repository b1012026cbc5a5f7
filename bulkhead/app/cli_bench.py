"""The command line of the benches. As cli.py, to which `add_to` adds it."""

from pathlib import Path
from typing import Annotated

import typer

from bulkhead.app.cli_options import JsonOption


def bench(
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this, and may be given again: tick-to-order[-quiet|-busy|-failing],"
            " replay, stages, slippage, ordering, group-commit, runtime; recovery, stop, failures (minutes) only so."
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Of each latency bench, after its warm-up.", min=1.0)] = 20.0,
    failures: Annotated[
        bool, typer.Option("--failures", help="How soon each failure mode is seen, and over, on a real wire: a minute.")
    ] = False,
    replay_ticks: Annotated[
        list[Path] | None,
        typer.Option("--replay-ticks", "--ticks", help="Recorded, for slippage and ordering; else some are made."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure this machine: tick-to-order beside its floor, replay throughput, the runtime beside plain pykka."""
    from bulkhead.app.bench.command import FAILURES
    from bulkhead.app.bench.command import bench as run_bench

    named = [*(only or ()), *([FAILURES] if failures else ())]
    run_bench(named, seconds, tapes=replay_ticks or (), as_json=as_json)


def add_to(app: typer.Typer) -> None:
    app.command()(bench)
