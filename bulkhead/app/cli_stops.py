"""The command line of stops: kill, resume, confirm-plan. As cli.py, to which `add_to` adds them."""

from pathlib import Path
from typing import Annotated

import typer

from bulkhead.app.cli_options import (
    DEFAULT_CONFIG,
    DEFAULT_LOGS,
    ConfigOption,
    JsonOption,
    LogsOption,
    OperatorOption,
    ReasonOption,
    SessionOption,
)


def kill(
    reason: ReasonOption,
    level: Annotated[
        str, typer.Option(help="SOFT: no entries. MEDIUM: and sell bit by bit. HARD: and close everything.")
    ],
    scope: Annotated[str, typer.Option(help="all, venue:NAME, strategy:ID or symbol:SYMBOL.")] = "all",
    operator: OperatorOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    stop_dir: Annotated[
        Path | None, typer.Option(help="Where to latch it.", show_default="as configured, and of every live run")
    ] = None,
    logs_dir: Annotated[
        Path | None, typer.Option(help="Where runs leave their files.", show_default="as configured")
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds to wait for the run.", min=0.0)] = 10.0,
    as_json: JsonOption = False,
) -> None:
    """Stop now, also while every thread of the run hangs, or for the next start. Exit code 5: a run has not said that
    it has seen it."""
    from bulkhead.app.commands import kill as command

    asked = command.Asked(level, scope, reason, operator, config, stop_dir, logs_dir, timeout, as_json)
    raise typer.Exit(command.run(asked))


def resume(
    reason: Annotated[str, typer.Option(help="Why trading may go on; it is recorded.")],
    id_: Annotated[
        list[str] | None, typer.Option("--id", help="Only this stop reason, as `status` names it; may be repeated.")
    ] = None,
    operator: OperatorOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds to wait for a live run.", min=0.1)] = 10.0,
    as_json: JsonOption = False,
) -> None:
    """Lift stop reasons that only an operator may lift, of a live run too. The act is recorded first."""
    from bulkhead.app.commands import resume as command
    from bulkhead.app.settings import load_settings

    asked = command.Asked(reason, operator, tuple(id_ or ()), timeout, as_json)
    raise typer.Exit(command.run(load_settings(config), asked))


def confirm_plan(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The stop reason whose plan is pending.")],
    reason: ReasonOption,
    operator: OperatorOption = None,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds to wait for it.", min=0.1)] = 20.0,
    logs_dir: LogsOption = DEFAULT_LOGS,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let the pending stop plan of a technical failure run: reduce, or close. `resume` lifts the reason instead."""
    from bulkhead.app.commands import operate as command

    asked = command.Asked(logs_dir, session, reason, operator, timeout, as_json)
    raise typer.Exit(command.confirm_plan(asked, id_))


def add_to(app: typer.Typer) -> None:
    for command in (kill, resume, confirm_plan):
        app.command()(command)
