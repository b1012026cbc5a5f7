"""Options that several commands have. What is in square brackets in a help text is markup, and is not shown."""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="TOML file with every setting.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]
LogsOption = Annotated[Path, typer.Option("--logs-dir", help="Where runs leave their files.")]
SessionOption = Annotated[str | None, typer.Option("--session", help="A session's id.", show_default="the current one")]
LedgerOption = Annotated[
    Path | None, typer.Option("--ledger", help="The ledger's file.", show_default="the one of the current session")
]
OperatorOption = Annotated[str | None, typer.Option("--operator", help="Who says so.", show_default="$USER")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is recorded.")]
OverrideTierOption = Annotated[
    list[str] | None, typer.Option("--override-tier", help="Start this strategy although its tier is too low.")
]
OverrideReasonOption = Annotated[str | None, typer.Option("--reason", help="Of --override-tier: why; it is recorded.")]
DEFAULT_CONFIG = Path("config/paper.toml")
DEFAULT_LOGS = Path("logs")
DEFAULT_CONFIG = Path("config/paper.toml")
