"""The command line of alerts. As cli.py, to which `add_to` adds it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bulkhead.app.cli_options import ConfigOption, JsonOption


class AlertsAct(StrEnum):
    TEST = "test"


def alerts(
    act: Annotated[AlertsAct, typer.Argument(help="Send a message to each target, and one heartbeat.")],
    config: ConfigOption = Path("config/paper.toml"),
    as_json: JsonOption = False,
) -> None:
    """Try out who is told when something happens. Exit code 6: a target or the heartbeat did not work."""
    from bulkhead.app.commands import alerts as command

    raise typer.Exit(command.test(config, as_json))


def add_to(app: typer.Typer) -> None:
    app.command()(alerts)
