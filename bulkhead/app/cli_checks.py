"""The command line of what is looked at before a run and once a week. As cli.py, to which `add_to` adds it."""

from typing import Annotated

import typer

from bulkhead.app.cli_options import DEFAULT_CONFIG, DEFAULT_LOGS, ConfigOption, JsonOption, LogsOption


def doctor(
    config: ConfigOption = DEFAULT_CONFIG,
    deploy: Annotated[bool, typer.Option("--deploy", help="And the checklist of a deployment.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check everything that a run needs, and say what to do. Exit code 6 when a check fails."""
    from bulkhead.app.commands import doctor as command

    raise typer.Exit(command.run(config, as_json, is_deploy=deploy))


def audit(
    week: Annotated[str | None, typer.Option(help="An ISO week, like 2026-W47 (UTC).")] = None,
    since: Annotated[
        str | None, typer.Option(help="Since 2d, 12h, or a time like 2025-01-31T09:30 (UTC).", show_default="7d")
    ] = None,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not check the sessions' files.")] = False,
    logs_dir: LogsOption = DEFAULT_LOGS,
    as_json: JsonOption = False,
) -> None:
    """Digest of a week: acts, settings, stops, trips, failures, doubts, drifts, money. Exit code 6: a broken chain."""
    from bulkhead.app.commands import audit as command

    raise typer.Exit(command.run(logs_dir, week, since, is_verified=not no_verify, as_json=as_json))


def add_to(app: typer.Typer) -> None:
    app.command()(doctor)
    app.command()(audit)
