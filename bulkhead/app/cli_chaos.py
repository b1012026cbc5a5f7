"""The command line of the chaos harness. As cli.py, to which `add_to` adds it."""

from pathlib import Path
from typing import Annotated

import typer

from bulkhead.app.cli_options import DEFAULT_LOGS


def chaos(
    seeds: Annotated[int | None, typer.Option(help="Play so many seeds.", min=1)] = None,
    first_seed: Annotated[int, typer.Option("--from", help="Of --seeds and --planted: the first.", min=0)] = 0,
    seed: Annotated[int | None, typer.Option(help="Play this one, twice, and compare.", min=0)] = None,
    plan: Annotated[Path | None, typer.Option(help="Play the plan in this file, twice, and compare.")] = None,
    exhaustive: Annotated[
        bool, typer.Option("--exhaustive", help="Every kind of fault at every step of a short day: hours.")
    ] = False,
    pairs: Annotated[int, typer.Option(help="Of --exhaustive: so many pairs of faults, too.", min=0)] = 0,
    planted: Annotated[
        str | None, typer.Option(help="Show that this planted bug is caught, or `all` of them.", metavar="NAME")
    ] = None,
    faults: Annotated[bool, typer.Option("--faults", help="List what can be broken.")] = False,
    invariants: Annotated[bool, typer.Option("--invariants", help="List what is held.")] = False,
    minutes: Annotated[
        float | None, typer.Option(help="Simulated, of each seed.", min=0.1, max=1440, show_default="10")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(help="Worker processes; 0: none, all in this one.", min=0, max=256, show_default="one per core"),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report there, for programs.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write the report there, as one page.")] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            help="Leave the folders of red runs, and shrunk plans, there.", show_default="plans in logs/chaos"
        ),
    ] = None,
) -> None:
    """Break a simulated house on purpose, by a seed, and judge it by an oracle of its own. Exit code 6: it found
    something."""
    from bulkhead.app.commands import chaos as command

    options = command.ChaosOptions(
        seeds=seeds,
        first_seed=first_seed,
        seed=seed,
        plan=plan,
        is_exhaustive=exhaustive,
        pairs=pairs,
        planted=planted,
        lists_faults=faults,
        lists_invariants=invariants,
        minutes=minutes,
        jobs=jobs,
        json_file=json_file,
        html_file=html_file,
        keep=keep,
        plans_folder=keep or DEFAULT_LOGS / "chaos",
    )
    raise typer.Exit(command.run(options))


def add_to(app: typer.Typer) -> None:
    app.command()(chaos)
